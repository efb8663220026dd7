/* app/python/python.h - what the files of the Python engine share. The only folder that includes
 * Python.h; everything below src/app knows the engine alone.
 *
 * Threads. Every function here is called with the GIL held unless it says otherwise.
 */
#ifndef WEND_APP_PYTHON_PYTHON_H
#define WEND_APP_PYTHON_PYTHON_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "app/engine.h"
#include "base/log.h"

struct wend_py_thread;

/* The application and what all of its requests share. */
struct wend_py_app {
    const struct wend_app_settings *settings;
    PyObject *callable;
    PyObject *environ; /* the template: constants, and the usual keys in place */
};

/* One request while it runs. The thread's one is used again and again. */
struct wend_py_call {
    struct wend_py_app *app;
    struct wend_py_thread *thread;
    struct wend_app_job *job; /* NULL: no request runs; late callers get an error */
    int64_t content_length;   /* the application's own; -1: none */
    int64_t sent;             /* body bytes handed over */
    bool started;             /* start_response was called */
    bool head_sent;
    bool complete;       /* `last` was handed over */
    bool failed;         /* exc_info after the head: the answer is torn whatever follows */
    enum wend_code code; /* of the last send; not WEND_OK: the client is gone or it failed */
};

/* A worker thread. The objects an application may keep beyond its request are replaced when it did.
 */
struct wend_py_thread {
    PyThreadState *state;
    bool holds; /* this thread holds the GIL */
    struct wend_py_call call;
    PyObject *start_response, *write, *errors;
};

/* --- names.c: texts made once ----------------------------------------------------------------- */

struct wend_py_names {
/* clang-format off */
#define WEND_PY_NAMES(X)                                                                           \
    X(REQUEST_METHOD)                                                                              \
    X(SCRIPT_NAME)                                                                                 \
    X(PATH_INFO)                                                                                   \
    X(QUERY_STRING)                                                                                \
    X(CONTENT_TYPE)                                                                                \
    X(CONTENT_LENGTH)                                                                              \
    X(SERVER_NAME)                                                                                 \
    X(SERVER_PORT)                                                                                 \
    X(SERVER_PROTOCOL)                                                                             \
    X(SERVER_SOFTWARE)                                                                             \
    X(GATEWAY_INTERFACE)                                                                           \
    X(REQUEST_URI)                                                                                 \
    X(REQUEST_SCHEME)                                                                              \
    X(REMOTE_ADDR)                                                                                 \
    X(REMOTE_PORT)                                                                                 \
    X(REMOTE_USER)                                                                                 \
    X(HTTPS)                                                                                       \
    X(read)                                                                                        \
    X(close)                                                                                       \
    X(tell)                                                                                        \
    X(name)                                                                                        \
    X(file)
/* clang-format on */
#define WEND_PY_NAME(name) PyObject *name;
    WEND_PY_NAMES(WEND_PY_NAME)
#undef WEND_PY_NAME
    PyObject *wsgi_version, *wsgi_url_scheme, *wsgi_input, *wsgi_errors, *wsgi_multithread,
        *wsgi_multiprocess, *wsgi_run_once, *wsgi_file_wrapper, *wsgi_input_terminated;
    PyObject *http_1_0, *http_1_1, *http_2, *http_0_9, *scheme_http, *scheme_https, *on, *empty,
        *empty_bytes;
    PyObject *methods[WEND_METHODS];
    PyObject *fields[WEND_FIELDS_KNOWN]; /* HTTP_ACCEPT, ... */
};
extern struct wend_py_names wend_py_names;
int wend_py_names_init(void);

/* The bytes as a str of code points below 256 (PEP 3333, "native strings"). */
static inline PyObject *wend_py_latin1(struct wend_str s)
{
    return PyUnicode_DecodeLatin1(s.ptr, (Py_ssize_t)s.len, NULL);
}

/* The same, for a value that is likely the one of the last call with this `slot`. */
enum wend_py_slot {
    WEND_PY_SLOT_SERVER = WEND_FIELDS_KNOWN,
    WEND_PY_SLOT_REMOTE,
    WEND_PY_SLOT_PATH,
    WEND_PY_SLOTS
};
PyObject *wend_py_cached(unsigned slot, struct wend_str s);

/* --- environ.c -------------------------------------------------------------------------------- */

PyObject *wend_py_environ_template(const struct wend_app_settings *settings);
/* A new dict for the request; NULL with an exception set. */
PyObject *wend_py_environ_new(struct wend_py_call *call, PyObject *input);

/* --- input.c, errors.c, file_wrapper.c: the types of the environ ------------------------------ */

extern PyTypeObject wend_py_input_type, wend_py_errors_type, wend_py_file_wrapper_type;

PyObject *wend_py_input_new(const struct wend_body *body);
void wend_py_input_detach(PyObject *input); /* the request is over: reading from it fails */

PyObject *wend_py_errors_new(struct wend_py_call *call);
void wend_py_errors_flush(PyObject *errors);
void wend_py_errors_detach(PyObject *errors); /* its thread ends */

/* The part of a file that a wrapper stands for, if it can go to the kernel. False: it has to be
 * read. Never leaves an exception set. */
bool wend_py_file_wrapper_piece(PyObject *wrapper, struct wend_piece *piece);

/* --- start_response.c ------------------------------------------------------------------------- */

extern PyTypeObject wend_py_start_response_type, wend_py_write_type;
PyObject *wend_py_start_response_new(struct wend_py_call *call);
PyObject *wend_py_write_new(struct wend_py_call *call);
void wend_py_callable_detach(PyObject *self); /* its thread goes on without it */
/* As if start_response had not been called. */
void wend_py_response_reset(struct wend_py_call *call);

/* --- response.c: from the application's objects to the exchange ------------------------------- */

/* Sends with the GIL released. False: an exception is set (the client is gone). */
bool wend_py_send(struct wend_py_call *call, const struct wend_piece *pieces, size_t count,
                  bool last);
/* Sends what the application returned, to its end. False: an exception is set. */
bool wend_py_send_result(struct wend_py_call *call, PyObject *result);
/* Calls result.close() if there is one; what it raises is logged. */
void wend_py_close_result(struct wend_py_call *call, PyObject *result);

/* --- failure.c: exceptions -------------------------------------------------------------------- */

/* Takes the exception that is set: logs it, and answers 500 or tears the answer. */
void wend_py_fail(struct wend_py_call *call, PyObject *env);
/* Logs the exception that is set, and clears it. */
void wend_py_log_exception(const struct wend_app_settings *settings, uint64_t connection);
/* Each line of `text` becomes a line of the log. Releases the GIL meanwhile. */
void wend_py_log_lines(const struct wend_app_settings *settings, uint64_t connection,
                       enum wend_log_level level, struct wend_str text);
/* Whether the set exception is ours for "the client is gone". */
bool wend_py_is_gone(void);
extern PyObject *wend_py_gone; /* the exception's type, a ConnectionError */

/* --- memory.c ----------------------------------------------------------------------------------
 */

/* With a leak checker, what Python loses shall be seen. */
#if defined(__SANITIZE_ADDRESS__)
#define WEND_LEAKS_COUNT 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WEND_LEAKS_COUNT 1
#endif
#endif

/* Before the interpreter starts: where its small objects live. */
void wend_py_choose_memory(PyPreConfig *config);

/* --- start.c, load.c -------------------------------------------------------------------------- */

/* The interpreter, once per process. Called without the GIL; the caller has it afterwards, also
 * when the interpreter ran before. */
enum wend_code wend_py_start(const struct wend_app_settings *settings);
enum wend_code wend_py_load(const struct wend_app_settings *settings, void **app);
void wend_py_stop(void *app, int timeout_ms);

/* host.py's function `name`, called with these arguments (Py_BuildValue's format, a tuple); a new
 * reference, or NULL with an exception. */
PyObject *wend_py_host_call(const char *name, const char *format, ...);

/* --- watchdog.c ------------------------------------------------------------------------------- */

#define WEND_PY_IMPORT_PATIENCE_MS 5000
struct wend_py_watchdog;
/* From now until stop: an import that takes longer is explained in the log. With the GIL. */
struct wend_py_watchdog *wend_py_watchdog_start(const struct wend_app_settings *settings);
void wend_py_watchdog_stop(struct wend_py_watchdog *watchdog);

#endif
