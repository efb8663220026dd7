"""proxy_pass and uwsgi_pass: wend beside a real nginx in front of the same upstream, then alone in
front of upstreams that misbehave, and in front of a real uWSGI.

Debian's nginx speaks HTTP/1.0 to upstreams unless told; newer ones, and wend, speak 1.1 and keep the
connection. The shared configuration says 1.1 to both.
"""
import hashlib
import http.server
import json
import os
import shutil
import socket
import struct
import threading
import time

import pytest

from conftest import Server, comparable, free_port, needs, needs_peer, wait_for

pytestmark = needs("edge")


class Echo(http.server.BaseHTTPRequestHandler):
    """Says what it was asked, as JSON; some paths answer in a special way."""
    protocol_version = "HTTP/1.1"

    def body(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while True:
                size = int(self.rfile.readline(), 16)
                body += self.rfile.read(size)
                self.rfile.readline()
                if size == 0:
                    return body
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self):
        asked = {"line": self.requestline,
                 "fields": sorted([name.lower(), value] for name, value in self.headers.items()),
                 "body": hashlib.md5(self.body()).hexdigest()}
        out = json.dumps(asked).encode()
        status = int(self.path.split("/")[2]) if self.path.startswith("/status/") else 200
        special = {
            "/redir": [("Location", f"http://127.0.0.1:{self.server.server_port}/there?x")],
            "/elsewhere": [("Location", "http://example.org/")],
            "/accel": [("X-Accel-Redirect", "/secret/a.bin"), ("Set-Cookie", "k=v")],
            "/cookie": [("Set-Cookie", "a=b; Path=/app/x; Domain=up.example; HttpOnly")],
            "/refresh": [("Refresh", f"5; url=http://127.0.0.1:{self.server.server_port}/x")],
            "/cached": [("ETag", '"1"'), ("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
                        ("Accept-Ranges", "bytes")],
        }.get(self.path.split("?")[0], [])
        if self.path in ("/redir", "/elsewhere"):
            status = 302
        bare = status in (204, 304)
        self.send_response(status)
        for name, value in [("Content-Type", "application/json"), ("X-Up", "1"), ("X-Pad", "2"),
                            *([] if bare else [("Content-Length", str(len(out)))]), *special]:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD" and not bare:
            self.wfile.write(out)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = answer

    def log_message(self, *_):
        pass


@pytest.fixture
def upstream():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()


CONF = """
    log_format up '$request|$status|$upstream_addr|$upstream_status|$upstream_http_x_up|$proxy_host';
    access_log DIR/up.log up;
    proxy_http_version 1.1; proxy_set_header Connection "";
    upstream group { server 127.0.0.1:UP; }
    server { listen 127.0.0.1:PORT;
      location / { proxy_pass http://127.0.0.1:UP; }
      location /uri/ { proxy_pass http://127.0.0.1:UP/base/; }
      location /uri2 { proxy_pass http://127.0.0.1:UP/base; }
      location /group/ { proxy_pass http://group; proxy_set_header Connection "";
        proxy_set_header X-F $proxy_add_x_forwarded_for; proxy_set_header Host $host:99;
        proxy_set_header Accept ""; proxy_hide_header X-Up; proxy_pass_header X-Pad; }
      location ~ ^/regex/(.*)$ { proxy_pass http://127.0.0.1:UP; }
      location /var/ { set $u 127.0.0.1:UP; proxy_pass http://$u/v?q=$arg_q; }
      location /varhost/ { set $u group; proxy_pass http://$u; }
      location /status/ { proxy_pass http://127.0.0.1:UP; }
      location /err/ { proxy_pass http://127.0.0.1:UP/status/; proxy_intercept_errors on;
        error_page 404 /oops; error_page 503 = @fallback; }
      location = /oops { return 200 "oops"; }
      location /accel { proxy_pass http://127.0.0.1:UP; }
      location /secret/ { internal; alias DIR/html/; }
      location /cookie { proxy_pass http://127.0.0.1:UP; proxy_cookie_path /app/ /;
        proxy_cookie_domain up.example $host; }
      location /redirect/ { proxy_pass http://127.0.0.1:UP/redir; proxy_redirect off; }
      location /redirect2/ { proxy_pass http://127.0.0.1:UP/redir;
        proxy_redirect http://127.0.0.1:UP/there http://new.example/here; }
      location /redirect3/ { proxy_pass http://127.0.0.1:UP/redir;
        proxy_redirect ~*^HTTP://[^/]+(?<rest>/.*)$ /moved$rest; }
      location /redirect4/ { proxy_pass http://127.0.0.1:UP/redir;
        proxy_redirect ~^nothing /moved; proxy_redirect default; }
      location /cookie2/ { proxy_pass http://127.0.0.1:UP/cookie;
        proxy_cookie_path ~^/(a[a-z]+)/(.*)$ /$2/$1; proxy_cookie_domain ~^(up).EXAMPLE$ $1.other; }
      location /dead { proxy_pass http://127.0.0.1:1; error_page 502 = @fallback; }
      location /dead2 { proxy_pass http://127.0.0.1:1; }
      location @fallback { proxy_pass http://127.0.0.1:UP; }
      location /method { proxy_pass http://127.0.0.1:UP; proxy_method PUT; proxy_set_body "b=$arg_b"; }
      location /rewritten/ { rewrite ^/rewritten/(.*)$ /new/$1?k=1 break; proxy_pass http://127.0.0.1:UP; }
      location /merge/ { proxy_pass http://127.0.0.1:UP/; }
      location /unix/ { proxy_pass http://unix:/no/such/socket:/x; }
    }
"""

ASKED = ["/", "/a%20b//c?x=1&y=%20", "/%7Euser/%2Fslash", "/uri/x%20y/../z?q=1", "/uri/", "/uri2x/y",
         "/group/a?b", "/regex/abc%2Fd", "/var/?q=5", "/varhost/x?y", "/status/404", "/status/500",
         "/status/204", "/status/304", "/err/404", "/err/500", "/err/503", "/redir", "/elsewhere",
         "/refresh", "/cookie", "/redirect/", "/redirect2/", "/redirect3/", "/redirect4/", "/cookie2/",
         "/dead", "/dead2", "/method?b=7",
         "/rewritten/foo%20bar?z=2", "/merge/a%2Fb", "/unix/x", "/cached", "/uri"]


def test_the_same_as_nginx(both, upstream):
    wend, nginx = both(CONF.replace("UP;", f"{upstream};").replace("UP/", f"{upstream}/"),
                       html={"a.bin": b"the file"})
    differing = {}
    for target in ASKED:
        for method, body in (("GET", None), ("HEAD", None), ("POST", b"question")):
            fields = ["X-A: 1", "X-Forwarded-For: 9.9.9.9", "Accept: */*", "TE: trailers",
                      "Keep-Alive: 5", "If-None-Match: \"1\""]
            answers = [comparable(s.ask(target, *fields, method=method, body=body), s.port)
                       for s in (wend, nginx)]
            if method == "HEAD" and b" 200 " not in answers[0][0]:  # of a page with the server's name
                answers = [(a[0], [f for f in a[1] if f[0] != b"content-length"], *a[2:])
                           for a in answers]
            if answers[0] != answers[1]:
                differing[method, target] = answers
    assert not differing
    def logged(server):  # after the answer
        lines = (server.directory / "up.log").read_text().replace(str(server.port), "PORT").splitlines()
        return lines if len(lines) == 3 * len(ASKED) else None

    wait_for(lambda: logged(wend) and logged(nginx), text="not a line for every request")
    assert logged(wend) == logged(nginx)


def test_an_accel_redirect_stays_inside(both, upstream):
    for server in both(CONF.replace("UP;", f"{upstream};").replace("UP/", f"{upstream}/"),
                       html={"a.bin": b"the file"}):
        answer = server.ask("/accel", method="POST", body=b"x")
        assert (answer.status, answer.body, answer.get("set-cookie")) == (200, b"the file", "k=v")
        assert server.ask("/secret/a.bin").status == 404


def test_connections_are_kept_and_bodies_arrive(edge, upstream):
    server = edge(f"server {{ listen 127.0.0.1:PORT; client_max_body_size 9m;"
                  f" location / {{ proxy_pass http://127.0.0.1:{upstream}; }}"
                  f" location /s {{ proxy_request_buffering off; proxy_pass http://127.0.0.1:{upstream}; }} }}")
    body = os.urandom(3_000_000)
    for target in ("/", "/s"):
        asked = json.loads(server.ask(target, method="POST", body=body).body)
        assert asked["body"] == hashlib.md5(body).hexdigest()
        assert ["content-length", "3000000"] in asked["fields"]
        chunked = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in
                           (body[:100], body[100:70000], body[70000:])) + b"0\r\n\r\n"
        asked = json.loads(server.ask(target, "Transfer-Encoding: chunked", method="POST",
                                      body=chunked).body)
        assert asked["body"] == hashlib.md5(body).hexdigest()


@pytest.mark.parametrize("path, line", [
    ("/captured/a%20b?c=d", "GET /z/a%20b?x=c=d HTTP/1.1"),
    ("/whole/a%0d%0aX-Evil:%20yes%0d%0a", "GET /whole/a%0D%0AX-Evil:%20yes%0D%0A HTTP/1.1"),
    ("/captured/%c3%a9%7f", "GET /z/\xc3\xa9%7F?x= HTTP/1.1"),
    ("/whole/a%20%22b", 'GET /whole/a%20"b HTTP/1.1')])
def test_a_decoded_path_does_not_end_the_request_line(edge, upstream, path, line):
    server = edge(f"server {{ listen 127.0.0.1:PORT;"
                  f" location ~ ^/captured/(.*)$ {{ proxy_pass http://127.0.0.1:{upstream}/z/$1?x=$args; }}"
                  f" location /whole/ {{ proxy_pass http://127.0.0.1:{upstream}$uri; }} }}")
    asked = json.loads(server.ask(path).body)
    assert asked["line"] == line
    assert not [field for field in asked["fields"] if field[0] == "x-evil"]


class Script:
    """An upstream that answers every connection with fixed bytes."""

    def __init__(self, answer, pause=0.0, serve=None):
        self.answer, self.pause, self.connections = answer, pause, 0
        self.serve = serve or self.say
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.guarded, args=(peer,), daemon=True).start()

    def guarded(self, peer):
        with peer:
            try:
                self.serve(peer)
            except OSError:
                pass

    @staticmethod
    def head(peer):
        data = b""
        while b"\r\n\r\n" not in data:
            got = peer.recv(65536)
            if not got:
                return data
            data += got
        return data

    def say(self, peer):
        self.head(peer)
        peer.sendall(self.answer)
        time.sleep(self.pause)


def proxy(edge, port, more="", name="wend"):
    return edge(f"server {{ listen 127.0.0.1:PORT; location / {{ proxy_pass http://127.0.0.1:{port};"
                f" proxy_read_timeout 1s; {more} }} }}", name=name)


REFUSED = {
    "nothing": b"",
    "half a head": b"HTTP/1.1 200 OK\r\nX-A",
    "both lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "a bare CR": b"HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b\r\n\r\n",
    "a NUL": b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n",
    "a head too big": b"HTTP/1.1 200 OK\r\nX: " + b"a" * 9000 + b"\r\n\r\n",
    "no HTTP": b"SSH-2.0-OpenSSH\r\n\r\n",
    "101 unasked": b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_answer_that_is_none_is_502(edge, name):
    server = proxy(edge, Script(REFUSED[name]).port)
    answer = server.ask()
    assert (answer.status, answer.get("set-cookie")) == (502, None)
    assert "upstream: \"http://127.0.0.1:" in (server.directory / "error.log").read_text()


@pytest.mark.parametrize("answer", [
    b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhalf"], ids=["length", "chunk", "size"])
def test_a_broken_off_answer_is_never_complete(edge, answer):
    for more in ("", "proxy_buffering off;"):
        assert not proxy(edge, Script(answer).port, more).ask().complete


def test_silence_is_504_and_a_dead_server_502(edge):
    assert proxy(edge, Script(b"HTTP/1.1 200", pause=5).port).ask().status == 504
    assert proxy(edge, 1).ask().status == 502


def test_the_next_server_is_asked(edge):
    good = Script(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood")
    bad = Script(b"")
    server = edge(f"upstream g {{ server 127.0.0.1:1; server 127.0.0.1:{bad.port};"
                  f" server 127.0.0.1:{good.port} backup; }}"
                  "server { listen 127.0.0.1:PORT; location / { proxy_pass http://g; } }")
    for _ in range(3):
        assert server.ask().body == b"good"
    assert bad.connections == 1


def test_weights_are_kept(edge):
    upstreams = [Script(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % i) for i in range(2)]
    server = edge(f"upstream g {{ server 127.0.0.1:{upstreams[0].port} weight=3;"
                  f" server 127.0.0.1:{upstreams[1].port}; }}"
                  "server { listen 127.0.0.1:PORT; location / { proxy_pass http://g; } }")
    assert b"".join(server.ask().body for _ in range(8)) == b"00100010"


def test_a_slow_client_does_not_hold_the_upstream(edge):
    data, took = os.urandom(1 << 20) * 12, []

    def serve(peer):
        Script.head(peer)
        start = time.monotonic()
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(data) + data)
        took.append(time.monotonic() - start)

    server = proxy(edge, Script(b"", serve=serve).port)
    with server.client() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        end = time.monotonic() + 20
        while not took and time.monotonic() < end:
            time.sleep(0.05)
        assert took, "the upstream still waits for the client"
        assert client.answer().body == data


def test_a_stream_arrives_as_it_is_made(edge):
    def serve(peer):
        Script.head(peer)
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        for word in (b"one", b"two"):
            peer.sendall(b"data: %s\n\n" % word)
            time.sleep(0.7)

    for more in ("", "proxy_buffering off;"):
        server = proxy(edge, Script(b"", serve=serve).port, more)
        with server.client() as client:
            client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            start = time.monotonic()
            client.head()
            client.exactly(8)
            assert time.monotonic() - start < 0.6
            while b"two" not in client.buffer:
                assert client.fill()


TUNNEL = "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;"
UPGRADE = b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n"
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n"


def shout(peer):
    """Echoes in capitals until the other side has said all."""
    assert b"upgrade: echo" in Script.head(peer).lower()
    peer.sendall(SWITCHED + b"hi")
    while True:
        got = peer.recv(65536)
        if not got:
            return
        peer.sendall(got.upper())


def test_an_upgraded_connection_is_a_tunnel(edge):
    server = proxy(edge, Script(b"", serve=shout).port, TUNNEL)
    with server.client() as client:
        client.send(UPGRADE + b"early")
        status, fields = client.head()
        assert b"101" in status and (b"Upgrade", b"echo") in fields
        assert client.exactly(7) == b"hiEARLY"
        client.send(b"more")
        assert client.exactly(4) == b"MORE"
        client.socket.shutdown(socket.SHUT_WR)
        assert client.rest() == b""


def test_a_tunnel_waits_for_who_does_not_read(edge):
    """Both directions fill up; nothing is lost, and other tunnels go on meanwhile."""
    letters = bytes(range(97, 123)) * 2_000_000
    server = proxy(edge, Script(b"", serve=shout).port, TUNNEL)
    with server.client() as slow, server.client() as other:
        for client in (slow, other):
            client.send(UPGRADE)
            client.head()
            assert client.exactly(2) == b"hi"
        sender = threading.Thread(target=slow.send, args=(letters,))
        sender.start()
        sender.join(0.5)
        assert sender.is_alive()  # everything on the way is full
        other.send(b"quick")
        assert other.exactly(5) == b"QUICK"
        got = [slow.buffer]
        while sum(map(len, got)) < len(letters):
            got.append(slow.socket.recv(1 << 20))
            assert got[-1]
        slow.buffer = b""
        assert b"".join(got) == letters.upper()
        sender.join()
        slow.socket.shutdown(socket.SHUT_WR)
        assert slow.rest() == b""


def test_a_tunnel_ends_with_its_server_and_in_silence(edge):
    def leave(peer):
        Script.head(peer)
        peer.sendall(SWITCHED + b"bye" * 100_000)

    with proxy(edge, Script(b"", serve=leave).port, TUNNEL).client() as client:
        client.send(UPGRADE)
        client.head()
        assert client.rest() == b"bye" * 100_000
    with proxy(edge, Script(b"", serve=shout).port, TUNNEL).client() as client:
        client.send(UPGRADE)
        client.head()
        assert client.rest() == b"hi"


def test_what_is_wrong_in_the_configuration_is_said(tmp_path):
    import subprocess
    from conftest import WEND, write_conf
    for text, message in {
        "location ~ x { proxy_pass http://127.0.0.1/uri; }": '"proxy_pass" cannot have URI part in location',
        "location / { proxy_pass 127.0.0.1; }": 'invalid URL prefix in',
        "location / { proxy_pass http://127.0.0.1:99999; }": "invalid port",
        "location / { proxy_pass http://no-such-host.invalid; }": 'host not found in upstream "no-such-host.invalid"',
        "location / { uwsgi_pass 127.0.0.1; }": 'no port in upstream "127.0.0.1"',
        "location / { proxy_pass http://a; proxy_pass http://b; }": '"proxy_pass" directive is duplicate',
        "} upstream u { } server { listen 127.0.0.1:PORT;": "no servers are inside upstream",
    }.items():
        conf = write_conf(tmp_path, f"server {{ listen 127.0.0.1:PORT; {text} }}", free_port())
        result = subprocess.run([WEND, "edge", "-t", "-p", tmp_path, "-c", conf], capture_output=True,
                                text=True, timeout=30)
        assert result.returncode != 0 and message in result.stderr, (text, result.stderr)


# --- uwsgi ------------------------------------------------------------------------------------------

APPLICATION = '''
import hashlib, json
def application(environ, start_response):
    body = environ["wsgi.input"].read()
    path = environ["PATH_INFO"]
    if path == "/long":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return (b"x" * 65536 for _ in range(40))
    if path == "/missing":
        start_response("404 Not Here", [("Content-Type", "text/plain"), ("X-Odd", "1")])
        return [b"no"]
    out = {k: v for k, v in environ.items() if isinstance(v, str) and not k.startswith(("uwsgi", "wsgi"))}
    out["body"] = hashlib.md5(body).hexdigest()
    out = json.dumps(out, sort_keys=True).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(out)))])
    return [out]
'''

UWSGI_PARAMS = """
    uwsgi_param QUERY_STRING $query_string; uwsgi_param REQUEST_METHOD $request_method;
    uwsgi_param CONTENT_TYPE $content_type; uwsgi_param CONTENT_LENGTH $content_length;
    uwsgi_param REQUEST_URI $request_uri; uwsgi_param PATH_INFO $document_uri;
    uwsgi_param SERVER_PROTOCOL $server_protocol; uwsgi_param REQUEST_SCHEME $scheme;
    uwsgi_param REMOTE_ADDR $remote_addr; uwsgi_param SERVER_NAME $server_name;
    uwsgi_param SERVER_PORT 80; uwsgi_param EMPTY "" if_not_empty; uwsgi_param HTTP_X_SET set;
"""


@pytest.fixture
def uwsgi(tmp_path, started):
    program = needs_peer("uwsgi", shutil.which("uwsgi"))
    (tmp_path / "app.py").write_text(APPLICATION)
    port = free_port()
    started(Server([program, "--plugin", "python3", "--socket", f"127.0.0.1:{port}", "--wsgi-file",
                    tmp_path / "app.py", "--master", "--disable-logging", "--buffer-size", "32768",
                    "--die-on-term"], port, tmp_path))
    return port


def test_a_real_uwsgi_answers_as_behind_nginx(both, uwsgi):
    wend, nginx = both(f"server {{ listen 127.0.0.1:PORT; server_name s.example; {UWSGI_PARAMS}"
                       f" location / {{ uwsgi_pass 127.0.0.1:{uwsgi}; }} }}")
    body = os.urandom(300_000)
    chunked = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (body[:9], body[9:])) + b"0\r\n\r\n"
    for target, fields, method, sent in [
            ("/a%20b//c%2Fd?x=%20", ["X-A: 1", "X-Set: theirs", "Cookie: a=b"], "GET", None),
            ("/p", ["Content-Type: text/x"], "POST", body),
            ("/missing", [], "GET", None), ("/long", [], "GET", None), ("/h", [], "HEAD", None)]:
        answers = [comparable(s.ask(target, *fields, method=method, body=sent), s.port)
                   for s in (wend, nginx)]
        assert answers[0] == answers[1]
    asked = json.loads(wend.ask("/c", "Transfer-Encoding: chunked", method="POST", body=chunked).body)
    assert asked["body"] == hashlib.md5(body).hexdigest() and asked["CONTENT_LENGTH"] == "300000"
    asked = json.loads(wend.ask("/d", "X-A: 1", "X-A: 2", "Proxy: evil", "Cookie: a=b", "Cookie: c=d").body)
    assert (asked["HTTP_X_A"], asked["HTTP_COOKIE"]) == ("1, 2", "a=b; c=d")
    assert "HTTP_PROXY" not in asked and "EMPTY" not in asked and asked["HTTP_X_SET"] == "set"


def test_a_request_too_big_for_a_packet_is_500(edge, uwsgi):
    server = edge(f"large_client_header_buffers 8 32k; server {{ listen 127.0.0.1:PORT; {UWSGI_PARAMS}"
                  f" location / {{ uwsgi_pass 127.0.0.1:{uwsgi}; }} }}")
    fields = [f"X-{i}: {'v' * 30000}" for i in range(3)]
    assert server.ask("/", *fields).status == 500
    assert "uwsgi request is too big" in (server.directory / "error.log").read_text()


def test_cgi_heads_are_understood(edge):
    def packet(peer):
        head = b""
        while len(head) < 4:
            head += peer.recv(4 - len(head))
        _, size, _ = struct.unpack("<BHB", head)
        while size:
            size -= len(peer.recv(size))

    for said, status in [(b"Status: 418 Teapot\r\n\r\nx", 418), (b"Location: /y\r\n\r\n", 302),
                         (b"Content-Type: a/b\n\nx", 200), (b"Status: odd\r\n\r\n", 502)]:
        def serve(peer, said=said):
            packet(peer)
            peer.sendall(said)
        server = edge(f"server {{ listen 127.0.0.1:PORT; {UWSGI_PARAMS}"
                      f" location / {{ uwsgi_pass 127.0.0.1:{Script(b'', serve=serve).port}; }} }}")
        answer = server.ask()
        assert answer.status == status and answer.get("status") is None
