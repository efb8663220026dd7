"""Behaviour of the edge that one request beside nginx does not show: logs over reloads, pacing, links, cold files."""
import gzip
import os
import re
import signal
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

import pytest
from conftest import Server, assert_same, edge_command, free_port, needs, wait_for, write_conf

pytestmark = needs("edge")
FILES = {"a.txt": b"A\n", "d/b.txt": b"B\n", "big.bin": os.urandom(1 << 20)}
PLACE = "server { listen 127.0.0.1:PORT; location / { } "


# --- logs --------------------------------------------------------------------------------------------------------

def test_compressed_logs_can_be_read_at_any_time(edge):
    server = edge("log_format one '$request_uri'; access_log DIR/z.gz one gzip buffer=4k flush=1s; "
                  "access_log DIR/z9.gz one gzip=9;" + PLACE + "}", html=FILES)
    for number in range(400):
        server.ask(f"/a.txt?{number}")
    path = server.directory / "z.gz"
    wait_for(lambda: path.stat().st_size > 0, text="nothing was flushed")
    assert gzip.decompress(path.read_bytes()).startswith(b"/a.txt?0\n/a.txt?1\n")
    server.stop(signal.SIGQUIT)
    expected = b"".join(b"/a.txt?%d\n" % number for number in range(400))
    assert gzip.decompress(path.read_bytes()).replace(b"/\n", b"") == expected
    assert gzip.decompress((server.directory / "z9.gz").read_bytes()).replace(b"/\n", b"") == expected
    assert path.stat().st_size < len(expected)


@pytest.mark.parametrize("words, message", [
    ("DIR/z combined gzip=0", 'invalid compression level "0"'), ("DIR/z combined gzip=10", "invalid compression level"),
    ("syslog:server=127.0.0.1 combined gzip", "syslog"), ("DIR/$host combined gzip", "buffered logs cannot have variables"),
    ("DIR/z combined gzip; access_log DIR/z combined", None), ("DIR/z combined zip", 'invalid parameter "zip"'),
    ("DIR/z combined gzip; access_log DIR/z combined gzip=2", "conflicting parameters")])
def test_compressed_logs_are_checked(edge, words, message):
    if message is None:
        assert edge(f"access_log {words}; {PLACE} }}").ask("/").status == 403
        return
    with pytest.raises(AssertionError, match=re.escape(message)):
        edge(f"access_log {words}; {PLACE} }}")


def open_files(pid):
    found = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.add(os.path.basename(os.readlink(link)))
        except FileNotFoundError:
            pass
    return found


def test_a_log_nobody_names_any_more_is_closed(edge):
    server = edge("access_log DIR/one.log; error_log DIR/two.log;" + PLACE + "}", html=FILES)
    server.ask("/none")
    assert {"one.log", "two.log"} <= open_files(server.pid)
    conf = server.directory / "nginx.conf"
    conf.write_text(conf.read_text().replace("one.log", "three.log").replace("two.log", "four.log"))
    server.kill(signal.SIGHUP)
    wait_for(lambda: {"three.log", "four.log"} <= open_files(server.pid))
    wait_for(lambda: not {"one.log", "two.log"} & open_files(server.pid), text="the old logs are still open")
    for worker in server.workers():
        assert not {"one.log", "two.log"} & open_files(worker)
    assert server.ask("/a.txt").status == 200
    wait_for(lambda: "/a.txt" in (server.directory / "three.log").read_text())


# --- trailers of requests ------------------------------------------------------------------------------------------

@pytest.mark.parametrize("line, policy, status", [
    (b"X: a\x01b", "strict", 400), (b"X: a\x01b", "nginx", 200), (b"X Y: b", "nginx", 400), (b"X: b", "strict", 200),
    (b": b", "strict", 400), (b"X\x7f: b", "strict", 400)])
def test_trailers_are_checked_as_heads_are(edge, line, policy, status):
    up = edge("server { listen 127.0.0.1:PORT; location / { return 200 ok; } }", name="nginx")
    server = edge(f"http_policy {policy}; server {{ listen 127.0.0.1:PORT; location / {{ "
                  f"proxy_pass http://127.0.0.1:{up.port}; }} }}")
    answer = server.raw(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n1\r\nx\r\n0\r\n"
                        + line + b"\r\n\r\n")
    assert answer.status == status


# --- limit_rate ----------------------------------------------------------------------------------------------------

PACED = f"""{PLACE}
    location /slow/ {{ alias DIR/html/; limit_rate 512k; }}
    location /after/ {{ alias DIR/html/; limit_rate 64k; limit_rate_after 900k; }}
    location /set/ {{ set $limit_rate $arg_rate; alias DIR/html/; }}
    location /off/ {{ limit_rate 1; set $limit_rate 0; alias DIR/html/; }}
    location /var/ {{ limit_rate $arg_rate; limit_rate_after $arg_after; alias DIR/html/; }}
    location /text/ {{ limit_rate 10; return 200 "0123456789012345678901234"; }}
    location /up/ {{ proxy_pass http://127.0.0.1:UP/; }}
    location /upbuffered/ {{ proxy_pass http://127.0.0.1:UP/; proxy_ignore_headers X-Accel-Limit-Rate; }} }}"""


def seconds(server, target, *fields, **options):
    started = time.monotonic()
    answer = server.ask(target, *fields, **options)
    return time.monotonic() - started, answer


@pytest.fixture
def paced(edge):
    up = edge("server { listen 127.0.0.1:PORT; location / { add_header X-Accel-Limit-Rate 400000; } }", name="nginx",
              html=FILES)
    return edge(PACED.replace("UP", str(up.port)), html=FILES)


@pytest.mark.parametrize("target, least, most", [
    ("/slow/big.bin", 1.5, 20), ("/after/big.bin", 1.2, 20), ("/set/big.bin?rate=512k", 1.3, 20), ("/off/big.bin", 0, 10),
    ("/off/a.txt", 0, 10), ("/var/big.bin?rate=256k&after=512k", 1.3, 20), ("/var/big.bin?rate=nonsense", 0, 10),
    ("/var/big.bin", 0, 10), ("/up/big.bin", 2, 20), ("/upbuffered/big.bin", 0, 10), ("/text/", 1.5, 20)])
def test_responses_are_paced(paced, target, least, most):
    took, answer = seconds(paced, target)
    assert answer.status == 200 and answer.complete and least <= took <= most
    if "big" in target:
        assert answer.body == FILES["big.bin"]


def test_a_paced_range_and_a_head_are_right(paced):
    took, answer = seconds(paced, "/slow/big.bin", "Range: bytes=0-399999,500000-899999")
    assert answer.status == 206 and answer.complete and took >= 1
    assert FILES["big.bin"][:400000] in answer.body and FILES["big.bin"][500000:900000] in answer.body
    took, answer = seconds(paced, "/slow/big.bin", method="HEAD")
    assert answer.get("content-length") == str(1 << 20) and took < 10


def test_a_paced_response_holds_nobody_up_and_ends_with_its_client(paced):
    slow = paced.client()
    slow.send(b"GET /var/big.bin?rate=1000 HTTP/1.1\r\nHost: a\r\n\r\n")
    assert slow.head()[0] == b"HTTP/1.1 200 OK"
    for _ in range(20):
        assert paced.ask("/a.txt").body == b"A\n"
    slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    slow.socket.close()
    log = paced.directory / "access.log"
    wait_for(lambda: "rate=1000" in log.read_text(), text="the response went on without its client")


# --- cold files ----------------------------------------------------------------------------------------------------

def make_cold(path):
    """Out of the page cache; false on a file system that has no other place for it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.preadv(descriptor, [bytearray(1)], 0, os.RWF_NOWAIT)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)


@pytest.fixture
def watched(edge):
    """A worker under strace: every read on a thread takes a second, so that whoever waits for one is seen."""
    processes = []

    def start(http):
        server = edge(http, html=FILES)
        log = server.directory / "strace"
        assert server.ask("/a.txt").status == 200  # there is a worker now
        pids = server.workers()
        processes.append(subprocess.Popen(
            ["strace", "-f", "-o", log, "-e", "trace=sendfile,pread64,preadv2,sendto", "-e",
             "inject=pread64:delay_enter=1000000:when=1..2", *(f"-p{pid}" for pid in pids)],
            stderr=subprocess.DEVNULL))
        wait_for(lambda: all("TracerPid:\t0" not in Path(f"/proc/{pid}/status").read_text()
                             for pid in pids))
        return server, log
    yield start
    for process in processes:
        process.terminate()
        process.wait()


@pytest.mark.parametrize("sendfile", ["on", "off"])
def test_a_cold_file_holds_nobody_up(watched, sendfile):
    server, log = watched(f"sendfile {sendfile}; {PLACE} }}")
    path = server.directory / "html/big.bin"
    if not make_cold(path):
        pytest.skip("this file system keeps everything in memory")
    with server.client() as cold:
        cold.send(b"GET /big.bin HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        for _ in range(5):  # all of them before the first byte of the cold file has been read
            assert server.ask("/a.txt").body == b"A\n"
        assert "big.bin" not in (server.directory / "access.log").read_text()
        assert cold.answer().body == FILES["big.bin"]
    loop = server.workers()[0]
    calls = log.read_text().splitlines()
    assert [line for line in calls if "pread64(" in line], "no thread read the cold file"
    assert not [line for line in calls if line.startswith(f"{loop} ") and "pread64(" in line], "the loop read it"


def test_a_warm_file_costs_no_extra_calls(watched):
    server, log = watched(f"sendfile on; {PLACE} }}")
    with server.client() as client:
        for _ in range(50):
            assert client.ask("/big.bin").body == FILES["big.bin"]
    calls = log.read_text().splitlines()
    assert not [line for line in calls if "pread64(" in line]
    probes = len([line for line in calls if "preadv2(" in line])
    assert 0 < probes < 50 * 18, "the warm file was asked for every time"  # 18: of one look at all of it


# --- disable_symlinks ------------------------------------------------------------------------------------------------

LINKED = PLACE.replace("location / { } ", "") + """
    location /on/ { alias DIR/html/; disable_symlinks on from=DIR/html; }
    location /owner/ { alias DIR/html/; disable_symlinks if_not_owner from=DIR/html/; }
    location /off/ { alias DIR/html/; disable_symlinks off; }
    location /whole/ { alias DIR/html/; disable_symlinks on; }
    location /other/ { alias DIR/html/; disable_symlinks on from=/nowhere; }
    location /var/ { alias DIR/html/; disable_symlinks on from=$arg_from; }
    location /try/ { alias DIR/html/; disable_symlinks on from=DIR/html; try_files $uri /off/a.txt; }
    location /cached/ { alias DIR/html/; disable_symlinks on from=DIR/html; open_file_cache max=10; }
    location /cachedoff/ { alias DIR/html/; open_file_cache max=10; } }"""
LINKS = ["a.txt", "d/b.txt", "to_a", "to_d/b.txt", "to_d/", "to_d", "root_a", "root_d/b.txt", "to_root", "broken", "loop", "d/up/a.txt",
         "none", "d/", "d", "chain"]


def make_links(html):
    for name, target in {"to_a": "a.txt", "to_d": "d", "root_a": "a.txt", "root_d": "d", "to_root": "rooted.txt",
                         "broken": "nothing", "loop": "loop", "d/up": "..", "chain": "to_a"}.items():
        (html / name).symlink_to(target)
    for name in ("root_a", "root_d"):
        os.chown(html / name, 1, 1, follow_symlinks=False)
    (html / "rooted.txt").write_bytes(b"R\n")
    os.utime(html / "rooted.txt", (784111777, 784111777))
    os.chown(html / "rooted.txt", 2, 2)


@pytest.fixture
def linked(both):
    servers = both(LINKED, html={**FILES, "d/index.html": b"I\n"})
    for server in servers:
        make_links(server.directory / "html")
    return servers


@pytest.mark.parametrize("place", ["on", "owner", "off", "whole", "other", "try", "cached", "cachedoff"])
def test_links_are_refused_as_by_nginx(linked, place):
    for link in LINKS:
        assert_same(*linked, ((f"/{place}/{link}",), {}))
    if place == "on":
        assert linked[0].ask("/on/to_a").status == 403 and linked[0].ask("/owner/root_a").status == 403
        assert linked[0].ask("/owner/to_a").status == 200


def test_the_trusted_part_is_a_variable(linked):
    answers = []
    for server in linked:
        html = server.directory / "html"
        answers.append([server.ask(f"/var/{path}?from={start}").status for path in ("to_d/b.txt", "to_a") for start in
                        (html, f"{html}/", f"{html}/d", f"{html}/to_d", f"{html}/to", f"{html}/to_d/b.txt", "", "/")])
    assert answers[0] == answers[1] and {200, 403, 404} == set(answers[0])


def test_what_one_place_cached_another_place_checks(linked):
    ours = linked[0]
    for place, status in (("cachedoff", 200), ("cached", 403), ("cachedoff", 200), ("off", 200), ("on", 403), ("off", 200)):
        assert ours.ask(f"/{place}/to_a").status == status


@pytest.mark.parametrize("words, message", [
    ("maybe", 'invalid parameter "maybe"'), ("on; disable_symlinks on", "duplicate"), ("from=/x", "must have"),
    ("on from=/x more", "invalid number of arguments")])
def test_disable_symlinks_is_checked(edge, words, message):
    with pytest.raises(AssertionError, match=message):
        edge(f"{PLACE} disable_symlinks {words}; }}")


def test_conditions_on_files_mind_links_and_the_cache(both):
    ours, theirs = both(PLACE + """ location /on/ { disable_symlinks on from=DIR/html; open_file_cache max=9; set $r no;
        if (-f DIR/html$arg_f) { set $r file; } if (-d DIR/html$arg_d) { set $r folder; } if (-e DIR/html$arg_e) { set $r there; }
        if (-x DIR/html$arg_x) { set $r runs; } return 200 $r; } }""", html=FILES)
    for server in (ours, theirs):
        make_links(server.directory / "html")
    for test in ("f", "d", "e", "x"):
        for path in ("/a.txt", "/to_a", "/d", "/to_d", "/none", "/loop", ""):
            assert_same(ours, theirs, ((f"/on/?{test}={path}",), {}))


# --- pages that a filter makes -----------------------------------------------------------------------------------------

def answering(response):
    """A server that says the same to everybody; (port, stop)."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            client.recv(65536)
            client.sendall(response)
            client.close()
    threading.Thread(target=serve, daemon=True).start()
    return listener


@pytest.mark.parametrize("field", ['If-Match: "b"', 'If-Match: "a"', 'If-None-Match: "a"', "If-None-Match: *",
                                   "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT", "Range: bytes=0-1"])
@pytest.mark.parametrize("place", ["plain", "redirected", "missing"])
def test_conditions_on_proxied_answers_are_the_upstreams(both, field, place):
    up = answering({"plain": b"HTTP/1.1 200 OK\r\nETag: \"a\"\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody",
                    "redirected": b"HTTP/1.1 200 OK\r\nX-Accel-Redirect: /a.txt\r\nContent-Length: 0\r\n\r\n",
                    "missing": b"HTTP/1.1 404 None\r\nContent-Length: 0\r\n\r\n"}[place])
    try:
        ours, theirs = both(f"""{PLACE} location = /p {{ proxy_intercept_errors on; error_page 404 =200 /a.txt;
            proxy_pass http://127.0.0.1:{up.getsockname()[1]}; }} }}""", html=FILES)
        answers = [server.ask("/p", field) for server in (ours, theirs)]
        assert answers[0].status == answers[1].status and answers[0].complete
        if answers[0].status == 412:
            assert b"412 Precondition Failed" in answers[0].body and b"412 Precondition Failed" in answers[1].body
        else:
            assert answers[0].body == answers[1].body
    finally:
        up.close()


# --- access logs over syslog, with conditions and buffers ---------------------------------------------------------------

def test_syslog_lines_and_conditions_as_nginx(both):
    sinks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    for sink in sinks:
        sink.bind(("127.0.0.1", 0))
        sink.settimeout(60)
    port = sinks[0].getsockname()[1]
    ours, theirs = both(f"""log_format one '$request_uri $status'; map $arg_log $wanted {{ default 1; no 0; empty ""; }}
        access_log syslog:server=127.0.0.1:{port},facility=local3,tag=edge,severity=warn,nohostname one if=$wanted;
        access_log DIR/buffered one buffer=1k flush=500ms if=$wanted; {PLACE} }}""", html=FILES)
    lines = []
    for server in (ours, theirs):
        for target in ("/a.txt", "/none?log=no", "/x?log=empty", "/d/b.txt?log=0", "/b%20%22"):
            server.ask(target)
        got = [sinks[0].recv(4096) for _ in range(3)]
        lines.append([re.sub(rb">\w{3} [ \d]\d \d\d:\d\d:\d\d ", b">TIME ", line) for line in got])
        wait_for(lambda: (server.directory / "buffered").read_text().count("\n") == 3, text="not flushed in time")
    assert lines[0] == lines[1] and lines[0][0].startswith(b"<156>TIME edge: /a.txt 200")
    assert (ours.directory / "buffered").read_bytes() == (theirs.directory / "buffered").read_bytes()
    for sink in sinks:
        sink.close()


@pytest.mark.parametrize("mode", ["inline", "pool"])
def test_an_applications_answer_is_paced_too(tmp_path, started, mode):
    (tmp_path / "steady.py").write_text("def application(environ, start_response):\n"
                                        "    start_response('200 OK', [('Content-Length', '100000')])\n"
                                        "    return [b'x' * 25000] * 4\n")
    port, directory = free_port(), tmp_path / "wend"
    directory.mkdir()
    conf = write_conf(directory, f"app one {{ mode {mode}; threads 2; module steady; }} server {{ listen "
                      "127.0.0.1:PORT; location / { app_pass one; } location /slow { limit_rate 40k; app_pass one; } }", port)
    server = started(Server(edge_command("wend", directory, conf), port, directory, cwd=tmp_path,
                            env={**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}))
    wait_for(lambda: server.ask("/").status == 200)
    took, answer = seconds(server, "/slow")
    assert answer.body == b"x" * 100000 and answer.complete and took >= 1.2
    assert server.ask("/").body == b"x" * 100000
