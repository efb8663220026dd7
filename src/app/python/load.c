/* app/python/load.c - from settings to a callable. The finding and the explaining is host.py's. */
#include "app/python/engine.h"
#include "app/python/python.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

static PyObject *str_or_none(struct wend_str s)
{
    return s.len == 0 ? Py_NewRef(Py_None)
                      : PyUnicode_DecodeFSDefaultAndSize(s.ptr, (Py_ssize_t)s.len);
}

static PyObject *list_of(const struct wend_str *texts, size_t count)
{
    PyObject *list = PyList_New(0);

    for (size_t i = 0; i < count && list != NULL; i++) {
        PyObject *text = str_or_none(texts[i]);

        if (text == NULL || PyList_Append(list, text) != 0)
            Py_CLEAR(list);
        Py_XDECREF(text);
    }
    return list;
}

/* The callable, or NULL with an exception; host.LoadError's text is meant for people. */
static PyObject *find_callable(const struct wend_app_settings *settings)
{
    struct wend_py_watchdog *watchdog = wend_py_watchdog_start(settings);
    PyObject *callable = wend_py_host_call(
        "load", "(NNNNN)", str_or_none(settings->module), str_or_none(settings->callable),
        str_or_none(settings->wsgi_file), str_or_none(settings->project),
        list_of(settings->pythonpath, settings->pythonpath_count));

    wend_py_watchdog_stop(watchdog);
    return callable;
}

static void log_failure(const struct wend_app_settings *settings)
{
    PyObject *type, *value, *traceback, *text;

    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback != NULL)
        PyException_SetTraceback(value, traceback);
    text = wend_py_host_call("load_failure", "(O)", value);
    if (text != NULL && PyBytes_Check(text))
        wend_py_log_lines(settings, 0, WEND_LOG_EMERG,
                          wend_str_make(PyBytes_AS_STRING(text), (size_t)PyBytes_GET_SIZE(text)));
    else
        PyErr_Print();
    Py_XDECREF(text);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
}

enum wend_code wend_py_load(const struct wend_app_settings *settings, void **out)
{
    struct wend_py_app *app;
    enum wend_code code = wend_py_start(settings);

    if (code != WEND_OK)
        return code;
    app = PyMem_RawCalloc(1, sizeof(*app));
    if (app == NULL)
        Py_FatalError("no memory for an application");
    app->settings = settings;
    app->callable = find_callable(settings);
    app->environ = app->callable == NULL ? NULL : wend_py_environ_template(settings);
    if (app->environ == NULL) {
        log_failure(settings);
        Py_XDECREF(app->callable);
        PyMem_RawFree(app);
        code = WEND_E_APP;
    } else {
        *out = app;
    }
    (void)PyEval_SaveThread();
    return code;
}

/* --- the end ---------------------------------------------------------------------------------- */

/* Finalising the interpreter is slow and crashes with some extensions; what a program registered
 * with atexit runs. It has to run on this thread, Python's main one, so a second thread ends the
 * process when that takes too long. */
struct hurry {
    const struct wend_app_settings *settings;
    int timeout_ms;
};

static void *leave_in_time(void *arg)
{
    const struct hurry *hurry = arg;
    struct timespec patience = {.tv_sec = hurry->timeout_ms / 1000,
                                .tv_nsec = hurry->timeout_ms % 1000 * 1000000L};

    while (nanosleep(&patience, &patience) != 0 && errno == EINTR)
        continue;
    wend_log(
        wend_log_process, WEND_LOG_WARN, 0, 0,
        "app %.*s: its threads and at-exit functions did not end in %d ms; leaving without them",
        WEND_STR_ARG(hurry->settings->name), hurry->timeout_ms);
    _exit(0);
}

void wend_py_stop(void *arg, int timeout_ms)
{
    struct wend_py_app *app = arg;
    struct hurry hurry = {app->settings, timeout_ms};
    PyGILState_STATE state;
    PyObject *result;
    pthread_t thread;

    if (pthread_create(&thread, NULL, leave_in_time, &hurry) != 0)
        return;
    state = PyGILState_Ensure();
    result = wend_py_host_call("finish", "()");
    if (result == NULL)
        PyErr_Print();
    Py_XDECREF(result);
    Py_CLEAR(app->callable);
    Py_CLEAR(app->environ);
    PyGILState_Release(state);
    PyMem_RawFree(app);
    pthread_cancel(thread);
    pthread_join(thread, NULL);
}

/* --- static files, changed files -------------------------------------------------------------- */

void wend_python_static_folders(bool development,
                                void (*found)(void *arg, struct wend_str prefix,
                                              struct wend_str folder),
                                void *arg)
{
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *list = wend_py_host_call("static_folders", "(i)", (int)development);

    for (Py_ssize_t i = 0; list != NULL && i < PyList_GET_SIZE(list); i++) {
        const char *prefix, *folder;

        if (PyArg_ParseTuple(PyList_GET_ITEM(list, i), "ss", &prefix, &folder))
            found(arg, wend_str_of(prefix), wend_str_of(folder));
    }
    if (PyErr_Occurred() != NULL)
        PyErr_Print();
    /* The list stays: its texts were promised for the process's life. */
    PyGILState_Release(state);
}

struct watch {
    void (*changed)(void *arg, const char *path);
    void *arg;
};

static void *watch_main(void *arg)
{
    struct watch *watch = arg;
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *path;

    for (;;) {
        path = wend_py_host_call("wait_for_change", "()");
        if (path == NULL || !PyUnicode_Check(path))
            break;
        watch->changed(watch->arg, PyUnicode_AsUTF8(path));
        Py_DECREF(path);
    }
    PyErr_Print();
    PyGILState_Release(state);
    return NULL;
}

void wend_python_watch(void (*changed)(void *arg, const char *path), void *arg)
{
    static struct watch watch;
    PyGILState_STATE state = PyGILState_Ensure();
    pthread_t thread;

    /* The first look is taken here: a change that comes right after the start counts. */
    Py_XDECREF(wend_py_host_call("changed_file", "()"));
    PyErr_Clear();
    PyGILState_Release(state);
    watch = (struct watch){changed, arg};
    if (pthread_create(&thread, NULL, watch_main, &watch) == 0)
        pthread_detach(thread);
}
