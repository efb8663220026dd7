"""An application that tells about the process it runs in, and can hurt it."""
import os
import signal
import threading
import time

IMPORTED_BY = os.getpid()
LOG = os.environ.get("POOL_LOG", os.devnull)
hooks = []


def note(text):
    with open(LOG, "a") as log:
        log.write(text + "\n")


os.register_at_fork(before=lambda: hooks.append("before"),
                    after_in_parent=lambda: hooks.append("parent"),
                    after_in_child=lambda: hooks.append("child"))
if os.environ.get("POOL_THREAD"):
    threading.Thread(target=time.sleep, args=(1000,), name="too early", daemon=True).start()


class Endless:
    def __iter__(self):
        return self

    def __next__(self):
        time.sleep(0.001)
        return b"z" * 10_000

    def close(self):
        note(f"close endless {os.getpid()}")


def count(environ):
    """The request body's length and a checksum."""
    length = total = 0
    while block := environ["wsgi.input"].read(100_000):
        length += len(block)
        total = (total + sum(block)) % 65536
    return f"{length} {total}"


def wait_for_file(path):
    note(f"waiting {os.getpid()}")
    end = time.monotonic() + 60
    while not os.path.exists(path) and time.monotonic() < end:
        time.sleep(0.02)


def stream(count, block):
    for number in range(count):
        yield b"%d " % number + block
        time.sleep(0.02)


def application(environ, start_response):
    path, query = environ["PATH_INFO"], environ["QUERY_STRING"]
    if path == "/crash":
        note(f"crash {os.getpid()}")
        os.kill(os.getpid(), getattr(signal, query or "SIGKILL"))
        time.sleep(10)
    body = str(os.getpid())
    if path == "/about":
        body = f"{os.getpid()} {os.getppid()} {IMPORTED_BY} {os.getuid()} {','.join(hooks)}"
    elif path == "/fork":
        if os.fork() == 0:
            time.sleep(30)
            os._exit(0)
    elif path == "/wait":
        wait_for_file(query)
    elif path == "/count":
        body = count(environ)
    elif path.startswith("/environ/"):
        body = environ.get(path[9:], "none")
    elif path == "/flags":
        body = f"{environ['wsgi.multithread']} {environ['wsgi.multiprocess']}"
    start_response("200 OK", [("Content-Type", "text/plain")])
    if path == "/stream":
        return stream(int(query), b"s" * 1000)
    if path == "/endless":
        return Endless()
    if path == "/torn":
        def torn():
            yield b"some of it"
            time.sleep(0.3)
            os.kill(os.getpid(), signal.SIGKILL)
            yield b"never"
        return torn()
    if path == "/big":
        return [bytes([i % 251]) * 100_000 for i in range(200)]
    return [body.encode()]
