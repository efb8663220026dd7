"""A long life in minutes: reloads, killed workers, hundreds of thousands of requests, hostile clients.

Each test gives the server much of one thing, checks every answer while it lasts, and compares its
descriptors and its memory early on with those at the end: what grows with time is a leak, however small.
The counts below are such that a leak of one descriptor in ten reloads, or of a few bytes in each request, shows.
"""
import contextlib
import os
import random
import re
import signal
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

import pytest
from conftest import REPORTS, ROOT, Client, needs, needs_peer, serve, wait_for

pytestmark = [pytest.mark.slow, needs("edge")]

APPS = ROOT / "tests/e2e/apps"
WRK = Path("/usr/bin/wrk")
FILE = bytes(range(256)) * 40
LARGE = b"large " * 1_000_000
SETTLE_S = 30  # until timeouts have ended what clients left behind

RELOADS = 60
RELOADS_WARM = 10
RELOAD_BYTES_SLACK = 256 << 10  # a configuration that is not given back shows after a few
FAILURES_WARM = 2  # rounds of all kinds
FAILURES = 8
KILLS = 100
KILLED_WORKERS = 8
KILLED_AGE_S = 5.5  # one that dies younger is replaced with some delay, on purpose
REQUESTS_WARM = 50_000
REQUESTS = 300_000  # after those
REQUESTS_S = 100  # a slow machine makes fewer
REQUESTS_BYTES_SLACK = 256 << 10  # a byte a request
PYTHON_BYTES_SLACK = 1 << 20  # and what its allocator does not give back
HOSTILE_WARM_S = 6
HOSTILE_S = 30
HOSTILE_BYTES_SLACK = 4 << 20  # how many are served at once differs
GOOD_ANSWER_S = 15

# The timeouts bound what is left behind: so descriptors can be compared exactly.
SITE = """
    log_format soak '[$pid $status $request_uri $bytes_sent]';
    access_log DIR/soak.log soak LOG;
    open_file_cache max=100 inactive=5s;
    client_header_timeout 4s; client_body_timeout 4s; send_timeout 4s; keepalive_timeout 20s;
    keepalive_requests 100000000;
    app soaked { module soaked; chdir APPS; threads 4; mode MODE; PROCESSES }
    upstream up { server 127.0.0.1:UPSTREAM; keepalive 8; keepalive_timeout 1s; keepalive_requests 100000000; }
    server {
        listen 127.0.0.1:PORT backlog=1024;
        client_max_body_size 20m;
        add_header X-Worker $pid always;
        location = /version { return 200 "version 0"; }
        location /here { return 200 "here $args"; }
        location /up { proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection ""; }
        location /app { app_pass soaked; }
    }
"""
UPSTREAM = """
    access_log off; keepalive_timeout 20s; keepalive_requests 100000000; client_max_body_size 20m;
    server { listen 127.0.0.1:PORT; location / { return 200 "up $args"; } }
"""


# --- what a process holds --------------------------------------------------------------------------------------

def descriptors(pid):
    """What they are, for the message of a failed comparison; numbers of sockets and the like taken out."""
    found = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(re.sub(r"\[\d+\]", "", os.readlink(link)))
    return sorted(found)


def own_bytes(pid):
    """Resident memory but for pages of files and zones: those are bounded, and come as they are first used."""
    return int(re.search(r"^RssAnon:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.M).group(1)) * 1024


def children(pid):
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def family(pid):
    """The process, its children and theirs."""
    return [pid] + [one for child in children(pid) for one in family(child)]


def is_zombie(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def settled_descriptors(pids, goal=None):
    """Those of each process when no client is there: `goal`, or what no longer changes."""
    end, seen, since = time.monotonic() + SETTLE_S, None, 0
    while time.monotonic() < end:
        now = [descriptors(pid) for pid in pids]
        if now != seen:
            seen, since = now, time.monotonic()
        if seen == goal or (goal is None and time.monotonic() - since > 8):  # longer than any timeout above
            return seen
        time.sleep(0.1)
    return seen


def assert_no_growth(before, after, slack):
    if REPORTS is None:  # a sanitizer keeps for long what was freed
        for early, late in zip(before, after, strict=True):
            assert late <= early + slack, f"grew by {late - early} bytes: {before} {after}"


def assert_quiet(server, *, but=()):
    """No process said that something is wrong with it."""
    text = (server.directory / "error.log").read_text(errors="replace") + server.stderr()
    loud = [line for line in text.splitlines() if re.search(r"\[(alert|crit|emerg)\]|assert|Traceback", line)
            and not any(part in line for part in but)]
    assert loud == [], loud[:5]


# --- the server ------------------------------------------------------------------------------------------------

@pytest.fixture
def site(edge):
    def start(workers=1, log="", mode="inline", processes=""):
        upstream = edge(UPSTREAM, name="nginx")
        text = SITE.replace("LOG", log).replace("APPS", str(APPS)).replace("MODE", mode)
        text = text.replace("PROCESSES", processes).replace("UPSTREAM", str(upstream.port))
        server = edge(text, main="user root;", html={"file.bin": FILE, "large.bin": LARGE})
        if workers > 1:
            old = family(server.pid)[1:]
            rewrite(server, "worker_processes 1;", f"worker_processes {workers};")
            server.kill(signal.SIGHUP)
            wait_for(lambda: len(workers_of(server)) == workers and not set(old) & set(family(server.pid)))
        wait_for(lambda: server.ask("/app?0").body == b"app 0")
        return server
    return start


def rewrite(server, old, new):
    conf = server.directory / "nginx.conf"
    text = conf.read_text()
    assert old in text
    conf.write_text(text.replace(old, new))


def title(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def workers_of(server):
    return [pid for pid in server.workers() if "worker process" in title(pid)]


# --- clients that look at every answer -------------------------------------------------------------------------

def questions(token):
    return [("/file.bin", 200, FILE), (f"/up?{token}", 200, f"up {token}".encode()),
            (f"/app?{token}", 200, f"app {token}".encode()), (f"/none?{token}", 404, None),
            (f"/here?{token}", 200, f"here {token}".encode())]


class Load:
    """Threads that ask all the time, half of them over kept connections. `wrong` says what failed.

    `killed` are the workers whose connections may break. Whom a connection is with, its first answer says; before
    that, any that was killed while it was open may have been its worker."""

    def __init__(self, port, threads=6, killed=()):
        self.port, self.killed = port, killed
        self.wrong, self.answers, self.lost, self.slowest, self.stopping = [], 0, 0, 0, False
        self.threads = [threading.Thread(target=self.run, args=(n, n % 2 == 0)) for n in range(threads)]
        for thread in self.threads:
            thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stopping = True
        for thread in self.threads:
            thread.join(90)

    def run(self, number, keep):
        client, asked = None, 0
        while not self.stopping:
            token = f"{number}-{asked}"
            question = questions(token)[asked % 5]
            asked += 1
            started = time.monotonic()
            try:
                if client is None:
                    worker, killed_before = None, len(self.killed)
                    client = Client(self.port, timeout=60)
                answer = client.ask(question[0])
                self.check(question, answer)
                worker = int(answer.get("x-worker"))
                self.answers += 1
                self.slowest = max(self.slowest, time.monotonic() - started)
                if keep and (answer.get("connection") or "").lower() != "close":
                    continue
            except (OSError, AssertionError, ValueError, TypeError) as problem:
                if worker in self.killed if worker else len(self.killed) > killed_before:
                    self.lost += 1
                else:
                    self.wrong.append(f"{question[0]} with {worker}: {problem!r}"[:400])
            if client is not None:
                client.__exit__()
                client = None
            time.sleep(0.01)  # or a machine that reuses no port for a minute has none left
        if client is not None:
            client.__exit__()

    @staticmethod
    def check(question, answer):
        _, status, body = question
        assert answer.status == status and answer.complete, answer
        assert body is None or answer.body == body, answer


def assert_whole_lines(path):
    """Every line of the log is one that the format makes."""
    text = path.read_text()
    torn = [line for line in text.splitlines() if not re.fullmatch(r"\[\d+ \d{3} (/\S*|-) \d+\]", line)]
    assert torn == [] and text.endswith("\n"), torn[:5]
    return text.count("\n")


# --- reloads ---------------------------------------------------------------------------------------------------

def reload(server, number):
    old = workers_of(server)
    rewrite(server, f'"version {number - 1}"', f'"version {number}"')
    server.kill(signal.SIGHUP)
    wait_for(lambda: server.ask("/version").body == f"version {number}".encode(), 60)
    if number % 5 == 0:  # the others begin while those of the last one leave
        wait_for(lambda: len(server.workers()) == 2 and not set(server.workers()) & set(old), 60,
                 "old workers stay")


def test_sixty_reloads_under_load(site):
    server = site(workers=2)
    levels, answers = [], 0
    for numbers in (range(1, RELOADS_WARM + 1), range(RELOADS_WARM + 1, RELOADS + 1)):
        with Load(server.port) as load:
            for number in numbers:
                before = load.answers
                reload(server, number)
                wait_for(lambda count=before: load.answers > count + 50)
        assert load.wrong == []
        answers += load.answers
        wait_for(lambda: len(server.workers()) == 2, text="old workers stay")
        pids = [server.pid, *server.workers()]
        goal = levels[0][0] if levels else None
        levels.append((settled_descriptors(pids, goal), [own_bytes(server.pid)]))
    (descriptors_early, bytes_early), (descriptors_late, bytes_late) = levels
    print(answers, bytes_early, bytes_late)
    assert descriptors_late == descriptors_early
    assert_no_growth(bytes_early, bytes_late, RELOAD_BYTES_SLACK)
    assert not any(is_zombie(pid) for pid in family(server.pid))
    assert answers > RELOADS * 50
    assert_whole_lines(server.directory / "soak.log")
    assert_quiet(server)


# What makes a new configuration impossible: while it is read, when its files or sockets are opened, when its
# application is imported.
BROKEN = [("keepalive_timeout 20s;", "keepalive_timeout forever;"), ("soak.log", "no_such_folder/soak.log"),
          ("listen 127.0.0.1:", "listen unix:DIR/new.sock; listen 127.0.0.1:TAKEN; listen 127.0.0.1:"),
          ("module soaked;", "module no_such_module;")]


def reload_in_vain(server, old, new):
    def refusals():
        return len(re.findall("the old ones? stay", (server.directory / "error.log").read_text(errors="replace")))
    before = refusals()
    rewrite(server, old, new)
    server.kill(signal.SIGHUP)
    wait_for(lambda: refusals() > before)
    rewrite(server, new, old)


def test_reloads_that_fail(site):
    server = site(workers=2, mode="pool", processes="processes 1;")
    pids, levels = family(server.pid), []
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for rounds in (FAILURES_WARM, FAILURES):
            with Load(server.port, threads=2) as load:
                for old, new in BROKEN * rounds:
                    new = new.replace("TAKEN", str(taken.getsockname()[1])).replace("DIR", str(server.directory))
                    reload_in_vain(server, old, new)
            assert load.wrong == [] and load.answers > rounds
            wait_for(lambda: family(server.pid) == pids, text="another generation stays")
            goal = levels[0][0] if levels else None
            levels.append((settled_descriptors(pids[:1], goal), [own_bytes(server.pid)]))
            print(load.answers, levels[-1][1])
    assert levels[0][0] == levels[1][0]
    assert_no_growth(levels[0][1], levels[1][1], RELOAD_BYTES_SLACK)
    assert not (server.directory / "new.sock").exists()
    reload(server, 1)  # and one that can be had still can
    assert_whole_lines(server.directory / "soak.log")


# --- killed workers --------------------------------------------------------------------------------------------

def test_a_hundred_killed_workers(site):
    server = site(workers=KILLED_WORKERS, mode="pool", processes="processes 2;")
    choose = random.Random(7)
    others = [pid for pid in family(server.pid) if pid not in workers_of(server)]  # the master and the pool
    before = settled_descriptors(others)
    born = dict.fromkeys(workers_of(server), time.monotonic())
    killed, end = [], time.monotonic() + 150
    time.sleep(KILLED_AGE_S)
    with Load(server.port, killed=killed) as load:
        while len(killed) < KILLS and time.monotonic() < end:
            old = [pid for pid, when in born.items() if when < time.monotonic() - KILLED_AGE_S]
            if not old:
                time.sleep(0.05)
                continue
            victim, answers = choose.choice(old), load.answers
            killed.append(victim)
            os.kill(victim, signal.SIGKILL)
            wait_for(lambda: victim not in workers_of(server) and len(workers_of(server)) == KILLED_WORKERS,
                     text="it is not replaced")
            wait_for(lambda: load.answers > answers + 20)
            del born[victim]
            born.update({pid: time.monotonic() for pid in workers_of(server) if pid not in born})
    assert load.wrong == []
    print(load.answers, load.lost)
    assert len(killed) == KILLS
    assert 0 < load.lost < len(load.threads) * KILLS
    assert [pid for pid in family(server.pid) if pid not in workers_of(server)] == others
    after = settled_descriptors(others)
    assert after[0] == before[0], "the master's"
    for early, late in zip(before, after, strict=True):  # an edge worker connects to a pool when it first needs it
        assert len(late) <= len(early) + KILLED_WORKERS, late
    assert not any(is_zombie(pid) for pid in family(server.pid))
    # who is killed between an answer and its line writes none
    assert assert_whole_lines(server.directory / "soak.log") >= load.answers - len(load.threads) * KILLS
    assert_quiet(server, but=("exited on signal 9",))


# --- one worker's long life ------------------------------------------------------------------------------------

MIX = """
local paths = { PATHS }
local requests, at = {}, 0
function init(args)
    for i, path in ipairs(paths) do requests[i] = wrk.format(nil, path) end
end
function request()
    at = at % #requests + 1
    return requests[at]
end
"""
CONNECTIONS = 24


def wrk(server, directory, paths, missing, seconds):
    """Asks for each path in turn; how many answers there were. `missing` of the paths are answered 404."""
    script = directory / "mix.lua"
    script.write_text(MIX.replace("PATHS", ", ".join(f'"{path}"' for path in paths)))
    command = [needs_peer("wrk", WRK if WRK.exists() else None), "-t1", f"-c{CONNECTIONS}", f"-d{seconds}",
               "--timeout=30s", "-s", script, f"http://127.0.0.1:{server.port}/"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60, check=True).stdout
    count = int(re.search(r"(\d+) requests in", said).group(1))
    others = int((re.search(r"Non-2xx or 3xx responses: (\d+)", said) or [0, 0])[1])
    assert "Socket errors" not in said, said
    assert abs(others - count * missing / len(paths)) <= CONNECTIONS + 1, said
    return count


def live_long(server, directory, paths, missing=0):
    """(descriptors, bytes) of all its processes after the first requests and at the end."""
    pids, levels = family(server.pid), []
    for goal, seconds in ((REQUESTS_WARM, REQUESTS_S / 4), (REQUESTS, REQUESTS_S)):
        count, end = 0, time.monotonic() + seconds
        while count < goal and time.monotonic() < end:
            count += wrk(server, directory, paths, missing, 3)
        before = levels[0][0] if levels else None
        levels.append((settled_descriptors(pids, before), [own_bytes(pid) for pid in pids]))
        print(count, levels[-1][1])
    assert family(server.pid) == pids
    assert count > REQUESTS / 10, "too few to tell anything"
    return levels


def test_three_hundred_thousand_requests(site, tmp_path):
    server = site(log="buffer=64k flush=1s")
    paths = ["/file.bin", "/here?1", "/none", "/up?1", "/app?1", "/version"]
    early, late = live_long(server, tmp_path, paths, missing=1)
    assert late[0] == early[0]
    assert_no_growth(early[1], late[1], PYTHON_BYTES_SLACK)  # the worker hosts Python
    assert_whole_lines(server.directory / "soak.log")
    assert_quiet(server)


def test_three_hundred_thousand_requests_without_python(edge, tmp_path):
    upstream = edge(UPSTREAM, name="nginx")
    text = re.sub(r"app soaked .*|location /app .*", "", SITE).replace("LOG", "buffer=64k flush=1s")
    server = edge(text.replace("UPSTREAM", str(upstream.port)), html={"file.bin": FILE})
    early, late = live_long(server, tmp_path, ["/file.bin", "/here?1", "/none", "/up?1", "/version"], missing=1)
    assert late[0] == early[0]
    assert_no_growth(early[1], late[1], REQUESTS_BYTES_SLACK)
    assert_whole_lines(server.directory / "soak.log")
    assert_quiet(server)


def test_three_hundred_thousand_calls(started, tmp_path):
    server = serve(started, tmp_path, "soaked:application", "-w", "1", "--threads", "4", cwd=APPS)
    early, late = live_long(server, tmp_path, ["/", "/app?1"])
    assert late[0] == early[0]
    assert_no_growth(early[1], late[1], PYTHON_BYTES_SLACK)


def test_three_hundred_thousand_calls_of_a_pool(site, tmp_path):
    server = site(mode="pool", processes="processes 1;", log="buffer=64k flush=1s")
    early, late = live_long(server, tmp_path, ["/app?1", "/app?2"])
    assert late[0] == early[0]
    assert_no_growth(early[1], late[1], PYTHON_BYTES_SLACK)
    assert_quiet(server)


# --- hostile clients -------------------------------------------------------------------------------------------

def abort(client):
    """Closes with a reset."""
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def post(target, length):
    return f"POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n".encode()


def half_head(client, choose):
    whole = b"GET /file.bin HTTP/1.1\r\nHost: localhost\r\nX-A: b\r\n\r\n"
    client.send(whole[:choose.randrange(1, len(whole))])
    time.sleep(choose.choice([0, 0.1, 1, 6]))  # the last is longer than the head has


def reset_in_the_body(client, choose):
    client.send(post(choose.choice(["/up", "/app", "/here"]), 1_000_000) + bytes(choose.randrange(200_000)))
    abort(client)


def cut_body(client, choose):
    client.send(post(choose.choice(["/up", "/app", "/here"]), 10_000_000))
    for _ in range(50):
        client.send(bytes(100_000))


def slow_reader(client, choose):
    client.send(b"GET /large.bin HTTP/1.1\r\nHost: localhost\r\n\r\n")
    for _ in range(choose.randrange(60)):
        client.socket.recv(1024)
        time.sleep(0.05)


def reset_in_the_answer(client, choose):
    client.send(b"GET /large.bin HTTP/1.1\r\nHost: localhost\r\n\r\n")
    client.socket.recv(choose.randrange(1, 100_000))
    abort(client)


def garbage(client, choose):
    client.send(choose.randbytes(choose.randrange(1, 20_000)))
    client.socket.settimeout(1)
    client.rest()


def pipelined_junk(client, choose):
    good = b"".join(b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % target
                    for target in (b"/here?j", b"/app?j", b"/up?j", b"/file.bin") * choose.randrange(1, 6))
    client.send(good + choose.choice([b"\0\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
                                      choose.randbytes(500), b"POST /app HTTP/1.1\r\nHost: a\r\n\r\nxyz"]))
    if choose.random() < 0.5:
        abort(client)
    else:
        client.socket.settimeout(1)
        client.rest()


def torn_chunks(client, choose):
    client.send(b"POST /app HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
                choose.choice([b"5\r\nhel", b"zz\r\n", b"ffffffffffffffff0\r\n", b"5\r\nhelloX\r\n",
                               b"3;" + b"a" * 30_000]))
    client.socket.settimeout(0.3)
    client.rest()


HOSTILE = [half_head, reset_in_the_body, cut_body, slow_reader, reset_in_the_answer, garbage, pipelined_junk,
           torn_chunks]


def attack(port, seconds):
    """All kinds at once, two of each; how often each had its way."""
    end, counts = time.monotonic() + seconds, dict.fromkeys((kind.__name__ for kind in HOSTILE), 0)

    def run(kind, seed):
        choose = random.Random(seed)
        while time.monotonic() < end:
            with contextlib.suppress(OSError), Client(port, timeout=10) as client:
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
                kind(client, choose)
            counts[kind.__name__] += 1
            time.sleep(0.02)
    threads = [threading.Thread(target=run, args=(kind, f"{kind.__name__}{i}")) for kind in HOSTILE for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds + 60)
        assert not thread.is_alive()
    return counts


@pytest.mark.parametrize("mode, processes", [("inline", ""), ("pool", "processes 1;")])
def test_hostile_clients(site, mode, processes):
    server = site(mode=mode, processes=processes)
    pids = family(server.pid)
    before = settled_descriptors(pids)
    levels = []
    for seconds in (HOSTILE_WARM_S, HOSTILE_S):
        with Load(server.port, threads=2) as load:
            counts = attack(server.port, seconds)
        assert load.wrong == [] and load.answers > seconds
        assert load.slowest < GOOD_ANSWER_S
        assert all(counts.values()), counts
        assert family(server.pid) == pids, "one of them died"
        assert settled_descriptors(pids, before) == before
        levels.append([own_bytes(pid) for pid in pids])
        print(load.answers, load.slowest, counts, levels[-1])
    assert_no_growth(levels[0], levels[1], HOSTILE_BYTES_SLACK)
    left = [path for path in (server.directory / "temp").rglob("*") if path.is_file()]
    assert left == []
    assert_whole_lines(server.directory / "soak.log")
    assert_quiet(server)
