"""Every rule of PEP 3333 that a server can break, from outside.

The application is tests/data/wsgi_rules.py."""
import json
import os
import time

import pytest
from conftest import DATA, Server, free_port, needs, wait_for, WEND

pytestmark = needs("serve")


POOL = """daemon off; pid DIR/pid; error_log stderr info; worker_processes 1; user root;
    events { worker_connections 256; }
    http { access_log off; client_max_body_size 0;
        app rules { mode pool; processes PROCESSES; threads 4; module wsgi_rules:application; }
        server { listen 127.0.0.1:PORT; http_policy strict; merge_slashes off;
            location / { app_pass rules; } } }
"""


def command_for(where, port, directory):
    """The same application inside the server's worker, or in a pool of one or two processes."""
    if where == "inline":
        return [WEND, "serve", "-b", f"127.0.0.1:{port}", "-w", "1", "--threads", "4",
                "wsgi_rules:application"]
    conf = directory / "nginx.conf"
    text = POOL.replace("DIR", str(directory)).replace("PORT", str(port))
    conf.write_text(text.replace("PROCESSES", where[-1]))
    return [WEND, "edge", "-p", directory, "-c", conf, "-e", "stderr"]


@pytest.fixture(scope="module", params=["inline", "pool 1", "pool 2"])
def rules(request, tmp_path_factory):
    directory = tmp_path_factory.mktemp("rules")
    directory.chmod(0o777)
    log = directory / "log"
    log.touch()
    log.chmod(0o666)
    environment = dict(os.environ, RULES_LOG=str(log), RULES_SECRET="1", PYTHONDONTWRITEBYTECODE="1",
                       PYTHONPATH=str(DATA))
    port = free_port()
    server = Server(command_for(request.param, port, directory), port, directory, cwd=DATA,
                    env=environment)
    server.log = log
    server.processes = 2 if request.param == "pool 2" else 1
    yield server
    server.stop()


def notes(server, text):
    wait_for(lambda: text in server.log.read_text(), 20, f"no {text!r}: {server.log.read_text()}")


def test_environ(rules):
    answer = rules.ask("/environ/%C3%A4%2F%20x?q=%C3%A4&b", "X-Twice: 1", "X-Twice: 2",
                       "Content-Type: text/x", "X_Under: no", method="POST", body=b"12345",
                       host="example.org:81")
    environ = json.loads(answer.body)
    assert environ["type"] == "dict" and environ["latin1"] and environ["all str"]
    assert environ["REQUEST_METHOD"] == "POST"
    assert environ["SCRIPT_NAME"] + environ["PATH_INFO"] == "/environ/\u00c3\u00a4/ x"
    assert environ["QUERY_STRING"] == "q=%C3%A4&b"
    assert environ["CONTENT_TYPE"] == "text/x" and environ["CONTENT_LENGTH"] == "5"
    assert "HTTP_CONTENT_TYPE" not in environ and "HTTP_CONTENT_LENGTH" not in environ
    assert environ["HTTP_HOST"] == "example.org:81"
    assert environ["HTTP_X_TWICE"].replace(" ", "") == "1,2"
    assert "HTTP_X_UNDER" not in environ
    assert environ["SERVER_PROTOCOL"] == "HTTP/1.1"
    assert environ["SERVER_NAME"] and environ["SERVER_PORT"]
    assert environ["REMOTE_ADDR"] == "127.0.0.1" and environ["REMOTE_PORT"].isdigit()
    assert environ["wsgi.url_scheme"] == "http" and environ["wsgi.version"] == [1, 0]
    assert environ["wsgi.multithread"] is True and environ["wsgi.run_once"] is False
    assert environ["wsgi.multiprocess"] is (rules.processes > 1)
    assert environ["leaked"] is False


def test_forwarded_fields_of_strangers_are_not_believed(tmp_path):
    port = free_port()
    server = Server([WEND, "serve", "-b", f"127.0.0.1:{port}", "-w", "1", "--trust", "192.0.2.0/24",
                     "wsgi_rules:application"], port, tmp_path, cwd=DATA)
    try:
        environ = json.loads(server.ask("/environ", "X-Forwarded-For: 203.0.113.9",
                                        "X-Forwarded-Proto: https").body)
    finally:
        server.stop()
    assert environ["REMOTE_ADDR"] == "127.0.0.1" and environ["wsgi.url_scheme"] == "http"


def test_input(rules):
    body = b"line one\nabcdef\nl2\nl3\nrest of it\nend"
    got = json.loads(rules.ask("/input", method="POST", body=body).body)
    assert got[0] == "" and got[1] == "line one\n" and got[2] == "abc"
    assert "".join(got[3]).startswith("def\n") and got[7] == "" and got[8] == ""
    assert (got[1] + got[2] + "".join(got[3]) + got[4] + "".join(got[5]) + got[6]).encode() == body


@pytest.mark.parametrize("size", [0, 1, 8191, 65536, 3_000_000])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_bodies(rules, size, framing):
    body = bytes(range(251)) * (size // 251 + 1)
    body = body[:size]
    if framing == "length":
        answer = rules.ask("/length", method="POST", body=body)
    else:
        pieces = [body[i:i + 50_000] for i in range(0, size, 50_000)]
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"
        answer = rules.ask("/length", "Transfer-Encoding: chunked", method="POST", body=chunks)
    words = answer.body.decode().split()
    assert words[:2] == [str(size), str(sum(body) % 65536)]


def test_expect_100_continue(rules):
    with rules.client() as client:
        client.send(b"POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
                    b"Expect: 100-continue\r\n\r\n")
        status_line, _ = client.head()
        assert status_line.startswith(b"HTTP/1.1 100 ")
        client.send(b"12345")
        assert client.answer().body.startswith(b"5 ")


def test_errors_reach_the_log(rules):
    assert rules.ask("/errors").body == b"ok"
    wait_for(lambda: "and another" in rules.stderr(), 10, rules.stderr()[-2000:])


@pytest.mark.parametrize("path, body", [
    ("/write", b"one two three"), ("/late-start", b"started late"), ("/list", b"a list"),
    ("/two", b"piece one piece two"), ("/one", b"exactly one"), ("/empty", b""),
])
@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_bodies_of_answers(rules, path, body, version):
    answer = rules.ask(path, version=version)
    assert (answer.status, answer.body, answer.complete) == (200, body, True)
    assert answer.framing != "chunked" or version == "1.1"


def test_one_piece_has_its_length(rules):
    assert rules.ask("/list").get("content-length") == "6"


def test_headers_may_be_replaced_until_bytes_were_sent(rules):
    answer = rules.ask("/hold")
    assert answer.status_line == b"HTTP/1.1 500 Changed" and answer.body == b"replaced"
    assert answer.get("x-first") is None


def test_exc_info_after_the_head_is_raised_again(rules):
    answer = rules.ask("/reraise")
    assert answer.status == 200 and not answer.complete
    notes(rules, "re-raised after the head")


def test_start_response_twice(rules):
    assert rules.ask("/twice").body != b"nothing was raised"


def test_wrong_calls_of_start_response(rules):
    assert json.loads(rules.ask("/wrong").body) == []


@pytest.mark.parametrize("path", ["/never", "/none", "/str", "/raise"])
def test_500(rules, path):
    answer = rules.ask(path)
    assert answer.status == 500 and answer.complete
    assert rules.ask("/list").body == b"a list"


def test_each_block_is_sent_before_the_next(rules):
    with rules.client() as client:
        client.send(b"GET /blocks HTTP/1.1\r\nHost: a\r\n\r\n")
        client.head()
        arrived = []
        for _ in range(4):
            size = int(client.line(), 16)
            number, sent = client.exactly(size).split()
            arrived.append(time.time() - float(sent))
            client.line()
    assert max(arrived) < 0.5, arrived  # the application waits 0.6 s after each
    notes(rules, "close blocks")


def test_an_error_midway_is_visible(rules):
    answer = rules.ask("/raise-later")
    assert answer.status == 200 and not answer.complete
    notes(rules, "close raise_later")


def test_close_when_the_client_has_gone(rules):
    with rules.client() as client:
        client.send(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n")
        client.exactly(200_000)
    notes(rules, "close endless")


def test_never_more_than_content_length(rules):
    with rules.client() as client:
        answer = client.ask("/more")
        assert answer.body == b"1234"
        if answer.get("connection") != "close":
            assert client.ask("/list").body == b"a list"
        else:
            assert client.closed()


def test_fewer_than_content_length_closes(rules):
    answer = rules.ask("/fewer")
    assert answer.body == b"1234" and not answer.complete
    notes(rules, "close fewer")


def test_hop_by_hop_fields_of_the_application(rules):
    answer = rules.ask("/hop")
    if answer.status == 200:
        assert answer.body == b"hop" and answer.get("keep-alive") != "timeout=9"
        assert answer.framing == "length"
    else:
        assert answer.status == 500


@pytest.mark.parametrize("path", ["/list", "/two", "/file", "/write"])
def test_head_has_no_body(rules, path):
    with rules.client() as client:
        assert client.ask(path, method="HEAD").status == 200
        assert client.ask("/list").body == b"a list"


@pytest.mark.parametrize("path, status", [("/204", 204), ("/304", 304)])
def test_statuses_without_a_body(rules, path, status):
    with rules.client() as client:
        assert client.ask(path).status == status
        assert client.ask("/list").body == b"a list"


def test_file_wrapper(rules):
    assert rules.ask("/file").body == bytes(range(256)) * 1000
    answer = rules.ask("/file-length")
    assert answer.body == b"23456" and answer.complete
    assert rules.ask("/file-memory").body == b"no descriptor"
    notes(rules, "close memory")
    assert rules.ask("/file-wrapped").body == b"ABCDEF"


def test_environ_lives_until_close(rules):
    assert rules.ask("/after-close").body == b"ok"
    notes(rules, "path at close /after-close")


def test_fields_keep_their_order_and_repeats(rules):
    answer = rules.ask("/cookies")
    assert answer.all("set-cookie") == [b"a=1", b"b=2"]
    assert answer.all("x-latin") == [b"caf\xe9"]


def test_threads_run_side_by_side(rules):
    clients = [rules.client() for _ in range(4)]
    before = time.monotonic()
    for client in clients:
        client.send(b"GET /sleep HTTP/1.1\r\nHost: a\r\n\r\n")
    assert [client.answer().body for client in clients] == [b"slept"] * 4
    assert time.monotonic() - before < 1.5
    for client in clients:
        client.__exit__()


def test_the_validator_is_content(tmp_path, started):
    port = free_port()
    server = started(Server([WEND, "serve", "-b", f"127.0.0.1:{port}", "-w", "1",
                             "wsgi_rules:validated"], port, tmp_path, cwd=DATA))
    assert server.ask("/").body == b"valid 0"
    assert server.ask("/write").body == b"written valid 0"
    assert server.ask("/x", method="POST", body=b"x" * 100_000).body == b"valid 100000"
    assert server.ask("/x", method="PUT", body=b"y").body == b"valid 1"
    assert "AssertionError" not in server.stderr()
