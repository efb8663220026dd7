"""`wend get` and curl, one command line after the other: what is sent, printed, written and returned.

Each case is a command line and the answer of the server; {url}, {port}, {file} and {out} are filled in.
Both programs must agree on the exit code, on standard output, on the file written and on the request.
"""
import socket
import subprocess
import threading

import pytest
from test_get import WEND, Script, ok, run

JSON = b'{"a": 1}\nline two\n'
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
MOVED = b"HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 5\r\n\r\nmoved"

CASES = {
    # what is asked
    "plain": (["{url}"], ok()),
    "no scheme": (["127.0.0.1:{port}/a"], ok()),
    "no path": (["http://127.0.0.1:{port}"], ok()),
    "a query": (["{url}a?b=c&d=%20e"], ok()),
    "a fragment stays here": (["{url}a#part"], ok()),
    "dots are resolved": (["{url}a/./b/../c"], ok()),
    "a scheme in capitals": (["HTTP://127.0.0.1:{port}/"], ok()),
    "HEAD": (["-I", "{url}"], b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\n"),
    "HEAD whose answer has no length": (["-I", "{url}"], b"HTTP/1.1 200 OK\r\n\r\n"),
    "HEAD and -X": (["-I", "-X", "OPTIONS", "{url}"], ok(b"")),
    "-X DELETE": (["-X", "DELETE", "{url}"], ok()),
    "-i": (["-i", "{url}"], ok(head=b"X-A: b\r\nX-A: c\r\n")),
    "-i and an interim answer": (["-i", "{url}"], b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ok()),
    "-i without a reason": (["-i", "{url}"], b"HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nhi"),
    "-i and trailers": (["-i", "{url}"], CHUNKED + b"2\r\nhi\r\n0\r\nX-T: v\r\n\r\n"),
    "-d": (["-d", "a=b", "{url}"], ok()),
    "-d empty": (["-d", "", "{url}"], ok()),
    "-d from a file": (["-d", "@{file}", "{url}"], ok()),
    "-d from standard input": (["-d", "@-", "{url}"], ok()),
    "--data-binary from a file": (["--data-binary", "@{file}", "{url}"], ok()),
    "--data-binary from standard input": (["--data-binary", "@-", "{url}"], ok()),
    "--data-raw": (["--data-raw", "@{file}", "{url}"], ok()),
    "several kinds of data": (["-d", "a", "--data-binary", "@{file}", "-d", "b", "{url}"], ok()),
    "-d and another type": (["-d", "a", "-H", "Content-Type: text/x", "{url}"], ok()),
    "-G": (["-G", "-d", "a=b", "-d", "c", "{url}?x=y"], ok()),
    "-d with -X PUT": (["-X", "PUT", "-d", "a", "{url}"], ok()),
    "-H several": (["-H", "X-A: 1", "-H", "X-B: 2", "-H", "x-a: 3", "{url}"], ok()),
    "-H takes a default away": (["-H", "Accept:", "-H", "User-Agent:", "{url}"], ok()),
    "-H of nothing": (["-H", "X:", "{url}"], ok()),
    "-H sends one empty": (["-H", "X;", "{url}"], ok()),
    "-H Host": (["-H", "Host: other.example", "{url}"], ok()),
    "-H Content-Length takes it away": (["-H", "Content-Type:", "-d", "ab", "{url}"], ok()),
    "a name and password in the URL": (["http://me:se%63ret@127.0.0.1:{port}/"], ok()),
    "a name alone": (["http://me@127.0.0.1:{port}/"], ok()),
    "-u": (["-u", "me:a:b", "{url}"], ok()),
    "-u before the URL's": (["-u", "me:x", "http://you:y@127.0.0.1:{port}/"], ok()),
    "-A, -e, -b": (["-A", "x", "-e", "http://r/", "-b", "a=b", "{url}"], ok()),
    "-0": (["-0", "{url}"], ok()),
    # what is answered
    "a redirect is not followed": (["{url}"], MOVED),
    "a redirect shown": (["-i", "{url}"], MOVED),
    "-f and 404": (["-f", "{url}"], b"HTTP/1.1 404 No\r\nContent-Length: 4\r\n\r\ngone"),
    "-f and 302": (["-f", "{url}"], MOVED),
    "-f -i and 500": (["-f", "-i", "{url}"], b"HTTP/1.1 500 No\r\nContent-Length: 4\r\n\r\ngone"),
    "404 without -f": (["{url}"], b"HTTP/1.1 404 No\r\nContent-Length: 4\r\n\r\ngone"),
    "18: a length that is not reached": (["{url}"], b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"),
    "18: torn between chunks": (["{url}"], CHUNKED + b"5\r\nhello\r\n"),
    "18: torn inside a chunk": (["{url}"], CHUNKED + b"5\r\nhel"),
    "52: nothing": (["{url}"], b""),
    "a body until the end": (["{url}"], b"HTTP/1.1 200 OK\r\n\r\nall of it"),
    "204": (["-i", "{url}"], b"HTTP/1.1 204 No Content\r\n\r\n"),
    "304 with a length": (["-i", "{url}"], b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"),
    "an empty body": (["-i", "{url}"], ok(b"")),
    # where it goes
    "-o": (["-o", "{out}", "{url}"], ok()),
    "-o -": (["-o", "-", "{url}"], ok()),
    "-o and an empty body": (["-o", "{out}", "{url}"], ok(b"")),
    "-o and 18": (["-o", "{out}", "{url}"], b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"),
    "-o -i": (["-i", "-o", "{out}", "{url}"], ok()),
    "23: -o cannot be written": (["-o", "/nonexistent/file", "{url}"], ok()),
    # what is wrong before anything is sent
    "6": (["http://no-such-host.invalid/"], ok()),
    "3: a space in the host": (["http://a b/"], ok()),
    "3: no host": (["http:///x"], ok()),
    "3: a port too large": (["http://127.0.0.1:65536/"], ok()),
    "3: a port of letters": (["http://127.0.0.1:port/"], ok()),
    "3: a bracket that is not closed": (["http://[::1/"], ok()),
    "7: port 0": (["http://127.0.0.1:0/"], ok()),
    "1: a scheme nobody knows": (["nope://127.0.0.1/"], ok()),
    "2: no URL": ([], ok()),
    "2: an option nobody knows": (["--no-such-option", "{url}"], ok()),
    "2: -m without a number": (["-m", "soon", "{url}"], ok()),
    "--": (["--", "{url}"], ok()),
}

def trace(*words):
    return subprocess.run([WEND, "trace", *words], capture_output=True, timeout=30)


def comparable(request):
    """A request without what differs by nature: the programs' names, and the order of the fields."""
    head, body = request
    first, *fields = head.split(b"\r\n")
    fields = [b"user-agent: *" if f.lower().startswith((b"user-agent: curl", b"user-agent: wend")) else f
              for f in fields]
    return first, sorted(field.strip() for field in fields), body


@pytest.mark.parametrize("name", CASES)
def test_like_curl(name, tmp_path):
    words, answer = CASES[name]
    (tmp_path / "file").write_bytes(JSON)
    seen = {}
    for program in ("curl", "wend"):
        out = tmp_path / f"{program}.out"
        with Script(answer) as server:
            places = {"{url}": server.url(), "{port}": str(server.port), "{file}": str(tmp_path / "file"),
                      "{out}": str(out)}
            filled = list(words)
            for mark, value in places.items():
                filled = [word.replace(mark, value) for word in filled]
            done = run(program, "-sS", "-m", "20", *filled, data=JSON)
            requests = [comparable(r) for r in server.requests]
            requests = repr(requests).replace(str(server.port), "PORT")
        seen[program] = (done.returncode, done.stdout, out.read_bytes() if out.exists() else None, requests)
    assert seen["wend"] == seen["curl"]


def test_where_it_does_otherwise(tmp_path):
    """On purpose, and said in docs/from-curl.md."""
    with Script(b"HTTP/1.1 200 OK\nX-A:b\nContent-Length: 2\n\nhi") as server:
        done = run("wend", "-i", "-v", server.url())  # the head as it was understood, and a word about it
        assert done.stdout == b"HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 2\r\n\r\nhi"
        assert b"LF alone" in done.stderr
    with Script(ok()) as server:  # curl 7.88 waits for a body that cannot come
        assert run("wend", "-s", "-X", "HEAD", server.url()).returncode == 0
    # curl 7.88 warns and sends nothing; curl 8 ends with this code, and so do we
    assert run("wend", "-s", "-d", f"@{tmp_path}/nothing", "http://127.0.0.1:1/").returncode == 26


def test_28_and_an_address_in_brackets(tmp_path):
    """What needs a server of another kind: one that accepts and is silent, one on ::1."""
    with Script(ok(), hold=20, read=True) as server:
        server.answers = [b""]
        for program in ("curl", "wend"):
            assert run(program, "-s", "-m", "0.4", server.url()).returncode == 28
    try:
        six = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError as error:
        pytest.skip(f"no IPv6 loopback here: {error}")
    with Script(ok()) as server:
        server.socket.close()
        server.socket, server.port = six, six.getsockname()[1]
        threading.Thread(target=server.run, daemon=True).start()
        for program in ("curl", "wend"):
            done = run(program, "-s", f"http://[::1]:{server.port}/")
            assert (done.returncode, done.stdout) == (0, b"hello"), program
        hosts = [next(f for f in head.split(b"\r\n") if f.startswith(b"Host")) for head, _ in server.requests]
    assert hosts[0] == hosts[1] == b"Host: [::1]:%d" % server.port


def test_56_a_reset_in_the_body():
    for program in ("curl", "wend"):
        with Script(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello", reset=True, hold=0.2) as server:
            assert run(program, "-s", server.url()).returncode == 56, program


def test_trace_reads_the_trailer():
    """What a server tells after the body replaces what it told before it."""
    answer = (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nServer-Timing: early;dur=1;t=0\r\n\r\n"
              b"2\r\nhi\r\n0\r\nServer-Timing: early;dur=2;t=0, late;dur=1;t=1;desc=\"a b\"\r\n\r\n")
    with Script(answer) as server:
        done = trace("--ascii", server.url())
        head = server.requests[0][0].lower()
    assert done.returncode == 0, done.stderr
    assert b"te: trailers" in head and b"connection: te" in head
    assert done.stdout.count(b"early") == 1 and b"late" in done.stdout and b"a b" in done.stdout
