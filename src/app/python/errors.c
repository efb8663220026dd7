/* app/python/errors.c - wsgi.errors: a text stream whose lines become lines of the error log. */
#include "app/python/python.h"

#define LINE_BYTES_MAX 8192 /* a longer one is logged in parts */

struct errors {
    PyObject_HEAD
    const struct wend_app_settings *settings;
    struct wend_py_call *call; /* NULL: its thread has ended */
    size_t len;
    char line[LINE_BYTES_MAX];
};

PyObject *wend_py_errors_new(struct wend_py_call *call)
{
    struct errors *errors = PyObject_New(struct errors, &wend_py_errors_type);

    if (errors != NULL) {
        errors->settings = call->app->settings;
        errors->call = call;
        errors->len = 0;
    }
    return (PyObject *)errors;
}

void wend_py_errors_detach(PyObject *self)
{
    ((struct errors *)self)->call = NULL;
}

static void log_line(struct errors *errors)
{
    const struct wend_app_job *job = errors->call != NULL ? errors->call->job : NULL;
    char copy[LINE_BYTES_MAX];
    size_t len = errors->len;

    /* A copy: while the log is written without the GIL, other threads may write here. */
    memcpy(copy, errors->line, len);
    errors->len = 0;
    wend_py_log_lines(errors->settings, job != NULL ? job->x->conn->number : 0, WEND_LOG_ERROR,
                      wend_str_make(copy, len));
}

void wend_py_errors_flush(PyObject *self)
{
    if (((struct errors *)self)->len != 0)
        log_line((struct errors *)self);
}

static void add_text(struct errors *errors, struct wend_str text)
{
    while (text.len != 0) {
        ptrdiff_t newline = wend_str_find_byte(text, '\n');
        size_t part = newline < 0 ? text.len : (size_t)newline;
        size_t room = sizeof(errors->line) - errors->len;

        if (part > room)
            part = room;
        memcpy(errors->line + errors->len, text.ptr, part);
        errors->len += part;
        if (part < text.len && text.ptr[part] == '\n')
            part++;
        if ((newline >= 0 && part == (size_t)newline + 1) || errors->len == sizeof(errors->line))
            log_line(errors);
        text = wend_str_from(text, part);
    }
}

static PyObject *errors_write(PyObject *self, PyObject *text)
{
    PyObject *bytes;

    if (!PyUnicode_Check(text)) {
        PyErr_Format(PyExc_TypeError, "wsgi.errors.write() takes a str, not %.100s",
                     Py_TYPE(text)->tp_name);
        return NULL;
    }
    /* Any str can be said, surrogates too. */
    bytes = PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace");
    if (bytes == NULL)
        return NULL;
    add_text((struct errors *)self,
             wend_str_make(PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes)));
    Py_DECREF(bytes);
    return PyLong_FromSsize_t(PyUnicode_GET_LENGTH(text));
}

static PyObject *errors_writelines(PyObject *self, PyObject *lines)
{
    PyObject *iterator = PyObject_GetIter(lines), *line, *written = Py_None;

    if (iterator == NULL)
        return NULL;
    while (written != NULL && (line = PyIter_Next(iterator)) != NULL) {
        written = errors_write(self, line);
        Py_DECREF(line);
        Py_XDECREF(written);
    }
    Py_DECREF(iterator);
    if (PyErr_Occurred() != NULL)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *errors_flush(PyObject *self, PyObject *none)
{
    (void)none;
    wend_py_errors_flush(self);
    Py_RETURN_NONE;
}

static void dealloc(PyObject *self)
{
    PyObject_Free(self);
}

static PyMethodDef methods[] = {
    {"write", errors_write, METH_O, "write(text): to the error log, line by line"},
    {"writelines", errors_writelines, METH_O, "writelines(texts)"},
    {"flush", errors_flush, METH_NOARGS, "flush(): an unfinished line is logged as it is"},
    {NULL},
};

PyTypeObject wend_py_errors_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "wend.Errors",
    .tp_doc = "The error log (PEP 3333, wsgi.errors).",
    .tp_basicsize = sizeof(struct errors),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_dealloc = dealloc,
    .tp_methods = methods,
};
