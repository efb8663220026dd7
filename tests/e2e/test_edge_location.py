"""Servers, locations, rewrites and errors: every request of a table to wend and to a real nginx with
the same configuration; status, fields and body must be the same."""
import os

import pytest
from conftest import NGINX, assert_same, edge_command, free_port, needs, needs_peer, write_conf, Server

pytestmark = needs("edge")

CONF = """
    map $arg_m $mapped { default none; one 1; ~^t(?<rest>.*)$ "t:$rest"; }
    map $http_x $hosted { hostnames; default d; *.example.org w; example.net e; }
    server {
        listen 127.0.0.1:PORT; server_name localhost; port_in_redirect on;
        location / { return 200 "slash $uri $args"; }
        location = /exact { return 200 exact; }
        location /pre { return 200 prefix; }
        location /pre/fix { return 200 longer; }
        location ^~ /pre/only { return 200 only; }
        location ~ /regex/.*\\.php$ { return 200 php; }
        location ~* \\.(jpg|PNG)$ { return 200 image; }
        location ~ ^/cap/(\\w+)/(?<named>\\d+)$ { return 200 "$1 $named $2"; }
        location /nest { return 200 nest; location /nest/in { return 200 in; location ~ x$ { return 200 deep; } } }
        location /slash/ { proxy_pass http://127.0.0.1:1; }
        location = /404 { return 404; }
        location = /444 { return 444; }
        location = /301 { return 301 /to?a=b; }
        location = /302 { return 302 http://other/x; }
        location = /text { return 403 "no entry"; }
        location = /204 { return 204; }
        location /errors { error_page 404 = /exact; error_page 403 =200 /pre; error_page 410 @named;
            error_page 500 502 /codes; location = /errors/404 { return 404; }
            location = /errors/403 { return 403; } location = /errors/410 { return 410; }
            location = /errors/500 { return 500; } }
        location @named { return 200 "named $uri"; }
        location /codes { return 200 "code page"; }
        location /internal { internal; return 200 inside; }
        location /rw { rewrite ^/rw/a(.*)$ /pre$1 last; rewrite ^/rw/b(.*)$ /new$1? permanent;
            rewrite ^/rw/c /temp redirect; rewrite ^/rw/d /rw2 break; return 200 "rw $uri"; }
        location /rw2 { return 200 rw2; }
        location /loop { rewrite ^ /loop last; }
        location /args { rewrite ^/args/(.*)$ /pre?x=$1 last; }
        location /if { set $v none; if ($arg_a) { set $v a; } if ($arg_b = two) { set $v "$v-two"; }
            if ($request_method ~ ^(POST|PUT)$) { return 405; } if (!-f $document_root/here) { set $v "$v-nofile"; }
            if ($http_user_agent ~* "(bot)") { return 200 "bot $1"; } return 200 $v; }
        location /map { return 200 "$mapped $hosted"; }
        location /try { try_files $uri $uri/ /try/fallback.html =418; }
        location /try2 { try_files $uri @named; }
        location /try3 { try_files $uri =418; }
        location /dir { index nothing.html index.html; }
        location /hdr { add_header X-One 1; add_header X-Two $args always; return 200 h; }
        location /hdr4 { add_header X-One 1; add_header X-Two 2 always; return 404; }
        location /allow { allow 127.0.0.1; deny all; return 200; try_files /here =404; }
        location /deny { deny 127.0.0.1; allow all; try_files /here =404; }
        location /limit { limit_except GET { deny all; } try_files /here =404; }
        location /vars { return 200 "$host $request_method $scheme $server_port $server_protocol $request_uri $uri $arg_x $is_args $args $content_length $http_x_y $cookie_c $server_name $document_uri $remote_addr $request_length"; }
        location /body { client_max_body_size 10; return 200 b; }
        location /big { client_max_body_size 10; try_files /here =404; }
    }
    server { listen 127.0.0.1:PORT; server_name named.example *.wild.example suffix.* ~^re(?<n>\\d+)\\.example$;
             location / { return 200 "second $server_name $n"; } }
"""
FILES = {"here": b"the file\n", "try/fallback.html": b"fallback\n", "try/dir/index.html": b"index\n",
         "dir/index.html": b"the index\n", "pre.jpg": b"j", "try2/x": b"x\n"}
GETS = """/ /x?y=z /exact /exact/ /exactly /pre /prefix /pre/fix /pre/fixed /pre/only/a.php /regex/a.php /regex/A.PHP
    /a.jpg /a.JPG /pre/only/a.png /cap/word/42 /cap/word/x /nest /nest/in /nest/inx /nest/in/x /slash /404 /301 /302
    /text /204 /errors/404 /errors/403 /errors/410 /errors/500 /internal /internal/x /rw/a/fix?q=1 /rw/ax /rw/b/c?d=e /rw/c?d=e
    /rw/d /rw/z /loop /args/v?y=2 /if /if?a=1 /if?b=two /if?a=1&b=two /map?m=one /map?m=two /map?m=x /try /try/dir
    /try/dir/ /try/none /try2/x /try2/none /try3/none /dir /dir/ /dir/none /hdr?v /hdr4 /allow /deny /limit /vars?x=1&y
    /a//b///c /a/./b/../c /%41%2f%20 /a%2f..%2fb /pre/../exact /?? /x%3Fy /vars/%C3%A4 /.. /../../x /a/..//.. /body""".split()
OTHERS = [
    ("/if", ["User-Agent: a Bot"], {}), ("/if", [], {"method": "POST", "body": b""}),
    ("/map", ["X: www.example.org"], {}), ("/map", ["X: example.net"], {}),
    ("/", [], {"host": "named.example"}), ("/", [], {"host": "NAMED.example:80"}),
    ("/", [], {"host": "a.b.wild.example"}), ("/", [], {"host": "wild.example"}),
    ("/", [], {"host": "suffix.any.thing"}), ("/", [], {"host": "re12.example"}),
    ("/", [], {"host": "named.example."}), ("/", [], {"host": "unknown"}),
    # (a field twice is joined since nginx 1.23; Debian's is older, so it is not asked)
    ("/vars?x", ["X-Y: 1", "Cookie: a=b; c=d"], {}), ("/vars", ["X-Y: 1"], {"method": "POST", "body": b"12"}),
    ("/301", [], {"host": "named.example"}), ("/dir", [], {"host": "localhost:99"}),
    ("/limit", [], {"method": "DELETE"}), ("/limit", [], {"method": "HEAD"}),
    ("/here", [], {"method": "POST", "body": b"x"}), ("/text", [], {"method": "HEAD"}),
    ("/big", [], {"method": "POST", "body": b"x" * 11}), ("/body", [], {"method": "POST", "body": b"x" * 11}),
    ("/404", [], {"method": "HEAD"}), ("/exact", [], {"version": "1.0"}), ("/404", [], {"version": "1.0"}),
    ("/exact", ["Connection: close"], {}), ("/exact", ["Connection: keep-alive"], {"version": "1.0"}),
    ("/404", ["User-Agent: Mozilla/4.0 (compatible; MSIE 6.0)"], {}),
    ("/exact", [], {"method": "DELETE"}), ("/exact", [], {"method": "BREW"}), ("/exact", [], {"method": "TRACE"}),
    ("/exact", ["Expect: 100-continue"], {}), ("/exact", ["Range: bytes=0-1"], {}),
]


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    servers = []
    for name in ("wend", "nginx"):
        needs_peer("nginx", NGINX)
        directory = tmp_path_factory.mktemp(name)
        port = free_port()
        conf = write_conf(directory, CONF, port, name=name)
        for path, content in FILES.items():
            path = directory / "html" / path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            os.utime(path, (784111777, 784111777))
        servers.append(Server(edge_command(name, directory, conf), port, directory))
    yield servers
    for server in servers:
        server.stop()


@pytest.mark.parametrize("target", GETS)
def test_get(pair, target):
    assert_same(*pair, ((target,), {}))


@pytest.mark.parametrize("target, fields, options", OTHERS,
                         ids=[f"{t} {' '.join(f)} {o}" for t, f, o in OTHERS])
def test_other_requests(pair, target, fields, options):
    assert_same(*pair, ((target, *fields), options))


def test_444_closes_without_a_word(pair):
    for server in pair:
        with server.client() as client:
            client.send(b"GET /444 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert client.rest() == b""


ALIASES = """
    server {
        listen 127.0.0.1:PORT;
        rewrite ^/astray /a/f break;
        location /a/ {
            alias DIR/html/x/;
            rewrite ^/a/break /a/f break;
            rewrite ^/a/last /a/f last;
            location /a/in/ { }
            location /a/try/ { try_files $uri/no in/f =404; }
            location /a/tried/ { try_files $uri =404; }
            location /a/literal/ { try_files /a/f /tried/f =404; }
            location /a/moved/ { rewrite ^ /elsewhere break; try_files $uri /a/f; }
            location /a/within/ { rewrite ^ /a/f break; try_files $uri =404; }
            location /a/root/ { root DIR/html; }
            location ~ /name$ { return 200 "$request_filename $document_root"; }
            location ~ /own$ { alias /y; return 200 "$request_filename $document_root"; }
            location /a/if/ { if ($arg_q) { set $x 1; } }
        }
        location /var/ { alias /x/$arg_v/; location /var/deep { return 200 $request_filename; } }
        location ~ ^/expression/(.*)$ {
            alias DIR/html/x/$1;
            if ($arg_q) { set $x 1; }
            location ~ name$ { return 200 $request_filename; }
        }
    }
"""
ALIASED = ["/astray", "/a/f", "/a/break", "/a/last", "/a/in/f", "/a/in/", "/a/in", "/a/try/f", "/a/tried/f", "/a/tried/g",
           "/a/literal/f", "/a/literal/", "/a/moved/f", "/a/within/f",
           "/a/root/f", "/a/deep/name", "/a/deep/own", "/a/if/f", "/a/if/f?q=1", "/a/if/none?q=1", "/var/deeper?v=7",
           "/expression/f", "/expression/f?q=1", "/expression/deep/name"]


def test_places_below_an_alias(both):
    files = {f"x/{name}": name.encode() for name in ("f", "in/f", "tried/f", "if/f")} | {"a/root/f": b"root"}
    ours, theirs = both(ALIASES, html=files)
    for path in ALIASED:
        mine, real = ours.ask(path), theirs.ask(path)
        told = [answer.body.replace(str(server.directory).encode(), b"DIR") for answer, server in
                ((mine, ours), (real, theirs))]
        assert mine.status == real.status, path
        assert mine.status != 200 or told[0] == told[1], path
    assert ours.ask("/a/in/f").body == b"in/f"
    assert 'cannot be used in location "/a/" where URI was rewritten' in (ours.directory / "error.log").read_text()
