/* app/python/failure.c - what happens to an exception nobody caught.
 *
 * Before the head the client gets 500: the traceback as a page in development, the server's error
 * page otherwise. After it the answer is torn, because a clean end would look complete. A client
 * that went away is no error of anybody.
 */
#include "app/python/python.h"

#include "http/h1_server.h"

/* Prefixed by the application's name, which also tells these lines from the server's own. */
void wend_py_log_lines(const struct wend_app_settings *settings, uint64_t connection,
                       enum wend_log_level level, struct wend_str text)
{
    Py_BEGIN_ALLOW_THREADS
        while (text.len != 0) {
            ptrdiff_t newline = wend_str_find_byte(text, '\n');
            size_t end = newline < 0 ? text.len : (size_t)newline, limit = WEND_LOG_LINE_MAX - 256;
            struct wend_str line = wend_str_slice(text, 0, end < limit ? end : limit);

            wend_log(wend_log_process, level, connection, 0, "app %.*s: %.*s",
                     WEND_STR_ARG(settings->name), WEND_STR_ARG(line));
            text = wend_str_from(text, line.len);
            if (text.len != 0 && text.ptr[0] == '\n')
                text = wend_str_from(text, 1);
        }
    Py_END_ALLOW_THREADS
}

/* host.py's text of an exception; a new reference, or NULL when even that failed. */
static PyObject *describe(PyObject *exception)
{
    PyObject *text = wend_py_host_call("traceback_text", "(O)", exception);

    if (text != NULL && PyUnicode_Check(text))
        Py_SETREF(text, PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace"));
    PyErr_Clear();
    return text;
}

static PyObject *fetch(void)
{
    PyObject *type, *value, *traceback;

    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback != NULL)
        PyException_SetTraceback(value, traceback);
    Py_XDECREF(type);
    Py_XDECREF(traceback);
    return value;
}

static void log_exception(const struct wend_app_settings *settings, uint64_t connection,
                          PyObject *exception)
{
    PyObject *text = describe(exception);

    if (text != NULL && PyBytes_Check(text))
        wend_py_log_lines(settings, connection, WEND_LOG_ERROR,
                          wend_str_make(PyBytes_AS_STRING(text), (size_t)PyBytes_GET_SIZE(text)));
    else
        wend_log(wend_log_process, WEND_LOG_ERROR, connection, 0, "app %.*s: %s (no traceback)",
                 WEND_STR_ARG(settings->name), Py_TYPE(exception)->tp_name);
    Py_XDECREF(text);
}

void wend_py_log_exception(const struct wend_app_settings *settings, uint64_t connection)
{
    PyObject *exception = fetch();

    log_exception(settings, connection, exception);
    Py_DECREF(exception);
}

static bool send_page(struct wend_py_call *call, PyObject *exception, PyObject *env)
{
    struct wend_exchange *x = call->job->x;
    PyObject *page =
        wend_py_host_call("traceback_page", "(OO)", exception, env != NULL ? env : Py_None);
    bool sent = false;

    if (page != NULL && PyBytes_Check(page)) {
        struct wend_str html =
            wend_str_make(PyBytes_AS_STRING(page), (size_t)PyBytes_GET_SIZE(page));
        struct wend_piece piece = wend_piece_of(html);

        x->response.status = 500;
        x->response.content_type = WEND_STR("text/html; charset=utf-8");
        call->content_length = (int64_t)html.len;
        call->started = true;
        sent = wend_py_send(call, &piece, 1, true);
    }
    PyErr_Clear();
    Py_XDECREF(page);
    return sent;
}

void wend_py_fail(struct wend_py_call *call, PyObject *env)
{
    struct wend_exchange *x = call->job->x;
    PyObject *exception;

    if (wend_py_is_gone() || (call->code != WEND_OK && PyErr_ExceptionMatches(PyExc_OSError))) {
        PyErr_Clear();
        return;
    }
    exception = fetch();
    log_exception(call->app->settings, x->conn->number, exception);
    if (call->complete || call->code != WEND_OK) {
        /* The client has all of it, or is gone. */
    } else if (call->head_sent) {
        call->code = WEND_E_APP;
    } else {
        wend_py_response_reset(call);
        if (!call->app->settings->development || !send_page(call, exception, env))
            x->response.status = 500;
    }
    Py_DECREF(exception);
}
