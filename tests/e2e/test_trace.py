"""The trace from outside: Server-Timing, /traces, /status, the log's variables, `wend trace`.

The order of a request's spans is part of what wend promises, so it is asserted.
"""
import json
import os
import socket
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WEND = next((p for p in (Path(os.environ.get("WEND", "/nonexistent")), ROOT / "build" / "wend",
                         ROOT / "build" / "src" / "cmd" / "wend") if p.exists()), None)
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE_ID}-b7ad6b7169203331-01"

CONFIG = """
    worker_processes 2;
    daemon off;
    pid DIR/pid;
    error_log DIR/error.log;
    events { worker_connections 64; }
    http {
        log_format spans '$request $trace_id head=$trace_head_ms static=$trace_static_ms '
                         'python=$trace_python_ms';
        access_log DIR/access.log spans;
        root DIR/files;
        server {
            listen 127.0.0.1:PORT;
            location /silent/ { trace_details off; alias DIR/files/; }
            location /elsewhere/ { trace_details 192.0.2.0/24 ::1; alias DIR/files/; }
            location /here/ { trace_details 10.0.0.0/8 127.0.0.0/31; alias DIR/files/; }
            location /joined { return 200 "$trace_id $trace_parent"; }
            location /barred/ { deny all; }
            location /broken { return 503; }
            location /traces { wend_traces; }
            location /status { wend_status; }
        }
    }
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    def __init__(self, directory, config=CONFIG):
        self.directory, self.port = directory, free_port()
        (directory / "files").mkdir()
        (directory / "files" / "a.txt").write_text("hello\n")
        self.conf = directory / "nginx.conf"
        self.conf.write_text(
            config.replace("DIR", str(directory)).replace("PORT", str(self.port)))
        os.chmod(directory, 0o755)

    def start(self):
        self.process = subprocess.Popen([WEND, "edge", "-p", self.directory, "-c", self.conf],
                                        stderr=subprocess.PIPE)
        end = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return self
            except OSError:
                assert self.process.poll() is None, self.process.stderr.read().decode()
                assert time.monotonic() < end, "the server does not listen"
                time.sleep(0.05)

    def stop(self):
        self.process.terminate()
        self.process.wait(10)

    def ask(self, target, *fields, method="GET"):
        """(status, fields with lower-case names, body)"""
        lines = [f"{method} {target} HTTP/1.1", "Host: localhost", "Connection: close", *fields]
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as s:
            s.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
            data = b"".join(iter(lambda: s.recv(65536), b""))
        head, _, body = data.partition(b"\r\n\r\n")
        first, *rest = head.decode().split("\r\n")
        names = dict(line.split(": ", 1) for line in rest)
        return int(first.split()[1]), {k.lower(): v for k, v in names.items()}, body

    def traces(self, suffix=""):
        status, fields, body = self.ask("/traces" + suffix)
        assert status == 200 and fields["content-type"] == "application/json"
        return json.loads(body)

    def kept(self, subject):
        """The newest kept trace of that request; kept after the answer, so it may take a moment."""
        for _ in range(100):
            for entry in self.traces()["traces"]:
                if entry["trace"]["subject"].startswith(subject):
                    return entry
            time.sleep(0.02)
        raise AssertionError(f"no trace of {subject}")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    made = Server(tmp_path_factory.mktemp("trace")).start()
    yield made
    made.stop()


def metric_names(fields):
    return [m.split(";")[0].strip() for m in fields["server-timing"].split(",")]


def test_a_local_peer_with_traceparent_is_told_the_spans(server):
    _, fields, _ = server.ask("/a.txt", f"traceparent: {TRACEPARENT}")
    names = metric_names(fields)
    assert names[0] == "request" and "head" in names and "static" in names
    assert "dur=" in fields["server-timing"] and ";t=" in fields["server-timing"]


@pytest.mark.parametrize("target, extra", [
    ("/a.txt", []),
    ("/a.txt", ["traceparent: 00-nonsense"]),
    ("/a.txt", [f"traceparent: {TRACEPARENT}", "X-Forwarded-For: 192.0.2.1"]),
    ("/a.txt", [f"traceparent: {TRACEPARENT}", "Via: 1.1 proxy"]),
    ("/silent/a.txt", [f"traceparent: {TRACEPARENT}"]),
    ("/elsewhere/a.txt", [f"traceparent: {TRACEPARENT}"]),
])
def test_nobody_else_is_told(server, target, extra):
    status, fields, _ = server.ask(target, *extra)
    assert status == 200 and "server-timing" not in fields


def test_a_named_network_is_told(server):
    _, fields, _ = server.ask("/here/a.txt", f"traceparent: {TRACEPARENT}")
    assert "server-timing" in fields


def test_the_callers_trace_goes_on(server):
    _, _, body = server.ask("/joined", f"traceparent: {TRACEPARENT}")
    identity, parent = body.decode().split()
    assert identity == TRACE_ID
    version, trace, span, flags = parent.split("-")
    assert (version, trace, flags) == ("00", TRACE_ID, "01") and span != "b7ad6b7169203331"


def test_without_a_caller_every_request_has_an_id_of_its_own(server):
    ids = {server.ask("/joined")[2].decode().split()[0] for _ in range(5)}
    assert len(ids) == 5 and all(len(i) == 32 for i in ids)


def test_the_spans_of_a_static_file_come_in_the_order_of_its_life(server):
    server.ask("/a.txt?order")
    trace = server.kept("GET /a.txt?order")["trace"]
    events = [s["event"] for s in trace["spans"]]
    life = [e for e in ("REQUEST", "ACCEPT", "HEAD", "ROUTE", "STATIC", "RESPOND") if e in events]
    assert [e for e in events if e in life] == life
    assert {"REQUEST", "HEAD", "STATIC", "RESPOND"} <= set(events)
    assert trace["spans"][0]["number"] == 200 and trace["spans"][0]["parent"] is None
    for span in trace["spans"]:
        assert span["duration_ms"] is not None and span["duration_ms"] >= 0
        parent = span["parent"]
        assert parent is None or trace["spans"][parent]["start_ms"] <= span["start_ms"]


def test_the_log_and_the_guard_are_on_the_timeline(server):
    server.ask("/barred/x")
    spans = {s["event"]: s for s in server.kept("GET /barred/x")["trace"]["spans"]}
    assert spans["ACCESS"]["number"] == 403 and spans["ACCESS"]["note"] == "http_access"
    assert spans["REQUEST"]["number"] == 403 and spans["LOG"]["number"] > 0


def test_recent_traces_are_found_by_number_and_id(server):
    server.ask("/joined?x", f"traceparent: {TRACEPARENT}")
    entry = server.kept("GET /joined?x")
    assert entry["trace"]["id"] == TRACE_ID
    assert server.traces(f"/{entry['number']}") == entry
    assert server.traces(f"/{TRACE_ID}")["trace"]["id"] == TRACE_ID
    assert server.ask("/traces/999999")[0] == 404
    assert server.ask("/traces/../traces/x")[0] == 404


def test_newest_first_and_no_more_than_asked_for(server):
    for i in range(5):
        server.ask(f"/a.txt?{i}")
    numbers = [e["number"] for e in server.traces("?n=3")["traces"]]
    assert len(numbers) == 3 and numbers == sorted(numbers, reverse=True)


def test_traces_and_status_are_for_local_peers(server):
    for target in ("/traces", "/status"):
        assert server.ask(target, "X-Forwarded-For: 192.0.2.1")[0] == 403
        assert server.ask(target, "Content-Length: 0", method="POST")[0] == 405


def test_failures_are_kept_with_their_status(server):
    server.ask("/broken")
    assert server.kept("GET /broken")["trace"]["spans"][0]["number"] == 503


def test_status_tells_about_every_worker(server):
    for _ in range(20):
        server.ask("/a.txt")
    status = json.loads(server.ask("/status")[2])
    assert len(status["workers"]) == 2
    assert status["requests"] >= 20 and status["connections"] >= 1
    assert {w["pid"] for w in status["workers"]} <= {
        int(p) for p in os.listdir("/proc") if p.isdigit()}


def test_the_log_has_the_spans(server):
    server.ask("/a.txt?logged", f"traceparent: {TRACEPARENT}")
    for _ in range(100):
        lines = (server.directory / "access.log").read_text().splitlines()
        line = next((one for one in lines if "?logged" in one), None)
        if line is not None:
            break
        time.sleep(0.02)
    assert TRACE_ID in line and "python=-" in line
    assert float(line.split("head=")[1].split()[0]) >= 0
    assert float(line.split("static=")[1].split()[0]) >= 0


def test_an_unknown_span_is_refused(tmp_path):
    made = Server(tmp_path, CONFIG.replace("$trace_head_ms", "$trace_hat_ms"))
    done = subprocess.run([WEND, "edge", "-t", "-p", tmp_path, "-c", made.conf],
                          capture_output=True, text=True, timeout=20)
    assert done.returncode != 0 and 'unknown "trace_hat_ms" variable' in done.stderr


def test_wend_trace_draws_both_sides(server):
    done = subprocess.run([WEND, "trace", "--ascii", f"http://127.0.0.1:{server.port}/a.txt"],
                          capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
    for label in ("connect", "wait", "request", "static"):
        assert label in done.stdout


def test_switched_off_nothing_is_recorded(tmp_path):
    made = Server(tmp_path, CONFIG.replace("http {", "http { wend_trace off;", 1)).start()
    try:
        assert "server-timing" not in made.ask("/a.txt", f"traceparent: {TRACEPARENT}")[1]
        assert made.traces() == {"traces": []}
    finally:
        made.stop()
