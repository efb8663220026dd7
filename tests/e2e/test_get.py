"""`wend get` beside curl: the same servers, the same words on the command line.

The servers are scripts: each connection is answered with fixed bytes, so that every kind of sloppy
and hostile answer can be made. What both must agree on is the exit code and the bytes on stdout.
"""
import http.server
import os
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WEND = next((p for p in (Path(os.environ.get("WEND", "/nonexistent")), ROOT / "build" / "wend",
                         ROOT / "build" / "src" / "cmd" / "wend") if p.exists()), None)
CURL = shutil.which("curl")


class Script:
    """Answers each connection with the next of `answers`; the last one is repeated."""

    def __init__(self, *answers, hold=0.0, read=True, reset=False):
        self.answers, self.hold, self.read, self.reset = list(answers), hold, read, reset
        self.requests = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def url(self, path="/"):
        return f"http://127.0.0.1:{self.port}{path}"

    def run(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        peer.settimeout(5)
        data = b""
        try:
            while self.read and b"\r\n\r\n" not in data:
                got = peer.recv(65536)
                if not got:
                    break
                data += got
            head, _, body = data.partition(b"\r\n\r\n")
            for line in head.split(b"\r\n"):
                if line.lower().startswith(b"content-length:"):
                    while len(body) < int(line.split(b":")[1]):
                        body += peer.recv(65536)
            self.requests.append((head, body))
            peer.sendall(answer)
            time.sleep(self.hold)
            if self.reset:
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        except OSError:
            pass
        finally:
            peer.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


def run(program, *args, data=None):
    command = [str(WEND), "get"] if program == "wend" else [CURL]
    return subprocess.run(command + list(args), input=data, capture_output=True, timeout=30)


def ok(body=b"hello", head=b""):
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n%s" % (len(body), head, body)


ANSWERS = {
    "a length": ok(),
    "lines that end with LF alone": b"HTTP/1.1 200 OK\nContent-Type:text/html\nServer:myserver\n\nHello, World!",
    "a head without fields": b"HTTP/1.1 200 OK\r\n\r\nbody until the end",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\n\r\nold",
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: v\r\n\r\n",
    "204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "an interim answer first": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ok(),
    "a 100 nobody waits for": b"HTTP/1.1 100 Continue\r\n\r\n" + ok(),
    "a body that is too short": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
    "chunks that end too early": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "a broken chunk size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
    "nothing": b"",
    "a status from 400 on": b"HTTP/1.1 404 Nope\r\nContent-Length: 4\r\n\r\ngone",
    "binary": ok(bytes(range(256)) * 300),
    "unknown status": b"HTTP/1.1 299 Odd\r\nContent-Length: 2\r\n\r\nhi",
}


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("options", [[], ["-f"]], ids=["plain", "fail"])
def test_answers(name, options):
    with Script(ANSWERS[name]) as server:
        curl = run("curl", "-s", *options, server.url())
        wend = run("wend", "-s", *options, server.url())
    assert (wend.returncode, wend.stdout) == (curl.returncode, curl.stdout)


@pytest.mark.parametrize("name", ["a length", "lines that end with LF alone", "HTTP/1.0", "204"])
def test_include(name):
    with Script(ANSWERS[name]) as server:
        curl = run("curl", "-s", "-i", server.url())
        wend = run("wend", "-s", "-i", server.url())

    def fields(out):
        return [line.replace(b":", b": ").replace(b":  ", b": ").strip() for line in out.split(b"\n")]

    assert fields(wend.stdout) == fields(curl.stdout)


def test_doubtful_lengths_are_refused():
    for head in (b"Content-Length: 5\r\nTransfer-Encoding: chunked", b"Content-Length: 5\r\nContent-Length: 6",
                 b"Content-Length: +5", b"Transfer-Encoding: gzip, chunked", b"Content-Length: 5\r\n X: y",
                 b"X : y", b"X: a\0b"):
        with Script(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n0\r\n\r\n") as server:
            assert run("wend", "-s", server.url()).returncode in (8, 56), head


def test_a_head_without_end_is_refused():
    with Script(b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 400000) as server:
        assert run("wend", "-s", server.url()).returncode == 56


def test_reset():
    with Script(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", reset=True) as server:
        assert run("wend", "-s", server.url()).returncode in (18, 56)


def test_exit_codes_before_an_answer(tmp_path):
    free = socket.create_server(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()
    for args in (["http://127.0.0.1:%d/" % port], ["http://no-such-host.invalid/"], ["http://a b/"],
                 ["http://[::1/"], ["ftp2://x/"], ["--no-such-option", "http://x/"], []):
        curl, wend = run("curl", "-s", *args), run("wend", "-s", *args)
        assert wend.returncode == curl.returncode, args


def test_https_says_that_it_is_not_there():
    wend = run("wend", "https://127.0.0.1/")
    assert wend.returncode == 1
    assert b"TLS" in wend.stderr


def test_time_runs_out():
    with Script(ok(), hold=3, read=True) as server:
        server.answers = [b"HTTP/1.1 200 OK\r\n"]
        before = time.monotonic()
        assert run("wend", "-s", "--max-time", "0.5", server.url()).returncode == 28
        assert time.monotonic() - before < 2


REQUESTS = [
    ["-X", "PUT"], ["-d", "a=b"], ["-d", "a=b", "-d", "c=d"], ["-XPUT", "-d", "x"], ["-d", "@FILE"],
    ["--data-binary", "@FILE"], ["-G", "-d", "a=b"], ["-H", "X-A: 1", "-H", "X-A: 2"], ["-H", "Accept:"],
    ["-H", "X-Empty;"], ["-H", "Host: other"], ["-A", "me"], ["-e", "http://x/"], ["-b", "a=b; c=d"],
    ["-u", "name:pass word"], ["-0"], ["-H", "Content-Type: text/x", "-d", "x"], ["--data-raw", "@x"],
]


@pytest.mark.parametrize("options", REQUESTS, ids=[" ".join(r) for r in REQUESTS])
def test_requests(options, tmp_path):
    (tmp_path / "file").write_bytes(b"line 1\r\nline 2\n")
    options = [o.replace("FILE", str(tmp_path / "file")) for o in options]
    with Script(ok()) as server:
        run("curl", "-s", "-A", "x", *options, server.url("/p?q"))
        run("wend", "-s", "-A", "x", *options, server.url("/p?q"))
        (curl_head, curl_body), (wend_head, wend_body) = server.requests
    assert wend_body == curl_body
    curl_lines, wend_lines = curl_head.split(b"\r\n"), wend_head.split(b"\r\n")
    assert wend_lines[0] == curl_lines[0]
    assert sorted(map(bytes.strip, wend_lines[1:])) == sorted(map(bytes.strip, curl_lines[1:]))


def redirect(status, to):
    return b"HTTP/1.1 %d Moved\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % (status, to)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("options", [[], ["-d", "a=b"], ["-I"]], ids=["get", "post", "head"])
def test_redirects(status, options):
    seen = {}
    for program in ("curl", "wend"):
        with Script(redirect(status, b"../new?x#frag"), ok()) as server:
            run(program, "-s", "-L", *options, server.url("/a/b/c"))
            seen[program] = [(head.split(b"\r\n")[0], body) for head, body in server.requests]
    assert seen["wend"] == seen["curl"]


def test_secrets_do_not_follow_to_another_origin():
    with Script(ok()) as other:
        with Script(redirect(302, other.url().encode())) as server:
            run("wend", "-s", "-L", "-u", "a:b", "-b", "c=d", server.url())
        assert b"uthorization" in server.requests[0][0]
        assert b"uthorization" not in other.requests[0][0] and b"Cookie" not in other.requests[0][0]


def test_circles_and_other_schemes_are_refused():
    with Script(redirect(302, b"/")) as server:
        assert run("wend", "-s", "-L", server.url("/")).returncode == 47
    with Script(redirect(302, b"file:///etc/passwd")) as server:
        assert run("wend", "-s", "-L", server.url()).returncode == 1
    with Script(redirect(302, b"gopher://x/")) as server:
        assert run("wend", "-s", "-L", server.url()).returncode == 1


def test_an_early_refusal_of_a_long_body_is_read():
    class Refuse(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.send_response(413)
            self.send_header("Content-Length", "4")
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(b"big!")

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Refuse)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        wend = run("wend", "-s", "-i", "--data-binary", "@-",
                   "http://127.0.0.1:%d/" % server.server_port, data=b"x" * 5_000_000)
        assert wend.stdout.startswith(b"HTTP/1.0 413") or wend.returncode in (55, 56)
    finally:
        server.shutdown()


def test_output_file(tmp_path):
    with Script(ok(b"\x1b[31mred")) as server:
        assert run("wend", "-s", "-o", str(tmp_path / "x"), server.url()).returncode == 0
        assert (tmp_path / "x").read_bytes() == b"\x1b[31mred"
        assert run("wend", "-s", "-o", str(tmp_path / "no" / "x"), server.url()).returncode == 23
        with open("/dev/full", "wb") as full:
            code = subprocess.run([WEND, "get", "-s", server.url()], stdout=full, timeout=10).returncode
        assert code == 23


def test_a_terminal_is_not_commanded():
    import pty
    main, side = pty.openpty()
    with Script(ok(b"a\x1b]0;title\x07b\xc2\x9b1m\n")) as server:
        subprocess.run([WEND, "get", "-s", server.url()], stdout=side, timeout=10)
    os.close(side)
    shown = os.read(main, 4096)
    os.close(main)
    assert shown.replace(b"\r\n", b"\n") == b"a\\x1b]0;title\\x07b\\xc2\\x9b1m\n"


def test_trace_shows_the_steps_and_the_servers_own():
    timing = b'Server-Timing: request;dur=1.5;t=0, python;dur=1;t=0.2;desc="shop.\x1bviews"\r\n'
    with Script(ok(b"hello", timing)) as server:
        result = subprocess.run([WEND, "trace", server.url("/x")], capture_output=True, timeout=10)
        assert result.returncode == 0
        assert b"\r\ntraceparent: 00-" in server.requests[0][0]
    text = result.stdout.decode()
    order = ["url", "fetch", "dns", "connect", "send request", "wait", "request", "python", "receive"]
    lines = [line.strip() for line in text.split("\n")[3:]]
    found = [next(i for i, line in enumerate(lines) if line.startswith(word)) for word in order]
    assert found == sorted(found)
    assert "\x1b" not in text


def test_trace_of_a_failure_shows_how_far_it_came():
    result = subprocess.run([WEND, "trace", "http://127.0.0.1:1/"], capture_output=True, timeout=10)
    assert result.returncode == 7
    assert b"connect" in result.stdout and b"refused" in result.stderr.lower()
