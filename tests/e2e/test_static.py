"""Static content: wend beside a real nginx with the same configuration and the same files.

Every row is one request. Both servers must answer it with the same status, the same fields (but for
Server, Date and the server's name in error pages) and the same body.
"""
import os
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WEND = next((p for p in (Path(os.environ.get("WEND", "/nonexistent")), ROOT / "build" / "wend",
                         ROOT / "build" / "src" / "cmd" / "wend") if p.exists()), None)
OLD = 784111777  # Sun, 06 Nov 1994 08:49:37 GMT
OLD_TEXT = "Sun, 06 Nov 1994 08:49:37 GMT"
OLD_TAG = '"2ebc9a21-14"'

SERVER = r"""
    root ROOT;
    default_type application/octet-stream;
    types { text/html html htm; text/plain txt; text/css css; image/png PNG; }
    log_format row '$remote_addr|$request|$status|$body_bytes_sent|$http_referer|$http_user_agent|'
                   '$args|$uri|$document_uri|$request_method|$sent_http_content_type|$scheme';
    log_format js escape=json '{"agent":"$http_user_agent","referer":"$http_referer"}';
    log_format raw escape=none '$http_user_agent;${http_referer}x';
    map $arg_skip $loggable { default 1; yes 0; }

    server {
        listen 127.0.0.1:PORT;
        server_name localhost;
        access_log LOGS/row.log row;
        access_log LOGS/js.log js if=$loggable;
        access_log LOGS/raw.log raw;

        location /indexed/ { index missing.html index.txt; }
        location /fallback/ { index nothing.html /r.txt; }
        location /variable/ { index $arg_i.txt; }
        location /list/ { alias ROOT/list/; autoindex on; }
        location /units/ { alias ROOT/list/; autoindex on; autoindex_exact_size off; }
        location /local/ { alias ROOT/list/; autoindex on; autoindex_localtime on; }
        location /json/ { alias ROOT/list/; autoindex on; autoindex_format json; }
        location /jsonp/ { alias ROOT/list/; autoindex on; autoindex_format jsonp; }
        location /xml/ { alias ROOT/list/; autoindex on; autoindex_format xml; }
        location /alias/ { alias ROOT/list/; }
        location ~ ^/re/(.*)$ { alias ROOT/$1; }
        location /noetag/ { alias ROOT/; etag off; }
        location /noranges/ { alias ROOT/; max_ranges 0; }
        location /tworanges/ { alias ROOT/; max_ranges 2; }
        location /imsoff/ { alias ROOT/; if_modified_since off; }
        location /imsbefore/ { alias ROOT/; if_modified_since before; }
        location /sendfile/ { alias ROOT/; sendfile on; tcp_nopush on; }
        location /cached/ { alias ROOT/; open_file_cache max=100 inactive=20s; open_file_cache_errors on; }
        location /nolog/ { log_not_found off; access_log off; }
        location /ownlog/ { error_log LOGS/own.log; error_log LOGS/quiet.log crit; }
        location /named/ {
            root ROOT; open_log_file_cache max=10 inactive=20s valid=1m min_uses=1;
            access_log LOGS/by-$arg_n.log raw;
        }
        location /buffered/ { access_log LOGS/buffered.log raw buffer=4k flush=300ms; }
        location /relative/ { absolute_redirect off; root ROOT; }
        location /noport/ { port_in_redirect off; root ROOT; }

        location /exp/max { alias ROOT/r.txt; expires max; }
        location /exp/epoch { alias ROOT/r.txt; expires epoch; }
        location /exp/off { alias ROOT/r.txt; expires off; }
        location /exp/zero { alias ROOT/r.txt; expires 0; }
        location /exp/hour { alias ROOT/r.txt; expires 1h30m; }
        location /exp/negative { alias ROOT/r.txt; expires -1; }
        location /exp/modified { alias ROOT/r.txt; expires modified 10y; }
        location /exp/later { alias ROOT/r.txt; expires modified 60y; }
        location /exp/variable { alias ROOT/r.txt; expires $arg_e; }
        location /exp/404 { return 404; expires max; }

        location /add/ {
            alias ROOT/;
            add_header X-One 1;
            add_header X-Always $request_method always;
            add_header X-Empty "";
            add_header Cache-Control no-store;
            location /add/more/ { alias ROOT/; add_header X-Two 2; }
            location /add/same/ { alias ROOT/; expires 1h; }
            location /add/tag/ { alias ROOT/; add_header ETag '"mine"'; }
            location /add/modified/ { alias ROOT/; add_header Last-Modified "OLDTEXT"; }
            location /add/unmodified/ { alias ROOT/; add_header Last-Modified ""; }
        }
        location /trailer/ { alias ROOT/; add_trailer X-End $request_method; }
    }
"""

CONF = """
daemon off;
user nobody nogroup;
pid LOGS/pid;
error_log LOGS/error.log error;
worker_processes 1;
events { worker_connections 256; }
http {
    client_body_temp_path LOGS/body;
    TEMPS
    SERVER
}
"""

# Where nginx would make directories of modules that play no part here.
TEMPS = "proxy_temp_path LOGS/p; fastcgi_temp_path LOGS/f; uwsgi_temp_path LOGS/u; scgi_temp_path LOGS/s;"


def make_files(root):
    def put(path, content, mtime=OLD):
        path = root / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (mtime, mtime))

    put("r.txt", b"0123456789abcdefghij")
    put("page.html", b"<p>page</p>")
    put("UP.PNG", b"png")
    put("style.css", b"")
    put("none", b"no extension")
    put(".html", b"a dot file")
    put("a.b/none", b"the dot is in the directory")
    put("large.bin", bytes(range(256)) * 4096)
    put("64k", b"x" * 65536)
    put("64k1", b"y" * 65537)
    put("sp ace.txt", b"space")
    put("\u00fcml.txt", b"utf-8")
    put("indexed/index.txt", b"the index")
    put("fallback/x", b"")
    put("variable/one.txt", b"one")
    put("relative/d/x", b"")
    put("noport/d/x", b"")
    put("secret.txt", b"not for you")
    put("closed/index.html", b"")
    put("list/sub/x", b"")
    put("list/a b.txt", b"1")
    put("list/q&<\".txt", b"22")
    put("list/" + "n" * 60 + ".txt", b"333")
    put("list/m2", b"m" * 2000000)
    put("list/k", b"k" * 12345)
    for entry in (root / "list").iterdir():
        os.utime(entry, (OLD, OLD))
    os.symlink("r.txt", root / "link.txt")
    os.symlink("nowhere", root / "dangling")
    os.symlink("loop", root / "loop")
    os.mkfifo(root / "pipe")
    os.utime(root / "pipe", (OLD, OLD))
    for directory, _, _ in os.walk(root):
        os.chmod(directory, 0o755)
    os.chmod(root / "secret.txt", 0)
    os.chmod(root / "closed", 0)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


class Server:
    def __init__(self, binary, where, root, temps=""):
        self.port = port = free_port()
        self.logs = where
        where.mkdir()
        where.chmod(0o777)  # workers make the log files that are named per request
        text = CONF.replace("SERVER", SERVER).replace("TEMPS", temps).replace("ROOT", str(root)).replace("LOGS", str(where))
        text = text.replace("PORT", str(port)).replace("OLDTEXT", OLD_TEXT)
        (where / "conf").write_text(text)
        self.process = subprocess.Popen([*binary, "-c", str(where / "conf"), "-e", str(where / "error.log")])
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                assert self.process.poll() is None, f"{binary} ended early"
                assert time.monotonic() < deadline, "the server does not listen"
                time.sleep(0.02)

    def stop(self):
        self.process.terminate()
        self.process.wait(10)

    def ask(self, request):
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as s:
            s.sendall(request)
            got = b""
            while part := s.recv(65536):
                got += part
        return got


def request(path, method="GET", version="1.1", **fields):
    lines = [f"{method} {path} HTTP/{version}", "Host: localhost:8080", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def unchunk(body):
    """The chunks' data and, after them, what the trailer section holds."""
    data = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        if int(size, 16) == 0:
            return data + b"|" + body
        data, body = data + body[:int(size, 16)], body[int(size, 16) + 2:]
    raise AssertionError("no last chunk")


def neutral(answer, port):
    """Status line, sorted fields and body without what may differ."""
    head, _, body = answer.partition(b"\r\n\r\n")
    if b"Transfer-Encoding: chunked" in head and body:
        body = unchunk(body)
        if body.endswith(b"|\r\n"):  # no trailers: whether the length is told is a matter of taste
            body = body[:-3]
            head = head.replace(b"Transfer-Encoding: chunked", b"Content-Length: %d" % len(body))
    status, *fields = head.split(b"\r\n")
    names = (b"server:", b"date:")
    fields = sorted(f for f in fields if not f.lower().startswith(names))
    fields = [b"Expires: soon" if f.startswith(b"Expires: ") and b"1994" not in f and b"20" in f
              and b"2037" not in f and b"1970" not in f and b"2004" not in f else f for f in fields]
    footer = body.find(b"<hr><center>")
    if b"</h1></center>" in body and footer >= 0:
        body = body[:footer]
    if status.split()[1][:1] in b"345":
        fields = [f for f in fields if not f.lower().startswith(b"content-length:")]
    if b"boundary=" in head:
        boundary = head.partition(b"boundary=")[2][:20]
        fields = [f.replace(boundary, b"B") for f in fields]
        body = body.replace(boundary, b"B")
    if status.split()[1] == b"416":  # nginx adds fields twice: for the 200 it wanted to send as well
        fields = [f for f in fields if not f.startswith((b"X-", b"Cache-Control:"))]
    port = str(port).encode()
    return status, [f.replace(port, b"PORT") for f in fields], body


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    if shutil.which("nginx") is None:
        pytest.fail("nginx is not installed")
    base = tmp_path_factory.mktemp("static")
    for part in (base, *base.parents[:2]):
        os.chmod(part, 0o755)
    root = base / "root"
    root.mkdir()
    make_files(root)
    theirs = Server(["nginx"], base / "nginx", root, TEMPS)
    ours = Server([str(WEND), "edge"], base / "wend", root)
    yield ours, theirs, root
    ours.stop()
    theirs.stop()
    os.chmod(root / "closed", 0o755)


PLAIN = [
    "/r.txt", "/page.html", "/UP.PNG", "/style.css", "/none", "/.html", "/a.b/none", "/large.bin", "/64k", "/64k1",
    "/sp%20ace.txt", "/%C3%BCml.txt", "/link.txt", "/dangling", "/loop", "/pipe", "/secret.txt",
    "/closed/index.html", "/closed/", "/closed", "/nope", "/r.txt/", "/r.txt/x", "/nope/", "/nope/x",
    "/list", "/list?a=b", "/sp%20ace", "/a.b", "/a%2Eb?x", "/", "/../r.txt", "/a.b/../r.txt", "/./r.txt",
    "//r.txt", "/r.txt%00", "/" + "n" * 300, "/indexed/", "/indexed", "/fallback/", "/variable/?i=one",
    "/variable/?i=two", "/list/", "/units/", "/local/", "/json/", "/jsonp/", "/jsonp/?callback=a.b_C",
    "/jsonp/?callback=a(b", "/xml/", "/json/sub/", "/xml/sub/", "/list/sub", "/list/nope/", "/alias/k",
    "/alias/", "/alias/sub", "/alias", "/re/r.txt", "/re/list", "/re/nope", "/noetag/r.txt", "/noranges/r.txt",
    "/sendfile/large.bin", "/sendfile/r.txt", "/sendfile/style.css", "/cached/r.txt", "/cached/r.txt",
    "/cached/nope", "/cached/nope", "/cached/list", "/cached/large.bin", "/cached/secret.txt", "/nolog/nope",
    "/relative/d", "/relative/d?q=1", "/noport/d", "/exp/max", "/exp/epoch", "/exp/off", "/exp/zero", "/exp/hour",
    "/exp/negative", "/exp/modified", "/exp/later", "/exp/variable?e=1d", "/exp/variable?e=max",
    "/exp/variable?e=off", "/exp/variable?e=nonsense", "/exp/variable", "/exp/404", "/add/r.txt", "/add/nope",
    "/add/more/r.txt", "/add/same/r.txt", "/add/tag/r.txt", "/add/modified/page.html", "/add/unmodified/r.txt",
    "/trailer/r.txt",
]


@pytest.mark.parametrize("path", PLAIN)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_files(pair, method, path):
    ours, theirs, _ = pair
    text = request(path, method)
    assert neutral(ours.ask(text), ours.port) == neutral(theirs.ask(text), theirs.port)


@pytest.mark.parametrize("path", ["/r.txt", "/nope", "/list", "/indexed/", "/list/", "/"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"])
def test_methods(pair, method, path):
    ours, theirs, _ = pair
    text = request(path, method, Content_Length=0)
    assert neutral(ours.ask(text), ours.port) == neutral(theirs.ask(text), theirs.port)


@pytest.mark.parametrize("path", ["/r.txt", "/list", "/nope", "/trailer/r.txt"])
def test_http10(pair, path):
    ours, theirs, _ = pair
    text = request(path, version="1.0")
    assert neutral(ours.ask(text), ours.port) == neutral(theirs.ask(text), theirs.port)


BEFORE, AFTER = "Sun, 06 Nov 1994 08:49:36 GMT", "Sun, 06 Nov 1994 08:49:38 GMT"
CONDITIONALS = [
    {"If_Modified_Since": when} for when in (OLD_TEXT, BEFORE, AFTER, "nonsense", "", "Sunday, 06-Nov-94 08:49:37 GMT",
                                             "Sun Nov  6 08:49:37 1994")
] + [
    {"If_Unmodified_Since": when} for when in (OLD_TEXT, BEFORE, AFTER, "nonsense")
] + [
    {name: tags}
    for name in ("If_Match", "If_None_Match")
    for tags in (OLD_TAG, "W/" + OLD_TAG, "*", '"x"', f'"x", {OLD_TAG}', f'"x",W/{OLD_TAG} , "y"', "", "nonsense")
] + [
    {"If_Modified_Since": OLD_TEXT, "If_None_Match": OLD_TAG},
    {"If_Modified_Since": OLD_TEXT, "If_None_Match": '"x"'},
    {"If_Modified_Since": AFTER, "If_None_Match": OLD_TAG},
    {"If_Match": '"x"', "If_None_Match": OLD_TAG},
    {"If_Match": OLD_TAG, "If_Unmodified_Since": BEFORE},
    {"If_Match": OLD_TAG, "If_Modified_Since": OLD_TEXT},
    {"If_None_Match": OLD_TAG, "Range": "bytes=0-1"},
    {"If_Match": '"x"', "Range": "bytes=0-1"},
]


@pytest.mark.parametrize("place", ["", "/imsoff", "/imsbefore", "/noetag", "/cached", "/add", "/add/tag"])
@pytest.mark.parametrize("fields", CONDITIONALS, ids=lambda f: " ".join(f"{k}={v}" for k, v in f.items()))
def test_conditionals(pair, fields, place):
    ours, theirs, _ = pair
    text = request(place + "/r.txt", **fields)
    assert neutral(ours.ask(text), ours.port) == neutral(theirs.ask(text), theirs.port)


RANGES = [
    "bytes=0-4", "BYTES=0-4", "bytes=5-", "bytes=-5", "bytes=-50", "bytes=-0", "bytes=0-0,-1", "bytes=15-,0-1",
    "bytes=0-9,5-14", "bytes=0-,0-", "bytes=0-,0-,0-", "bytes=20-", "bytes=20-30,0-1", "bytes=5-4", "bytes=a-b", "bytes=",
    "bytes=-", "bytes=1", "bytes=0-1,", "bytes=,0-1", "bytes= 0 - 4 , 6 - 7 ", "items=0-1", "bytes=0-1x", "",
    "bytes=19-9999999999999", "bytes=99999999999999999999-", "bytes=0-99999999999999999999", "bytes=0-0,2-2,4-4",
    "bytes=0-1,3-4", "bytes=0-18446744073709551615",
]


@pytest.mark.parametrize("path", ["/r.txt", "/style.css", "/sendfile/r.txt", "/noranges/r.txt", "/tworanges/r.txt",
                                  "/list/", "/nope", "/add/r.txt"])
@pytest.mark.parametrize("value", RANGES)
def test_ranges(pair, value, path):
    ours, theirs, _ = pair
    text = request(path, Range=value)
    assert neutral(ours.ask(text), ours.port) == neutral(theirs.ask(text), theirs.port)


@pytest.mark.parametrize("value", ["bytes=0-9", "bytes=-9", "bytes=70000-70009,65530-65540,0-1", "bytes=1048570-"])
@pytest.mark.parametrize("path", ["/large.bin", "/sendfile/large.bin", "/cached/large.bin"])
def test_ranges_of_a_large_file(pair, value, path):
    ours, theirs, _ = pair
    text = request(path, Range=value)
    assert neutral(ours.ask(text), ours.port) == neutral(theirs.ask(text), theirs.port)


@pytest.mark.parametrize("value", [OLD_TAG, '"x"', OLD_TEXT, BEFORE, AFTER, "nonsense", '"'])
def test_if_range(pair, value):
    ours, theirs, _ = pair
    text = request("/r.txt", Range="bytes=0-1", If_Range=value)
    assert neutral(ours.ask(text), ours.port) == neutral(theirs.ask(text), theirs.port)


def eventually(check):
    deadline = time.monotonic() + 5
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.02)


LOGS_OF_ALL = ("row.log", "js.log", "raw.log")


@pytest.mark.parametrize("text", [
    request("/r.txt?a=b", User_Agent="agent \"q\" \\ \u00fc\t", Referer="http://x/"),
    request("/nope"),
    request("/r.txt?", Referer=""),
    request("/r.txt?skip=yes"),
    request("/list"),
    request("/r.txt", "HEAD"),
    request("/r.txt", Range="bytes=0-4"),
    request("/%C3%BCml.txt"),
    request("/nolog/x"),
    b"GET / HTTP/1.1\r\n\r\n",
    b"NONSENSE\r\n\r\n",
])
def test_access_log(pair, text):
    ours, theirs, _ = pair
    before = {(s, name): (s.logs / name).read_bytes() for s in (ours, theirs) for name in LOGS_OF_ALL}
    ours.ask(text)
    theirs.ask(text)

    def added(server, name):
        line = (server.logs / name).read_bytes()[len(before[server, name]):]
        columns = line.split(b"|")
        if name == "row.log" and len(columns) > 3 and columns[2] >= b"300":
            columns[3] = b"N"  # the error page names its server
        return b"|".join(columns)

    if b"/nolog/" in text:
        time.sleep(0.1)  # for a line nobody wants
    else:
        eventually(lambda: added(ours, "raw.log") and added(theirs, "raw.log"))  # the last one written
    for name in LOGS_OF_ALL:
        assert added(ours, name) == added(theirs, name)


@pytest.mark.parametrize("path", ["/nope", "/secret.txt", "/r.txt/x", "/closed/", "/", "/nope/", "/nolog/nope", "/loop"])
def test_error_log(pair, path):
    def line(server):
        seen = len((server.logs / "error.log").read_text().splitlines())
        server.ask(request(path))
        time.sleep(0.1)
        lines = (server.logs / "error.log").read_text().splitlines()[seen:]
        return [text.partition("*")[2].partition(" ")[2] for text in lines]

    ours, theirs, _ = pair
    assert line(ours) == line(theirs)


def test_logs_named_per_request(pair):
    for server in pair[:2]:
        for name in ("one", "two", "one"):
            server.ask(request(f"/named/x?n={name}", User_Agent=name))
        by_one = server.logs / "by-one.log"
        eventually(lambda: by_one.exists() and by_one.read_bytes() == b"one;x\n" * 2)
        assert (server.logs / "by-two.log").read_bytes() == b"two;x\n"


def test_buffered_logs_are_flushed_in_time(pair):
    for server in pair[:2]:
        server.ask(request("/buffered/x", User_Agent="late"))
        eventually(lambda: (server.logs / "buffered.log").read_bytes() == b"late;x\n")


def test_error_log_of_a_place(pair):
    for server in pair[:2]:
        before = (server.logs / "error.log").read_bytes()
        server.ask(request("/ownlog/nope"))
        eventually(lambda: b"/ownlog/nope" in (server.logs / "own.log").read_bytes())
        assert (server.logs / "quiet.log").read_bytes() == b""
        assert (server.logs / "error.log").read_bytes() == before


def body_of(answer):
    return answer.partition(b"\r\n\r\n")[2]


def test_changes_are_seen_at_once(pair):
    """Same size within one tick, rename, symlink swap."""
    ours, _, root = pair
    text = request("/changing.txt")
    target = root / "changing.txt"
    for round_ in range(20):
        content = f"round {round_:03}".encode()
        target.write_bytes(content)
        assert body_of(ours.ask(text)) == content
        again = f"ROUND {round_:03}".encode()
        target.write_bytes(again)
        assert body_of(ours.ask(text)) == again
    os.utime(target, (OLD, OLD))
    time.sleep(2.1)
    for _ in range(3):
        assert body_of(ours.ask(text)) == b"ROUND 019"
    (root / "new").write_bytes(b"RENAMED!!")
    os.utime(root / "new", (OLD, OLD))
    os.rename(root / "new", target)
    assert body_of(ours.ask(text)) == b"RENAMED!!"
    (root / "one").write_bytes(b"linked 1!")
    (root / "two").write_bytes(b"linked 2!")
    for name in ("one", "two"):
        os.utime(root / name, (OLD, OLD))
    time.sleep(2.1)
    target.unlink()
    for _ in range(3):
        for name in ("one", "two"):
            os.symlink(name, root / "swap")
            os.rename(root / "swap", target)
            assert body_of(ours.ask(text)) == b"linked 1!" if name == "one" else b"linked 2!"


@pytest.mark.parametrize("place", ["", "/sendfile"])
def test_truncation_while_sending_closes(pair, place):
    """The response cannot be completed: the connection ends short of Content-Length, soon."""
    ours, _, root = pair
    size = 64 << 20
    with open(root / "shrinking", "wb") as file:
        file.truncate(size)
    with socket.create_connection(("127.0.0.1", ours.port), timeout=10) as s:
        s.sendall(request(place + "/shrinking"))
        head = s.recv(1000)
        assert b"Content-Length: %d" % size in head
        os.truncate(root / "shrinking", 1000)
        got = len(head)
        try:
            while part := s.recv(1 << 20):
                got += len(part)
        except ConnectionResetError:
            pass
        assert got < size
    assert body_of(ours.ask(request("/r.txt"))) == b"0123456789abcdefghij"


def test_growth_while_sending_is_not_sent(pair):
    ours, _, root = pair
    target = root / "growing"
    target.write_bytes(b"g" * 1000000)
    stop = threading.Event()

    def grow():
        with open(target, "ab") as file:
            while not stop.is_set():
                file.write(b"G" * 1000)
                file.flush()
                time.sleep(0.001)

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        for _ in range(20):
            answer = ours.ask(request("/growing"))
            length = int(answer.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            assert len(body_of(answer)) == length
    finally:
        stop.set()
        writer.join()


def test_logs_reopen_on_usr1(pair):
    ours, _, _ = pair
    os.rename(ours.logs / "row.log", ours.logs / "row.log.1")
    ours.process.send_signal(10)

    def arrives():  # workers follow the master in their own time
        ours.ask(request("/r.txt?after-rotation"))
        log = ours.logs / "row.log"
        return log.exists() and "after-rotation" in log.read_text()

    eventually(arrives)
