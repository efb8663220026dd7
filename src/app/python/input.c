/* app/python/input.c - wsgi.input: the collected body, in memory or in a file, as a stream.
 *
 * It ends where the body ends, so read() without a size is safe. Lines of a body in a file are
 * found through a window; whole reads go straight into the bytes object. After the request the
 * body's memory is gone, and every method says so.
 */
#include "app/python/python.h"

#define WINDOW_BYTES 16384

struct input {
    PyObject_HEAD
    const struct wend_body *body; /* NULL: the request is over */
    int64_t offset;
    char *window; /* of a body in a file */
    int64_t window_at;
    size_t window_len;
};

static struct input *input_of(PyObject *self)
{
    return (struct input *)self;
}

PyObject *wend_py_input_new(const struct wend_body *body)
{
    struct input *input = PyObject_New(struct input, &wend_py_input_type);

    if (input == NULL)
        return NULL;
    input->body = body;
    input->offset = 0;
    input->window = NULL;
    input->window_at = 0;
    input->window_len = 0;
    return (PyObject *)input;
}

void wend_py_input_detach(PyObject *self)
{
    input_of(self)->body = NULL;
}

static void dealloc(PyObject *self)
{
    PyMem_Free(input_of(self)->window);
    PyObject_Free(self);
}

static bool alive(const struct input *input)
{
    if (input->body != NULL)
        return true;
    PyErr_SetString(PyExc_ValueError, "wsgi.input was read after its request had ended");
    return false;
}

static int64_t left(const struct input *input)
{
    return input->body->bytes - input->offset;
}

/* read(), read(None) and read(-1) mean "all there is". */
static bool parse_size(PyObject *const *args, Py_ssize_t count, Py_ssize_t *size)
{
    *size = -1;
    if (count > 1) {
        PyErr_Format(PyExc_TypeError, "expected at most 1 argument, got %zd", count);
        return false;
    }
    if (count == 0 || args[0] == Py_None)
        return true;
    *size = PyNumber_AsSsize_t(args[0], PyExc_OverflowError);
    return *size != -1 || PyErr_Occurred() == NULL;
}

/* Fills `into` completely, with the GIL released while the disk is asked. */
static bool copy_out(const struct input *input, char *into, size_t len, int64_t offset)
{
    struct wend_str memory = wend_body_memory(input->body);
    const struct wend_body *body = input->body;
    ssize_t got = 1;

    if (memory.ptr != NULL) {
        memcpy(into, memory.ptr + offset, len);
        return true;
    }
    Py_BEGIN_ALLOW_THREADS
        while (len != 0 && got > 0) {
            got = wend_body_pread(body, into, len, offset);
            if (got > 0) {
                into += got;
                offset += got;
                len -= (size_t)got;
            }
        }
    Py_END_ALLOW_THREADS
    if (len == 0)
        return true;
    if (got < 0)
        PyErr_SetFromErrno(PyExc_OSError);
    else
        PyErr_SetString(PyExc_OSError, "the request body's file ended early");
    return false;
}

static PyObject *take(struct input *input, int64_t len)
{
    PyObject *bytes;

    if (len <= 0)
        return Py_NewRef(wend_py_names.empty_bytes);
    bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)len);
    if (bytes == NULL)
        return NULL;
    if (!copy_out(input, PyBytes_AS_STRING(bytes), (size_t)len, input->offset)) {
        Py_DECREF(bytes);
        return NULL;
    }
    input->offset += len;
    return bytes;
}

static PyObject *input_read(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    struct input *input = input_of(self);
    Py_ssize_t size;
    int64_t len;

    if (!alive(input) || !parse_size(args, count, &size))
        return NULL;
    len = left(input);
    return take(input, size >= 0 && size < len ? size : len);
}

/* Makes the window start at `at`; it is not empty before the body's end. */
static bool fill_window(struct input *input, int64_t at)
{
    int64_t rest = input->body->bytes - at;
    size_t len = rest < WINDOW_BYTES ? (size_t)rest : WINDOW_BYTES;

    if (input->window == NULL)
        input->window = PyMem_Malloc(WINDOW_BYTES);
    if (input->window == NULL) {
        PyErr_NoMemory();
        return false;
    }
    input->window_len = 0;
    if (!copy_out(input, input->window, len, at))
        return false;
    input->window_at = at;
    input->window_len = len;
    return true;
}

/* The length of the line at the offset, its end included; -1 with an exception. */
static int64_t line_length(struct input *input, int64_t max)
{
    struct wend_str memory = wend_body_memory(input->body);
    int64_t at = input->offset, end = at + max;
    const char *newline;

    if (memory.ptr != NULL) {
        newline = max == 0 ? NULL : memchr(memory.ptr + at, '\n', (size_t)max);
        return newline == NULL ? max : newline - (memory.ptr + at) + 1;
    }
    while (at < end) {
        size_t skip, part;

        if (at < input->window_at || at >= input->window_at + (int64_t)input->window_len)
            if (!fill_window(input, at))
                return -1;
        skip = (size_t)(at - input->window_at);
        part = input->window_len - skip;
        if ((int64_t)part > end - at)
            part = (size_t)(end - at);
        newline = memchr(input->window + skip, '\n', part);
        if (newline != NULL)
            return at + (newline - (input->window + skip)) + 1 - input->offset;
        at += (int64_t)part;
    }
    return max;
}

static PyObject *next_line(struct input *input, Py_ssize_t size)
{
    int64_t max = left(input), len;

    if (size >= 0 && size < max)
        max = size;
    len = line_length(input, max);
    return len < 0 ? NULL : take(input, len);
}

static PyObject *input_readline(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    Py_ssize_t size;

    if (!alive(input_of(self)) || !parse_size(args, count, &size))
        return NULL;
    return next_line(input_of(self), size);
}

/* hint > 0: whole lines until that many bytes are there. */
static PyObject *input_readlines(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    struct input *input = input_of(self);
    Py_ssize_t hint, total = 0;
    PyObject *lines;

    if (!alive(input) || !parse_size(args, count, &hint))
        return NULL;
    lines = PyList_New(0);
    while (lines != NULL && left(input) > 0 && (hint <= 0 || total < hint)) {
        PyObject *line = next_line(input, -1);

        if (line == NULL || PyList_Append(lines, line) != 0)
            Py_CLEAR(lines);
        total += line != NULL ? PyBytes_GET_SIZE(line) : 0;
        Py_XDECREF(line);
    }
    return lines;
}

static PyObject *input_next(PyObject *self)
{
    struct input *input = input_of(self);

    if (!alive(input) || left(input) <= 0)
        return NULL;
    return next_line(input, -1);
}

static PyMethodDef methods[] = {
    {"read", (PyCFunction)(void (*)(void))input_read, METH_FASTCALL,
     "read(size=-1): the next bytes of the body, all of it without a size; b'' at its end"},
    {"readline", (PyCFunction)(void (*)(void))input_readline, METH_FASTCALL,
     "readline(size=-1): the next line with its line end, at most size bytes"},
    {"readlines", (PyCFunction)(void (*)(void))input_readlines, METH_FASTCALL,
     "readlines(hint=-1): a list of lines; about hint bytes of them"},
    {NULL},
};

PyTypeObject wend_py_input_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "wend.Input",
    .tp_doc = "The request body (PEP 3333, wsgi.input).",
    .tp_basicsize = sizeof(struct input),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_dealloc = dealloc,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = input_next,
    .tp_methods = methods,
};
