"""USR2: another executable takes the listening sockets over while nobody notices, forth and back, and between wend
and a real nginx."""
import os
import signal
import subprocess
from pathlib import Path

import pytest
from conftest import NGINX, WEND, Client, free_port, needs, needs_peer, wait_for, write_conf
from test_edge_signals import Load

pytestmark = needs("edge")
BODY = bytes(range(256)) * 40
SITE = ("server { listen 127.0.0.1:PORT; listen unix:DIR/s; location = /pid { return 200 $pid; } }")


def parent_of(pid):
    text = Path(f"/proc/{pid}/stat").read_text()
    return int(text.rpartition(")")[2].split()[1])


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def read_pid(path):
    try:
        return int(path.read_text())
    except (FileNotFoundError, ValueError):
        return 0


class Site:
    """A master that may be followed by another; stops whatever is left of both."""

    def __init__(self, server):
        self.server, self.directory, self.port = server, server.directory, server.port
        self.pid_file, self.old_pid_file = self.directory / "pid", self.directory / "pid.oldbin"
        self.others = []

    def upgrade(self):
        os.kill(read_pid(self.pid_file), signal.SIGUSR2)
        wait_for(lambda: read_pid(self.old_pid_file) and read_pid(self.pid_file) not in (0, read_pid(self.old_pid_file)),
                 text="no new master wrote its pid file")
        self.others.append(read_pid(self.pid_file))
        wait_for(lambda: self.masters_serving() >= {read_pid(self.old_pid_file), read_pid(self.pid_file)},
                 text="the two do not both serve")
        return self.others[-1]

    def workers_of(self, master):
        text = Path(f"/proc/{master}/task/{master}/children").read_text()
        return [int(word) for word in text.split() if int(word) not in self.others]

    def masters_serving(self):
        found = set()
        for _ in range(40):
            with Client(self.port) as client:
                found.add(parent_of(int(client.ask("/pid").body)))
        return found

    def clean(self):
        for pid in self.others:
            if alive(pid):
                os.kill(pid, signal.SIGTERM)
                wait_for(lambda: not alive(pid))


@pytest.fixture
def site(edge):
    site = Site(edge(SITE, html={"file.bin": BODY}))
    yield site
    site.clean()


def test_a_new_executable_takes_over_under_load(site):
    load = Load(site.port, body=BODY)
    try:
        old = site.server.pid
        new = site.upgrade()
        assert read_pid(site.old_pid_file) == old != new
        os.kill(old, signal.SIGQUIT)
        wait_for(lambda: not alive(old), text="the old master does not end")
        wait_for(lambda: not site.old_pid_file.exists())
        assert read_pid(site.pid_file) == new and site.masters_serving() == {new}
        with Client(site.directory / "s") as client:  # the path is still there
            assert parent_of(int(client.ask("/pid").body)) == new
        seen = load.answers
        wait_for(lambda: load.answers > seen + 20)
    finally:
        wrong = load.stop()
    assert not wrong and load.answers
    text = (site.directory / "error.log").read_text()
    assert "[alert]" not in text and "inherited sockets" in text


def test_the_old_executable_comes_back(site):
    old = site.server.pid
    new = site.upgrade()
    os.kill(old, signal.SIGWINCH)
    wait_for(lambda: not site.workers_of(old), text="the old workers stay")
    assert site.masters_serving() == {new}
    os.kill(old, signal.SIGHUP)
    wait_for(lambda: site.masters_serving() == {old, new}, text="the old workers do not come back")
    os.kill(new, signal.SIGQUIT)
    wait_for(lambda: not alive(new))
    wait_for(lambda: read_pid(site.pid_file) == old and not site.old_pid_file.exists(), text="the pid file is not moved back")
    assert site.masters_serving() == {old}
    with Client(site.directory / "s") as client:
        assert client.ask("/pid").status == 200
    newer = site.upgrade()  # and once more
    assert newer not in (old, new)


def test_a_new_executable_that_fails_changes_nothing(site):
    old = site.server.pid
    conf = site.directory / "nginx.conf"
    good = conf.read_text()
    conf.write_text("nonsense;")
    os.kill(old, signal.SIGUSR2)
    log = site.directory / "error.log"
    wait_for(lambda: "new binary process" in log.read_text() and " exited" in log.read_text())
    wait_for(lambda: read_pid(site.pid_file) == old and not site.old_pid_file.exists())
    assert site.masters_serving() == {old}
    conf.write_text(good)
    assert site.upgrade() != old


def test_workers_come_back_when_the_new_executable_ends(site):
    old = site.server.pid
    new = site.upgrade()
    os.kill(old, signal.SIGWINCH)
    wait_for(lambda: not site.workers_of(old))
    os.kill(new, signal.SIGTERM)
    wait_for(lambda: not alive(new))
    assert site.masters_serving() == {old}


def test_the_signal_is_ignored_while_two_serve(site):
    new = site.upgrade()
    for pid in (site.server.pid, new):
        os.kill(pid, signal.SIGUSR2)
    log = site.directory / "error.log"
    wait_for(lambda: log.read_text().count("the signal is ignored") == 2)
    assert read_pid(site.pid_file) == new


@pytest.mark.parametrize("first, second", [("nginx", "wend"), ("wend", "nginx")])
def test_nginx_and_wend_follow_each_other(tmp_path, first, second):
    programs = {"nginx": needs_peer("nginx", NGINX), "wend": WEND.parent / "compat/nginx"}
    link, directory = tmp_path / "bin/nginx", tmp_path / first
    for path in (link.parent, directory):
        path.mkdir()
    conf = write_conf(directory, SITE, port := free_port(), name="nginx")
    link.symlink_to(programs[first])
    conf.write_text(conf.read_text().replace("daemon off;", "daemon on;"))  # nginx cannot be followed otherwise
    subprocess.run([link, "-p", directory, "-c", conf, "-e", directory / "error.log"], check=True, timeout=60,
                   stdin=subprocess.DEVNULL)
    wait_for(lambda: read_pid(directory / "pid"))

    class Daemon:
        pid = read_pid(directory / "pid")
    Daemon.directory, Daemon.port = directory, port
    site = Site(Daemon)
    site.others.append(Daemon.pid)
    try:
        wait_for(lambda: site.masters_serving() == {Daemon.pid})
        link.unlink()
        link.symlink_to(programs[second])
        new = site.upgrade()
        os.kill(Daemon.pid, signal.SIGQUIT)
        wait_for(lambda: not alive(Daemon.pid))
        assert site.masters_serving() == {new} and read_pid(site.pid_file) == new
        assert os.path.realpath(f"/proc/{new}/exe") == os.path.realpath(programs[second])
    finally:
        site.clean()
