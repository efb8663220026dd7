"""Upstreams that end their answer early, beside a real nginx: what the client gets, and what the log says.

No end may look like a good one: a body shorter than promised, chunks without their last, a connection that
was reset. And the other way round: an application of ours that fails midway behind a real nginx.
"""
import fcntl
import itertools
import re
import socket
import struct
import subprocess
import threading

import pytest
from conftest import WEND, Server, free_port, needs, wait_for

pytestmark = needs("edge")

PART = b"x" * 500
BIG = b"y" * 300000
HEAD = b"HTTP/1.1 200 OK\r\nX-A: 1\r\n"
SIOCOUTQ = 0x5411
CLOSE, RESET = "closed", "reset"
ENDINGS = {  # what the upstream says, and how it leaves
    "short": (HEAD + b"Content-Length: 1000\r\n\r\n" + PART, CLOSE),
    "short-big": (HEAD + b"Content-Length: 400000\r\n\r\n" + BIG, CLOSE),
    "short-reset": (HEAD + b"Content-Length: 1000\r\n\r\n" + PART, RESET),
    "nothing-of-it": (HEAD + b"Content-Length: 1000\r\n\r\n", CLOSE),
    "chunks-without-end": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1f4\r\n" + PART + b"\r\n", CLOSE),
    "half-a-chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n3e8\r\n" + PART, CLOSE),
    "chunks-reset": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1f4\r\n" + PART + b"\r\n", RESET),
    "bad-chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1f4\r\n" + PART + b"\r\nzz\r\n", CLOSE),
    "until-close": (HEAD + b"\r\n" + PART, CLOSE),
    "until-reset": (HEAD + b"\r\n" + PART, RESET),
    "half-a-head": (HEAD, CLOSE),
    "half-a-head-reset": (HEAD, RESET),
    "nothing": (b"", CLOSE),
}


class Upstream:
    """Answers every connection with one text, and ends it in one way."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.socket.getsockname()[1]
        self.say, self.end = b"", CLOSE
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                conn, _ = self.socket.accept()
            except OSError:
                return
            with conn:
                conn.settimeout(30)
                conn.recv(65536)
                conn.sendall(self.say)
                if self.end == RESET:
                    while True:  # what was sent shall be read before the reset overtakes it
                        left = struct.unpack("i", fcntl.ioctl(conn, SIOCOUTQ, b"\0" * 4))[0]
                        if left == 0:
                            break
                    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


CONF = """
  server { listen 127.0.0.1:PORT; uwsgi_param REQUEST_METHOD $request_method;
    location /proxy/ { proxy_pass http://127.0.0.1:UP; proxy_http_version 1.1; }
    location /proxy-direct/ { proxy_pass http://127.0.0.1:UP; proxy_http_version 1.1; proxy_buffering off; }
    location /uwsgi/ { uwsgi_pass 127.0.0.1:UP; }
    location /uwsgi-direct/ { uwsgi_pass 127.0.0.1:UP; uwsgi_buffering off; }
  }
"""


def exchange(server, path, version):
    """All bytes of an answer until the connection ends, and how it ended."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
        client.sendall(f"GET {path} HTTP/{version}\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        got, how = b"", CLOSE
        try:
            while data := client.recv(65536):
                got += data
        except ConnectionResetError:
            how = RESET
    head, _, body = got.partition(b"\r\n\r\n")
    framing = re.findall(rb"(?im)^(?:content-length|transfer-encoding):.*", head)
    return head.split(b"\r\n")[0], framing, body, how


def judged(answer):
    """Whether a client that knows HTTP takes it for whole, and what it says."""
    status, framing, body, how = answer
    if not status:
        return b"", False
    if status != b"HTTP/1.1 200 OK":
        return status.split()[1:2], True
    if framing and b"chunked" in framing[0].lower():
        whole = body.endswith(b"0\r\n\r\n")
        body = b"".join(re.findall(rb"[0-9a-f]+\r\n([xy]*)\r\n", body))
    elif framing:
        whole = len(body) == int(framing[0].split(b":")[1])
    else:
        whole = how == CLOSE
    return body, whole


def complaint(server):
    lines = re.findall(r"\[\w+\] \d+#\d+: \*\d+ (.*?), client:", (server.directory / "error.log").read_text())
    return [line for line in lines if "upstream" in line]


@pytest.fixture
def pair(both):
    upstream = Upstream()
    servers = both(CONF.replace("UP", str(upstream.port)))
    yield upstream, servers
    upstream.socket.close()


LOGGED = {  # what the error log says, up to " while"
    "until-close": None,
    "bad-chunk": "upstream sent invalid chunked response",
}
GOOD = ("until-close",)
NO_HEAD = ("half-a-head", "half-a-head-reset", "nothing")


def expected_line(ending, place):
    if ending.endswith("reset"):
        return re.compile(r"(readv|recv)\(\) failed \(104: Connection reset by peer\)")
    text = LOGGED.get(ending, "upstream prematurely closed connection")
    return text and re.compile(re.escape(text))


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_early_end_is_never_taken_for_a_good_one(pair, ending):
    upstream, (ours, nginx) = pair
    upstream.say, upstream.end = ENDINGS[ending]
    for place, version in itertools.product(("proxy", "proxy-direct", "uwsgi", "uwsgi-direct"), ("1.1", "1.0")):
        results = []
        for server in (ours, nginx):
            before = len(complaint(server))
            answer = exchange(server, f"/{place}/{ending}", version)
            results.append((answer, judged(answer), complaint(server)[before:]))
        (answer, (body, whole), lines), (their_answer, (their_body, their_whole), their_lines) = results
        assert answer[0] == their_answer[0] or ending == "bad-chunk", (place, version)
        if ending in NO_HEAD:
            assert body == [b"502"]
        else:
            assert whole == (ending in GOOD), (place, version, answer)
            assert whole or not their_whole or "uwsgi" in place or version == "1.0", (place, version)
            assert len(body) >= len(their_body) or "uwsgi" in place, (place, version)
        line = expected_line(ending, place)
        assert len(lines) == (line is not None), (place, version, lines)
        assert not line or line.match(lines[0]), (place, version, lines)
        if "uwsgi" not in place and their_lines and line:  # nginx's uwsgi does not know chunks
            assert line.match(their_lines[0]), (place, version, their_lines)


APPLICATION = """import time

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    def body():
        yield b"a" * 1000
        if "raise" in environ["PATH_INFO"]:
            time.sleep(0.3)  # what was given is on its way
            raise RuntimeError("midway")
        yield b"b" * 1000
    return body()
"""


@pytest.mark.parametrize("buffering", ["on", "off"])
def test_an_application_that_fails_midway_tears_the_answer_of_nginx_in_front(started, edge, tmp_path, buffering):
    (tmp_path / "torn_site.py").write_text(APPLICATION)
    port = free_port()
    started(Server([WEND, "app", "--socket", f"127.0.0.1:{port}", "--chdir", tmp_path, "--module", "torn_site:application"],
                   port, tmp_path))
    front = edge(f"server {{ listen 127.0.0.1:PORT; uwsgi_param REQUEST_METHOD $request_method; "
                 f"uwsgi_param SERVER_PROTOCOL $server_protocol; uwsgi_param REQUEST_URI $request_uri; "
                 f"uwsgi_param PATH_INFO $document_uri; uwsgi_buffering {buffering}; "
                 f"location / {{ uwsgi_pass 127.0.0.1:{port}; }} }}", name="nginx")
    url = f"http://127.0.0.1:{front.port}"
    good = subprocess.run(["curl", "-sS", f"{url}/good"], capture_output=True, timeout=60)
    assert (good.returncode, len(good.stdout)) == (0, 2000), good
    torn = subprocess.run(["curl", "-sS", f"{url}/raise"], capture_output=True, timeout=60)
    assert torn.returncode in (18, 56), torn  # partial file, or a failure to receive
    wait_for(lambda: "Connection reset by peer" in (front.directory / "error.log").read_text())
