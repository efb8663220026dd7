/* app/python/response.c - the application's iterable becomes pieces of a body.
 *
 * A list or tuple of bytes is known completely: its parts go out together, with a Content-Length. A
 * block of any other iterable is handed to the kernel before the next one is asked for. What leaves
 * is bounded by the application's own Content-Length; too little of it closes the connection, which
 * is how the client learns.
 *
 * Nothing is sent with the GIL held.
 */
#include "app/python/python.h"

#include "http/h1_server.h"

#define BLOCKS_AT_ONCE 64

PyObject *wend_py_gone;

bool wend_py_is_gone(void)
{
    return PyErr_ExceptionMatches(wend_py_gone);
}

static bool said_nothing(struct wend_py_call *call)
{
    if (call->started)
        return false;
    PyErr_SetString(PyExc_AssertionError,
                    "the application gave a body without calling start_response first");
    return true;
}

/* More than Content-Length is an error of the application; the client gets what was promised. */
static void complain_too_much(struct wend_py_call *call)
{
    PyErr_Format(PyExc_ValueError,
                 "the application sends more bytes than its Content-Length of %lld",
                 (long long)call->content_length);
}

static void decide_length(struct wend_py_call *call)
{
    struct wend_exchange *x = call->job->x;
    int status = x->response.status;

    x->response.content_length = status == 204 || status == 304 ? -1 : call->content_length;
}

static bool is_torn_short(const struct wend_py_call *call)
{
    const struct wend_exchange *x = call->job->x;

    return !x->header_only && x->response.content_length >= 0 &&
           call->sent < x->response.content_length;
}

static void log_short(const struct wend_py_call *call)
{
    wend_log(wend_log_process, WEND_LOG_ERROR, call->job->x->conn->number, 0,
             "app %.*s: the body ended after %lld of %lld bytes of its Content-Length",
             WEND_STR_ARG(call->app->settings->name), (long long)call->sent,
             (long long)call->job->x->response.content_length);
}

bool wend_py_send(struct wend_py_call *call, const struct wend_piece *pieces, size_t count,
                  bool last)
{
    struct wend_exchange *x = call->job->x;
    int64_t bytes = 0;

    if (said_nothing(call))
        return false;
    if (call->failed) {
        PyErr_SetString(PyExc_RuntimeError,
                        "the answer was given up when start_response was called with exc_info");
        return false;
    }
    if (call->code != WEND_OK) {
        PyErr_SetString(wend_py_gone, wend_code_text(call->code));
        return false;
    }
    for (size_t i = 0; i < count; i++)
        bytes += (int64_t)pieces[i].len;
    if (call->head_sent && !x->header_only && bytes != 0 && call->content_length >= 0 &&
        call->sent >= call->content_length) {
        complain_too_much(call);
        return false;
    }
    if (!call->head_sent)
        decide_length(call);
    call->head_sent = true;
    call->sent += bytes;
    Py_BEGIN_ALLOW_THREADS
        call->code = wend_respond_from_thread(x, pieces, count, last);
    Py_END_ALLOW_THREADS
    call->complete |= last;
    if (last && is_torn_short(call))
        log_short(call);
    if (call->code == WEND_OK)
        return true;
    PyErr_SetString(wend_py_gone, wend_code_text(call->code));
    return false;
}

static bool finish(struct wend_py_call *call)
{
    return call->complete || wend_py_send(call, NULL, 0, true);
}

/* --- a list or tuple -------------------------------------------------------------------------- */

static bool check_block(PyObject *block)
{
    if (PyBytes_Check(block))
        return true;
    PyErr_Format(PyExc_TypeError, "the application's body must be bytes, not %.100s",
                 Py_TYPE(block)->tp_name);
    return false;
}

static struct wend_piece piece_of(PyObject *block)
{
    return wend_piece_of(wend_str_make(PyBytes_AS_STRING(block), (size_t)PyBytes_GET_SIZE(block)));
}

static bool measure(PyObject *blocks, int64_t *bytes)
{
    PyObject **items = PySequence_Fast_ITEMS(blocks);

    *bytes = 0;
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(blocks); i++) {
        if (!check_block(items[i]))
            return false;
        *bytes += PyBytes_GET_SIZE(items[i]);
    }
    return true;
}

/* The blocks are held meanwhile: another thread might change the list. A body of no bytes under
 * HEAD is a body left out, and says nothing about the length GET would have. */
static bool send_sequence(struct wend_py_call *call, PyObject *blocks)
{
    Py_ssize_t count = PySequence_Fast_GET_SIZE(blocks), at = 0;
    struct wend_exchange *x = call->job->x;
    bool head = x->request.method == WEND_HEAD, sent = true;
    int64_t bytes;

    if (!measure(blocks, &bytes) || said_nothing(call))
        return false;
    if (call->content_length < 0 && !call->head_sent && !(head && bytes == 0))
        call->content_length = bytes;
    if (call->content_length >= 0 && bytes > call->content_length - call->sent && !head)
        wend_log(wend_log_process, WEND_LOG_ERROR, x->conn->number, 0,
                 "app %.*s: the body has %lld bytes, its Content-Length says %lld; cut",
                 WEND_STR_ARG(call->app->settings->name), (long long)(bytes + call->sent),
                 (long long)call->content_length);
    while (sent && at < count) {
        struct wend_piece pieces[BLOCKS_AT_ONCE];
        PyObject *held[BLOCKS_AT_ONCE];
        size_t n = 0;

        for (; at < PySequence_Fast_GET_SIZE(blocks) && n < BLOCKS_AT_ONCE; at++, n++) {
            held[n] = Py_NewRef(PySequence_Fast_GET_ITEM(blocks, at));
            pieces[n] = piece_of(held[n]);
        }
        sent = wend_py_send(call, pieces, n, at >= PySequence_Fast_GET_SIZE(blocks));
        while (n != 0)
            Py_DECREF(held[--n]);
        count = PySequence_Fast_GET_SIZE(blocks);
    }
    return sent && finish(call);
}

/* --- everything else -------------------------------------------------------------------------- */

/* The end of what may be sent: then the exchange is over for the client, and the iterable is only
 * asked whether it has more. */
static bool fills_length(const struct wend_py_call *call, Py_ssize_t bytes)
{
    return call->content_length >= 0 && call->sent + bytes >= call->content_length;
}

static bool send_iterable(struct wend_py_call *call, PyObject *result)
{
    struct wend_trace *trace = call->job->x->task->trace;
    uint16_t span = wend_span_begin(trace, WEND_EV_ITERATE);
    PyObject *iterator = PyObject_GetIter(result), *block;
    bool sent = iterator != NULL;

    while (sent && (block = PyIter_Next(iterator)) != NULL) {
        struct wend_piece piece;

        sent = check_block(block);
        if (sent && PyBytes_GET_SIZE(block) != 0) {
            piece = piece_of(block);
            if (call->complete) {
                complain_too_much(call);
                sent = false;
            } else {
                sent = wend_py_send(call, &piece, 1, fills_length(call, PyBytes_GET_SIZE(block)));
            }
        }
        Py_DECREF(block);
        /* HEAD, 204, 304: the head is out, and nobody wants the rest. */
        if (sent && call->head_sent && call->job->x->header_only)
            break;
    }
    Py_XDECREF(iterator);
    sent = sent && PyErr_Occurred() == NULL && finish(call);
    wend_span_end(trace, span, call->sent);
    return sent;
}

/* --- a file wrapper --------------------------------------------------------------------------- */

static bool send_file(struct wend_py_call *call, struct wend_piece piece)
{
    if (call->content_length < 0)
        call->content_length = call->head_sent ? -1 : (int64_t)piece.len;
    if (call->content_length >= 0 && (int64_t)piece.len > call->content_length - call->sent)
        piece.len = (size_t)(call->content_length - call->sent);
    return wend_py_send(call, &piece, piece.len != 0, true);
}

bool wend_py_send_result(struct wend_py_call *call, PyObject *result)
{
    struct wend_piece piece;

    if (PyList_CheckExact(result) || PyTuple_CheckExact(result))
        return send_sequence(call, result);
    if (Py_IS_TYPE(result, &wend_py_file_wrapper_type) && call->started &&
        wend_py_file_wrapper_piece(result, &piece))
        return send_file(call, piece);
    if (PyBytes_Check(result) || PyUnicode_Check(result)) {
        /* Iterating bytes gives ints and iterating a str gives strs: neither is what was meant. */
        PyErr_Format(PyExc_TypeError,
                     "the application returned %.100s; it must return an iterable of bytes, "
                     "such as [b'...']",
                     Py_TYPE(result)->tp_name);
        return false;
    }
    return send_iterable(call, result);
}

void wend_py_close_result(struct wend_py_call *call, PyObject *result)
{
    PyObject *type, *value, *traceback, *close, *closed;

    if (PyList_CheckExact(result) || PyTuple_CheckExact(result))
        return;
    PyErr_Fetch(&type, &value, &traceback);
    close = PyObject_GetAttr(result, wend_py_names.close);
    if (close == NULL) {
        PyErr_Clear();
    } else {
        closed = PyObject_CallNoArgs(close);
        if (closed == NULL)
            wend_py_log_exception(call->app->settings, call->job->x->conn->number);
        Py_XDECREF(closed);
        Py_DECREF(close);
    }
    PyErr_Restore(type, value, traceback);
}
