/* app/python/fork.c - an interpreter that is loaded once and forked many times; see engine.h. */
#include "app/python/engine.h"
#include "app/python/python.h"

#include <dirent.h>

static PyGILState_STATE held;

void wend_python_before_fork(void)
{
    held = PyGILState_Ensure();
    PyOS_BeforeFork();
}

void wend_python_after_fork(bool in_child)
{
    if (in_child)
        PyOS_AfterFork_Child();
    else
        PyOS_AfterFork_Parent();
    PyGILState_Release(held);
}

/* Of the process, whoever started them; 0: cannot be told. */
static unsigned count_threads(void)
{
    DIR *tasks = opendir("/proc/self/task");
    unsigned count = 0;

    if (tasks == NULL)
        return 0;
    for (const struct dirent *entry = readdir(tasks); entry != NULL; entry = readdir(tasks))
        count += entry->d_name[0] != '.';
    closedir(tasks);
    return count;
}

static void warn_of_threads(const struct wend_app_settings *settings)
{
    unsigned count = count_threads();
    PyObject *names;

    if (count <= 1)
        return;
    names = wend_py_host_call("thread_names", "()");
    if (names == NULL || !PyUnicode_Check(names))
        PyErr_Clear();
    wend_log(wend_log_process, WEND_LOG_WARN, 0, 0,
             "app %.*s: importing it started %u thread%s%s%s%s, which its processes do not have: "
             "they are forked afterwards; start threads in os.register_at_fork(after_in_child=...) "
             "or with the first request",
             WEND_STR_ARG(settings->name), count - 1, count == 2 ? "" : "s",
             names != NULL ? " (" : "", names != NULL ? PyUnicode_AsUTF8(names) : "",
             names != NULL ? ")" : "");
    Py_XDECREF(names);
}

void wend_python_prepare_fork(const struct wend_app_settings *settings)
{
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *result;

    warn_of_threads(settings);
    result = wend_py_host_call("freeze", "()");
    if (result == NULL)
        PyErr_Print();
    Py_XDECREF(result);
    PyGILState_Release(state);
}
