"""A client that leaves while its answer is being made: nginx notices at once, whether the client closed or
only stopped sending, tells the upstream server by closing that connection, and logs 499."""
import contextlib
import re
import socket
import threading

import pytest

from conftest import needs, wait_for

pytestmark = needs("edge")

PLACES = """
log_format ends '$request_uri $status $body_bytes_sent';
server {
    listen 127.0.0.1:PORT;
    access_log ends.log ends;
    error_log info.log info;
    proxy_http_version 1.1;
    location / { proxy_pass http://127.0.0.1:UP; }
    location /direct { proxy_buffering off; proxy_pass http://127.0.0.1:UP; }
    location /ignored { proxy_ignore_client_abort on; proxy_pass http://127.0.0.1:UP; }
    location /uwsgi { uwsgi_pass 127.0.0.1:UP; }
}
"""
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"


class Slow:
    """Says nothing, or only the beginning, until it is told to end; knows when it is left."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.asked, self.left, self.go_on = threading.Event(), threading.Event(), threading.Event()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self.talk, args=[self.socket.accept()[0]], daemon=True).start()

    def talk(self, connection):
        with connection, contextlib.suppress(OSError):
            asked = connection.recv(65536)
            if b"begun" in asked:
                connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
            self.asked.set()
            if b"/ignored" in asked:
                self.go_on.wait(20)
                connection.sendall(HEAD + b"Content-Length: 2\r\nConnection: close\r\n\r\nok")
                return
            connection.settimeout(20)
            if connection.recv(1) == b"":
                self.left.set()

    def again(self):
        for event in (self.asked, self.left, self.go_on):
            event.clear()


@pytest.fixture
def slow():
    server = Slow()
    yield server
    server.socket.close()


def leave(server, slow, target, how):
    slow.again()
    with server.client() as client:
        client.send(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert slow.asked.wait(10)
        if "begun" in target:
            assert client.head()[0].endswith(b"200 OK")
        if how == "half":
            client.socket.shutdown(socket.SHUT_WR)
            wait_for(lambda: slow.left.is_set() or "ignored" in target)


def logged(server, name):
    return (server.directory / name).read_text(errors="replace")


@pytest.mark.parametrize("how", ["close", "half"])
def test_it_is_noticed_at_once_as_by_nginx(both, slow, how):
    targets = ["/", "/direct", "/uwsgi", "/begun", "/direct/begun"]
    servers = both(PLACES.replace("UP", str(slow.port)))
    for server in servers:
        for target in targets:
            leave(server, slow, target, how)
            assert slow.left.wait(10), f"{target}: the upstream server was not left"
            wait_for(lambda: f"{target} " in logged(server, "ends.log"))
    ours, theirs = (logged(server, "ends.log") for server in servers)
    assert ours == theirs
    assert ours.count(" 499 0\n") == 3 and ours.count(" 200 10\n") == 2  # 10: the chunk and its framing
    messages = [re.findall(r"\*\d+ (.*?), client: .* request: \"(.*?)\"", logged(server, "info.log"))
                for server in servers]
    assert [m for m in messages[0] if "closed too" in m[0]] == [m for m in messages[1] if "closed too" in m[0]]


def test_an_answer_may_be_waited_for_all_the_same(both, slow):
    servers = both(PLACES.replace("UP", str(slow.port)))
    for server in servers:
        leave(server, slow, "/ignored", "close")
        slow.go_on.set()
        wait_for(lambda: "/ignored " in logged(server, "ends.log"))
    ours, theirs = (logged(server, "ends.log") for server in servers)
    assert ours == theirs == "/ignored 200 2\n"


def test_who_left_before_is_not_asked_for(both, slow):
    """The request and the end of the stream arrive in one go."""
    for server in both(PLACES.replace("UP", str(slow.port))):
        with server.client() as client:
            client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            client.socket.shutdown(socket.SHUT_WR)
            assert client.closed()
        wait_for(lambda: logged(server, "ends.log") == "/ 499 0\n")
