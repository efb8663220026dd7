"""An application that does everything PEP 3333 allows, and what it forbids, one path each."""
import gzip
import io
import sys
import tempfile
import threading
import time
from pathlib import Path
from wsgiref.validate import validator

HERE = Path(__file__).parent
PLAIN = [("Content-Type", "text/plain")]
LETTERS = b"abcdefghijklmnopqrstuvwxyz"
closed = []
kept = {}
routes = {}


def route(function):
    routes["/" + function.__name__.strip("_")] = function
    return function


def application(environ, start_response):
    function = routes.get(environ["PATH_INFO"])
    if function is None:
        start_response("404 Not Found", PLAIN)
        return [b"no such path"]
    return function(environ, start_response)


@route
def environ(env, start):
    start("200 OK", PLAIN)
    return ["\n".join(f"{k}={v!r}" for k, v in sorted(env.items())).encode()]


@route
def raises(env, start):
    raise ValueError("a <marked> failure")


@route
def exits(env, start):
    raise SystemExit(3)


@route
def never_starts(env, start):
    return [b"body"]


@route
def never_starts_empty(env, start):
    return []


@route
def text(env, start):
    start("200 OK", PLAIN)
    return ["text"]


@route
def bare_text(env, start):
    start("200 OK", PLAIN)
    return "text"


@route
def blocks(env, start):
    def produce():
        for number in range(3):
            yield b"%d\n" % number
            time.sleep(0.2)
    start("200 OK", PLAIN)
    return produce()


@route
def raises_midway(env, start):
    def produce():
        yield b"one\n"
        raise RuntimeError("midway")
    start("200 OK", PLAIN)
    return produce()


@route
def starts_late(env, start):
    def produce():
        start("200 OK", PLAIN)
        yield b""
        yield b"late\n"
    return produce()


@route
def writes(env, start):
    write = start("200 OK", PLAIN)
    write(b"w1 ")
    write(b"w2 ")
    return [b"r1 ", b"r2"]


@route
def replaces(env, start):
    start("200 OK", PLAIN + [("X-First", "1")])
    try:
        raise ValueError
    except ValueError:
        start("502 Replaced", PLAIN + [("X-Second", "1")], sys.exc_info())
    return [b"replaced"]


@route
def replaces_too_late(env, start):
    def produce():
        start("200 OK", PLAIN)
        yield b"first\n"
        try:
            raise ValueError("too late")
        except ValueError:
            try:
                start("500 Replaced", PLAIN, sys.exc_info())
            except ValueError:
                pass
        yield b"never\n"
    return produce()


@route
def starts_twice(env, start):
    start("200 OK", PLAIN)
    start("200 OK", PLAIN)
    return [b""]


BAD_HEADS = {
    "value-crlf": ("200 OK", [("X-A", "a\r\nX-B: b")]),
    "value-nul": ("200 OK", [("X-A", "a\0b")]),
    "value-wide": ("200 OK", [("X-A", "\u20ac")]),
    "name-space": ("200 OK", [("X A", "a")]),
    "name-colon": ("200 OK", [("X-A:", "a")]),
    "name-empty": ("200 OK", [("", "a")]),
    "status-crlf": ("200 OK\r\nX-B: b", []),
    "status-word": ("OK", []),
    "status-100": ("100 Continue", []),
    "status-bytes": (b"200 OK", []),
    "tuple": ("200 OK", (("X-A", "a"),)),
    "pair-list": ("200 OK", [["X-A", "a"]]),
    "bytes-value": ("200 OK", [("X-A", b"a")]),
    "length-word": ("200 OK", [("Content-Length", "ten")]),
    "length-sign": ("200 OK", [("Content-Length", "+1")]),
    "length-two": ("200 OK", [("Content-Length", "1"), ("Content-Length", "2")]),
}


@route
def bad_head(env, start):
    start(*BAD_HEADS[env["QUERY_STRING"]])
    return [b"x"]


@route
def hop_by_hop(env, start):
    start("200 OK", PLAIN + [("Transfer-Encoding", "chunked"), ("Connection", "close"),
                             ("Keep-Alive", "5"), ("Upgrade", "x")])
    return [b"body"]


@route
def too_long(env, start):
    start("200 OK", PLAIN + [("Content-Length", "4")])
    return [b"0123456789"]


@route
def too_long_blocks(env, start):
    start("200 OK", PLAIN + [("Content-Length", "4")])
    return iter([b"01", b"23", b"45"])


@route
def too_short(env, start):
    start("200 OK", PLAIN + [("Content-Length", "4")])
    return [b"01"]


@route
def no_content(env, start):
    start("204 No Content", [])
    return [b"not to be sent"]


@route
def not_modified(env, start):
    start("304 Not Modified", [("ETag", '"a"')])
    return [b"not to be sent"]


@route
def odd_reason(env, start):
    start("200 Quite Fine", PLAIN)
    return [b"odd"]


def letters():
    file = tempfile.TemporaryFile()
    file.write(LETTERS)
    file.seek(5)
    return file


@route
def file(env, start):
    start("200 OK", PLAIN)
    return env["wsgi.file_wrapper"](letters())


@route
def file_with_length(env, start):
    start("200 OK", PLAIN + [("Content-Length", "7")])
    return env["wsgi.file_wrapper"](letters(), 3)


@route
def file_in_memory(env, start):
    start("200 OK", PLAIN)
    return env["wsgi.file_wrapper"](io.BytesIO(LETTERS), 10)


@route
def file_compressed(env, start):
    file = tempfile.TemporaryFile()
    with gzip.GzipFile(fileobj=file, mode="wb") as packed:
        packed.write(LETTERS)
    file.seek(0)
    start("200 OK", PLAIN)
    return env["wsgi.file_wrapper"](gzip.GzipFile(fileobj=file))


@route
def file_buffered(env, start):
    file = open(__file__, "rb")
    file.readline()
    start("200 OK", PLAIN)
    return env["wsgi.file_wrapper"](file)


@route
def reads(env, start):
    body = env["wsgi.input"]
    parts = [env.get("CONTENT_LENGTH"), body.read(0), body.read(3), body.readline(),
             body.readline(2), body.readlines(1), body.readlines(), body.read(), body.read(5)]
    start("200 OK", PLAIN)
    return [repr(parts).encode()]


@route
def counts(env, start):
    total = 0
    if env["QUERY_STRING"] == "lines":
        total = sum(len(line) for line in env["wsgi.input"])
    elif env["QUERY_STRING"] == "blocks":
        while block := env["wsgi.input"].read(7919):
            total += len(block)
    else:
        total = len(env["wsgi.input"].read())
    start("200 OK", PLAIN)
    return [str(total).encode()]


@route
def errors(env, start):
    env["wsgi.errors"].write("first \u20ac \ud800 ")
    env["wsgi.errors"].writelines(["part\nsecond\n", "third"])
    env["wsgi.errors"].flush()
    print("printed")
    start("200 OK", PLAIN)
    return [b"ok"]


@route
def keeps(env, start):
    kept.update(start=start, input=env["wsgi.input"])
    start("200 OK", PLAIN)
    return [b"kept"]


@route
def uses_kept(env, start):
    found = []
    for use in (lambda: kept["start"]("200 OK", []), lambda: kept["input"].read()):
        try:
            use()
            found.append("allowed")
        except (RuntimeError, ValueError) as error:
            found.append(type(error).__name__)
    start("200 OK", PLAIN)
    return [" ".join(found).encode()]


class Closing:
    def __init__(self, name, blocks):
        self.name, self.blocks = name, blocks

    def __iter__(self):
        return iter(self.blocks)

    def close(self):
        closed.append(self.name)


@route
def closes(env, start):
    start("200 OK", PLAIN)
    return Closing("closes", [b"a", b"b"])


@route
def closes_after_failure(env, start):
    def produce():
        yield b"a"
        raise RuntimeError
    start("200 OK", PLAIN)
    return Closing("failure", produce())


@route
def closes_when_gone(env, start):
    start("200 OK", PLAIN)
    return Closing("gone", (b"x" * 65536 for _ in range(10000)))


@route
def what_was_closed(env, start):
    start("200 OK", PLAIN)
    return [" ".join(closed).encode()]


@route
def sleeps(env, start):
    time.sleep(0.5)
    start("200 OK", PLAIN)
    return [b"slept"]


@route
def thread(env, start):
    start("200 OK", PLAIN)
    return [threading.current_thread().name.encode()]


@route
def changes_environ(env, start):
    seen = env.get("HTTP_X_LEFT_BEHIND", "clean") + env["wsgi.url_scheme"]
    env["HTTP_X_LEFT_BEHIND"] = env["wsgi.url_scheme"] = "dirty"
    start("200 OK", PLAIN)
    return [seen.encode()]


def _proper(env, start):
    """Everything at once, as wsgiref.validate wants to see it."""
    body = env["wsgi.input"].read(5) + env["wsgi.input"].readline() + b"".join(env["wsgi.input"])
    env["wsgi.errors"].write("seen\n")
    env["wsgi.errors"].flush()
    start("200 OK", [("Content-Type", "text/plain"), ("X-Method", env["REQUEST_METHOD"])])
    return iter([b"<", body, b">"])


routes["/validated"] = validator(_proper)
