"""The application of python_test.c: each request is answered by the function the test made last."""

import gc
import gzip
import io
import sys
import tempfile

answer = None
body = b""  # of the request, for comparing
events = []  # what objects of an answer want to have been told
kept = []  # what an answer keeps beyond its request


def application(environ, start_response):
    return answer(environ, start_response)


def become(source):
    """`source` is the body of a function of environ and start_response."""
    exec("def answer(environ, start_response):\n"
         + "".join(f"    {line}\n" for line in source.splitlines()), globals())


def plain(start_response, value):
    start_response("200 OK", [])
    return [ascii(value).encode()]


def outcome(function, *args):
    """What a call gives, or the name of what it raises."""
    try:
        return function(*args)
    except Exception as error:
        return type(error).__name__


def failure():
    """An exc_info to hand on."""
    try:
        raise LookupError("first")
    except LookupError:
        return sys.exc_info()


def stored(data, offset):
    file = tempfile.TemporaryFile()
    file.write(data)
    file.seek(offset)
    return file


def zipped(data):
    return gzip.GzipFile(fileobj=stored(gzip.compress(data), 0))


class Told(io.BytesIO):
    """A file, or an iterable of lines, that says when it is closed."""

    def close(self):
        if not self.closed:  # its end closes it again
            events.append("closed")
        super().close()


class Broken:
    """An iterable that raises where it is told to."""

    def __init__(self, where):
        self.where, self.left = where, 2

    def reach(self, where):
        if where == self.where:
            raise LookupError(where)

    def __iter__(self):
        self.reach("iter")
        return self

    def __next__(self):
        self.reach(f"next {self.left}")
        self.left -= 1
        if self.left < 0:
            raise StopIteration
        return b"block"

    def read(self, size):
        self.reach("read")
        return b""

    def close(self):
        self.reach("close")


def live():
    """Objects, blocks of memory, and references to what every request refers to."""
    shared = (None, True, False, "", b"", "on", "http", "REQUEST_METHOD", application)
    gc.collect()
    return (len(gc.get_objects()), sys.getallocatedblocks(),
            sum(sys.getrefcount(value) for value in shared))
