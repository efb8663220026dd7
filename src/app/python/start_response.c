/* app/python/start_response.c - start_response() and write(), and what they refuse.
 *
 * The head is checked when it is said, so that the traceback points at the line that said it; it is
 * sent with the first byte of the body. Hop-by-hop fields (RFC 9110 7.6.1) are the server's: they
 * are left out, and "Connection: close" is obeyed. A field or reason with a line end is refused:
 * passed on, it would let whoever wrote it write the rest of the response.
 */
#include "app/python/python.h"

struct callable {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    struct wend_py_call *call;
};

static struct wend_py_call *call_of(PyObject *self)
{
    struct wend_py_call *call = ((struct callable *)self)->call;

    if (call != NULL && call->job != NULL)
        return call;
    PyErr_Format(PyExc_RuntimeError, "%s was called after its request had ended",
                 Py_TYPE(self)->tp_name);
    return NULL;
}

/* --- the status ------------------------------------------------------------------------------- */

static bool latin1_of(PyObject *text, struct wend_str *out)
{
    if (PyUnicode_KIND(text) != PyUnicode_1BYTE_KIND)
        return false;
    *out =
        wend_str_make((const char *)PyUnicode_1BYTE_DATA(text), (size_t)PyUnicode_GET_LENGTH(text));
    return true;
}

static bool take_status(struct wend_py_call *call, PyObject *status)
{
    struct wend_response *response = &call->job->x->response;
    struct wend_str text, reason;
    uint64_t code = 0;

    if (!PyUnicode_Check(status)) {
        PyErr_Format(PyExc_TypeError, "the status must be a str such as '200 OK', not %.100s",
                     Py_TYPE(status)->tp_name);
        return false;
    }
    if (!latin1_of(status, &text) || text.len < 3 || (text.len > 3 && text.ptr[3] != ' ') ||
        !wend_str_to_u64(wend_str_slice(text, 0, 3), &code) || code < 200) {
        PyErr_Format(PyExc_ValueError,
                     "the status must be three digits from 200 on, a space and a reason, not %R",
                     status);
        return false;
    }
    reason = wend_str_from(text, 4);
    if (!wend_field_value_valid(reason)) {
        PyErr_Format(PyExc_ValueError, "the status %R has control characters", status);
        return false;
    }
    response->status = (int)code;
    response->reason = WEND_STR_NULL;
    if (reason.len != 0 && !wend_str_eq(reason, wend_reason_phrase((int)code)))
        response->reason = wend_arena_keep(&call->job->x->task->arena, reason);
    return true;
}

/* --- the fields ------------------------------------------------------------------------------- */

static bool take_content_length(struct wend_py_call *call, PyObject *value, struct wend_str text)
{
    uint64_t length;

    if (!wend_str_to_u64(wend_str_trim(text), &length) || length > INT64_MAX ||
        (call->content_length >= 0 && (uint64_t)call->content_length != length)) {
        PyErr_Format(PyExc_ValueError, "Content-Length must be one number of bytes, not %R", value);
        return false;
    }
    call->content_length = (int64_t)length;
    return true;
}

static bool add_field(struct wend_py_call *call, enum wend_field_id id, struct wend_str name,
                      struct wend_str value)
{
    struct wend_exchange *x = call->job->x;
    struct wend_arena *arena = &x->task->arena;
    enum wend_code code;

    name = id != WEND_FIELD_UNKNOWN && wend_str_eq(name, wend_field_name(id))
               ? wend_field_name(id)
               : wend_arena_keep(arena, name);
    value = wend_arena_keep(arena, value);
    code = name.ptr == NULL || value.ptr == NULL
               ? WEND_E_MEMORY
               : wend_fields_add_row(&x->response.fields, arena, id, name, value);
    if (code == WEND_OK)
        return true;
    PyErr_Format(code == WEND_E_LIMIT ? PyExc_ValueError : PyExc_MemoryError,
                 "the response has too many header fields (limit: %d)", WEND_FIELDS_MAX);
    return false;
}

static bool take_field(struct wend_py_call *call, PyObject *name_object, PyObject *value_object)
{
    struct wend_response *response = &call->job->x->response;
    struct wend_str name, value;
    enum wend_field_id id;

    if (!PyUnicode_Check(name_object) || !PyUnicode_Check(value_object)) {
        PyErr_Format(PyExc_TypeError, "a header's name and value must be str: (%R, %R)",
                     name_object, value_object);
        return false;
    }
    if (!latin1_of(name_object, &name) || !wend_field_name_valid(name)) {
        PyErr_Format(PyExc_ValueError, "%R is not a header name", name_object);
        return false;
    }
    if (!latin1_of(value_object, &value) || !wend_field_value_valid(value)) {
        PyErr_Format(
            PyExc_ValueError,
            "the value of %U has control characters, line ends or characters beyond latin-1: %R",
            name_object, value_object);
        return false;
    }
    value = wend_str_trim(value);
    id = wend_field_lookup(name);
    switch (id) {
    case WEND_FIELD_CONTENT_LENGTH:
        return take_content_length(call, value_object, value);
    case WEND_FIELD_CONNECTION:
        response->close |= wend_field_list_has(value, WEND_STR("close"));
        return true;
    case WEND_FIELD_TRANSFER_ENCODING:
    case WEND_FIELD_KEEP_ALIVE:
    case WEND_FIELD_PROXY_CONNECTION:
    case WEND_FIELD_TE:
    case WEND_FIELD_TRAILER:
    case WEND_FIELD_UPGRADE:
        return true;
    case WEND_FIELD_CONTENT_TYPE:
        if (response->content_type.ptr != NULL)
            break;
        response->content_type = wend_arena_keep(&call->job->x->task->arena, value);
        return response->content_type.ptr != NULL || PyErr_NoMemory() != NULL;
    default:
        break;
    }
    return add_field(call, id, name, value);
}

static bool take_fields(struct wend_py_call *call, PyObject *headers)
{
    if (!PyList_Check(headers)) {
        PyErr_Format(PyExc_TypeError,
                     "the headers must be a list of (name, value) tuples, not %.100s",
                     Py_TYPE(headers)->tp_name);
        return false;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(headers); i++) {
        PyObject *pair = PyList_GET_ITEM(headers, i);

        if (!PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2) {
            PyErr_Format(PyExc_TypeError, "a header must be a tuple (name, value), not %R", pair);
            return false;
        }
        if (!take_field(call, PyTuple_GET_ITEM(pair, 0), PyTuple_GET_ITEM(pair, 1)))
            return false;
    }
    return true;
}

/* --- start_response --------------------------------------------------------------------------- */

/* raise exc_info[1].with_traceback(exc_info[2]) */
static void raise_again(PyObject *exc_info)
{
    PyObject *type = PyTuple_GET_ITEM(exc_info, 0), *value = PyTuple_GET_ITEM(exc_info, 1),
             *traceback = PyTuple_GET_ITEM(exc_info, 2);

    PyErr_Restore(Py_NewRef(type), Py_NewRef(value),
                  traceback == Py_None ? NULL : Py_NewRef(traceback));
}

/* Whether the head may be said now. */
static bool may_start(struct wend_py_call *call, PyObject *exc_info)
{
    if (exc_info != NULL && (!PyTuple_Check(exc_info) || PyTuple_GET_SIZE(exc_info) != 3)) {
        PyErr_SetString(PyExc_TypeError, "exc_info must be what sys.exc_info() returns");
        return false;
    }
    if (exc_info != NULL && call->head_sent) {
        call->failed = true;
        raise_again(exc_info);
        return false;
    }
    if (exc_info == NULL && call->started) {
        PyErr_SetString(PyExc_AssertionError,
                        "start_response was called a second time without exc_info");
        return false;
    }
    return true;
}

void wend_py_response_reset(struct wend_py_call *call)
{
    struct wend_response *response = &call->job->x->response;

    response->status = 0;
    response->reason = response->content_type = WEND_STR_NULL;
    response->fields.count = 0;
    response->fields.present = 0;
    response->close = false;
    response->content_length = -1;
    call->content_length = -1;
    call->started = false;
}

/* Positional by PEP 3333; names are taken because wsgiref and others take them. */
static bool parse_arguments(PyObject *const *args, Py_ssize_t count, PyObject *names,
                            PyObject *out[3])
{
    static const char *const known[] = {"status", "headers", "exc_info"};

    for (Py_ssize_t i = 0; i < count && i < 3; i++)
        out[i] = args[i];
    for (Py_ssize_t i = 0; names != NULL && i < PyTuple_GET_SIZE(names); i++) {
        PyObject *name = PyTuple_GET_ITEM(names, i);
        size_t at = 0;

        while (at < 3 &&
               !(PyUnicode_CompareWithASCIIString(name, known[at]) == 0 ||
                 (at == 1 && PyUnicode_CompareWithASCIIString(name, "response_headers") == 0)))
            at++;
        if (at == 3 || out[at] != NULL)
            count = -1;
        else
            out[at] = args[count + i];
        if (count < 0)
            break;
    }
    if (count >= 0 && count <= 3 && out[0] != NULL && out[1] != NULL)
        return true;
    PyErr_SetString(PyExc_TypeError, "start_response(status, headers, exc_info=None)");
    return false;
}

static PyObject *start_response(PyObject *self, PyObject *const *args, size_t flags,
                                PyObject *names)
{
    struct wend_py_call *call = call_of(self);
    PyObject *values[3] = {NULL, NULL, NULL};

    if (call == NULL || !parse_arguments(args, PyVectorcall_NARGS(flags), names, values))
        return NULL;
    if (values[2] == Py_None)
        values[2] = NULL;
    if (!may_start(call, values[2]))
        return NULL;
    wend_py_response_reset(call);
    if (!take_status(call, values[0]) || !take_fields(call, values[1])) {
        wend_py_response_reset(call);
        return NULL;
    }
    call->started = true;
    return Py_NewRef(call->thread->write);
}

/* --- write ------------------------------------------------------------------------------------ */

static PyObject *write_block(PyObject *self, PyObject *const *args, size_t flags, PyObject *names)
{
    struct wend_py_call *call = call_of(self);
    struct wend_piece piece;

    if (call == NULL)
        return NULL;
    if (PyVectorcall_NARGS(flags) != 1 || (names != NULL && PyTuple_GET_SIZE(names) != 0) ||
        !PyBytes_Check(args[0])) {
        PyErr_SetString(PyExc_TypeError, "write() takes one bytes object");
        return NULL;
    }
    piece =
        wend_piece_of(wend_str_make(PyBytes_AS_STRING(args[0]), (size_t)PyBytes_GET_SIZE(args[0])));
    if (piece.len != 0 && !wend_py_send(call, &piece, 1, false))
        return NULL;
    Py_RETURN_NONE;
}

/* --- the types -------------------------------------------------------------------------------- */

static PyObject *callable_new(PyTypeObject *type, vectorcallfunc function,
                              struct wend_py_call *call)
{
    struct callable *callable = PyObject_New(struct callable, type);

    if (callable == NULL)
        return NULL;
    callable->vectorcall = function;
    callable->call = call;
    return (PyObject *)callable;
}

PyObject *wend_py_start_response_new(struct wend_py_call *call)
{
    return callable_new(&wend_py_start_response_type, start_response, call);
}

PyObject *wend_py_write_new(struct wend_py_call *call)
{
    return callable_new(&wend_py_write_type, write_block, call);
}

void wend_py_callable_detach(PyObject *self)
{
    ((struct callable *)self)->call = NULL;
}

static void dealloc(PyObject *self)
{
    PyObject_Free(self);
}

PyTypeObject wend_py_start_response_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "wend.start_response",
    .tp_doc = "start_response(status, headers, exc_info=None) -> write (PEP 3333).",
    .tp_basicsize = sizeof(struct callable),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_vectorcall_offset = offsetof(struct callable, vectorcall),
    .tp_call = PyVectorcall_Call,
    .tp_dealloc = dealloc,
};

PyTypeObject wend_py_write_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "wend.write",
    .tp_doc = "write(bytes): the imperative way to send a body (PEP 3333).",
    .tp_basicsize = sizeof(struct callable),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_vectorcall_offset = offsetof(struct callable, vectorcall),
    .tp_call = PyVectorcall_Call,
    .tp_dealloc = dealloc,
};
