"""The uwsgi protocol beside its other speakers: a real nginx in front of wend app, wend edge in front
of a real uWSGI, and the same requests straight through both."""
import json
import shutil

import pytest
from conftest import DATA, WEND, Server, edge_command, free_port, needs, needs_peer, write_conf

UWSGI = shutil.which("uwsgi") or shutil.which("uwsgi-core")
PARAMS = """
    uwsgi_param QUERY_STRING $query_string; uwsgi_param REQUEST_METHOD $request_method;
    uwsgi_param CONTENT_TYPE $content_type; uwsgi_param CONTENT_LENGTH $content_length;
    uwsgi_param REQUEST_URI $request_uri; uwsgi_param PATH_INFO $document_uri;
    uwsgi_param SERVER_PROTOCOL $server_protocol; uwsgi_param REQUEST_SCHEME $scheme;
    uwsgi_param REMOTE_ADDR $remote_addr; uwsgi_param REMOTE_PORT $remote_port;
    uwsgi_param SERVER_PORT $server_port; uwsgi_param SERVER_NAME $server_name;
"""


def start_app(program, directory, started):
    """The application behind a unix socket, in wend or in uWSGI."""
    directory.mkdir()
    directory.chmod(0o777)
    address = directory / "s"
    common = ["--socket", address, "--chdir", DATA, "--module", "wsgi_rules:application",
              "--master", "--processes", "1", "--threads", "2"]
    if program == "wend":
        command = [WEND, "app", *common]
    else:
        needs_peer("uwsgi", UWSGI)
        command = [UWSGI, "--plugin", "python3", "--chmod-socket=666", "--die-on-term",
                   "--need-app", *common]
    server = started(Server(command, address, directory))
    address.chmod(0o666)
    return server


@pytest.fixture(params=["nginx-wend", "wend-uwsgi", "wend-wend"])
def site(request, tmp_path, started):
    front, back = request.param.split("-")
    application = start_app(back, tmp_path / "app", started)
    directory = tmp_path / "front"
    port = free_port()
    conf = write_conf(directory, f"""
        server {{
            listen 127.0.0.1:PORT; server_name localhost; client_max_body_size 50m;
            location / {{ {PARAMS} uwsgi_pass unix:{application.address}; }}
            location /unbuffered/ {{ {PARAMS} uwsgi_buffering off; uwsgi_pass unix:{application.address}; }}
        }}""", port, name=front)
    tmp_path.chmod(0o755)
    server = started(Server(edge_command(front, directory, conf), port, directory))
    server.back = back
    return server


pytestmark = [needs("edge"), needs("app")]


def test_environ(site):
    answer = site.ask("/environ/%C3%A4?q=1&%20", "X-A: one", method="POST", body=b"abc")
    environ = json.loads(answer.body)
    assert environ["REQUEST_METHOD"] == "POST"
    assert environ["PATH_INFO"] == "/environ/\u00c3\u00a4"
    assert environ["QUERY_STRING"] == "q=1&%20"
    assert environ["REQUEST_URI"] == "/environ/%C3%A4?q=1&%20"
    assert environ["CONTENT_LENGTH"] == "3"
    assert environ["HTTP_X_A"] == "one" and environ["HTTP_HOST"] == "localhost"
    assert environ["SERVER_NAME"] == "localhost" and environ["REMOTE_ADDR"] == "127.0.0.1"


@pytest.mark.parametrize("size", [0, 1, 70_000, 20_000_000])
def test_bodies(site, size):
    body = b"0123456789" * (size // 10) + b"x" * (size % 10)
    words = site.ask("/length", method="POST", body=body).body.decode().split()
    assert words[:2] == [str(size), str(sum(body) % 65536)]


@pytest.mark.parametrize("path, body", [
    ("/list", b"a list"), ("/two", b"piece one piece two"), ("/write", b"one two three"),
    ("/file", bytes(range(256)) * 1000),
])
def test_answers(site, path, body):
    if site.back == "uwsgi" and path == "/file":  # uWSGI 2.0.21 sends files from their start
        body = b"skipped" + body
    with site.client() as client:
        for _ in range(3):
            answer = client.ask(path)
            assert (answer.status, answer.body, answer.complete) == (200, body, True)


def test_head_204_304_and_cookies(site):
    with site.client() as client:
        assert client.ask("/list", method="HEAD").status == 200
        assert client.ask("/cookies").all("set-cookie") == [b"a=1", b"b=2"]
    assert site.ask("/304").status == 304


def test_an_exception_is_an_error(site):
    # uWSGI closes without an answer, and then the gateway is to blame
    assert site.ask("/raise").status in ((500,) if site.back == "wend" else (500, 502))
    assert site.ask("/list").body == b"a list"


def test_a_torn_answer_harms_no_other(site):
    """The protocol has no lengths: where an answer has none either, its end is where it stops."""
    assert site.ask("/raise-later").body.startswith(b"some of it")
    assert site.ask("/list").body == b"a list"


def test_nobody_behind_is_502(tmp_path, started):
    directory = tmp_path / "front"
    port = free_port()
    conf = write_conf(directory, f"""server {{ listen 127.0.0.1:PORT;
        location / {{ {PARAMS} uwsgi_pass unix:{tmp_path}/nobody; }} }}""", port)
    server = started(Server(edge_command("wend", directory, conf), port, directory))
    assert server.ask("/").status == 502


def test_the_uwsgi_link_answers_http(tmp_path, started):
    """The link named uwsgi takes uWSGI's words."""
    compat = WEND.parent / "compat/uwsgi"
    port = free_port()
    server = started(Server([compat, "--http-socket", f"127.0.0.1:{port}", "--wsgi-file",
                             DATA / "wsgi_rules.py", "--callable", "application", "--master",
                             "--processes", "2", "--threads", "2"], port, tmp_path))
    assert server.ask("/list").body == b"a list"


def test_the_gunicorn_link(tmp_path, started):
    compat = WEND.parent / "compat/gunicorn"
    port = free_port()
    server = started(Server([compat, "wsgi_rules:application", "-b", f"127.0.0.1:{port}", "-w", "2",
                             "--threads", "2"], port, tmp_path, cwd=DATA))
    assert server.ask("/list").body == b"a list"


@pytest.mark.parametrize("link, words", [("uwsgi", ["--no-such-option"]), ("gunicorn", ["--no-such-option", "a:b"])])
def test_unknown_options_are_named(link, words):
    import subprocess
    done = subprocess.run([WEND.parent / "compat" / link, *words], capture_output=True, text=True, timeout=20)
    assert done.returncode != 0 and "no-such-option" in done.stderr
