"""The configuration language: `-t` beside a real nginx. Both must accept or refuse the same texts; a
refusal names the file and the line."""
import contextlib
import re
import socket
import subprocess

import pytest
from conftest import (Client, NGINX, WEND, free_port, needs, needs_peer, temp_paths,
                      write_conf)

pytestmark = needs("edge")
S = "server { listen 127.0.0.1:1; %s }"

GOOD = {
    "nothing": "",
    "a server": S % "",
    "comments": "# one\n" + S % "# two\n",
    "quotes": S % """return 200 "a \\" b"; location = /x { return 200 'c \\' d'; }""",
    "braces in quotes": S % 'return 200 "{;}";',
    "a quoted empty word": S % 'add_header X "";',
    "variables": S % "set $a b; return 200 $a${a}c;",
    "units": S % "client_max_body_size 1m; keepalive_timeout 1h 30s; send_timeout 1m30s;",
    "a map": "map $uri $m { default 1; ~^/a(?<x>.*)$ $x; *.b 2; } " + S % "return 200 $m;",
    "nested locations": S % "location /a { location /a/b { return 204; } location ~ c { return 205; } }",
    "named locations": S % "error_page 404 = @f; location @f { return 200; }",
    "wildcard names": S % "server_name *.a.b a.* .c ~^x(?<n>.+)$ _;",
    "types": S % "types { text/x x y; } default_type a/b;",
    "if": S % 'if ($request_method = POST) { return 405; } if ($uri ~* "^/x") { set $y 1; }',
    "limit_except": S % "location / { limit_except GET { deny all; } }",
    "a log format": "log_format l escape=json '$remote_addr \"$request\"'; " + S % "access_log off;",
    "upstream": "upstream u { server 127.0.0.1:2 weight=2 max_fails=1; server unix:/x backup; keepalive 4; } "
                + S % "location / { proxy_pass http://u; }",
    "rewrite": S % "rewrite ^/a(.*)$ /b$1 last; rewrite ^/c /d? permanent;",
    "a backslash at the end of a word": S % "location ~ \\.php$ { return 204; }",
    "regex with braces quoted": S % 'location ~ "^/a{2}$" { return 204; }',
}
BAD = {
    "unknown directive": S % "no_such_thing on;",
    "a misspelt directive": S % "retrun 200;",
    "in the wrong place": "location / { }",
    "no semicolon": S % "return 200",
    "no closing brace": "server { listen 127.0.0.1:1;",
    "a closing brace too many": S % "" + "}",
    "too many arguments": S % "root a b;",
    "too few arguments": S % "root;",
    "twice": S % "root a; root b;",
    "not a flag": S % "sendfile maybe;",
    "not a size": S % "client_max_body_size ten;",
    "not a time": S % "send_timeout 1x;",
    "an unknown variable": S % "return 200 $no_such_variable;",
    "a bad regex": S % "location ~ ( { }",
    "an unclosed quote": S % 'return 200 "abc;',
    "text after a quote": S % 'return 200 "abc"def;',
    "a bad port": "server { listen 127.0.0.1:99999; }",
    "duplicate location": S % "location /a { } location /a { }",
    "nested outside": S % "location /a { location /b { } }",
    "a named location inside": S % "location / { location @x { } }",
    "return with a word": S % "return abc def;",
    "bad status": S % "error_page 200 /x;",
    "include of nothing": "include DIR/no-such-file;",
    "duplicate default server": "server { listen 127.0.0.1:1 default_server; } server { listen 127.0.0.1:1 default_server; }",
    "unknown listen parameter": "server { listen 127.0.0.1:1 fast; }",
    "a body that needs a block": S % "location /;",
    "a block that needs none": S % "root { }",
    "proxy_pass with a path in a regex": S % "location ~ x { proxy_pass http://127.0.0.1:1/y; }",
    "an unknown log format": S % "access_log DIR/a.log nope;",
    "a bad network": S % "allow 1.2.3.4/99;",
    "if without brackets": S % "if $a { }",
    "set without a dollar": S % "set a b;",
}


def check(program, directory, http):
    directory.mkdir(exist_ok=True)
    (directory / "html").mkdir(exist_ok=True)
    (directory / "temp").mkdir(exist_ok=True)
    conf = directory / "nginx.conf"
    conf.write_text(("pid DIR/pid; error_log stderr; events { }\nhttp {\naccess_log off;\n" + temp_paths(directory.name) + "\n"
                     + http + "\n}\n").replace("DIR", str(directory)))
    return subprocess.run([*program, "-t", "-p", directory, "-c", conf, "-e", "stderr"],
                          capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("name", [*GOOD, *BAD])
def test_both_judge_alike(name, tmp_path):
    http = GOOD.get(name, BAD.get(name))
    theirs = check([needs_peer("nginx", NGINX)], tmp_path / "nginx", http)
    ours = check([WEND, "edge"], tmp_path / "wend", http)
    assert (theirs.returncode == 0) == (name in GOOD), theirs.stderr
    assert ours.returncode == theirs.returncode, ours.stderr + theirs.stderr
    if name in GOOD:
        assert "syntax is ok" in ours.stderr and "test is successful" in ours.stderr
        return
    line = re.compile(r"nginx\.conf:(\d+)")
    assert "[emerg]" in ours.stderr
    if name == "an unclosed quote":  # wend names the line of the quote, too
        assert "is never closed" in ours.stderr
    if line.search(theirs.stderr):
        assert line.search(ours.stderr).group(1) == line.search(theirs.stderr).group(1), ours.stderr


def test_near_misses_are_suggested(tmp_path):
    assert "return" in check([WEND, "edge"], tmp_path / "wend", BAD["a misspelt directive"]).stderr


def test_what_is_not_built_has_its_own_message(tmp_path):
    known = check([WEND, "edge"], tmp_path / "wend", S % "auth_jwt x;").stderr
    unknown = check([WEND, "edge"], tmp_path / "wend", S % "auth_jwtt_x x;").stderr
    assert "unknown directive" in unknown and "unknown directive" not in known


def test_dump(tmp_path):
    directory = tmp_path / "wend"
    directory.mkdir()
    (directory / "extra.conf").write_text(S % "return 204;")
    check([WEND, "edge"], directory, "include DIR/extra*.conf;")
    done = subprocess.run([WEND, "edge", "-T", "-q", "-p", directory, "-c", directory / "nginx.conf"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert "# configuration file" in done.stdout and "return 204;" in done.stdout


def test_version_words():
    done = subprocess.run([WEND, "edge", "-V"], capture_output=True, text=True, timeout=60)
    assert done.stderr.startswith("nginx version: nginx/1.31.4 (wend ")
    for word in ("--prefix=", "--conf-path=", "--pid-path=", "--http-log-path=", "--error-log-path="):
        assert word in done.stderr


def three_ports():
    """The first of three free ones in a row."""
    while True:
        port = free_port()
        try:
            with contextlib.ExitStack() as taken:
                for number in (port, port + 1, port + 2):
                    taken.enter_context(socket.create_server(("127.0.0.1", number)))
            return port
        except (OSError, OverflowError):
            continue


def test_listen_takes_names_and_ranges_of_ports(edge):
    port = three_ports()
    server = edge("server { listen localhost:PORT; listen 127.0.0.1:%d-%d; return 200 $server_port; }"
                  % (port, port + 1), port=port + 2)
    assert server.ask("/").body == str(server.port).encode()
    for other in (port, port + 1):
        with Client(other) as client:
            assert client.ask("/").body == str(other).encode()


def test_an_address_in_use_is_tried_five_times(tmp_path):
    port = free_port()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        conf = write_conf(tmp_path, "server { listen 127.0.0.1:PORT; }", port)
        run = subprocess.run([WEND, "edge", "-p", tmp_path, "-c", conf], capture_output=True,
                             text=True, timeout=60)
    assert run.returncode == 1
    assert run.stderr.count("bind() to 127.0.0.1:%d failed (98: Address already in use)" % port) == 5
    assert run.stderr.rstrip().endswith("[emerg] still could not bind()")
