"""Flask, streaming both ways, under wend serve."""
import itertools
import time

from conftest import ROOT, VENV, needs, serve

pytestmark = needs("serve")
EXAMPLE = ROOT / "examples/flask-stream"


def start(started, tmp_path):
    return serve(started, tmp_path, "-w", "1", "--home", VENV, "stream:app", cwd=EXAMPLE)


def test_lines_arrive_one_by_one(started, tmp_path):
    server = start(started, tmp_path)
    with server.client() as client:
        client.send(b"GET /count?to=4&pause=0.3 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        client.head()
        times = []
        for number in range(1, 5):
            size = int(client.line(), 16)
            assert client.exactly(size) == b"%d of 4\n" % number
            client.line()
            times.append(time.monotonic())
        assert int(client.line(), 16) == 0
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert min(gaps) > 0.1, gaps


def test_a_body_comes_back(started, tmp_path):
    server = start(started, tmp_path)
    body = bytes(range(256)) * 8000
    answer = server.ask("/echo", method="POST", body=body)
    assert answer.complete and answer.body == body


def test_pages_and_errors(started, tmp_path):
    server = start(started, tmp_path)
    assert b"/count?to=5" in server.ask("/").body
    assert server.ask("/nothing").status == 404
    assert server.ask("/echo").status == 405
    assert server.ask("/", method="HEAD").body == b""
