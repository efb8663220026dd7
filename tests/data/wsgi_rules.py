"""A WSGI application with a view for every rule of PEP 3333 that a server can break.

`application` is plain; `validated` is the same behind wsgiref.validate for the well-behaved views.
"""
import io
import json
import os
import sys
import tempfile
import time
from wsgiref.validate import validator

LOG = os.environ.get("RULES_LOG", os.devnull)


def note(text):
    with open(LOG, "a") as log:
        log.write(text + "\n")


class Closing:
    """An iterable that says when it is closed."""

    def __init__(self, pieces, name):
        self.pieces, self.name = iter(pieces), name

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.pieces)

    def close(self):
        note("close " + self.name)


def text(start_response, body, *headers, status="200 OK"):
    start_response(status, [("Content-Type", "text/plain"), *headers])
    return [body if isinstance(body, bytes) else body.encode()]


def environ_view(environ, start_response):
    plain = {k: v for k, v in environ.items() if isinstance(v, (str, bool, tuple))}
    plain["type"] = type(environ).__name__
    plain["latin1"] = all(ord(c) < 256 for v in plain.values() if isinstance(v, str) for c in v)
    plain["all str"] = all(type(v) is str for k, v in environ.items() if "." not in k)
    plain["leaked"] = "RULES_SECRET" in environ
    environ.clear()
    return text(start_response, json.dumps(plain), ("Content-Type", "application/json"))


def input_view(environ, start_response):
    body = environ["wsgi.input"]
    got = [body.read(0).decode(), body.readline().decode(), body.readline(3).decode(),
           [line.decode() for line in body.readlines(5)], body.read(4).decode(),
           [line.decode() for line in body], body.read().decode(), body.read(10).decode(),
           body.readline().decode()]
    return text(start_response, json.dumps(got))


def length_view(environ, start_response):
    body = environ["wsgi.input"].read()
    return text(start_response, f"{len(body)} {sum(body) % 65536} "
                f"{environ.get('CONTENT_LENGTH')} {environ.get('wsgi.input_terminated')}")


def errors_view(environ, start_response):
    environ["wsgi.errors"].write("written to errors\n")
    environ["wsgi.errors"].writelines(["one line\n", "and another\n"])
    environ["wsgi.errors"].flush()
    return text(start_response, "ok")


def write_view(environ, start_response):
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"one ")
    write(b"two ")
    return [b"three"]


def late_start_view(environ, start_response):
    def pieces():
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b""
        yield b"started "
        yield b"late"
    return pieces()


def hold_view(environ, start_response):
    """Headers wait for the first bytes, so an error may still replace them."""
    def pieces():
        start_response("200 OK", [("Content-Type", "text/plain"), ("X-First", "1")])
        yield b""
        try:
            raise ValueError("changed its mind")
        except ValueError:
            start_response("500 Changed", [("Content-Type", "text/plain")], sys.exc_info())
        yield b"replaced"
    return pieces()


def reraise_view(environ, start_response):
    write = start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "100")])
    write(b"too late")
    try:
        raise ValueError("after the head")
    except ValueError:
        try:
            start_response("500 No", [], sys.exc_info())
            note("not re-raised")
        except ValueError as error:
            note("re-raised " + str(error))
            raise
    return []


def twice_view(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    try:
        start_response("200 Again", [("Content-Type", "text/plain")])
    except Exception as error:
        return [type(error).__name__.encode()]
    return [b"nothing was raised"]


def wrong_view(environ, start_response):
    """Every wrong call of start_response raises; the answer lists those that did not."""
    good = [("Content-Type", "text/plain")]
    calls = {
        "status bytes": (b"200 OK", good), "status int": (200, good), "status text": ("OK", good),
        "status control": ("200 O\nK", good), "status short": ("20 OK", good),
        "headers tuple": ("200 OK", tuple(good)), "header list": ("200 OK", [["A", "b"]]),
        "header bytes": ("200 OK", [(b"A", b"b")]), "header CR": ("200 OK", [("A", "b\rc")]),
        "header LF": ("200 OK", [("A", "b\nX: y")]), "header NUL": ("200 OK", [("A", "b\0")]),
        "name LF": ("200 OK", [("A\n", "b")]), "name colon": ("200 OK", [("A:", "b")]),
        "name empty": ("200 OK", [("", "b")]), "not latin-1": ("200 OK", [("A", "\u20ac")]),
        "header int": ("200 OK", [("A", 1)]), "header triple": ("200 OK", [("A", "b", "c")]),
    }
    missed = []
    for name, call in calls.items():
        try:
            start_response(*call)
            missed.append(name)
        except Exception:
            pass
    try:
        start_response("200 OK", good)
    except Exception as error:
        missed.append(repr(error))
    return [json.dumps(missed).encode()]


def hop_view(environ, start_response):
    return text(start_response, "hop", ("Connection", "close"), ("Transfer-Encoding", "chunked"),
                ("Keep-Alive", "timeout=9"))


def blocks_view(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])

    def pieces():
        for number in range(4):
            yield b"%d %.3f\n" % (number, time.time())
            time.sleep(0.6)
    return Closing(pieces(), "blocks")


def raise_later_view(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])

    def pieces():
        yield b"some of it"
        time.sleep(0.1)
        raise RuntimeError("midway")
    return Closing(pieces(), "raise_later")


def endless_view(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])

    def pieces():
        while True:
            yield b"x" * 65536
    return Closing(pieces(), "endless")


def file_view(environ, start_response):
    file = tempfile.TemporaryFile()
    file.write(b"skipped" + bytes(range(256)) * 1000)
    file.seek(7)
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return environ["wsgi.file_wrapper"](file, 8192)


def file_length_view(environ, start_response):
    file = tempfile.TemporaryFile()
    file.write(b"0123456789")
    file.seek(2)
    start_response("200 OK", [("Content-Length", "5")])
    return environ["wsgi.file_wrapper"](file)


class MemoryFile(io.BytesIO):
    def close(self):
        note("close memory")
        super().close()


def file_memory_view(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return environ["wsgi.file_wrapper"](MemoryFile(b"no descriptor"), 4)


def file_wrapped_view(environ, start_response):
    """Not returned unchanged: then it is an iterable like any other."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return (piece.upper() for piece in environ["wsgi.file_wrapper"](io.BytesIO(b"abcdef"), 2))


def raise_view(environ, start_response):
    raise RuntimeError("before everything")


def after_close_view(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])

    class Late(Closing):
        def close(self):
            note("path at close " + environ["PATH_INFO"])
    return Late([b"ok"], "late")


def sleep_view(environ, start_response):
    time.sleep(0.5)
    return text(start_response, "slept")


def fields(status, headers, pieces, name="fields"):
    def view(environ, start_response):
        start_response(status, headers)
        return Closing(pieces, name)
    return view


VIEWS = {
    "environ": environ_view, "input": input_view, "length": length_view, "errors": errors_view,
    "write": write_view, "late-start": late_start_view, "hold": hold_view,
    "reraise": reraise_view, "twice": twice_view, "wrong": wrong_view, "hop": hop_view,
    "blocks": blocks_view, "raise-later": raise_later_view, "endless": endless_view,
    "file": file_view, "file-length": file_length_view, "file-memory": file_memory_view,
    "file-wrapped": file_wrapped_view, "raise": raise_view, "after-close": after_close_view,
    "sleep": sleep_view,
    "never": lambda environ, start_response: [b"no start"],
    "none": lambda environ, start_response: None,
    "str": fields("200 OK", [("Content-Type", "text/plain")], ["text, not bytes"]),
    "more": fields("200 OK", [("Content-Length", "4")], [b"12", b"3456789"]),
    "fewer": fields("200 OK", [("Content-Length", "10")], [b"1234"], "fewer"),
    "one": fields("200 OK", [("Content-Type", "text/plain")], [b"exactly one"], "one"),
    "two": fields("200 OK", [("Content-Type", "text/plain")], [b"piece one ", b"piece two"]),
    "list": lambda e, s: text(s, b"a list"),
    "empty": fields("200 OK", [("Content-Type", "text/plain")], []),
    "204": fields("204 No Content", [], [b"not on the wire"]),
    "304": fields("304 Not Modified", [("ETag", '"x"')], [b"not on the wire"]),
    "cookies": lambda e, s: text(s, b"", ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"),
                                 ("X-Latin", "caf\xe9")),
}


def application(environ, start_response):
    name = environ["PATH_INFO"].split("/")[1]
    return VIEWS.get(name, VIEWS["list"])(environ, start_response)


def good(environ, start_response):
    """What the validator accepts: it checks the server's side of every call."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.errors"].write("seen\n")
    environ["wsgi.errors"].flush()
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    if environ["PATH_INFO"] == "/write":
        write(b"written ")
    return [b"valid ", str(len(body)).encode()]


validated = validator(good)
