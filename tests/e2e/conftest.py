"""The harness of the end-to-end tests: real servers, started in fresh directories and stopped by pid,
and a client of raw bytes that says how an answer was framed.

`edge` and `oracle` start wend and a real nginx with the same configuration text; `both` does both, so
that a test can compare them answer by answer. Every wait has an end. WEND chooses the program.
"""
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WEND = Path(os.environ.get("WEND", ROOT / "build/wend")).absolute()
VENV = ROOT / "build/venv"
DATA = ROOT / "tests/data"
START_S = 60  # a sanitized program on a busy machine; a good one takes milliseconds
STOP_S = 20
REPORTS = Path(os.environ["WEND_REPORTS"]) if "WEND_REPORTS" in os.environ else None
NGINX = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")


def built(command):
    """Is `wend COMMAND` there?"""
    usage = subprocess.run([WEND, "--help"], capture_output=True, text=True, timeout=START_S).stdout
    return any(line.split()[:1] == [command] for line in usage.splitlines())


def needs(command):
    return pytest.mark.skipif(not built(command), reason=f"wend {command} is not built yet")


def needs_peer(program, path):
    """A peer that is missing is a failure, never a skip."""
    assert path is not None, f"{program} is not installed; tools/packages.sh test installs it"
    return path


def ports_below_ephemeral():
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        first = int(file.read().split()[0])
    return range(10000, first) if first > 12000 else range(first, 65536)


ports_given = set()


def free_port():
    """One that nobody listens on, that no connection is given by the kernel, and that was not returned
    before: its server may start long after others have asked."""
    while True:
        port = random.choice(ports_below_ephemeral())
        if port in ports_given:
            continue
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        ports_given.add(port)
        return port


class Answer:
    """One answer as it was on the wire. `framing`: length, chunked, close or none."""

    def __init__(self, status_line, fields, body, framing, complete, raw=b""):
        self.status_line, self.fields, self.body = status_line, fields, body
        self.framing, self.complete, self.raw = framing, complete, raw

    @property
    def status(self):
        words = self.status_line.split(b" ")
        return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0

    def all(self, name):
        return [v for n, v in self.fields if n.lower() == name.lower().encode()]

    def get(self, name):
        values = self.all(name)
        return values[0].decode("latin-1") if values else None

    def __repr__(self):
        return f"<{self.status_line!r} {self.framing} {self.fields!r} {self.body[:200]!r}>"


class Client:
    """One connection. Reads exactly what the framing says and not a byte more."""

    def __init__(self, address, timeout=START_S):
        if isinstance(address, (str, Path)):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout)
            self.socket.connect(str(address))
        else:
            self.socket = socket.create_connection(("127.0.0.1", address), timeout=timeout)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def fill(self):
        try:
            got = self.socket.recv(65536)
        except ConnectionResetError:
            got = b""
        self.buffer += got
        return bool(got)

    def line(self):
        while b"\n" not in self.buffer:
            if not self.fill():
                line, self.buffer = self.buffer, b""
                return line
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line + b"\n"

    def exactly(self, count):
        while len(self.buffer) < count and self.fill():
            pass
        part, self.buffer = self.buffer[:count], self.buffer[count:]
        return part

    def rest(self):
        while self.fill():
            pass
        part, self.buffer = self.buffer, b""
        return part

    def head(self):
        status_line, fields = self.line().rstrip(b"\r\n"), []
        while status_line:
            line = self.line().rstrip(b"\r\n")
            if not line:
                break
            name, _, value = line.partition(b":")
            fields.append((name, value.strip()))
        return status_line, fields

    def chunks(self):
        body = b""
        while True:
            size = self.line().split(b";")[0].strip()
            if not size:
                return body, False
            count = int(size, 16)
            if count == 0:
                while self.line().rstrip(b"\r\n"):
                    pass
                return body, True
            part = self.exactly(count)
            body += part
            if len(part) < count or self.exactly(2) != b"\r\n":
                return body, False

    def answer(self, method="GET"):
        """The next final answer; interim ones are kept in .interim."""
        self.interim = []
        while True:
            status_line, fields = self.head()
            answer = Answer(status_line, fields, b"", "none", bool(status_line))
            if not 100 <= answer.status < 200 or answer.status == 101:
                break
            self.interim.append(answer)
        if method == "HEAD" or answer.status in (204, 304) or not status_line:
            return answer
        if (answer.get("transfer-encoding") or "").lower() == "chunked":
            answer.framing = "chunked"
            answer.body, answer.complete = self.chunks()
        elif answer.get("content-length") is not None:
            answer.framing = "length"
            length = int(answer.get("content-length"))
            answer.body = self.exactly(length)
            answer.complete = len(answer.body) == length
        else:
            answer.framing = "close"
            answer.body = self.rest()
        return answer

    def closed(self):
        """Has the other side closed, without another byte?"""
        return not self.buffer and not self.fill()

    def ask(self, target="/", *fields, method="GET", body=None, host="localhost", version="1.1"):
        lines = [f"{method} {target} HTTP/{version}", f"Host: {host}", *fields]
        if body is not None and not any(f.lower().startswith("transfer-") for f in fields):
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b""))
        return self.answer(method)


TERM = signal.SIGTERM  # Server has a method of the module's name


class Server:
    """A process of ours or a peer's, its port or unix socket, and a client for it."""

    def __init__(self, command, address, directory, **options):
        self.address, self.directory = address, directory
        self.ours = WEND.parent in Path(command[0]).parents
        self.stderr_path = directory / "stderr"
        with open(self.stderr_path, "ab") as stderr:
            self.process = subprocess.Popen([str(word) for word in command], stderr=stderr,
                                            stdin=subprocess.DEVNULL, stdout=stderr, **options)
        try:
            self.wait_until_it_listens()
        except BaseException:
            self.stop()
            raise

    @property
    def port(self):
        return self.address

    @property
    def pid(self):
        return self.process.pid

    def stderr(self):
        return self.stderr_path.read_text(errors="replace")

    def wait_until_it_listens(self):
        end = time.monotonic() + START_S
        while True:
            try:
                Client(self.address, timeout=1).__exit__()
                return
            except OSError:
                assert self.process.poll() is None, self.stderr()
                assert time.monotonic() < end, "does not listen: " + self.stderr()
                time.sleep(0.02)

    def client(self, **options):
        return Client(self.address, **options)

    def ask(self, target="/", *fields, **options):
        with self.client() as client:
            return client.ask(target, *fields, **options)

    def raw(self, data):
        """Sends bytes, half closes nothing, reads until the server closes or answered once."""
        with self.client() as client:
            client.send(data)
            return client.answer()

    def kill(self, number):
        os.kill(self.pid, number)

    def workers(self):
        text = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return [int(word) for word in text.split()]

    def stop(self, number=TERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            if not self.ours:
                return None  # uWSGI now and then waits a minute for a worker; that is not our affair
            raise AssertionError("did not stop: " + self.stderr()) from None


def temp_paths(name):
    """nginx wants a place for the files of every module it contains, used or not."""
    kinds = ["client_body", "proxy", "uwsgi"] + (["fastcgi", "scgi"] if name == "nginx" else [])
    return " ".join(f"{kind}_temp_path DIR/temp/{kind};" for kind in kinds)


def write_conf(directory, http, port, main="", name="wend"):
    """A whole nginx.conf around what stands in http {}. DIR and PORT are filled in."""
    (directory / "temp").mkdir(parents=True, exist_ok=True)
    (directory / "html").mkdir(exist_ok=True)
    for path in [directory, *directory.parents]:  # workers give their privileges away
        if path.owner() == "root" and str(path).startswith("/tmp/"):
            path.chmod(path.stat().st_mode | 0o055)
    text = f"""
        daemon off; pid DIR/pid; error_log DIR/error.log info; worker_processes 1;
        {main}
        events {{ worker_connections 4096; }}
        http {{ access_log DIR/access.log; root DIR/html; {temp_paths(name)}
        {http}
        }}
    """
    text = text.replace("DIR", str(directory)).replace("PORT", str(port))
    (directory / "nginx.conf").write_text(text)
    return directory / "nginx.conf"


@pytest.fixture
def started():
    """Keeps what a test starts, and stops it afterwards, last first."""
    servers = []
    yield lambda server: servers.append(server) or server
    problems = []
    for server in reversed(servers):
        try:
            server.stop()
        except AssertionError as problem:
            problems.append(problem)
    if problems:
        raise problems[0]


def edge_command(name, directory, conf):
    program = [WEND, "edge"] if name == "wend" else [needs_peer("nginx", NGINX)]
    return [*program, "-p", directory, "-c", conf, "-e", directory / "error.log"]


@pytest.fixture
def edge(tmp_path, started):
    """edge(http, main="", name="wend", port=None) -> Server running that configuration."""
    def start(http, main="", name="wend", port=None, html=None):
        directory = tmp_path / name
        directory.mkdir(exist_ok=True)
        port = port or free_port()
        conf = write_conf(directory, http, port, main, name)
        for path, content in (html or {}).items():
            path = directory / "html" / path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            os.utime(path, (784111777, 784111777))
        return started(Server(edge_command(name, directory, conf), port, directory))
    return start


@pytest.fixture
def both(edge):
    """The same configuration in wend and in a real nginx."""
    def start(http, main="", html=None):
        return edge(http, main, "wend", html=html), edge(http, main, "nginx", html=html)
    return start


NOT_COMPARED = {b"server", b"date"}


def comparable(answer, port):
    """An answer without what must differ: the server's name, the date, the port it listens on."""
    def neutral(value):
        return value.replace(str(port).encode(), b"PORT")
    fields = sorted((n.lower(), neutral(v)) for n, v in answer.fields
                    if n.lower() not in NOT_COMPARED)
    body = answer.body
    if answer.status >= 300 and not body:  # HEAD: the length of a page that holds the name
        fields = [f for f in fields if f[0] != b"content-length"]
    if body.startswith(b"<html>") and b"</center>" in body:
        body = body[:body.rindex(b"<hr>")]  # the footer holds the name
        fields = [f for f in fields if f[0] != b"content-length"]
    return answer.status_line, fields, neutral(body), answer.complete


def assert_same(ours, theirs, request):
    with ours.client() as one, theirs.client() as other:
        mine = comparable(one.ask(*request[0], **request[1]), ours.port)
        real = comparable(other.ask(*request[0], **request[1]), theirs.port)
    assert mine == real, request


def serve(started, tmp_path, *words, **options):
    """`wend serve` of the given words on a free port."""
    port = free_port()
    command = [WEND, "serve", "-b", f"127.0.0.1:{port}", *words]
    return started(Server(command, port, tmp_path, **options))


def wait_for(condition, seconds=START_S, text="it did not happen in time"):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, text
        time.sleep(0.02)


def pytest_configure(config):
    sys.path.insert(0, str(ROOT / "tests/e2e"))


told = set()  # the reports that failed a test already


def new_reports():
    """What any process wrote since the last look: each has its file, named after its pid."""
    paths = [] if REPORTS is None else [p for p in sorted(REPORTS.iterdir()) if p not in told]
    told.update(paths)
    return paths


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item):
    """After the last fixture has stopped its servers: a sanitizer's report fails the test."""
    try:
        return (yield)
    finally:
        paths = new_reports()
        if paths:
            texts = (path.read_text(errors="replace")[:8000] for path in paths[:3])
            pytest.fail(f"{len(paths)} sanitizer reports\n" + "\n".join(texts), pytrace=False)


@pytest.fixture(autouse=True)
def readable_for_workers(tmp_path):
    """pytest keeps its directories to their owner, and workers give their privileges away."""
    for path in [tmp_path, *tmp_path.parents]:
        if str(path).startswith("/tmp/") and path.owner() == "root":
            path.chmod(path.stat().st_mode | 0o055)
