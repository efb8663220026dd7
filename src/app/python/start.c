/* app/python/start.c - the interpreter: where its modules come from, and its first and last
 * moments.
 *
 * One interpreter per process: sub-interpreters break numpy and much else. Signals stay the
 * server's. With a virtualenv, Python finds it by itself when it believes to be that virtualenv's
 * bin/python; its version must be ours, or site-packages of another Python would be searched and
 * imports would fail late and strangely: so that is said first.
 */
#include "app/python/engine.h"
#include "app/python/python.h"

#include "host_py.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef WEND_LEAKS_COUNT
#include <sanitizer/lsan_interface.h>
#endif

#define PYTHON_PROGRAM "/usr/bin/python3.11"
#define CFG_BYTES_MAX 8192
#define PATH_BYTES_MAX 4096

static PyObject *host_module;

/* --- the virtualenv --------------------------------------------------------------------------- */

/* The value of `key = value` in pyvenv.cfg's text. */
static struct wend_str cfg_value(struct wend_str text, struct wend_str key)
{
    struct wend_str line;

    while (wend_str_split(&text, '\n', &line)) {
        ptrdiff_t equals = wend_str_find_byte(line, '=');

        if (equals >= 0 &&
            wend_str_eq_nocase(wend_str_trim(wend_str_slice(line, 0, (size_t)equals)), key))
            return wend_str_trim(wend_str_from(line, (size_t)equals + 1));
    }
    return WEND_STR_NULL;
}

/* "3.11.2" for this interpreter's "3.11"? */
static bool same_version(struct wend_str version)
{
    static const char ours[] = Py_STRINGIFY(PY_MAJOR_VERSION) "." Py_STRINGIFY(PY_MINOR_VERSION);
    size_t len = sizeof(ours) - 1;

    return wend_str_starts(version, wend_str_make(ours, len)) &&
           (version.len == len || version.ptr[len] == '.');
}

static enum wend_code check_virtualenv(const char *home, bool *has_cfg)
{
    char path[PATH_BYTES_MAX + sizeof("/pyvenv.cfg")], bytes[CFG_BYTES_MAX];
    struct wend_str text, version, base;
    FILE *file;

    snprintf(path, sizeof(path), "%s/pyvenv.cfg", home);
    file = fopen(path, "re");
    *has_cfg = file != NULL;
    if (file == NULL) {
        if (access(home, F_OK) == 0)
            return WEND_OK;
        wend_log(wend_log_process, WEND_LOG_EMERG, 0, errno, "the virtualenv \"%s\" is not there",
                 home);
        return WEND_E_CONFIG;
    }
    text = wend_str_make(bytes, fread(bytes, 1, sizeof(bytes), file));
    fclose(file);
    version = cfg_value(text, WEND_STR("version"));
    if (version.len == 0)
        version = cfg_value(text, WEND_STR("version_info"));
    if (version.len == 0 || same_version(version))
        return WEND_OK;
    base = cfg_value(text, WEND_STR("home"));
    wend_log(
        wend_log_process, WEND_LOG_EMERG, 0, 0,
        "the virtualenv \"%s\" belongs to Python %.*s of \"%.*s\", and this server runs Python "
        "%d.%d as of \"%s\"; make one that fits: %s -m venv DIR",
        home, WEND_STR_ARG(version), WEND_STR_ARG(base), PY_MAJOR_VERSION, PY_MINOR_VERSION,
        PYTHON_PROGRAM, PYTHON_PROGRAM);
    return WEND_E_CONFIG;
}

/* --- starting --------------------------------------------------------------------------------- */

static enum wend_code failed(PyStatus status)
{
    wend_log(wend_log_process, WEND_LOG_EMERG, 0, 0, "Python does not start: %s%s%s",
             status.func != NULL ? status.func : "", status.func != NULL ? ": " : "",
             status.err_msg != NULL ? status.err_msg : "unknown error");
    return WEND_E_APP;
}

static PyStatus configure(PyConfig *config, const char *home, bool has_cfg)
{
    char program[PATH_BYTES_MAX + sizeof("/bin/python")] = PYTHON_PROGRAM;
    char *argv[] = {"wend"};
    PyStatus status;

    PyConfig_InitPythonConfig(config);
    config->parse_argv = 0;
    config->install_signal_handlers = 0;
    if (home != NULL && has_cfg)
        snprintf(program, sizeof(program), "%s/bin/python", home);
    status = PyConfig_SetBytesString(config, &config->program_name, program);
    if (!PyStatus_Exception(status) && home != NULL && !has_cfg)
        status = PyConfig_SetBytesString(config, &config->home, home);
    if (!PyStatus_Exception(status))
        status = PyConfig_SetBytesArgv(config, 1, argv);
    return status;
}

static enum wend_code start_interpreter(const char *home)
{
    PyPreConfig before;
    PyConfig config;
    PyStatus status;
    bool has_cfg = false;
    enum wend_code code = home != NULL ? check_virtualenv(home, &has_cfg) : WEND_OK;

    if (code != WEND_OK)
        return code;
    PyPreConfig_InitPythonConfig(&before);
    before.utf8_mode = 1;
    before.parse_argv = 0;
    wend_py_choose_memory(&before);
    status = Py_PreInitialize(&before);
    if (PyStatus_Exception(status))
        return failed(status);
    status = configure(&config, home, has_cfg);
    if (!PyStatus_Exception(status))
        status = Py_InitializeFromConfig(&config);
    PyConfig_Clear(&config);
    return PyStatus_Exception(status) ? failed(status) : WEND_OK;
}

/* host.py as a module that nobody else can import by accident. */
static PyObject *load_host_module(void)
{
    PyObject *code = Py_CompileString(host_py, "<wend host.py>", Py_file_input);
    PyObject *module = code == NULL ? NULL : PyImport_ExecCodeModule("_wend_host", code);

    Py_XDECREF(code);
    return module;
}

static bool ready_types(void)
{
    PyTypeObject *types[] = {&wend_py_input_type, &wend_py_errors_type, &wend_py_file_wrapper_type,
                             &wend_py_start_response_type, &wend_py_write_type};

    for (size_t i = 0; i < WEND_COUNT(types); i++)
        if (PyType_Ready(types[i]) != 0)
            return false;
    wend_py_gone = PyErr_NewExceptionWithDoc("wend.ClientGone", "The client went away.",
                                             PyExc_ConnectionError, NULL);
    return wend_py_gone != NULL && wend_py_names_init() == 0;
}

static bool to_cstr(struct wend_str s, char *out, size_t room)
{
    if (s.len == 0 || s.len >= room || memchr(s.ptr, 0, s.len) != NULL)
        return false;
    memcpy(out, s.ptr, s.len);
    out[s.len] = '\0';
    return true;
}

/* os.environ is made when the interpreter starts, so this comes before. */
static enum wend_code set_environment(const struct wend_app_settings *settings)
{
    for (size_t i = 0; i < settings->env_count; i++) {
        char text[8192];
        char *equals = to_cstr(settings->env[i], text, sizeof(text)) ? strchr(text, '=') : NULL;

        if (equals == NULL) {
            wend_log(wend_log_process, WEND_LOG_EMERG, 0, 0,
                     "\"%.*s\" is no environment variable of the form KEY=VALUE",
                     WEND_STR_ARG(settings->env[i]));
            return WEND_E_CONFIG;
        }
        *equals = '\0';
        setenv(text, equals + 1, 1);
    }
    return WEND_OK;
}

static enum wend_code change_directory(const struct wend_app_settings *settings)
{
    char path[PATH_BYTES_MAX];

    if (settings->chdir.len == 0)
        return WEND_OK;
    if (to_cstr(settings->chdir, path, sizeof(path)) && chdir(path) == 0)
        return WEND_OK;
    wend_log(wend_log_process, WEND_LOG_EMERG, 0, errno, "cannot change to the directory \"%.*s\"",
             WEND_STR_ARG(settings->chdir));
    return WEND_E_CONFIG;
}

/* Ends the process without finalising the interpreter: that is slow, and not safe with every
 * extension or beside threads of the application's that still run. */
static void leave(int status)
{
    fflush(NULL);
#ifdef WEND_LEAKS_COUNT
    __lsan_do_leak_check();
#endif
    _exit(status);
}

/* From now on exit() ends here: destructors of C++ extensions must not run beside Python's threads.
 */
static void leave_at_once(int status, void *arg)
{
    (void)arg;
    leave(status);
}

enum wend_code wend_py_start(const struct wend_app_settings *settings)
{
    static char first_home[PATH_BYTES_MAX];
    static bool running;
    char home[PATH_BYTES_MAX];
    enum wend_code code = set_environment(settings);

    if (code == WEND_OK)
        code = change_directory(settings);
    if (code != WEND_OK)
        return code;
    if (!to_cstr(settings->home, home, sizeof(home)))
        home[0] = '\0';
    if (running && strcmp(home, first_home) != 0) {
        wend_log(
            wend_log_process, WEND_LOG_EMERG, 0, 0,
            "app %.*s: one process has one Python: its home \"%s\" is not the first application's "
            "\"%s\"",
            WEND_STR_ARG(settings->name), home, first_home);
        return WEND_E_CONFIG;
    }
    if (running) {
        (void)PyGILState_Ensure();
        return WEND_OK;
    }
    memcpy(first_home, home, sizeof(home));
    code = start_interpreter(home[0] != '\0' ? home : NULL);
    if (code != WEND_OK)
        return code;
    running = true;
    on_exit(leave_at_once, NULL);
    host_module = ready_types() ? load_host_module() : NULL;
    if (host_module != NULL)
        return WEND_OK;
    PyErr_Print();
    return WEND_E_APP;
}

PyObject *wend_py_host_call(const char *name, const char *format, ...)
{
    PyObject *function = PyObject_GetAttrString(host_module, name), *args, *result = NULL;
    va_list list;

    if (function == NULL)
        return NULL;
    va_start(list, format);
    args = Py_VaBuildValue(format, list);
    va_end(list);
    if (args != NULL)
        result = PyObject_CallObject(function, args);
    Py_XDECREF(args);
    Py_DECREF(function);
    return result;
}
