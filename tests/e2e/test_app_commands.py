"""`wend app`, the uwsgi and gunicorn links and uwsgi.ini: the same words and files as a real uWSGI and a
real gunicorn take, and what becomes of them."""
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import time

import pytest
from conftest import WEND, ROOT, Client, Server, free_port, needs, needs_peer, wait_for
from test_edge_signals import Load

UWSGI = shutil.which("uwsgi") or shutil.which("uwsgi-core")
GUNICORN = ROOT / "build" / "venv" / "bin" / "gunicorn"
LINKS = WEND.parent / "compat"

pytestmark = [needs("app")]

APPLICATION = '''
import json, os, sys, time

def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path in ("/slow", "/slower"):
        time.sleep(1.5 if path == "/slow" else 9)
    if path == "/file.bin":
        start_response("200 OK", [("Content-Type", "application/octet-stream")])
        return [bytes(range(256)) * 40]
    if path == "/print":
        print("printed by the application", file=sys.stderr, flush=True)
    body = {"path": path, "cwd": os.getcwd(), "pid": os.getpid(), "argv": sys.argv,
            "env": {k: v for k, v in os.environ.items() if k.startswith("T_")},
            "name": __name__, "multithread": environ["wsgi.multithread"],
            "script": environ["SCRIPT_NAME"]}
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(body).encode()]

other = application

def create_app(word="none"):
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"made with {word}".encode()]
    return app
'''


@pytest.fixture
def folder(tmp_path):
    """A project: shop/app.py, and an empty folder the server is started in."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "app.py").write_text(APPLICATION)
    (tmp_path / "run").mkdir()
    for path in [tmp_path, *tmp_path.iterdir()]:
        path.chmod(0o755)
    return tmp_path


def start(started, folder, command, address, **options):
    return started(Server(command, address, folder, cwd=folder / "run", **options))


def program(name):
    if name == "uwsgi":
        needs_peer("uwsgi", UWSGI)
        return [UWSGI, "--plugin", "python3"]
    return [LINKS / "uwsgi"]


def ask_json(server, target="/"):
    return json.loads(server.ask(target).body)


# --- ini files ------------------------------------------------------------------------------------

INI = """
; everything that people write
# in such a file
[other]
http-socket = 127.0.0.1:1
[uwsgi]
plugins = python3
base = %d
http-socket = 127.0.0.1:PORT
  chdir   =   %(base)shop  
wsgi-file = %(name).py
name = app
master
processes = 2
threads = 2
enable-threads = true
die-on-term = true
vacuum = 1
need-app = true
lazy-apps = true
single-interpreter = true
env = T_NAMES=%n|%s|%e|%c|%p
env = T_HOME=$(T_GIVEN)
env = T_COMMENT=a ; b # c
env = T_PERCENT=100%%
env = T_NUMBERS=%k|%u|%g|%h
pidfile = the.pid
"""


@pytest.mark.parametrize("how", ["--ini FILE", "FILE"])
@pytest.mark.parametrize("name", ["uwsgi", "wend"])
def test_one_ini_file_for_both(name, how, folder, started):
    """Compared with what the other said: the file's path is the same, the port differs."""
    port = free_port()
    ini = folder / "site.ini"
    ini.write_text(INI.replace("PORT", str(port)))
    words = [*program(name)[:1], *how.replace("FILE", str(ini)).split()]
    server = start(started, folder, words, port, env={**os.environ, "T_GIVEN": "given"})
    told = ask_json(server, "/a")
    assert told["cwd"] == str(folder / "shop") and told["multithread"] is True
    assert told["env"] == {
        "T_GIVEN": "given", "T_HOME": "given", "T_COMMENT": "a ; b # c", "T_PERCENT": "100%",
        "T_NAMES": f"site|site.ini|ini|{folder.name}|{ini}",
        "T_NUMBERS": f"{os.cpu_count()}|{os.getuid()}|{os.getgid()}|{socket.gethostname()}",
    }
    assert int((folder / "run" / "the.pid").read_text()) == server.pid  # where it was started
    status = server.stop(signal.SIGINT)
    if name == "wend":  # uWSGI says 22 and leaves the file when a worker was still importing
        assert status == 0 and not (folder / "run" / "the.pid").exists()


@pytest.mark.parametrize("name", ["uwsgi", "wend"])
def test_where_relative_paths_lead(name, folder, started):
    """The socket is below chdir; pid and log file where the server was started."""
    ini = folder / "site.ini"
    ini.write_text("[uwsgi]\nplugin = python3\nchdir = %dshop\nsocket = s.sock\nchmod-socket = 660\n"
                   "wsgi-file = app.py\nlogto = the.log\npidfile = the.pid\nmaster = true\nvacuum = true\n")
    server = start(started, folder, [program(name)[0], ini], folder / "shop" / "s.sock")
    assert stat.S_IMODE((folder / "shop" / "s.sock").stat().st_mode) == 0o660
    assert (folder / "run" / "the.log").exists() and (folder / "run" / "the.pid").exists()
    server.stop(signal.SIGINT)
    if name == "wend":  # uWSGI looks for it where it was started, and leaves it
        assert not (folder / "shop" / "s.sock").exists()


@pytest.mark.parametrize("command", [["serve", "site.ini"], ["app", "site.ini"], ["app", "--ini", "site.ini"],
                                     ["app", "site.ini:second"]])
def test_every_way_to_name_an_ini_file(command, folder, started):
    port = free_port()
    text = f"http-socket = 127.0.0.1:{port}\nchdir = {folder}/shop\nmodule = app:other\n"
    first = text if "second" not in command[-1] else "nonsense = true\n"
    (folder / "run" / "site.ini").write_text(f"[uwsgi]\n{first}[second]\n{text}")
    assert start(started, folder, [WEND, *command], port).ask("/").status == 200


@pytest.mark.parametrize("line, message", [
    ("harakiri = 30", 'site.ini:3: unknown option "harakiri"'),
    ("procesess = 4", 'unknown option "procesess"; did you mean "processes"?'),
    ("processes = 4 ; four", 'site.ini:3: --processes takes a number from 1 to 1024, not "4 ; four"'),
    ("processes = many", "takes a number"),
    ("env = nothing", "KEY=VALUE"),
    ("chdir =", '"chdir" needs a value'),
    ("chdir = $(NOT_SET_ANYWHERE)", "site.ini:3: there is no environment variable"),
    ("chdir = %(nobody)", 'nothing here is called "nobody"'),
    ("chdir = %Q", "%Q"),
    ("die-on-term = false", '"die-on-term" cannot be turned off'),
    ("plugin = php", 'no plugin "php"'),
    ("chmod-socket = 999", "octal"),
    ("http-socket = nowhere:port", "site.ini:3:"),
    ("for = a b", 'unknown option "for"'),
    ("ini = other.ini", "cannot include"),
])
def test_faults_are_named_with_their_line(line, message, folder):
    ini = folder / "site.ini"
    ini.write_text(f"[uwsgi]\nmodule = app\n{line}\nhttp-socket = 127.0.0.1:{free_port()}\n")
    done = subprocess.run([WEND, "app", ini], capture_output=True, text=True, timeout=30, cwd=folder)
    assert done.returncode == 2 and message in done.stderr, done.stderr


# --- command lines --------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["uwsgi", "wend"])
@pytest.mark.parametrize("words", [
    ["--wsgi-file", "app.py"], ["--module", "app:other"], ["--module", "app", "--callable", "other"],
    ["-w", "app:application", "--processes", "2", "--threads", "2", "--master"],
], ids=" ".join)
def test_uwsgis_command_lines(name, words, folder, started):
    port = free_port()
    server = start(started, folder, [*program(name), "--http-socket", f"127.0.0.1:{port}", "--chdir",
                                     folder / "shop", "--die-on-term", *words], port)
    told = ask_json(server, "/x")
    assert told["path"] == "/x" and told["cwd"] == str(folder / "shop")
    assert told["multithread"] is ("--threads" in words)


def gunicorn(name):
    if name == "gunicorn":
        needs_peer("gunicorn", GUNICORN if GUNICORN.exists() else None)
        return [GUNICORN]
    return [LINKS / "gunicorn"]


@pytest.mark.parametrize("name", ["gunicorn", "wend"])
@pytest.mark.parametrize("words, body", [
    (["-w", "2", "app:application"], None), (["app"], None), (["--threads", "2", "app:other"], None),
    (["app:create_app()"], "made with none"), (["app:create_app('two words')"], "made with two words"),
    (["--workers=2", "-e", "T_A=b", "--worker-class", "sync", "app"], None),
], ids=str)
def test_gunicorns_command_lines(name, words, body, folder, started):
    port = free_port()
    server = start(started, folder, [*gunicorn(name), "-b", f"127.0.0.1:{port}", "--chdir", folder / "shop",
                                     *words], port)
    answer = server.ask("/").body.decode()
    if body is not None:
        assert answer == body
    else:
        assert json.loads(answer)["cwd"] == str(folder / "shop")
        assert json.loads(answer)["env"] == ({"T_A": "b"} if "-e" in words else {})


def status_of(command, folder):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60,
                          cwd=folder / "shop")
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("module", ["nothere:app", "app:nothing", "broken:app"])
def test_exit_status_without_an_application(module, folder):
    """3 is gunicorn's (4 where the module is there and the name is not), 22 is uWSGI's with --need-app."""
    (folder / "shop" / "broken.py").write_text("def app(:\n")
    where = f"127.0.0.1:{free_port()}"
    for name in ("gunicorn", "wend"):
        code, text = status_of([*gunicorn(name), "-b", where, module], folder)
        assert code in ((3, 4) if name == "gunicorn" else (3,)), (name, text)
    for name in ("uwsgi", "wend"):
        code, text = status_of([*program(name), "--http-socket", where, "--need-app", "--module", module], folder)
        assert code == 22, (name, text)
    assert status_of([WEND, "serve", "-b", where, module], folder)[0] == 1


def test_exit_status_of_an_address_in_use(folder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        for command in ([LINKS / "gunicorn", "-b", where, "app"], [WEND, "serve", "-b", where, "app"],
                        [LINKS / "uwsgi", "--http-socket", where, "--module", "app"]):
            code, text = status_of(command, folder)
            assert code == 1 and f"process {os.getpid()}" in text and where in text


# --- signals --------------------------------------------------------------------------------------

LINES = {
    "app": lambda port: [WEND, "app", "--http-socket", f"127.0.0.1:{port}", "--wsgi-file", "../shop/app.py",
                         "--processes", "2", "--threads", "2"],
    "uwsgi": lambda port: [LINKS / "uwsgi", "--http-socket", f"127.0.0.1:{port}", "--wsgi-file",
                           "../shop/app.py", "--threads", "2"],
    "gunicorn": lambda port: [LINKS / "gunicorn", "-b", f"127.0.0.1:{port}", "--threads", "2", "--chdir",
                              "../shop", "app"],
}


@pytest.fixture(params=LINES)
def line(request, folder, started):
    port = free_port()
    return lambda *words: start(started, folder, [*LINES[request.param](port), *words], port)


def test_hup_under_load_loses_nothing(line):
    server = line()
    before = set(server.workers())
    load = Load(server.port)
    try:
        for _ in range(3):
            answers = load.answers
            server.kill(signal.SIGHUP)
            wait_for(lambda: not before & set(server.workers()), 60)
            wait_for(lambda: load.answers > answers + 20, 60)
            before = set(server.workers())
    finally:
        wrong = load.stop()
    assert wrong == []


def test_an_idle_connection_is_told_to_close(line):
    """As soon as the new workers have imported the application; until then the old ones go on."""
    server = line()
    with server.client() as client:
        assert client.ask("/").get("connection") != "close"
        server.kill(signal.SIGHUP)
        told = []

        def told_to_close():
            told.append(client.ask("/"))
            return told[-1].get("connection") == "close"
        wait_for(told_to_close, 60)
    assert {answer.status for answer in told} == {200}


def test_term_finishes_and_quit_does_not(line):
    server = line()
    with server.client() as client:
        client.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        time.sleep(0.5)
        server.kill(signal.SIGTERM)
        assert client.answer().status == 200
    assert server.process.wait(20) == 0


def test_quit_does_not_wait_for_the_application(line):
    """Nor for long: its threads have three seconds."""
    server = line()
    with server.client() as client:
        client.send(b"GET /slower HTTP/1.1\r\nHost: a\r\n\r\n")
        time.sleep(0.5)
        server.kill(signal.SIGQUIT)
        with pytest.raises((AssertionError, OSError, EOFError, ValueError)):
            answer = client.answer()
            assert answer.complete
    assert server.process.wait(20) == 0


# --- what can be seen -----------------------------------------------------------------------------

def test_the_trace_shows_the_servers_half(line):
    server = line()
    done = subprocess.run([WEND, "trace", "--ascii", f"http://127.0.0.1:{server.port}/"], capture_output=True,
                          text=True, timeout=30)
    for word in ("request", "accept", "route", "queue", "python"):
        assert re.search(rf"^ +{word}\b", done.stdout, re.M), done.stdout


def test_state_and_traces_on_the_admin_socket(line, folder):
    server = line("--admin", f"unix:{folder}/admin")
    pids = {ask_json(server)["pid"] for _ in range(5)}
    with Client(folder / "admin") as admin:
        status = json.loads(admin.ask("/status").body)
    assert pids <= {worker["pid"] for worker in status["workers"]}
    with Client(folder / "admin") as admin:
        traces = json.loads(admin.ask("/traces?n=3").body)["traces"]
    assert 1 <= len(traces) <= 3
    number = next(t["number"] for t in traces if t["trace"]["subject"].startswith("GET / "))
    with Client(folder / "admin") as admin:
        one = admin.ask(f"/traces/{number}")
    assert one.status == 200 and b"python" in one.body


def test_the_admin_address_is_for_this_machine(folder):
    code, text = status_of([WEND, "app", "--http-socket", "1", "--module", "app", "--admin", ":8001"], folder)
    assert code == 2 and "other machines" in text


def test_a_uwsgi_packet_is_in_the_traces_too(folder, started):
    address = folder / "shop" / "u"
    server = start(started, folder, [LINKS / "uwsgi", "--socket", address, "--wsgi-file", "../shop/app.py",
                                     "--admin", f"unix:{folder}/admin"], address)
    pairs = b"".join(len(t).to_bytes(2, "little") + t for pair in {
        b"REQUEST_METHOD": b"GET", b"REQUEST_URI": b"/m/a%20b", b"PATH_INFO": b"/a b", b"SCRIPT_NAME": b"/m",
        b"SERVER_PROTOCOL": b"HTTP/1.1", b"HTTP_HOST": b"h"}.items() for t in pair)
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(str(address))
        peer.sendall(b"\0" + len(pairs).to_bytes(2, "little") + b"\0" + pairs)
        answer = b"".join(iter(lambda: peer.recv(65536), b""))
    told = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert told["path"] == "/a b" and told["script"] == "/m"
    with Client(folder / "admin") as admin:
        assert b"/m/a%20b" in admin.ask("/traces").body
    assert server.process.poll() is None


def test_access_logs(folder, started):
    """gunicorn's is the combined form; wend's own is short."""
    port = free_port()
    for words, pattern in (
            ([LINKS / "gunicorn", "-b", f"127.0.0.1:{port}", "--chdir", "../shop", "--access-logfile", "log", "app"],
             r'127\.0\.0\.1 - - \[.*\] "GET /x HTTP/1\.1" 200 \d+ "-" "-"'),
            ([WEND, "app", "--http-socket", f"127.0.0.1:{port}", "--wsgi-file", "../shop/app.py", "--access-log",
              "log"], r'127\.0\.0\.1 \[.*\] "GET /x HTTP/1\.1" 200 \d+ \d+\.\d{3}')):
        server = start(started, folder, words, port)
        server.ask("/x")
        log = folder / "run" / "log"
        wait_for(lambda: log.exists() and log.read_text())
        assert re.fullmatch(pattern, log.read_text().strip()), log.read_text()
        assert server.stop(signal.SIGINT) == 0
        log.unlink()


def test_the_log_is_opened_again(folder, started):
    """What the application prints too: after USR1 the old file stays as it is."""
    port = free_port()
    server = start(started, folder, [LINKS / "uwsgi", "--http-socket", f"127.0.0.1:{port}", "--wsgi-file",
                                     "../shop/app.py", "--logto", "log"], port)
    log, old = folder / "run" / "log", folder / "run" / "log.1"
    server.ask("/print")
    wait_for(lambda: "printed by" in log.read_text())
    log.rename(old)
    server.kill(signal.SIGUSR1)
    wait_for(log.exists)

    def printed_there():
        server.ask("/print")
        return "printed by" in log.read_text()
    wait_for(printed_there)
    size = old.stat().st_size
    server.ask("/print")
    assert old.stat().st_size == size
