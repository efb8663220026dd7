"""Applications in pools: processes of their own behind the edge.

The application is tests/data/pool_app.py."""
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
from conftest import DATA, WEND, Server, free_port, needs, wait_for, write_conf

pytestmark = needs("edge")

PASS = """
    server {{ listen 127.0.0.1:PORT; client_max_body_size 0; location / {{ app_pass one; }} {more} }}
"""


def children(pid):
    try:
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def command_line(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except (FileNotFoundError, ProcessLookupError):  # it ended since it was listed
        return ""


class Pools:
    """A server with applications in pools, and what is known about its processes."""

    def __init__(self, server, log):
        self.server, self.log = server, log
        self.ask, self.client = server.ask, server.client

    def notes(self):
        return self.log.read_text().splitlines()

    def noted(self, text, count=1):
        wait_for(lambda: sum(text in line for line in self.notes()) >= count, 30,
                 f"not {count} times {text!r}: {self.notes()}")

    def zygotes(self, name="one"):
        return [p for p in self.server.workers() if f"zygote of app {name}" in command_line(p)]

    def processes(self, name="one"):
        return [p for z in self.zygotes(name) for p in children(z)]

    def errors(self):
        return (self.server.directory / "error.log").read_text(errors="replace")


@pytest.fixture
def pools(tmp_path, started):
    def start(apps="app one { mode pool; processes 2; threads 4; module pool_app; }", more="",
              main="user root;", workers=1, **environment):
        directory = tmp_path / "wend"
        directory.mkdir(exist_ok=True)
        log = tmp_path / "log"
        log.touch()
        log.chmod(0o666)
        port = free_port()
        conf = write_conf(directory, apps + PASS.format(more=more), port, main)
        conf.write_text(conf.read_text().replace("worker_processes 1;",
                                                 f"worker_processes {workers};"))
        environment = dict(os.environ, POOL_LOG=str(log), PYTHONDONTWRITEBYTECODE="1",
                           PYTHONPATH=str(DATA), **environment)
        command = [WEND, "edge", "-p", directory, "-c", conf, "-e", directory / "error.log"]
        server = started(Server(command, port, directory, cwd=DATA, env=environment))
        result = Pools(server, log)
        wait_for(lambda: result.ask("/").status == 200, 30, result.errors)
        return result
    return start


def in_threads(count, work):
    """work(i) for each i at the same time; the results in order."""
    results = [None] * count
    def run(i):
        results[i] = work(i)
    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    return threads, results


def join(threads):
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


TWO = """app one { module pool_app; processes 2; threads 2; }
         app two { module pool_app:application; processes 1; }"""


def test_two_applications_go_to_pools_and_the_edge_has_no_python(pools):
    site = pools(TWO, "location /two { app_pass two; }")
    assert site.ask("/two").status == 200  # requests wait until it has been imported
    one, two = site.processes("one"), site.processes("two")
    assert len(one) == 2 and len(two) == 1
    assert {int(site.ask("/x").body) for _ in range(8)} == set(one)
    assert {int(site.ask("/two").body) for _ in range(4)} == set(two)
    edge = [p for p in site.server.workers() if "worker process" in command_line(p)]
    assert len(edge) == 1
    for pid in [site.server.pid, *edge]:
        assert Path(os.readlink(f"/proc/{pid}/exe")).name == "wend"
    for pid in [*one, *two]:
        assert Path(os.readlink(f"/proc/{pid}/exe")).name == "wend-python3.11"


def test_it_is_imported_once_and_fork_hooks_run(pools):
    site = pools()
    for _ in range(4):
        pid, parent, imported_by, _, hooks = site.ask("/about").body.decode().split()
        assert parent == imported_by == str(site.zygotes()[0]) and pid != parent
        assert hooks.split(",")[-2:] == ["before", "child"]
    # the second process was forked after the first: its parent's hook ran in the zygote
    seen = {site.ask("/about").body.decode().split()[4] for _ in range(6)}
    assert seen == {"before,child", "before,parent,before,child"}


@pytest.mark.parametrize("processes, threads, flags", [(1, 1, "False False"), (1, 2, "True False"),
                                                       (2, 1, "False True"), (2, 2, "True True")])
def test_wsgi_flags(pools, processes, threads, flags):
    site = pools(f"app one {{ mode pool; processes {processes}; threads {threads};"
                 " module pool_app; }")
    assert site.ask("/flags").body.decode() == flags


@pytest.mark.parametrize("workers, flag", [(1, "False"), (2, "True")])
def test_multiprocess_of_an_inline_application_is_the_edges(pools, workers, flag):
    site = pools("app one { module pool_app; }", workers=workers)
    assert site.ask("/flags").body.decode().split()[1] == flag


def test_a_crash_costs_the_requests_of_its_process_alone(pools, tmp_path):
    site = pools()
    before = set(site.processes())
    release = tmp_path / "release"
    threads, answers = in_threads(6, lambda _: site.ask(f"/wait?{release}"))
    site.noted("waiting", 6)
    assert site.ask("/crash").status == 502
    site.noted("crash")
    dead = [line.split()[1] for line in site.notes() if line.startswith("crash")][0]
    there = [line.split()[1] for line in site.notes() if line.startswith("waiting")].count(dead)
    assert 0 < there < 6
    wait_for(lambda: sum(a is not None for a in answers) == there, 30, "the dead one's come back")
    release.touch()
    join(threads)
    assert sorted(a.status for a in answers) == [200] * (6 - there) + [502] * there
    assert all(a.body.decode() != dead for a in answers if a.status == 200)
    wait_for(lambda: len(site.processes()) == 2, 30)
    after = set(site.processes())
    assert len(after & before) == 1 and int(dead) not in after
    wait_for(lambda: {int(site.ask("/x").body) for _ in range(8)} == after, 30,
             "the new process gets requests too")
    assert "[alert]" in site.errors() and "exited on signal 9" in site.errors()


@pytest.mark.skipif("ASAN_OPTIONS" in os.environ, reason="the sanitizer takes this signal")
def test_a_segmentation_fault_is_an_alert(pools):
    site = pools()
    assert site.ask("/crash?SIGSEGV").status == 502
    wait_for(lambda: "exited on signal 11" in site.errors(), 30)
    assert site.ask("/x").status == 200


def test_a_child_that_the_application_forked_hides_no_crash(pools):
    site = pools("app one { mode pool; processes 1; threads 2; module pool_app; }")
    assert site.ask("/fork").status == 200
    before = time.monotonic()
    assert site.ask("/crash").status == 502
    assert time.monotonic() - before < 20  # the child sleeps for 30


def test_requests_wait_while_the_only_process_is_replaced(pools):
    site = pools("app one { mode pool; processes 1; threads 2; module pool_app; }")
    for _ in range(3):
        old = site.processes()[0]
        assert site.ask("/crash").status == 502
        assert int(site.ask("/x").body) != old


def test_an_answer_whose_process_dies_midway_is_torn(pools):
    site = pools()
    with site.client() as client:
        answer = client.ask("/torn")
    assert answer.status == 200 and not answer.complete
    assert site.ask("/x").status == 200


def test_many_streams_over_few_sockets(pools):
    site = pools("app one { mode pool; processes 2; threads 40; module pool_app; }")
    threads, answers = in_threads(60, lambda _: site.ask("/stream?20"))
    time.sleep(0.3)
    sockets = [sum(os.readlink(fd).startswith("socket:") for fd in Path(f"/proc/{p}/fd").iterdir())
               for p in site.processes()]
    join(threads)
    expected = b"".join(b"%d " % i + b"s" * 1000 for i in range(20))
    assert all(a.status == 200 and a.complete and a.body == expected for a in answers)
    assert max(sockets) < 8, sockets


@pytest.mark.parametrize("size", [0, 1, 131_072, 131_073, 20_000_000])
def test_bodies_up(pools, size):
    site = pools()
    body = (bytes(range(251)) * (size // 251 + 1))[:size]
    assert site.ask("/count", method="POST", body=body).body.decode() == \
        f"{size} {sum(body) % 65536}"


def test_20_megabytes_down(pools):
    site = pools()
    answer = site.ask("/big")
    assert answer.complete and len(answer.body) == 20_000_000
    assert answer.body == b"".join(bytes([i % 251]) * 100_000 for i in range(200))


def test_a_slow_client_stops_nobody_else(pools):
    site = pools("app one { mode pool; processes 1; threads 4; module pool_app; }")
    with site.client() as slow:
        slow.send(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
        slow.exactly(1000)
        for _ in range(20):
            assert site.ask("/x").status == 200
        assert site.ask("/big").complete


def test_a_client_that_left_means_close(pools):
    site = pools()
    with site.client() as client:
        client.send(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n")
        client.exactly(300_000)
    site.noted("close endless")


def test_too_many_requests_are_refused_with_retry_after(pools, tmp_path):
    site = pools("app one { mode pool; processes 1; threads 1; queue 1; module pool_app; }")
    release = tmp_path / "release"
    first, busy = in_threads(1, lambda _: site.ask(f"/wait?{release}"))
    site.noted("waiting")
    threads, answers = in_threads(5, lambda _: site.ask(f"/wait?{release}"))
    wait_for(lambda: sum(a is not None for a in answers) == 4, 30, "four are refused")
    refused = [a for a in answers if a is not None]
    release.touch()
    join(first + threads)
    assert [a.status for a in refused] == [503] * 4
    assert all(a.get("retry-after") == "1" for a in refused)
    assert sorted(a.status for a in answers + busy) == [200, 200] + [503] * 4


def test_reload_under_load_loses_nothing(pools):
    site = pools()
    stop, wrong, count = threading.Event(), [], [0] * 4
    def load(i):
        while not stop.is_set():
            try:
                answer = site.ask("/x" if i % 2 else "/stream?3")
            except OSError as error:
                wrong.append(repr(error))
                continue
            count[i] += 1
            if answer.status != 200 or not answer.complete:
                wrong.append(answer)
    threads, _ = in_threads(4, load)
    generations = [set(site.processes())]
    for _ in range(3):
        site.server.kill(signal.SIGHUP)
        wait_for(lambda: set(site.processes()).isdisjoint(generations[-1])
                 and len(site.processes()) == 2, 60, "a new generation and no old one")
        generations.append(set(site.processes()))
    stop.set()
    join(threads)
    assert wrong == [] and all(count)
    assert len(set.union(*generations)) == 8


def test_a_long_request_outlives_a_reload(pools, tmp_path):
    site = pools()
    release = tmp_path / "release"
    threads, answers = in_threads(1, lambda _: site.ask(f"/wait?{release}"))
    site.noted("waiting")
    old = site.zygotes()
    site.server.kill(signal.SIGHUP)
    wait_for(lambda: len(site.zygotes()) == 2 and site.processes(), 30)
    wait_for(lambda: int(site.ask("/about").body.split()[1]) not in old, 30)
    assert answers == [None]
    release.touch()
    join(threads)
    assert answers[0].status == 200
    wait_for(lambda: not set(site.zygotes()) & set(old), 30, "the old zygote ends")


def test_a_reload_that_cannot_import_keeps_the_old_ones(pools):
    site = pools()
    before = site.processes()
    conf = site.server.directory / "nginx.conf"
    conf.write_text(conf.read_text().replace("module pool_app;", "module no_such_module;"))
    site.server.kill(signal.SIGHUP)
    wait_for(lambda: "the old ones stay" in site.errors(), 30)
    assert "no_such_module" in site.errors()
    assert site.ask("/x").status == 200 and site.processes() == before


def test_a_first_start_that_cannot_import_fails_and_says_why(tmp_path):
    conf = write_conf(tmp_path, "app one { mode pool; module no_such_module; }"
                      + PASS.format(more=""), free_port(), "user root;")
    command = [WEND, "edge", "-p", tmp_path, "-c", conf, "-e", tmp_path / "error.log"]
    done = subprocess.run(command, capture_output=True, timeout=60)
    assert done.returncode != 0
    assert "no_such_module" in (tmp_path / "error.log").read_text()


def test_a_killed_zygote_is_replaced(pools, tmp_path):
    site = pools()
    release = tmp_path / "release"
    threads, answers = in_threads(1, lambda _: site.ask(f"/wait?{release}"))
    site.noted("waiting")
    old = site.zygotes()[0]
    os.kill(old, signal.SIGKILL)
    wait_for(lambda: site.zygotes() not in ([], [old]) and len(site.processes()) == 2, 30)
    new = set(site.processes())
    for _ in range(6):
        assert site.ask("/x").status == 200
    release.touch()
    join(threads)
    assert answers[0].status == 200  # its process had lost its parent, not its request
    wait_for(lambda: {int(site.ask("/x").body) for _ in range(6)} == new, 30)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_pool_has_its_own_user(pools):
    site = pools("app one { isolate on; user daemon; processes 1; module pool_app; }")
    uid = int(site.ask("/about").body.split()[3])
    import pwd
    assert uid == pwd.getpwnam("daemon").pw_uid
    assert site.ask("/about").body.split()[3] != str(os.getuid()).encode()


def test_a_thread_that_import_starts_is_warned_of(pools):
    site = pools(POOL_THREAD="1")
    wait_for(lambda: "importing it started 1 thread (too early)" in site.errors(), 30)
    assert "[warn]" in site.errors()


def test_both_kinds_in_one_server(pools):
    site = pools("""app one { mode pool; processes 1; module pool_app; }
                    app two { mode inline; module pool_app; }""",
                 "location /two { app_pass two; }")
    edge = [p for p in site.server.workers() if "worker process" in command_line(p)]
    assert int(site.ask("/two").body) in edge
    assert int(site.ask("/x").body) in site.processes()


def test_the_trace_goes_on_in_the_other_process(pools):
    site = pools()
    answer = site.ask("/x", "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    timing = answer.get("server-timing")
    assert timing.index("pool") < timing.index("queue") < timing.index("python"), timing


def test_variables_of_a_uwsgi_packet_reach_the_application(pools):
    inner = free_port()
    site = pools(f"""app one {{ mode pool; processes 1; module pool_app; }}
        server {{ listen 127.0.0.1:{inner} uwsgi; location / {{ app_pass one; }} }}""",
        f"""location /environ/ {{ uwsgi_pass 127.0.0.1:{inner}; uwsgi_param SITE mine;
            uwsgi_param REQUEST_METHOD $request_method; uwsgi_param REQUEST_URI $request_uri;
            uwsgi_param PATH_INFO $document_uri; uwsgi_param SERVER_PROTOCOL $server_protocol; }}""")
    assert site.ask("/environ/SITE").body == b"mine"
    assert site.ask("/environ/PATH_INFO").body == b"/environ/PATH_INFO"
    assert site.ask("/environ/UWSGI_FILE").body == b"none"


def test_logs_are_reopened(pools):
    site = pools()
    log = site.server.directory / "error.log"
    log.rename(log.with_suffix(".1"))
    site.server.kill(signal.SIGUSR1)
    wait_for(lambda: log.exists(), 30)
    assert site.ask("/crash").status == 502
    wait_for(lambda: "exited on signal 9" in log.read_text(), 30, "the zygote writes the new file")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
def test_nothing_is_left_behind(pools, number):
    site = pools(TWO, "location /two { app_pass two; }")
    everyone = site.server.workers() + site.processes("one") + site.processes("two")
    assert site.server.stop(number) == 0
    wait_for(lambda: not any(os.path.exists(f"/proc/{p}") for p in everyone), 10,
             "a process is left")


@pytest.mark.parametrize("block, message", [
    ("app one { processes 2; module pool_app; }", '"processes" needs "mode pool"'),
    ("app one { mode inline; user root; module pool_app; }", '"user" needs "mode pool"'),
    ("app one { mode outline; module pool_app; }", "must be inline or pool"),
    ("app one { mode inline; isolate on; module pool_app; }", "cannot be both"),
    ("app one { mode pool; user nobody-like-this; module pool_app; }", "must be a user"),
    ("app one { mode pool; processes 1000; module pool_app; }", "more than 256 processes"),
    ("app one { mode pool; processes 0; module pool_app; }", "must be a number above 0"),
])
def test_blocks_that_make_no_sense(tmp_path, block, message):
    conf = write_conf(tmp_path, block + PASS.format(more=""), free_port())
    done = subprocess.run([WEND, "edge", "-t", "-p", tmp_path, "-c", conf], capture_output=True,
                          timeout=60)
    assert done.returncode == 1 and message in done.stderr.decode(), done.stderr


def gone(processes):
    return not any(os.path.exists(f"/proc/{p}") for p in processes)


def test_a_killed_master_leaves_nobody_behind(pools):
    site = pools()
    everyone = site.server.workers() + site.processes()
    os.kill(site.server.pid, signal.SIGKILL)
    site.server.process.wait()
    wait_for(lambda: gone(everyone), 30, "a process is left")


def test_winch_ends_pools_and_reload_brings_them_back(pools):
    site = pools()
    wait_for(lambda: len(site.processes()) == 2, 30)
    everyone = site.server.workers() + site.processes()
    def drained():  # a generation that is not complete yet does not listen to it
        site.server.kill(signal.SIGWINCH)
        time.sleep(0.2)
        return gone(everyone)
    wait_for(drained, 30, "a process is left")
    site.server.kill(signal.SIGHUP)
    assert site.ask("/x").status == 200


def test_a_changed_source_starts_new_processes(pools, tmp_path):
    source = tmp_path / "changing.py"
    text = "def application(environ, start_response):\n" \
           "    start_response('200 OK', [])\n    return [b'VALUE']\n"
    source.write_text(text.replace("VALUE", "first"))
    site = pools(f"app one {{ mode pool; processes 2; reload on; module changing;"
                 f" pythonpath {tmp_path}; }}")
    assert site.ask("/").body == b"first"
    source.write_text(text.replace("VALUE", "second, and longer"))
    wait_for(lambda: site.ask("/").body == b"second, and longer", 60, site.errors)
    assert all(site.ask("/").body == b"second, and longer" for _ in range(6))


def test_wend_serve_takes_an_nginx_conf_with_pools(tmp_path, started):
    port = free_port()
    conf = write_conf(tmp_path, TWO + PASS.format(more="location /two { app_pass two; }"), port,
                      "user root;")
    server = started(Server([WEND, "serve", conf], port, tmp_path, cwd=DATA,
                            env=dict(os.environ, PYTHONPATH=str(DATA))))
    assert server.ask("/x").body != server.ask("/two").body
    assert server.ask("/two").status == 200
