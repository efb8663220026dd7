"""An application that makes mistakes in C, where its process can be seen to be watched."""
import ctypes

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p


def leak():
    libc.malloc(ctypes.c_size_t(123))


def overflow():
    libc.memset(ctypes.c_void_p(libc.malloc(ctypes.c_size_t(10))), 0, ctypes.c_size_t(11))


def abort():
    libc.abort()


def lost_object():
    """A reference too many, as C code that forgets to give one back leaves it."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(bytes(123)))


def none():
    pass


MISTAKES = {function.__name__: function for function in (leak, overflow, abort, lost_object, none)}


def application(environ, start_response):
    MISTAKES[environ["PATH_INFO"].strip("/")]()
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
