"""Which server of an upstream gets which request: the same sequence as a real nginx, one worker each."""
import http.server
import socket
import socketserver
import threading

import pytest
from conftest import needs

pytestmark = needs("edge")
SERVERS = 6


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.served.append(self.path)
        status = 200
        word, _, who = self.path.strip("/").partition("-")  # /503-ab: a and b answer 503
        if self.server.letter in who and word.isdigit():
            status = int(word)
        if self.server.letter in who and word == "drop":
            self.close_connection = True
            return
        body = self.server.letter.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Upstream(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, letter):
        super().__init__(("127.0.0.1", 0), Handler)
        self.letter, self.served = letter, []
        threading.Thread(target=self.serve_forever, daemon=True).start()


@pytest.fixture(scope="module")
def upstreams():
    servers = [Upstream(letter) for letter in "abcdef"[:SERVERS]]
    yield servers
    for server in servers:
        server.shutdown()
        server.server_close()


def start(both, upstreams, lines, place=""):
    """`lines` name a server by its letter in braces."""
    names = {server.letter: f"127.0.0.1:{server.server_port}" for server in upstreams}
    conf = lines.format(dead="127.0.0.1:1", **names)
    text = f"upstream u {{ {conf} }} server {{ listen 127.0.0.1:PORT; location / {{ {place} proxy_pass http://u; }} }}"
    return both(text)


def sequence(server, paths, *fields):
    return [(answer.status, answer.body.decode() if len(answer.body) == 1 else "page")
            for answer in (server.ask(path, *fields) for path in paths)]


def names(seen):
    return "".join(body if body != "page" else "!" for _, body in seen)


SAME = [
    ("server {a}; server {b}; server {c};", "", ["/"] * 8),
    ("server {a} weight=5; server {b}; server {c};", "", ["/"] * 15),
    ("server {a} weight=3; server {b} weight=2; server {c};", "", ["/"] * 14),
    ("server {a} weight=10; server {b} weight=7; server {c} weight=3; server {d};", "", ["/"] * 42),
    ("server {a} down; server {b}; server {c};", "", ["/"] * 6),
    ("server {a} backup; server {b}; server {c};", "", ["/"] * 6),
    ("server {dead}; server {a}; server {b};", "", ["/"] * 8),
    ("server {dead} weight=5; server {a}; server {b} weight=2;", "", ["/"] * 12),
    ("server {dead} max_fails=3 weight=5; server {a}; server {b} weight=2;", "", ["/"] * 14),
    ("server {dead} max_fails=0; server {a}; server {b};", "", ["/"] * 8),
    ("server {dead}; server {a} backup; server {b} backup;", "", ["/"] * 6),
    ("server {dead} fail_timeout=0; server {a};", "", ["/"] * 6),
    ("server {a}; server {b};", "proxy_next_upstream http_503;", ["/503-a", "/503-a", "/", "/"]),
    ("server {a}; server {b};", "proxy_next_upstream http_503;", ["/503-ab", "/503-ab", "/", "/"]),
    ("server {a} max_fails=0; server {b} max_fails=0;", "proxy_next_upstream http_503;", ["/503-ab"] * 4 + ["/"] * 2),
    ("server {a}; server {b}; server {c};", "proxy_next_upstream http_503; proxy_next_upstream_tries 2;",
     ["/503-abc", "/503-abc", "/503-ab", "/"]),
    ("server {a}; server {b};", "proxy_next_upstream http_404;", ["/404-ab", "/404-a", "/", "/", "/"]),
    ("server {a}; server {b};", "proxy_next_upstream off;", ["/drop-a", "/drop-a", "/drop-b", "/", "/"]),
    ("server {a}; server {b};", "", ["/drop-a", "/drop-a", "/", "/"]),
    ("server {a}; server {b};", "", ["/drop-ab", "/drop-ab", "/", "/"]),
    ("server {a}; server {b};", "", ["/503-a", "/503-a", "/", "/"]),
    ("server {a};", "proxy_next_upstream http_503;", ["/503-a", "/503-a", "/"]),
    ("server {a}; server {b} backup;", "proxy_next_upstream http_500;", ["/500-a", "/", "/", "/500-ab", "/"]),
    ("server {a}; server {b}; keepalive 4;", "proxy_http_version 1.1; proxy_set_header Connection '';", ["/"] * 6),
    ("server {dead}; server {a}; server {b};", "proxy_next_upstream_tries 1;", ["/"] * 5),
]
KEYS = [f"/key/{number}" for number in range(60)]
ALL = "server {a}; server {b} weight=3; server {c}; server {d} weight=2; server {e};"
SAME += [
    ("least_conn; " + ALL, "", ["/"] * 16),
    ("least_conn; server {dead}; server {a} weight=2; server {b}; server {c} backup;", "", ["/"] * 8),
    ("ip_hash; " + ALL, "", ["/"] * 3),
    ("ip_hash; server {a} down; server {b}; server {c};", "", ["/"] * 4),
    ("ip_hash; server {dead}; server {dead}; server {a}; server {b}; server {dead};", "", ["/"] * 5),
    ("hash $uri; " + ALL, "", KEYS),
    ("hash $uri; server {a}; server {b} down; server {c};", "", KEYS[:30]),
    ("hash $uri; server {dead}; server {a} weight=2; server {b};", "", KEYS[:30]),
    ("hash $arg_nothing; server {a}; server {b}; server {c};", "", ["/"] * 6),
    ("hash $uri consistent; " + ALL, "", KEYS),
    ("hash $uri consistent; server {a}; server {b} down; server {c};", "", KEYS[:30]),
    ("hash $uri consistent; server {dead}; server {a} weight=2; server {b};", "", KEYS[:30]),
    ("hash $arg_nothing consistent; server {a}; server {b}; server {c};", "", ["/"] * 6),
    ("hash $uri consistent; server {a};", "", KEYS[:3]),
    ("server {a}; server {b}; hash $uri; keepalive 4;", "", KEYS[:20]),
]


@pytest.mark.parametrize("lines, place, paths", SAME)
def test_the_same_server_answers(both, upstreams, lines, place, paths):
    ours, theirs = (sequence(server, paths) for server in start(both, upstreams, lines, place))
    assert ours == theirs, (names(ours), names(theirs))


def test_addresses_map_to_the_same_servers(both, upstreams):
    """ip_hash sees the address the client connects from: 127.x.y.z, whose first three bytes count."""
    pair = start(both, upstreams, "ip_hash; " + ALL)
    seen = []
    for server in pair:
        letters = ""
        for number in range(40):
            source = f"127.{number * 7 % 256}.{number * 31 % 256}.1"
            with socket.create_connection(("127.0.0.1", server.port), timeout=60, source_address=(source, 0)) as client:
                client.sendall(b"GET / HTTP/1.0\r\n\r\n")
                with client.makefile("rb") as answer:
                    letters += answer.read()[-1:].decode()
        seen.append(letters)
    assert seen[0] == seen[1]
    assert len(set(seen[0])) > 2


@pytest.mark.parametrize("method", ["random", "random two", "random two least_conn"])
def test_random_asks_all_by_their_weight(edge, upstreams, method):
    names_of = {server.letter: f"127.0.0.1:{server.server_port}" for server in upstreams}
    conf = "server {a} weight=8; server {b}; server {c} down;".format(**names_of)
    server = edge(f"upstream u {{ {method}; {conf} }} server {{ listen 127.0.0.1:PORT; "
                  f"location / {{ proxy_pass http://u; }} }}")
    letters = names(sequence(server, ["/"] * 120))
    assert set(letters) == {"a", "b"}
    if method == "random":
        assert letters.count("a") > letters.count("b")


def test_a_server_that_failed_too_often_is_said_to_rest(both, upstreams):
    for server in start(both, upstreams, "server {dead} max_fails=2; server {a};"):
        sequence(server, ["/"] * 6)
        text = (server.directory / "error.log").read_text()
        assert text.count("upstream server temporarily disabled while connecting to upstream") == 1, text
        assert text.count("connect() failed (111: Connection refused) while connecting to upstream") == 2
