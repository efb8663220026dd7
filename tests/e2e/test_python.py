"""WSGI by PEP 3333: every MUST, asked for over the wire. `wend serve` hosts tests/e2e/apps."""
import os
import signal
import subprocess
import time

import pytest

from conftest import ROOT, Server, WEND, free_port, needs, serve, wait_for

pytestmark = needs("serve")
APPS = ROOT / "tests/e2e/apps"
LETTERS = b"abcdefghijklmnopqrstuvwxyz"


def environment(answer):
    return dict(line.split("=", 1) for line in answer.body.decode().splitlines())


@pytest.fixture
def site(started, tmp_path):
    return serve(started, tmp_path, "exerciser", "-w", "1", "--threads", "4", cwd=APPS)


@pytest.fixture
def ask(site):
    return site.ask


def test_a_validated_application_finds_nothing_wrong(ask):
    answer = ask("/validated?a=b", "Content-Type: text/x", method="POST", body=b"12345line\nrest")
    assert (answer.status, answer.body) == (200, b"<12345line\nrest>")
    assert ask("/validated").body == b"<>"
    assert ask("/validated", method="HEAD").status == 200


def test_the_environ_says_what_was_asked(site):
    answer = site.ask("/environ?q=%20x", "X-One: 1", "X-One: 2", "Cookie: a=1", "Cookie: b=2",
                      "Proxy: http://evil", "X_Under: 1", "X-Latin: \xe9")
    env = environment(answer)
    assert env["REQUEST_METHOD"] == "'GET'"
    assert env["QUERY_STRING"] == "'q=%20x'"
    assert env["REQUEST_URI"] == "'/environ?q=%20x'"
    assert env["SCRIPT_NAME"] == "''" and env["PATH_INFO"] == "'/environ'"
    assert env["SERVER_PROTOCOL"] == "'HTTP/1.1'" and env["SERVER_PORT"] == f"'{site.port}'"
    assert env["SERVER_NAME"] == "'127.0.0.1'" and env["HTTP_HOST"] == "'localhost'"
    assert env["REMOTE_ADDR"] == "'127.0.0.1'" and env["REMOTE_PORT"].strip("'").isdigit()
    assert env["HTTP_X_ONE"] == "'1, 2'" and env["HTTP_COOKIE"] == "'a=1; b=2'"
    assert env["HTTP_X_LATIN"] == "'é'"
    assert "HTTP_PROXY" not in env and "HTTP_X_UNDER" not in env
    assert env["wsgi.version"] == "(1, 0)" and env["wsgi.url_scheme"] == "'http'"
    assert env["wsgi.multithread"] == "True" and env["wsgi.run_once"] == "False"
    assert "CONTENT_LENGTH" not in env and "PATH" not in env


@pytest.mark.parametrize("method, status", [("REPORT", 200), ("MKCALENDAR", 200), ("QUERY", 200),
                                            ("BREW", 501), ("report", 501)])
def test_registered_methods_reach_the_application(ask, method, status):
    answer = ask("/environ", method=method)
    assert answer.status == status
    if status == 200:
        assert environment(answer)["REQUEST_METHOD"] == repr(method)


def test_paths_are_decoded_once_into_latin_1(ask):
    assert ask("/%65nviron").status == 200
    assert ask("/%2565nviron").status == 404


def test_an_environ_is_not_shared(ask):
    assert ask("/changes_environ").body == b"cleanhttp"
    assert ask("/changes_environ").body == b"cleanhttp"


@pytest.mark.parametrize("path", ["raises", "exits", "never_starts", "never_starts_empty", "text",
                                  "bare_text", "starts_twice"])
def test_a_failure_before_the_head_is_500(site, path):
    answer = site.ask("/" + path)
    assert answer.status == 500 and answer.complete
    assert b"marked" not in answer.body  # no traceback in production
    assert site.ask("/odd_reason").status == 200


def test_a_failure_is_logged(site):
    site.ask("/raises")
    wait_for(lambda: "ValueError: a <marked> failure" in site.stderr())


def test_tracebacks_are_pages_in_development_only(started, tmp_path):
    site = serve(started, tmp_path, "exerciser", "-w", "1", "--development", cwd=APPS)
    answer = site.ask("/raises")
    assert answer.status == 500 and answer.get("content-type").startswith("text/html")
    assert b"a &lt;marked&gt; failure" in answer.body and b"exerciser.py" in answer.body


def test_blocks_are_not_delayed(site):
    with site.client() as client:
        client.send(b"GET /blocks HTTP/1.1\r\nHost: x\r\n\r\n")
        client.head()
        assert client.line() == b"2\r\n" and client.exactly(4) == b"0\n\r\n"
        first = time.monotonic()
        assert client.chunks() == (b"1\n2\n", True)
        assert time.monotonic() - first > 0.3  # the application sleeps 0.6 s after it


def test_an_old_client_gets_no_chunks(ask):
    answer = ask("/blocks", version="1.0")
    assert answer.framing == "close" and answer.body == b"0\n1\n2\n"


@pytest.mark.parametrize("path", ["raises_midway", "replaces_too_late", "too_short",
                                  "closes_after_failure"])
def test_what_breaks_midway_is_visibly_torn(ask, path):
    answer = ask("/" + path)
    assert answer.status == 200 and not answer.complete


def test_start_response_may_come_with_the_first_block(ask):
    assert ask("/starts_late").body == b"late\n"


def test_write_and_the_iterable_come_in_order(ask):
    assert ask("/writes").body == b"w1 w2 r1 r2"


def test_exc_info_replaces_a_head_that_was_not_sent(ask):
    answer = ask("/replaces")
    assert answer.status_line == b"HTTP/1.1 502 Replaced" and answer.body == b"replaced"
    assert answer.get("x-second") == "1" and answer.get("x-first") is None


@pytest.mark.parametrize("case", ["value-crlf", "value-nul", "value-wide", "name-space", "name-colon",
                                  "name-empty", "status-crlf", "status-word", "status-100",
                                  "status-bytes", "tuple", "pair-list", "bytes-value", "length-word",
                                  "length-sign", "length-two"])
def test_a_wrong_head_is_refused(ask, case):
    answer = ask("/bad_head?" + case)
    assert answer.status == 500
    assert answer.get("x-b") is None and answer.get("x-a") is None


def test_hop_by_hop_fields_are_the_servers(site):
    with site.client() as client:
        answer = client.ask("/hop_by_hop")
        assert answer.framing == "length" and answer.body == b"body"
        assert answer.get("connection") == "close" and answer.get("upgrade") is None
        assert client.closed()


@pytest.mark.parametrize("path", ["too_long", "too_long_blocks"])
def test_no_more_than_the_content_length_leaves(site, path):
    with site.client() as client:
        assert client.ask("/" + path).body == b"0123"
        assert client.ask("/odd_reason").body == b"odd"


def test_answers_without_a_body_have_none(site):
    with site.client() as client:
        for target, method, status in [("/no_content", "GET", 204), ("/not_modified", "GET", 304),
                                       ("/odd_reason", "HEAD", 200), ("/blocks", "HEAD", 200),
                                       ("/file", "HEAD", 200)]:
            assert client.ask(target, method=method).status == status
        assert client.ask("/odd_reason").body == b"odd"


def test_the_applications_reason_is_kept(ask):
    assert ask("/odd_reason").status_line == b"HTTP/1.1 200 Quite Fine"


@pytest.mark.parametrize("path, body, framing", [
    ("file", LETTERS[5:], "length"), ("file_with_length", LETTERS[5:12], "length"),
    ("file_in_memory", LETTERS, "chunked"), ("file_compressed", LETTERS, "chunked"),
    ("file_buffered", (APPS / "exerciser.py").read_bytes().split(b"\n", 1)[1], "length")])
def test_a_file_goes_out_from_where_it_stands(ask, path, body, framing):
    answer = ask("/" + path)
    assert answer.body == body and answer.framing == framing


def test_the_body_is_a_stream_that_ends(ask):
    expected = "['25', b'', b'abc', b'line1\\n', b'li', [b'ne2\\n'], [b'line3\\n', b'last'], b'', b'']"
    body = b"abcline1\nline2\nline3\nlast"
    assert ask("/reads", method="POST", body=body).body.decode() == expected
    chunked = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (body[:7], body[7:])) + b"0\r\n\r\n"
    answer = ask("/reads", "Transfer-Encoding: chunked", method="POST", body=chunked)
    assert answer.body.decode() == expected


@pytest.mark.parametrize("how", ["all", "lines", "blocks"])
@pytest.mark.parametrize("size", [0, 1, 131072, 131073, 3_000_000])
def test_bodies_arrive_whole_from_memory_and_from_files(ask, how, size):
    body = (os.urandom(997) + b"\n" + b"x" * 40000) * (size // 40998 + 1)
    assert ask("/counts?" + how, method="POST", body=body[:size]).body == str(size).encode()


def test_a_client_is_told_to_go_on(site):
    with site.client() as client:
        client.send(b"POST /counts HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        assert client.line().startswith(b"HTTP/1.1 100")
        client.line()
        client.send(b"abc")
        assert client.answer().body == b"3"


def test_the_error_stream_takes_any_text(site):
    assert site.ask("/errors").status == 200
    wait_for(lambda: "third" in site.stderr())
    text = site.stderr()
    assert "first € \\ud800 part" in text and "printed" in text


def test_nothing_of_a_request_outlives_it(ask):
    assert ask("/keeps").body == b"kept"
    # The answer arrives a moment before the application is let go of.
    wait_for(lambda: ask("/uses_kept").body == b"RuntimeError ValueError")


def test_iterables_are_closed_once_whatever_happens(site):
    site.ask("/closes")
    site.ask("/closes_after_failure")
    with site.client() as client:
        client.send(b"GET /closes_when_gone HTTP/1.1\r\nHost: x\r\n\r\n")
        client.exactly(100000)
    wait_for(lambda: site.ask("/what_was_closed").body == b"closes failure gone")


def test_pipelined_requests_are_answered_in_order(site):
    with site.client() as client:
        client.send(b"".join(b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % path
                             for path in (b"writes", b"odd_reason", b"blocks", b"odd_reason")))
        bodies = [client.answer().body for _ in range(4)]
    assert bodies == [b"w1 w2 r1 r2", b"odd", b"0\n1\n2\n", b"odd"]


def test_requests_run_beside_each_other(site):
    clients = [site.client() for _ in range(4)]
    began = time.monotonic()
    for client in clients:
        client.send(b"GET /sleeps HTTP/1.1\r\nHost: x\r\n\r\n")
    assert [client.answer().body for client in clients] == [b"slept"] * 4
    assert time.monotonic() - began < 1.5  # 0.5 s each, one after the other would be 2 s


def test_idle_connections_occupy_no_thread(site):
    idle = [site.client() for _ in range(50)]
    for client in idle:
        assert client.ask("/odd_reason").status == 200
    assert site.ask("/odd_reason").status == 200


def test_the_loop_drowses_while_requests_wait_on_its_core(started, tmp_path):
    site = serve(started, tmp_path, "exerciser", "-w", "1", "--threads", "1", cwd=APPS)
    expected = site.ask("/sleeps").body  # there is a worker now
    worker = site.workers()[0]
    core = min(os.sched_getaffinity(worker))
    for thread in os.listdir(f"/proc/{worker}/task"):
        os.sched_setaffinity(int(thread), [core])
    calls = tmp_path / "calls"
    trace = subprocess.Popen(["strace", "-e", "trace=poll,epoll_wait,sendto", "-o", calls, "-p", str(worker)],
                             stderr=subprocess.PIPE, text=True)
    assert "attached" in trace.stderr.readline()
    clients = [site.client() for _ in range(6)]
    for client in clients:
        client.send(b"GET /sleeps HTTP/1.1\r\nHost: x\r\n\r\n")
    for client in clients:
        assert (answer := client.answer()).status == 200 and answer.body == expected
    wait_for(lambda: "poll([" in calls.read_text())
    assert "sendto(" in calls.read_text()  # answers that were left to it
    before = calls.read_text().count("poll([")
    assert site.ask("/sleeps").status == 200  # nobody waits behind it
    assert calls.read_text().count("poll([") == before
    trace.terminate()
    trace.wait()


FORWARDED = ("X-Forwarded-Proto: https", "X-Forwarded-For: 203.0.113.7, 127.0.0.1",
             "X-Forwarded-Host: shop.example")


def test_forwarded_fields_of_strangers_change_nothing(ask):
    env = environment(ask("/environ", *FORWARDED))
    assert env["wsgi.url_scheme"] == "'http'" and env["REMOTE_ADDR"] == "'127.0.0.1'"
    assert env["HTTP_HOST"] == "'localhost'" and "HTTPS" not in env


def test_forwarded_fields_of_trusted_proxies_count(started, tmp_path):
    site = serve(started, tmp_path, "exerciser", "-w", "1", "--trust", "127.0.0.0/8", cwd=APPS)
    env = environment(site.ask("/environ", *FORWARDED))
    assert env["wsgi.url_scheme"] == "'https'" and env["HTTPS"] == "'on'"
    assert env["REMOTE_ADDR"] == "'203.0.113.7'" and env["HTTP_HOST"] == "'shop.example'"


# --- starting --------------------------------------------------------------------------------------

def fails(tmp_path, *words, cwd=APPS, seconds=60):
    done = subprocess.run([WEND, *words], cwd=cwd, capture_output=True, text=True, timeout=seconds,
                          stdin=subprocess.DEVNULL)
    assert done.returncode != 0
    return done.stderr + done.stdout


@pytest.mark.parametrize("target, expected", [
    ("exerciserr", ['no module "exerciserr"', 'did you mean "exerciser"', "searched, from"]),
    ("exerciser:aplication", ['did you mean "exerciser:application"', "callable there"]),
    ("factory", ['say "factory:create_app()"']),
    ("broken", ["ModuleNotFoundError: No module named 'not_there_at_all'", "broken.py"]),
    ("asynchronous:application", ["ASGI"]),
    ("exerciser:PLAIN", ["cannot be called"])])
def test_what_cannot_be_loaded_is_explained(tmp_path, target, expected):
    (tmp_path / "factory.py").write_text("def create_app():\n    pass\n")
    (tmp_path / "broken.py").write_text("import not_there_at_all\n")
    (tmp_path / "asynchronous.py").write_text("async def application(scope, receive, send):\n    pass\n")
    (tmp_path / "exerciser.py").write_text((APPS / "exerciser.py").read_text())
    text = fails(tmp_path, "serve", target, "-b", str(free_port()), "-w", "1", cwd=tmp_path)
    for part in expected:
        assert part in text


def test_a_factory_is_called(started, tmp_path):
    (tmp_path / "factory.py").write_text(
        "def create_app(name, mark='!'):\n"
        "    def app(environ, start):\n"
        "        start('200 OK', [])\n"
        "        return [(name + mark).encode()]\n"
        "    return app\n")
    site = serve(started, tmp_path, "factory:create_app('hello', mark='?')", "-w", "1", cwd=tmp_path)
    assert site.ask("/").body == b"hello?"


def test_a_virtualenv_of_another_python_is_named(tmp_path):
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / "pyvenv.cfg").write_text("home = /opt/python/bin\nversion = 3.12.1\n")
    text = fails(tmp_path, "serve", "exerciser", "-b", str(free_port()), "-w", "1", "--home",
                 str(tmp_path / "venv"))
    assert str(tmp_path / "venv") in text and "3.12.1" in text and "/usr/bin/python3.11" in text


def test_a_port_in_use_is_said_with_its_owner(site):
    text = fails(None, "serve", "exerciser", "-b", str(site.port))
    assert f"127.0.0.1:{site.port} is in use by" in text and str(site.pid) in text


def test_an_import_that_starts_its_own_server_is_pointed_out(tmp_path):
    (tmp_path / "own.py").write_text("import socket\ns = socket.create_server(('127.0.0.1', 0))\ns.accept()\n")
    with open(tmp_path / "log", "w") as log:
        process = subprocess.Popen([WEND, "serve", "own", "-b", str(free_port()), "-w", "1"],
                                   cwd=tmp_path, stdout=log, stderr=log)
    try:
        wait_for(lambda: "own.py, line 3" in (tmp_path / "log").read_text(), seconds=20)
        text = (tmp_path / "log").read_text()
        assert '`if __name__ == "__main__":`' in text and "began to listen on 127.0.0.1:" in text
    finally:
        process.terminate()
        process.wait(20)


def test_a_changed_file_is_loaded_and_a_broken_one_is_not(started, tmp_path):
    app = tmp_path / "changing.py"
    text = ("def application(environ, start):\n    start('200 OK', [])\n    return [b'WORD']\n")
    app.write_text(text.replace("WORD", "one"))
    site = serve(started, tmp_path, "changing", "--reload", cwd=tmp_path)
    assert site.ask("/").body == b"one"
    app.write_text(text.replace("WORD", "three"))
    wait_for(lambda: site.ask("/").body == b"three")
    app.write_text("def (")
    wait_for(lambda: "the old ones stay" in site.stderr())
    assert site.ask("/").body == b"three"
    app.write_text(text.replace("WORD", "seven"))
    wait_for(lambda: site.ask("/").body == b"seven")


def test_a_reload_loses_no_request(site):
    with site.client() as slow:
        slow.send(b"GET /sleeps HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.1)
        before = site.workers()
        os.kill(site.pid, signal.SIGHUP)
        assert slow.answer().body == b"slept"
    for _ in range(200):
        assert site.ask("/odd_reason").body == b"odd"
    wait_for(lambda: not set(before) & set(site.workers()))


def test_the_uwsgi_link_takes_uwsgis_flags(started, tmp_path):
    link = tmp_path / "uwsgi"
    link.symlink_to(WEND)
    port = free_port()
    site = started(Server([link, "--http-socket", f"127.0.0.1:{port}", "--wsgi-file", "exerciser.py",
                           "--callable", "application", "--plugin", "python3", "--processes", "1",
                           "--threads", "2", "--chdir", str(APPS), "--master"], port, tmp_path,
                          env={**os.environ, "WEND": str(WEND)}))
    assert site.ask("/odd_reason").body == b"odd"
    done = subprocess.run([link, "--harakari", "3"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "--harakari" in done.stderr


def test_the_gunicorn_link_takes_gunicorns_flags(started, tmp_path):
    link = tmp_path / "gunicorn"
    link.symlink_to(WEND)
    port = free_port()
    site = started(Server([link, "exerciser:application", "-b", f"127.0.0.1:{port}", "-w", "1",
                           "--threads", "2"], port, tmp_path, cwd=APPS))
    assert site.ask("/odd_reason").body == b"odd"


def test_an_app_block_serves_a_location(started, tmp_path):
    port = free_port()
    (tmp_path / "nginx.conf").write_text(f"""
        daemon off; worker_processes 1; pid {tmp_path}/pid; error_log stderr;
        events {{ worker_connections 64; }}
        http {{ access_log off;
        app shop {{ module exerciser; chdir {APPS}; threads 2; mount /shop; }}
        server {{ listen 127.0.0.1:{port}; server_name shop.example;
                 location /shop/ {{ app_pass shop; }}
                 location = /plain {{ return 200 "edge"; }} }} }}""")
    site = started(Server([WEND, "edge", "-p", tmp_path, "-c", "nginx.conf", "-e", "stderr"], port,
                          tmp_path))
    env = environment(site.ask("/shop/x/../environ"))
    assert env["SCRIPT_NAME"] == "'/shop'" and env["PATH_INFO"] == "'/environ'"
    assert env["SERVER_NAME"] == "'shop.example'"
    assert site.ask("/plain").body == b"edge"
    assert site.ask("/shop/raises").status == 500
