"""Programs of people who learn: WSGI applications unchanged under wend serve, and the first socket
servers everyone writes, read by wend get."""
import os
import shutil
import subprocess
import sys
import time

import pytest
from conftest import DATA, WEND, free_port, needs, serve

SEEDS = DATA / "seeds"
SOCKET_SERVERS = {  # name -> {path: body}
    "myserver": {"/": "Hello, World!"},
    "socket_bare": {"/": "OK"},
    "socket_paths": {"/index/": "index", "/home/": "home", "/x": "404 not found!"},
    "socket_functions": {"/index/": "这是/index/页面！", "/x": "404 not found!"},
    "socket_table": {"/home/": "这是/home/页面！", "/x": "404 not found!"},
    "socket_pages": {"/index/": "<h1>index 主页</h1>@@oo@@\n", "/home/": "<h1>home</h1>\n"},
    "socket_dynamic": {"/home/": "<h1>home</h1>\n", "/x": "404 not found!"},
}


@pytest.fixture
def pages(tmp_path):
    (tmp_path / "index.html").write_text("<h1>index 主页</h1>@@oo@@\n", encoding="utf8")
    (tmp_path / "home.html").write_text("<h1>home</h1>\n", encoding="utf8")
    return tmp_path


@needs("serve")
def test_run_server_unchanged(pages, started):
    shutil.copy(SEEDS / "run_server.py", pages)
    server = serve(started, pages, "run_server:run_server", cwd=pages)
    before = time.time()
    answer = server.ask("/index/")
    assert answer.status_line == b"HTTP/1.1 200 OK"
    assert answer.get("content-type") == "text/html;charset=utf8"
    text = answer.body.decode()
    assert text.startswith("<h1>index 主页</h1>")
    assert before <= float(text.rpartition(">")[2]) <= time.time()
    assert server.ask("/home/").body == b"<h1>home</h1>\n"
    unknown = server.ask("/nothing")
    assert (unknown.status, unknown.body) == (200, b"404 not found!")


@needs("serve")
def test_an_odd_status_text_is_kept(tmp_path, started):
    shutil.copy(SEEDS / "status_app.py", tmp_path)
    server = serve(started, tmp_path, "status_app:test_app", cwd=tmp_path)
    answer = server.ask("/")
    assert answer.status_line == b"HTTP/1.1 200 fucking-man"
    assert answer.get("content-type") == "text/html"
    assert answer.body == b"hello, funking man"


@needs("get")
@pytest.mark.parametrize("name", SOCKET_SERVERS)
def test_socket_servers_are_read(name, pages, started):
    """They answer without Content-Length, some with LF alone, and close."""
    port = free_port()
    code = (SEEDS / f"{name}.py").read_text(encoding="utf8")
    code = code.replace("8080", str(port)).replace("8000", str(port))
    environment = dict(os.environ, PYTHONIOENCODING="utf8")
    process = subprocess.Popen([sys.executable, "-c", code], cwd=pages, env=environment,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 20
        listening = f":{port:04X} 00000000:0000 0A"
        while listening not in open("/proc/net/tcp").read():
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.02)
        for path, body in SOCKET_SERVERS[name].items():
            got = subprocess.run([WEND, "get", "-s", f"http://127.0.0.1:{port}{path}"],
                                 capture_output=True, timeout=30)
            assert (got.returncode, got.stdout.decode()) == (0, body), path
    finally:
        process.kill()
        process.wait()
