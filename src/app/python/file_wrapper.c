/* app/python/file_wrapper.c - wsgi.file_wrapper: an open file as a response body.
 *
 * Returned unchanged, it goes out by sendfile from the file's current position. That is right only
 * when reading the object would give the descriptor's own bytes: a GzipFile has a fileno() too, and
 * the compressed bytes behind it. So the test is who implements read(): io's own file classes, and
 * whatever merely hands out their read method (a temporary file's wrapper, Django's File).
 */
#include "app/python/python.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK_BYTES_DEFAULT 8192

struct wrapper {
    PyObject_HEAD
    PyObject *file;
    PyObject *size;
};

static PyObject *wrapper_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"filelike", "blksize", NULL};
    Py_ssize_t block = BLOCK_BYTES_DEFAULT;
    struct wrapper *wrapper;
    PyObject *file;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|n:file_wrapper", names, &file, &block))
        return NULL;
    if (block <= 0)
        block = BLOCK_BYTES_DEFAULT;
    wrapper = (struct wrapper *)type->tp_alloc(type, 0);
    if (wrapper == NULL)
        return NULL;
    wrapper->file = Py_NewRef(file);
    wrapper->size = PyLong_FromSsize_t(block);
    return (PyObject *)wrapper;
}

static int traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(((struct wrapper *)self)->file);
    return 0;
}

static int clear(PyObject *self)
{
    Py_CLEAR(((struct wrapper *)self)->file);
    Py_CLEAR(((struct wrapper *)self)->size);
    return 0;
}

static void dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    clear(self);
    Py_TYPE(self)->tp_free(self);
}

static PyObject *next(PyObject *self)
{
    struct wrapper *wrapper = (struct wrapper *)self;
    PyObject *block = PyObject_CallMethodOneArg(wrapper->file, wend_py_names.read, wrapper->size);
    Py_ssize_t len = block == NULL ? -1 : PyObject_Size(block);

    if (len > 0)
        return block;
    Py_XDECREF(block);
    return NULL;
}

static PyObject *wrapper_close(PyObject *self, PyObject *none)
{
    PyObject *close = PyObject_GetAttr(((struct wrapper *)self)->file, wend_py_names.close),
             *result;

    (void)none;
    if (close == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_AttributeError))
            return NULL;
        PyErr_Clear();
        Py_RETURN_NONE;
    }
    result = PyObject_CallNoArgs(close);
    Py_DECREF(close);
    return result;
}

/* --- sending it as a file --------------------------------------------------------------------- */

/* io.FileIO, io.BufferedReader, io.BufferedRandom themselves, not what derives from them. */
static bool is_plain_file(PyObject *object)
{
    static PyObject *types[3];
    static const char *const names[3] = {"FileIO", "BufferedReader", "BufferedRandom"};
    PyObject *io = types[2] == NULL ? PyImport_ImportModule("io") : NULL;

    for (int i = 0; i < 3 && io != NULL; i++)
        types[i] = PyObject_GetAttrString(io, names[i]);
    Py_XDECREF(io);
    for (int i = 0; i < 3; i++)
        if (types[i] != NULL && (PyObject *)Py_TYPE(object) == types[i])
            return true;
    return false;
}

/* The io object whose read() the application's file object hands out; NULL: it has its own. */
static PyObject *real_file(PyObject *file)
{
    PyObject *read, *self = NULL;

    if (is_plain_file(file))
        return Py_NewRef(file);
    if (strcmp(Py_TYPE(file)->tp_name, "_TemporaryFileWrapper") == 0) {
        self = PyObject_GetAttr(file, wend_py_names.file);
    } else {
        read = PyObject_GetAttr(file, wend_py_names.read);
        if (read != NULL && PyCFunction_Check(read) && PyCFunction_GET_SELF(read) != NULL)
            self = Py_NewRef(PyCFunction_GET_SELF(read));
        Py_XDECREF(read);
    }
    if (self != NULL && !is_plain_file(self))
        Py_CLEAR(self);
    return self;
}

/* Where reading would go on: a buffered reader's idea, not the descriptor's. */
static bool position_of(PyObject *file, off_t *offset)
{
    PyObject *tell = PyObject_CallMethodNoArgs(file, wend_py_names.tell);

    if (tell == NULL)
        return false;
    *offset = PyLong_AsLongLong(tell);
    Py_DECREF(tell);
    return *offset >= 0;
}

bool wend_py_file_wrapper_piece(PyObject *self, struct wend_piece *piece)
{
    PyObject *file = real_file(((struct wrapper *)self)->file);
    struct stat status;
    bool found = false;
    off_t offset = 0;
    int fd;

    if (file != NULL) {
        fd = PyObject_AsFileDescriptor(file);
        found = fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
                position_of(file, &offset);
        Py_DECREF(file);
    }
    PyErr_Clear();
    if (!found)
        return false;
    *piece = (struct wend_piece){
        .kind = WEND_PIECE_FILE,
        .file = fd,
        .offset = offset,
        .len = offset < status.st_size ? (size_t)(status.st_size - offset) : 0,
    };
    return true;
}

static PyMethodDef methods[] = {
    {"close", wrapper_close, METH_NOARGS, "close(): the file's own"},
    {NULL},
};

PyTypeObject wend_py_file_wrapper_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "wend.FileWrapper",
    .tp_doc = "file_wrapper(filelike, blksize=8192) (PEP 3333, wsgi.file_wrapper).",
    .tp_basicsize = sizeof(struct wrapper),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = wrapper_new,
    .tp_traverse = traverse,
    .tp_clear = clear,
    .tp_dealloc = dealloc,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = next,
    .tp_methods = methods,
};
