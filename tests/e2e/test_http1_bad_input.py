"""Every row of tests/data/http1_input.tsv over a real socket: wend edge (nginx's policy), wend serve
(the strict one), and a real nginx, so that the table is known to be right. After a refusal the
connection closes, and the answer arrives whole. Debian's nginx is older than the one we follow; rows
where it differs say so in a column of their own."""
import re

import pytest
from conftest import DATA, NGINX, WEND, Client, Server, edge_command, free_port, needs, needs_peer, write_conf

HTTP = """server { listen 127.0.0.1:PORT; server_name localhost; location / { return 200 ok; }
                   location = /x { return 200 ok; } }"""


def unescape(text, larger=1):
    """The table's bytes, its repetitions `larger` times as many: \\r \\n \\t \\\\ \\xHH and \\[N*...], which may nest."""
    def parse(at, nested):
        out = bytearray()
        while at < len(text):
            if nested and text[at] == "]":
                return bytes(out), at + 1
            if text[at] != "\\":
                out += text[at].encode()
                at += 1
                continue
            kind = text[at + 1]
            if kind == "x":
                out.append(int(text[at + 2:at + 4], 16))
                at += 4
            elif kind == "[":
                count = re.match(r"(\d+)\*", text[at + 2:])
                part, at = parse(at + 2 + count.end(), True)
                out += part * (int(count.group(1)) * larger)
            else:
                out += {"r": b"\r", "n": b"\n", "t": b"\t", "\\": b"\\"}[kind]
                at += 2
        return bytes(out), at
    return parse(0, False)[0]


def read_rows():
    for line in (DATA / "http1_input.tsv").read_text(encoding="utf8").splitlines():
        if line and not line.startswith("#"):
            group, name, data, nginx, strict, old, _ = (line + "\t" * 6).split("\t")[:7]
            # wend serve takes larger heads than the parser's defaults, which the table is about
            bytes_of = {"nginx": unescape(data),
                        "strict": unescape(data, 20 if strict in ("414", "431") else 1)}
            yield pytest.param(bytes_of, nginx, strict, nginx if old in ("-", "") else old,
                               id=f"{group}: {name}".replace("/", "-"))


ROWS = list(read_rows())


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    started = {}
    for name in ("wend", "nginx"):
        directory = tmp_path_factory.mktemp(name)
        port = free_port()
        conf = write_conf(directory, HTTP, port, name=name)
        started[name] = Server(edge_command(name, directory, conf), port, directory)
    directory = tmp_path_factory.mktemp("strict")
    (directory / "site").mkdir()
    (directory / "app.py").write_text(
        "def app(environ, start_response):\n"
        "    start_response('200 OK', [('Content-Type', 'text/plain'), ('Content-Length', '2')])\n"
        "    return [b'ok']\n")
    port = free_port()
    started["strict"] = Server([WEND, "serve", "-b", f"127.0.0.1:{port}", "-w", "1", "app:app"],
                               port, directory, cwd=directory)
    yield started
    for server in started.values():
        server.stop()


def outcome(server, data):
    """`status`, or `none` when the connection closed without one; `wait` when it waits for more."""
    with Client(server.port, timeout=2) as client:
        try:
            client.send(data)
        except OSError:
            pass  # refused before it was all sent; the answer is there nevertheless
        try:
            answer = client.answer()
        except TimeoutError:
            return "wait", None, None
        if not answer.status_line:
            return "none", answer, True
        if not answer.status_line.startswith(b"HTTP/"):
            title = re.search(rb"<title>(\d{3})", b"".join(name for name, _ in answer.fields))
            return title.group(1).decode() if title else "0.9", answer, True
        closed = None
        if answer.status >= 400 or b"chunked" in data:
            try:
                client.socket.settimeout(7 if answer.status >= 400 else 0.3)
                client.rest()
                closed = True
            except TimeoutError:
                closed = False
        return str(answer.status), answer, closed


ACCEPTED = ("200", "204", "404", "405", "501")  # it reached its handler, which may still say no


TRAILERS = re.compile(rb"\r\n0\r\n[^\r]")  # lost with the body nobody read, but framed all the same


def judge(got, wanted, data):
    """Broken trailers of a body nobody reads are lost with it; everything else must be refused."""
    status, answer, closed = got
    if wanted == "400" and status == "200" and TRAILERS.search(data):
        return
    if wanted == "ok":
        assert status in ACCEPTED, (status, answer)
    else:
        assert status == wanted, (status, answer)
        if wanted.isdigit() and int(wanted) in (400, 408, 413, 414, 431, 494, 505):
            assert closed, "the connection stays open"


@needs("edge")
@pytest.mark.parametrize("data, nginx, strict, old", ROWS)
def test_the_edge(servers, data, nginx, strict, old):
    judge(outcome(servers["wend"], data["nginx"]), nginx, data["nginx"])


@needs("serve")
@pytest.mark.parametrize("data, nginx, strict, old", ROWS)
def test_strict(servers, data, nginx, strict, old):
    judge(outcome(servers["strict"], data["strict"]), strict, data["strict"])


@pytest.mark.parametrize("data, nginx, strict, old", ROWS)
def test_a_real_nginx(servers, data, nginx, strict, old):
    needs_peer("nginx", NGINX)
    judge(outcome(servers["nginx"], data["nginx"]), old, data["nginx"])
