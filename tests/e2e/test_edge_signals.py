"""Master and workers from outside: reload and stop under load without a lost request, logs opened
again, a killed worker replaced with only its own connections lost."""
import os
import re
import signal
import socket
import threading
import time

import pytest
from conftest import Client, free_port, needs, wait_for

pytestmark = needs("edge")
SITE = ("server { listen 127.0.0.1:PORT; location = /version { return 200 one; } "
        "location = /worker { return 200 $pid; } }")
BODY = bytes(range(256)) * 40


class Load:
    """Threads that ask all the time, over kept connections and fresh ones. `wrong` says what failed."""

    def __init__(self, port, threads=4, path="/file.bin", body=BODY):
        self.port, self.path, self.body = port, path, body
        self.wrong, self.answers, self.stopping = [], 0, False
        self.threads = [threading.Thread(target=self.run, args=(n % 2 == 0,)) for n in range(threads)]
        for thread in self.threads:
            thread.start()

    def run(self, keep):
        client = None
        while not self.stopping:
            try:
                client = client or Client(self.port, timeout=30)
                answer = client.ask(self.path)
                assert answer.status == 200 and answer.complete and answer.body == self.body, answer
                self.answers += 1
                if not keep or (answer.get("connection") or "").lower() == "close":
                    client.__exit__()
                    client = None
            except (OSError, AssertionError, ValueError) as problem:
                self.wrong.append(repr(problem)[:300])
                client = None
        if client is not None:
            client.__exit__()

    def stop(self):
        self.stopping = True
        for thread in self.threads:
            thread.join(60)
        return self.wrong


@pytest.fixture
def site(edge):
    return edge(SITE, html={"file.bin": BODY})


def test_reload_under_load_loses_nothing(site):
    load = Load(site.port)
    try:
        for version in ("two", "three", "four", "five", "six"):
            conf = site.directory / "nginx.conf"
            text = conf.read_text()
            conf.write_text(re.sub(r"return 200 \w+;", f"return 200 {version};", text))
            before = load.answers
            site.kill(signal.SIGHUP)
            wait_for(lambda: site.ask("/version").body == version.encode(), 30)
            wait_for(lambda: load.answers > before + 50, 30)
    finally:
        wrong = load.stop()
    assert wrong == [] and load.answers > 250
    wait_for(lambda: len(site.workers()) == 1, 30, "old workers stay")


def test_an_idle_connection_is_told_to_close_after_a_reload(site):
    with site.client() as client:
        assert client.ask("/version").get("connection") != "close"
        old = site.workers()
        site.kill(signal.SIGHUP)
        wait_for(lambda: set(site.workers()) - set(old), 30)
        time.sleep(0.2)
        try:
            answer = client.ask("/version")
        except OSError:
            answer = None
        # answered and then closed, never dropped under a request that is on its way
        assert answer is not None and answer.status == 200
        assert answer.get("connection") == "close"


def test_a_bad_configuration_changes_nothing(site):
    conf = site.directory / "nginx.conf"
    conf.write_text(conf.read_text().replace("return 200 one;", "no_such_directive;"))
    workers = site.workers()
    site.kill(signal.SIGHUP)
    wait_for(lambda: "no_such_directive" in (site.directory / "error.log").read_text() + site.stderr(), 30)
    assert site.workers() == workers
    assert site.ask("/version").body == b"one"


def test_a_reload_that_cannot_listen_leaves_nothing_open(site):
    conf, new, path = site.directory / "nginx.conf", free_port(), site.directory / "new.sock"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        conf.write_text(conf.read_text().replace(
            "server {", f"server {{ listen 127.0.0.1:{new}; listen unix:{path}; "
                        f"listen 127.0.0.1:{taken.getsockname()[1]};", 1))
        site.kill(signal.SIGHUP)
        wait_for(lambda: "the old one stays" in (site.directory / "error.log").read_text(), 30)
        assert site.ask("/version").body == b"one"
        with pytest.raises(ConnectionRefusedError):
            Client(new)
        assert not path.exists()
    site.kill(signal.SIGHUP)  # the address is free now, and the master's own are not in its way

    def listens():
        try:
            Client(new).__exit__()
        except ConnectionRefusedError:
            return False
        return True
    wait_for(listens, 30)
    with Client(new) as one, Client(path) as other:
        assert one.ask("/version").body == other.ask("/version").body == b"one"


def test_quit_finishes_what_is_under_way(edge):
    body = b"z" * 8_000_000
    site = edge(SITE, html={"large.bin": body})
    with site.client() as slow:
        slow.send(b"GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n")
        slow.head()
        got = slow.exactly(1000)
        site.kill(signal.SIGQUIT)
        time.sleep(0.3)
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", site.port), timeout=2).close()
        got += slow.exactly(len(body) - len(got))
        assert got == body
    assert site.process.wait(20) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_term_and_int_stop_at_once(site, number):
    with site.client() as idle:
        idle.ask("/version")
        workers = site.workers()
        before = time.monotonic()
        site.kill(number)
        assert site.process.wait(10) == 0
        assert time.monotonic() - before < 5
    assert not any(os.path.exists(f"/proc/{pid}") for pid in workers)
    assert not (site.directory / "pid").exists()


def test_usr1_opens_the_logs_again(site):
    log = site.directory / "access.log"
    site.ask("/version?first")
    wait_for(lambda: "first" in log.read_text(), 10)
    log.rename(site.directory / "old.log")
    site.kill(signal.SIGUSR1)
    wait_for(log.exists, 10)
    time.sleep(0.2)
    site.ask("/version?second")
    wait_for(lambda: "second" in log.read_text(), 10)
    assert "second" not in (site.directory / "old.log").read_text()


def test_a_killed_worker_is_replaced(site):
    site.ask("/version")  # the listener is there before the worker is
    [worker] = site.workers()
    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: site.workers() not in ([], [worker]), 20)
    assert site.ask("/version").body == b"one"
    assert str(worker) in (site.directory / "error.log").read_text()


def test_a_killed_worker_takes_only_its_own_connections(edge):
    port = free_port()
    site = edge(SITE, port=port)
    conf = site.directory / "nginx.conf"
    conf.write_text(conf.read_text().replace("worker_processes 1;", "worker_processes 2;"))
    before = site.workers()
    site.kill(signal.SIGHUP)
    wait_for(lambda: len(site.workers()) == 2 and not set(before) & set(site.workers()), 30)
    clients = [site.client() for _ in range(200)]
    for client in clients:
        client.send(b"GET /worker HTTP/1.1\r\nHost: a\r\n\r\n")
    workers = [int(client.answer().body) for client in clients]
    victim = workers[0]
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: victim not in site.workers() and len(site.workers()) == 2, 20)
    for client, worker in zip(clients, workers, strict=True):
        if worker != victim:
            assert int(client.ask("/worker").body) == worker
        client.__exit__()
    assert site.ask("/version").status == 200


def test_stop_by_the_flag(site):
    import subprocess
    from conftest import WEND
    done = subprocess.run([WEND, "edge", "-p", site.directory, "-c", site.directory / "nginx.conf",
                           "-s", "quit"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert site.process.wait(20) == 0
