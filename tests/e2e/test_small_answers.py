"""Small things of answers, beside a real nginx: msie_refresh, $request_length and $sent_http_ of the connection."""
import re
import socket

import pytest
from conftest import needs, wait_for

pytestmark = needs("edge")

CONF = """
  log_format facts '$request_length|$status|$sent_http_connection|$sent_http_keep_alive|$sent_http_transfer_encoding';
  client_header_buffer_size 1k; large_client_header_buffers 2 1k; keepalive_timeout 65 30;
  server { listen 127.0.0.1:PORT; access_log DIR/facts.log facts; msie_refresh on;
    location / { return 302 /moved<here>&"there"; }
    location /other { return 301 http://other/a&b; }
    location /page { error_page 302 /e; return 302 /q; }
    location /post { return 303 /after; }
    location /permanent { return 308 /after; }
    location /off { msie_refresh off; return 302 /q; }
    location /ok { return 200 hello; }
    location /fields { add_header K "$sent_http_keep_alive|$sent_http_connection|$sent_http_transfer_encoding";
      return 200 x; }
    location /list/ { autoindex on; alias DIR/temp/; }
  }
"""
IE = "User-Agent: Mozilla/4.0 (compatible; MSIE 6.0)\r\n"


def whole_answer(server, request):
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
        client.sendall(request)
        client.shutdown(socket.SHUT_WR)
        got = b""
        try:
            while data := client.recv(65536):
                got += data
        except ConnectionResetError:
            pass
    return re.sub(rb"(?m)^(Date|Server): .*\r\n", b"", got).replace(b":%d/" % server.port, b":P/")


def logged(server):
    path = server.directory / "facts.log"
    return path.read_text().splitlines() if path.exists() else []


def get(path, *fields, version="1.1"):
    return "".join([f"GET {path} HTTP/{version}\r\n", *[field + "\r\n" for field in fields], "\r\n"]).encode()


REFRESH = [
    get("/x", "Host: a", IE.strip(), "Connection: close"), get("/other", "Host: a", IE.strip(), "Connection: close"),
    get("/other", IE.strip(), version="1.0"), get("/page", "Host: a", IE.strip(), "Connection: close"),
    get("/post", "Host: a", IE.strip(), "Connection: close"), get("/off", "Host: a", IE.strip(), "Connection: close"),
    get("/permanent", "Host: a", IE.strip(), "Connection: close"),
    get("/other", "Host: a", "Connection: close"), get("/ok", "Host: a", IE.strip(), "Connection: close"),
    get("/other", "Host: a", "User-Agent: Mozilla/5.0 (compatible; MSIE 9.0)", "Connection: close"),
    get("/other", "Host: a", "User-Agent: Opera/9 MSIE 6.0; Opera", "Connection: close"),
    get("/other", "Host: a", IE.strip(), "Connection: close").replace(b"GET", b"HEAD"),
]


@pytest.mark.parametrize("request_bytes", REFRESH)
def test_redirects_for_an_old_browser(both, request_bytes):
    ours, theirs = (sorted(whole_answer(server, request_bytes).split(b"\r\n")) for server in both(CONF))
    neutral = [line.replace(b"wend/", b"nginx/") for line in ours]
    assert [re.sub(rb"(nginx|wend)/[\d.]+", b"V", line) for line in neutral if b"Content-Length" not in line] == \
        [re.sub(rb"nginx/[\d.]+", b"V", line) for line in theirs if b"Content-Length" not in line]


LONG = "a" * 1500
NINE = "a" * 900
FACTS = [
    get("/ok", "Host: a"), get("/ok", "Host: a", "Connection: close"), get("/list/", "Host: a"),
    get("/list/", "Connection: keep-alive", version="1.0"), get("/ok", "Connection: keep-alive", version="1.0"),
    get("/fields", "Host: a"), get("/ok"), b"GARBAGE\r\n\r\n", b"G\x01\r\n\r\n",
    get("/ok", "Host: a", "Bad header", "X: y"), get(f"/{LONG}", "Host: a"),
    get("/ok", "Host: a", f"X1: {NINE}", f"X2: {NINE}", f"X3: {NINE}"), get("/ok", "Host: a", version="9.1"),
    get("/ok", "Host: a", "Content-Length: 99999999999").replace(b"GET", b"POST"),
]
REFUSED = [  # nginx finds these later than in their line, or a line later
    get("/ok", "Host: a", "Host: b", "X: y"), get("/ok", "Host: a", "Content-Length: x", "X: y"),
    get("/ok", "Host: a", f"X: {LONG}"), get("/../x", "Host: a"), get("/ok", "Host: a\x01"),
    get("/ok", "Host: a", "Transfer-Encoding: foo").replace(b"GET", b"POST"),
]


@pytest.mark.parametrize("request_bytes", FACTS)
def test_what_the_log_says_of_it(both, request_bytes):
    seen = []
    for server in both(CONF):
        answer = whole_answer(server, request_bytes)
        wait_for(lambda: logged(server))  # noqa: B023
        length, status, connection, *_ = logged(server)[-1].split("|")
        # while the log is written nginx says that nothing is kept
        assert connection in ("close", "keep-alive")
        seen.append((length, status, re.findall(rb"(?m)^K: .*", answer)))
    assert seen[0] == seen[1]


@pytest.mark.parametrize("request_bytes", REFUSED)
def test_a_refused_head_has_a_length(both, request_bytes):
    statuses = []
    for server in both(CONF):
        whole_answer(server, request_bytes)
        wait_for(lambda: logged(server))  # noqa: B023
        length, status, *_ = logged(server)[-1].split("|")
        statuses.append(status)
        assert 0 < int(length) <= len(request_bytes), logged(server)
    assert statuses[0] == statuses[1]


def test_chunks_are_said_when_the_head_was_made(edge):
    with socket.create_server(("127.0.0.1", 0)) as upstream:
        server = edge(f"""log_format te '$sent_http_transfer_encoding';
            server {{ listen 127.0.0.1:PORT; access_log DIR/te.log te;
              location / {{ proxy_pass http://127.0.0.1:{upstream.getsockname()[1]}; }} }}""")
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
            client.sendall(get("/", "Host: a", "Connection: close"))
            conn, _ = upstream.accept()
            with conn:
                conn.recv(65536)
                conn.sendall(b"HTTP/1.1 200 OK\r\n\r\nhello")
            with client.makefile("rb") as answer:
                assert b"Transfer-Encoding: chunked" in answer.read()
        log = server.directory / "te.log"
        wait_for(lambda: log.exists() and log.read_text() == "chunked\n")
