"""`wend serve` as somebody meets it who types it for the first time: what it says when it cannot."""
import os
import signal
import socket
import subprocess
import time

import pytest
from conftest import WEND, free_port, needs, serve, wait_for

pytestmark = [needs("app")]

GOOD = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"one"]
"""


def failing(folder, *words, seconds=60, address=None, **options):
    command = [WEND, "serve", "-w", "1", "-b", address or f"127.0.0.1:{free_port()}", *words]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=seconds,
                          cwd=folder, stdin=subprocess.DEVNULL, **options)
    assert done.returncode not in (0, -signal.SIGSEGV, -signal.SIGABRT), done
    assert "\x1b" not in done.stdout + done.stderr  # colour is for terminals
    return done.returncode, done.stdout + done.stderr


CASES = {
    "a misspelt module": ({"shop.py": GOOD}, "shpo", ['there is no module "shpo"', 'did you mean "shop"?', "searched, from"]),
    "a module's part": ({"a/__init__.py": "", "a/wsgi.py": GOOD}, "a.wsgy:application", ["a.wsgi"]),
    "a misspelt name": ({"shop.py": GOOD}, "shop:aplication", ['did you mean "shop:application"?']),
    "a factory": ({"shop.py": "def create_app(): pass"}, "shop", ['"shop:create_app()"']),
    "no callable": ({"shop.py": "app = 5"}, "shop:app", ["int", "cannot be called"]),
    "a syntax error": ({"shop.py": "def app(:\n"}, "shop", ['shop.py", line 1', "SyntaxError"]),
    "an import that fails": ({"shop.py": "import nothere"}, "shop", ["nothere", "--home DIR"]),
    "an exception": ({"shop.py": "1 / 0"}, "shop", ['shop.py", line 1', "ZeroDivisionError"]),
    "ASGI": ({"shop.py": "async def app(scope, receive, send): pass"}, "shop:app", ["ASGI"]),
    "settings that are wrong": (
        {"m/manage.py": 'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "m.settings")'}, "m", ["jango"]),
    "no settings": ({"m/manage.py": "print()"}, "m", ["does not say DJANGO_SETTINGS_MODULE"]),
    "no folder": ({}, "./nothing/", ['there is no "./nothing/"']),
    "no file": ({}, "nothing.py", ["there is no file"]),
    "no ini": ({}, "nothing.ini", ["cannot read"]),
    "no conf": ({}, "nothing.conf", ["cannot read"]),
    "a virtualenv that is not there": ({"shop.py": GOOD}, "--home nowhere shop", ["nowhere", "not there"]),
    "a virtualenv of another Python": (
        {"shop.py": GOOD, "v/pyvenv.cfg": "home = /usr/bin\nversion = 3.9.2\n"}, "--home v shop", ["3.9", "3.11", "/v"]),
    "two targets": ({}, "a b", ["one TARGET at a time"]),
    "a wrong number": ({}, "-w many a", ["a number from 1"]),
    "a misspelt option": ({}, "--relaod a", ['did you mean "--reload"?']),
}


@pytest.mark.parametrize("name", CASES)
def test_it_says_what_is_wrong(name, tmp_path):
    files, words, told = CASES[name]
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    status, said = failing(tmp_path, *words.split())
    assert status in (1, 2)
    for part in told:
        assert part in said, said


def test_who_has_the_port(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        status, said = failing(tmp_path, ".", address=address)
    assert status == 1 and f"process {os.getpid()}" in said and "-b" in said and address in said


def test_a_port_of_roots(tmp_path):
    tmp_path.chmod(0o755)
    if os.getuid() != 0:
        pytest.skip("only root can become somebody else")
    start = open("/proc/sys/net/ipv4/ip_unprivileged_port_start").read()
    if int(start) <= 79:
        pytest.skip("everybody may have every port here")
    status, said = failing(tmp_path, ".", address="127.0.0.1:79", user=65534, group=65534, extra_groups=[])
    assert status == 1 and "below 1024" in said


def test_an_import_that_does_not_end_is_told_within_seconds(tmp_path):
    (tmp_path / "shop.py").write_text("import socket\ns = socket.create_server(('127.0.0.1', 0))\ns.accept()\n")
    command = [WEND, "serve", "-w", "1", "-b", f"127.0.0.1:{free_port()}", "shop"]
    before = time.monotonic()
    with open(tmp_path / "log", "w") as log:
        process = subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=log)
    try:
        wait_for(lambda: "shop.py, line 3" in (tmp_path / "log").read_text(), 30)
        assert time.monotonic() - before < 15  # five, and the machine may be busy
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)


def test_a_reload_survives_a_syntax_error(tmp_path, started):
    (tmp_path / "shop.py").write_text(GOOD)
    server = serve(started, tmp_path, "--reload", "shop", cwd=tmp_path)
    assert server.ask("/").body == b"one"
    (tmp_path / "shop.py").write_text("def application(:\n")
    wait_for(lambda: "SyntaxError" in server.stderr(), 30)
    assert server.ask("/").body == b"one"
    (tmp_path / "shop.py").write_text(GOOD.replace("one", "three"))
    wait_for(lambda: server.ask("/").body == b"three", 30)


@pytest.mark.parametrize("files, note", [
    ({}, "the folder is empty"), ({"sub/manage.py": ""}, "manage.py in sub"), ({"app.py": ""}, "module:callable"),
    ({"index.html": "", "app.py": ""}, None),
])
def test_notes_about_a_folder(files, note, tmp_path, started):
    site = tmp_path / "site"
    site.mkdir()
    site.chmod(0o755)
    for path, text in files.items():
        (site / path).parent.mkdir(exist_ok=True)
        (site / path).write_text(text)
    server = serve(started, tmp_path, "site", cwd=tmp_path)
    wait_for(lambda: "worker process" in server.stderr() and "on http" in server.stderr())
    assert (note or "worker process") in server.stderr()
    if note is None:
        assert "module:callable" not in server.stderr() and "empty" not in server.stderr()
