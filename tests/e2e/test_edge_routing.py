"""Routing beside a real nginx: locations, names, returns, rewrites, conditions, error pages, access and
variables. Every request is one row; both servers must answer it alike. Reason phrases are not compared:
ours has one where nginx has none.
"""
import pytest
from conftest import needs

pytestmark = needs("edge")
FILES = {"a.txt": b"A\n", "d/index.html": b"IDX\n", "d/x.html": b"X\n", "e/f.txt": b"F\n", "50x.html": b"ERR50x\n",
         "404.html": b"ERR404\n", "img/a.png": b"PNG", "b c.txt": b"BC", "noext": b"N"}

CONF_LOCATIONS = r"""
server { listen 127.0.0.1:PORT; location / { return 200 "root uri=$uri args=$args\n"; }
location = / { return 200 "exact-root uri=$uri args=$args\n"; }
location /a { return 200 "a uri=$uri args=$args\n"; }
location /a/ { return 200 "a-slash uri=$uri args=$args\n"; }
location = /a/b { return 200 "eq-ab uri=$uri args=$args\n"; }
location ^~ /img/ { return 200 "img uri=$uri args=$args\n"; }
location ~ \\.png$ { return 200 "png uri=$uri args=$args\n"; }
location ~* \\.JPG$ { return 200 "jpg uri=$uri args=$args\n"; }
location /a/b/c { return 200 "abc uri=$uri args=$args\n"; }
location /img { return 200 "imgnoslash uri=$uri args=$args\n"; }
location /%41x { return 200 "lit uri=$uri args=$args\n"; }
location /n { return 200 "n uri=$uri args=$args\n"; location /n/x { return 200 "nx uri=$uri args=$args\n"; }
location ~ \\.n$ { return 200 "nre uri=$uri args=$args\n"; }
location = /n/e { return 200 "ne uri=$uri args=$args\n"; } }
 location ~ ^/re/(?<who>[a-z]+)/(\\d+) { return 200 "who=$who 1=$1 2=$2\n"; location ~ /deep { return 200 "deep $1 $who\n"; } }
location ~ ^/z/ { location ~ /y$ { return 200 "zy uri=$uri args=$args\n"; } return 200 "z uri=$uri args=$args\n"; } }
"""
REQUESTS_LOCATIONS = [
    "/", "/x", "/a", "/ab", "/a/", "/a/b", "/a/b/", "/a/b/c", "/a/b/cd", "/img/x.png", "/img",
    "/imgx.png", "/x.png", "/x.jpg", "/x.JpG", "/n", "/n/x", "/n/x.n", "/n/y.n", "/n/e", "/n/e/",
    "/nx", "/re/abc/12", "/re/abc/12/deep", "/z/y", "/z/q", "/%61/b", "/a//b", "/a/./b",
    "/a/../x.png", "/Ax", "/%41x", "/a%2Fb", "/a%20b", "/a?x=1&y=2", "/a?", "/?", "//", "/..",
    "/a/..", "/a/b/..", "/%2e%2e/a", "/a#f", "/a%00b", "/a%zz",
    "OPTIONS * HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n", "http://b.example/a",
    "http://b.example", "TRACE /x HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "FOO /x HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /a HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
]

CONF_SERVER_NAMES = r"""
server { listen 127.0.0.1:PORT; server_name a.example; return 200 "1 sn=$server_name host=$host $1 $sub http_host=$http_host\n"; }
server { listen 127.0.0.1:PORT; server_name *.a.example; return 200 "2 sn=$server_name host=$host $1 $sub http_host=$http_host\n"; }
server { listen 127.0.0.1:PORT default_server; server_name d.example; return 200 "3 sn=$server_name host=$host $1 $sub http_host=$http_host\n"; }
server { listen 127.0.0.1:PORT; server_name .b.example; return 200 "4 sn=$server_name host=$host $1 $sub http_host=$http_host\n"; }
server { listen 127.0.0.1:PORT; server_name www.c.*; return 200 "5 sn=$server_name host=$host $1 $sub http_host=$http_host\n"; }
server { listen 127.0.0.1:PORT; server_name "~^(?<sub>.+)\\.re\\.example$"; return 200 "6 sn=$server_name host=$host $1 $sub http_host=$http_host\n"; }
server { listen 127.0.0.1:PORT; server_name ""; return 200 "7 sn=$server_name host=$host $1 $sub http_host=$http_host\n"; }
server { listen 127.0.0.1:PORT; server_name *.x.a.example y.*; return 200 "8 sn=$server_name host=$host $1 $sub http_host=$http_host\n"; }
server { listen 127.0.0.1:PORT; server_name UPPER.example; return 200 "9 sn=$server_name host=$host $1 $sub http_host=$http_host\n"; }
server { listen 127.0.0.1:PORT; server_name ~^num(\\d+)\\.x$; return 200 "10 sn=$server_name host=$host $1 $sub http_host=$http_host\n"; }
"""
REQUESTS_SERVER_NAMES = [
    "/", "GET / HTTP/1.1\r\nHost: A.EXAMPLE\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a.example.\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: x.a.example\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: q.x.a.example\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: b.example\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: z.b.example\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: www.c.org\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: www.c.co.uk\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: foo.re.example\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: unknown\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: upper.example\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: y.q\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: num12.x\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a.example:8080\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a.example:\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: [::1]\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a..example\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: b.example.\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a_b.example\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: -\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a/b\r\nConnection: close\r\n\r\n", "GET / HTTP/1.0\r\n\r\n",
    "GET / HTTP/1.1\r\n\r\n",
    "GET http://z.b.example/ HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n",
    "GET / HTTP/1.0\r\nHost:\r\n\r\n", "GET /\r\n",
]

CONF_RETURNS = r"""
server { listen 127.0.0.1:PORT; server_name s.example; location = /200 { return 200; }
location = /200t { return 200 "t"; }
location = /201 { return 201 "c"; }
location = /204 { return 204; }
location = /204t { return 204 "xx"; }
location = /301 { return 301 /there; }
location = /302q { return 302 /there?$args; }
location = /303 { return 303 http://other/x; }
location = /307 { return 307 /x; }
location = /308 { return 308 /x; }
location = /300 { return 300; }
location = /304 { return 304; }
location = /305 { return 305 /x; }
location = /bare301 { return 301; }
location = /400 { return 400; }
location = /401 { return 401; }
location = /402 { return 402; }
location = /403 { return 403; }
location = /404 { return 404; }
location = /404t { return 404 "none"; }
location = /405 { return 405; }
location = /406 { return 406; }
location = /408 { return 408; }
location = /409 { return 409; }
location = /410 { return 410; }
location = /411 { return 411; }
location = /412 { return 412; }
location = /413 { return 413; }
location = /414 { return 414; }
location = /415 { return 415; }
location = /416 { return 416; }
location = /417 { return 417; }
location = /418 { return 418; }
location = /421 { return 421; }
location = /422 { return 422; }
location = /426 { return 426; }
location = /428 { return 428; }
location = /429 { return 429; }
location = /431 { return 431; }
location = /444 { return 444; }
location = /451 { return 451; }
location = /494 { return 494; }
location = /495 { return 495; }
location = /496 { return 496; }
location = /497 { return 497; }
location = /499 { return 499; }
location = /500 { return 500; }
location = /501 { return 501; }
location = /502 { return 502; }
location = /503 { return 503; }
location = /504 { return 504; }
location = /505 { return 505; }
location = /507 { return 507; }
location = /510 { return 510; }
location = /555 { return 555; }
location = /600 { return 600; }
location = /url { return http://x/y; }
location = /scheme { return $scheme://h$request_uri; }
location = /empty { return 302 ""; }
location = /rel { return 302 foo; }
location = /sp { return 302 "/a b"; }
location = /0 { return 0; }
location = /99 { return 99 "x"; }
location = /999 { return 999 "x"; }
location = /500t { return 500 "text"; }
location = /json { default_type application/json; return 200 "{}"; }
location = /nodt { default_type ""; return 200 "x"; }
location = /tok { server_tokens off; return 404; }
location = /ports { port_in_redirect off; return 301 /q; }
location = /snr { server_name_in_redirect on; return 301 /q; }
location = /abs { absolute_redirect off; return 301 /q?x; }
}
"""
REQUESTS_RETURNS = [
    "/200", "/200t", "/201", "/204", "/204t", "/301", "/302q", "/303", "/307", "/308", "/300",
    "/305", "/bare301", "/400", "/401", "/402", "/403", "/404", "/404t", "/405", "/406", "/408",
    "/409", "/410", "/411", "/412", "/413", "/414", "/415", "/416", "/418", "/421", "/429", "/444",
    "/494", "/495", "/496", "/497", "/499", "/500", "/501", "/502", "/503", "/504", "/505", "/507",
    "/555", "/600", "/url", "/scheme", "/empty", "/rel", "/sp", "/999", "/500t", "/json", "/nodt",
    "/tok", "/ports", "/snr", "/abs",
    "HEAD /200 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /200t HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /201 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /204 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /204t HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /301 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /302q HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /303 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /307 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /308 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /300 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /304 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /305 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /bare301 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /400 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /401 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /402 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /403 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /404 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /404t HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /405 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /406 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /408 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /409 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /410 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /411 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /412 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /413 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /414 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /415 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /416 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /418 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /421 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /429 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /444 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /494 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /495 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /496 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /497 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /499 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /500 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /501 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /502 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /503 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /504 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /505 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /507 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /555 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /600 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /url HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /scheme HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /empty HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /rel HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /sp HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /99 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /999 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /500t HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /json HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /nodt HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /tok HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /ports HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /snr HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /abs HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "POST /200 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /200t HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /201 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /204 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /204t HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /301 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /302q HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /303 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /307 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /308 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /300 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /305 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /bare301 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /400 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /401 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /402 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /403 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /404 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /404t HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /405 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /406 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /408 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /409 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /410 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /411 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /412 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /413 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /414 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /415 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /416 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /418 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /421 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /429 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /444 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /494 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /495 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /496 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /497 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /499 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /500 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /501 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /502 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /503 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /504 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /505 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /507 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /555 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /600 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /url HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /scheme HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /empty HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /rel HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /sp HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /999 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /500t HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /json HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /nodt HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /tok HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /ports HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /snr HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "POST /abs HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "/302q?a=b", "/scheme?x=1", "GET /301 HTTP/1.0\r\n\r\n",
]

CONF_REWRITES = r"""
server { listen 127.0.0.1:PORT; server_name s;
 rewrite ^/srv/(.*)$ /srv2/$1; rewrite ^/loop0 /loop0x last; rewrite ^/r1 /r2; rewrite ^/r2 /r3 last; rewrite ^/r3 /r4; rewrite ^/brk /brk2 break; rewrite ^/brk2 /never;
 rewrite ^/red/(.*)$ /to/$1 redirect; rewrite ^/perm /to permanent; rewrite ^/abs http://h.example$uri; rewrite ^/absq http://h/$1?; rewrite ^/q1 /to?x=1; rewrite ^/q2 /to?x=1?; rewrite ^/q3 /to?; rewrite ^/q4 /to?a=$arg_a&b=$1?;
 rewrite "^/enc/(.*)$" /to/$1 redirect; rewrite ^/esc/(.*) /to?v=$1? redirect; rewrite ^/nocap/(x)?y /got[$1]; rewrite (?i)^/CASE /case-ok; rewrite ^/named/(?<nm>\w+) /named-$nm; rewrite ^/sch $scheme://x/y; rewrite ^/slash// /one;
 rewrite ^/fall(.*)$ /other$1;
 location / { return 200 "U=$uri A=$args R=$request_uri 1=$1 nm=$nm\n"; }
 location /loc/ { rewrite ^/loc/a /loc/b; rewrite ^/loc/b /loc/c last; return 200 "loc $uri\n"; }
 location /loc/c { return 200 "locc $uri\n"; }
 location /lb/ { rewrite ^/lb/a /a.txt break; return 200 "notreached\n"; }
 location /lb2/ { rewrite ^/lb2/a /loc/c break; root DIR/html; }
 location /cyc { rewrite ^/cyc(.*) /cyc$1x last; }
 location /cyc2 { rewrite ^ /cyc2 last; }
 location /set { set $v a; set $v "${v}b$v"; set $w $uri; set $args "n=$args"; return 200 "$v $w $args\n"; }
 location /setre { set $x ""; if ($uri ~ ^/setre/(.)(.)?) { set $x "$2$1"; } return 200 "x=$x\n"; }
 location /retcode { rewrite ^/retcode/(.*)$ /$1; return 403; }
 location /breakloc { break; rewrite ^ /a.txt; }
}
"""
REQUESTS_REWRITES = [
    "/srv/x", "/srv/x?q", "/r1", "/r2", "/r3", "/brk", "/red/x", "/red/x?a=1", "/perm", "/perm?z",
    "/abs", "/abs?y", "/absq", "/q1", "/q1?o=1", "/q2?o=1", "/q3?o=1", "/q4?a=5", "/enc/a%20b",
    "/enc/%C3%BC", "/enc/%25", "/enc/a%26b", "/esc/a%20b", "/esc/a%26b%2Bc%3F", "/nocap/y",
    "/nocap/xy", "/case", "/named/foo", "/sch", "/slash//x", "/fall/x", "/fall%20x", "/loc/a",
    "/loc/b", "/loc/q", "/lb/a", "/lb/b", "/lb2/a", "/cyc", "/cyc2", "/set", "/set?k=v",
    "/setre/ab", "/setre/a", "/retcode/x", "/breakloc", "/loop0", "/x%20y?z%20w", "/x+y", "/x;y",
    "/x%3By", "/x'y", "/x%27y", "/x%ff", "/x<y",
]

CONF_CONDITIONS_AND_MAPS = r"""
map $arg_m $mm { default D; a A; ~^b(.) "B$1"; ~*^C cc; "" E; x* XS; \default DD; }
 map $http_host $mh { hostnames; default none; a.example A; *.w.example W; t.* T; .dot.example DOT; }
 map $arg_m $mv { volatile; default $mm; z "z-$uri"; }
 server { listen 127.0.0.1:PORT; server_name s; 
 if ($arg_s = 1) { return 200 "s1\n"; } if ($http_x_y) { return 200 "xy=$http_x_y\n"; }
 location / { set $r ""; if ($arg_a) { set $r "${r}T"; } if ($arg_a = b) { set $r "${r}=b"; } if ($arg_a != b) { set $r "${r}!=b"; } if ($arg_a ~ ^B) { set $r "${r}~B"; } if ($arg_a ~* ^B) { set $r "${r}~*B"; } if ($arg_a !~ ^b) { set $r "${r}!~b"; } if ($arg_a !~* ^B) { set $r "${r}!~*B"; }
   if (-f DIR/html$uri) { set $r "${r}-f"; } if (!-f DIR/html$uri) { set $r "${r}!-f"; } if (-d DIR/html$uri) { set $r "${r}-d"; } if (-e DIR/html$uri) { set $r "${r}-e"; } if (-x DIR/html$uri) { set $r "${r}-x"; } if ( $request_method = POST ) { set $r "${r}POST"; } return 200 "$r\n"; }
 location /m { return 200 "mm=$mm mh=$mh mv=$mv 1=$1\n"; }
 location /ifh { add_header X-Out 1; if ($arg_a = 1) { add_header X-In 1; } root DIR/html; rewrite ^ /a.txt break; }
 location /ifroot/ { root /nonexistent; if ($arg_a) { root DIR/html; } rewrite ^/ifroot/(.*) /$1 break; }
 location /ifret { if ($arg_a) { return 403; } if ($arg_b) { rewrite ^ /a.txt last; } if ($arg_c) { break; } return 200 "end\n"; }

 location /ifthen { if ($arg_a) { set $q 1; add_header X-A 1; } if ($arg_b) { set $q 2; add_header X-B 1; } root DIR/html; try_files /a.txt =404; }
 location = /a.txt { root DIR/html; }
}
"""
REQUESTS_CONDITIONS_AND_MAPS = [
    "/?s=1", "GET / HTTP/1.1\r\nHost: x\r\nX-Y: v\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: x\r\nX-Y: 0\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: x\r\nX-Y:\r\nConnection: close\r\n\r\n", "/", "/?a=", "/?a=0", "/?a=b",
    "/?a=Bc", "/?a=bb", "/a.txt", "/d", "/d/", "/nope",
    "POST /?a=1 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx",
    "/m?m=", "/m?m=a", "/m?m=A", "/m?m=bz", "/m?m=Bz", "/m?m=cX", "/m?m=x*", "/m?m=z",
    "/m?m=default", "/m?m=q", "/m", "/m",
    "GET /m HTTP/1.1\r\nHost: A.example\r\nConnection: close\r\n\r\n",
    "GET /m HTTP/1.1\r\nHost: q.w.example\r\nConnection: close\r\n\r\n",
    "GET /m HTTP/1.1\r\nHost: w.example\r\nConnection: close\r\n\r\n",
    "GET /m HTTP/1.1\r\nHost: t.q\r\nConnection: close\r\n\r\n",
    "GET /m HTTP/1.1\r\nHost: dot.example\r\nConnection: close\r\n\r\n",
    "GET /m HTTP/1.1\r\nHost: x.dot.example\r\nConnection: close\r\n\r\n",
    "GET /m HTTP/1.1\r\nHost: none\r\nConnection: close\r\n\r\n",
    "GET /m HTTP/1.1\r\nHost: a.example.\r\nConnection: close\r\n\r\n", "/ifh", "/ifh?a=1",
    "/ifroot/a.txt", "/ifroot/a.txt?a=1", "/ifret", "/ifret?a=1", "/ifret?b=1", "/ifret?c=1",
    "/ifthen", "/ifthen?a=1", "/ifthen?b=1", "/ifthen?a=1&b=1",
]

CONF_ERROR_PAGES_AND_ACCESS = r"""
server { listen 127.0.0.1:PORT; server_name s; error_page 404 /404.html; error_page 500 502 503 504 /50x.html; error_page 405 =200 /ok; 
 location / { try_files $uri $uri/ =404; }
location = /ok { return 200 "ok $uri\n"; }
 location /e403 { return 403; error_page 403 @named; }
location @named { return 200 "named uri=$uri st=$status\n"; }
 location /e404eq { error_page 404 = /page?x=1; return 404; }
location = /page { return 200 "page args=$args uri=$uri\n"; }
 location /e404c { error_page 404 =201 /page; return 404; }
 location /e404r { error_page 404 =301 http://x/y; return 404; }
location /e404u { error_page 404 http://x/$uri?q; return 404; }
location /e404n { error_page 404 =@named; return 404; }
location /e404n2 { error_page 404 = @named; return 404; }
location /e404n3 { error_page 404 =410 @named; return 404; }
location /e404v { set $p /page; error_page 404 =200 $p?z=1; return 404; }
 location /e500 { return 500; }
location /e503 { error_page 503 /e503b; return 503; }
location /e503b { return 502; }
 location /rec { recursive_error_pages on; error_page 404 /rec2; return 404; }
location /rec2 { recursive_error_pages on; error_page 403 /rec3; return 403; }
location /rec3 { return 200 "rec3\n"; }
 location /norec { error_page 404 /norec2; return 404; }
location /norec2 { error_page 403 /rec3; return 403; }
 location /int { internal; return 200 "int\n"; }
location /toint { rewrite ^ /int last; }
location /toint2 { error_page 418 = /int; return 418; }
location /toint3 { try_files /nope /int; }
 location /tf1 { try_files /nope /a.txt =404; }
location /tf2 { try_files /nope @named; }
location /tf3 { try_files /nope /page?$args; }
location /tf4 { try_files /d/ =404; }
location /tf5 { try_files /nope =503; }
location /tf6 { try_files $uri /tf6/loop; }
location /tf7 { try_files $uri.html /d/x.html /; }
location /tf8/ { alias DIR/html/; try_files $uri /a.txt =404; }
location /tf9 { try_files /a.txt/ /noext =404; }
location /tfa { try_files /nope /none$uri; }
location ~ ^/tfre/(.*) { try_files /$1 =404; }
location /tfal/ { alias DIR/html/e/; try_files $uri =404; }
 location /selfloop { error_page 404 /selfloop; return 404; }
 location /m405 { error_page 405 /ok; limit_except GET { deny all; } return 200 "x"; }
 location /dn { deny all; }
location /dn403 { error_page 403 /page; deny all; }
location /al { allow 127.0.0.1; deny all; return 200 "never-access-first\n"; }
location /al2 { allow 127.0.0.1; deny all; root DIR/html; try_files /a.txt =404; }
location /dl { deny 127.0.0.0/8; allow all; try_files /a.txt =404; }
location /sat { satisfy any; deny all; try_files /a.txt =404; }
location /sat2 { satisfy any; allow 127.0.0.1; deny all; try_files /a.txt =404; }
 location /le { limit_except GET { deny all; } try_files /a.txt =404; }
location /le2 { limit_except POST { allow 127.0.0.1; deny all; } try_files /a.txt =404; }
 location /big { client_max_body_size 2; return 200 "b\n"; }
location /big0 { client_max_body_size 0; return 200 "b\n"; }
location /bigf { client_max_body_size 2; error_page 413 =200 /page; try_files /a.txt =404; } 
}
"""
REQUESTS_ERROR_PAGES_AND_ACCESS = [
    "/", "/a.txt", "/nope", "/d", "/d/", "/e403", "/e403?x", "/e404eq", "/e404c", "/e404r",
    "/e404u", "/e404n", "/e404n2", "/e404n3", "/e404v", "/e500", "/e503", "/rec", "/norec", "/int",
    "/toint", "/toint2", "/toint3", "/tf1", "/tf2", "/tf3?u=v", "/tf4", "/tf5", "/tf6", "/tf7",
    "/tf8/a.txt", "/tf8/q", "/tf9", "/tfa", "/tfre/a.txt", "/tfre/q", "/tfal/f.txt", "/tfal/q",
    "/selfloop", "/m405",
    "POST /m405 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx",
    "/dn", "/dn403", "/al", "/al2", "/dl", "/sat", "/sat2", "/le",
    "POST /le HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx",
    "HEAD /le HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n", "/le2",
    "POST /big HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nxxx",
    "POST /big HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\nConnection: close\r\n\r\nxx",
    "POST /big0 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nxxx",
    "POST /bigf HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nxxx",
    "POST /a.txt HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx",
    "POST /nope HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx",
    "HEAD /nope HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "HEAD /e404c HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    "POST /e500 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1\r\nConnection: close\r\n\r\nq",
]

CONF_VARIABLES = r"""
server { listen 127.0.0.1:PORT; server_name s; root DIR/html; location / { return 200 "args=[$args]\narg_a=[$arg_a]\narg_B=[$arg_B]\nis_args=[$is_args]\nquery_string=[$query_string]\nuri=[$uri]\ndocument_uri=[$document_uri]\nrequest_uri=[$request_uri]\nrequest_method=[$request_method]\nrequest=[$request]\nhost=[$host]\nhttp_host=[$http_host]\nhttp_user_agent=[$http_user_agent]\nhttp_x_y=[$http_x_y]\ncookie_c=[$cookie_c]\nhttp_cookie=[$http_cookie]\nserver_name=[$server_name]\nserver_port=[$server_port]\nserver_protocol=[$server_protocol]\nscheme=[$scheme]\nhttps=[$https]\nremote_addr=[$remote_addr]\nremote_user=[$remote_user]\nrealpath_root=[$realpath_root]\ndocument_root=[$document_root]\nrequest_filename=[$request_filename]\ncontent_length=[$content_length]\ncontent_type=[$content_type]\nhttp_accept=[$http_accept]\nlimit_rate=[$limit_rate]\nrequest_completion=[$request_completion]\nproxy_protocol_addr=[$proxy_protocol_addr]\npipe=[$pipe]\nconnection_requests=[$connection_requests]\nstatus=[$status]\nbody_bytes_sent=[$body_bytes_sent]\nbytes_sent=[$bytes_sent]\nsent_http_location=[$sent_http_location]\nsent_http_x_q=[$sent_http_x_q]\nhttp_referer=[$http_referer]\nhttp_via=[$http_via]\nhttp_x_forwarded_for=[$http_x_forwarded_for]\nproxy_protocol_server_port=[$proxy_protocol_server_port]\nserver_addr=[$server_addr]"; }
location /r { rewrite ^/r(.*) /z$1?q=$arg_a&w=1 last; }
location /lr { set $limit_rate 5k; return 200 "$limit_rate\n"; }
location /al/ { alias DIR/html/d/; return 200 "$document_root $request_filename $realpath_root"; }
location /ua { return 200 "$http_nosuch|${http_host}x|$arg_x|$arg_x_y|$cookie_a_b\n"; } }
"""
REQUESTS_VARIABLES = [
    "/", "/?a=1&b=2&B=3", "/?A=1", "/x/y%20z?q", "/d/", "/../x", "/r?a=1", "/r1", "/al/x",
    "/ua?x=1&x_y=2&X=4",
    "GET /ua?x=1 HTTP/1.1\r\nHost: Q.Example:99\r\nCookie: a=1; c=2; a_b=3\r\nCookie: d=4; c=9\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: q\r\nCookie: c=a=b\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: q\r\nCookie: xc=1; c=2;\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: q\r\nCookie: c=\"q z\"; c=3\r\nConnection: close\r\n\r\n",
    "GET /?a=1 HTTP/1.0\r\n\r\n",
    "GET http://AbS.example:81/p?a=1 HTTP/1.1\r\nHost: zz\r\nConnection: close\r\n\r\n",
    "/?a=%20x&", "/?&a=2", "/?aa=1&a=2",
]

TABLES = {
    "locations": (CONF_LOCATIONS, REQUESTS_LOCATIONS),
    "server_names": (CONF_SERVER_NAMES, REQUESTS_SERVER_NAMES),
    "returns": (CONF_RETURNS, REQUESTS_RETURNS),
    "rewrites": (CONF_REWRITES, REQUESTS_REWRITES),
    "conditions_and_maps": (CONF_CONDITIONS_AND_MAPS, REQUESTS_CONDITIONS_AND_MAPS),
    "error_pages_and_access": (CONF_ERROR_PAGES_AND_ACCESS, REQUESTS_ERROR_PAGES_AND_ACCESS),
    "variables": (CONF_VARIABLES, REQUESTS_VARIABLES),
}


def neutral(answer, port):
    head, _, body = answer.replace(str(port).encode(), b"PORT").partition(b"\r\n\r\n")
    status, *fields = head.split(b"\r\n")
    out = (b"server:", b"date:", b"last-modified:", b"etag:")
    if b"<hr><center>" in body:
        body = body[:body.index(b"<hr><center>")]
        out += (b"content-length:",)
    return status[:13], sorted(f for f in fields if not f.lower().startswith(out)), body


def answer(server, request):
    if not request.endswith("\n") and "HTTP/1" not in request:
        request = f"GET {request} HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n"
    with server.client() as client:
        client.send(request.encode("latin-1"))
        got = client.rest().replace(str(server.directory).encode(), b"DIR")
    status, fields, body = neutral(got, server.port)
    if request.startswith("HEAD") or b"DIR/" in got:  # the length is that of a name in the body
        fields = [f for f in fields if not f.lower().startswith(b"content-length:")]
    return status, fields, body


@pytest.mark.parametrize("table", TABLES)
def test_answers(both, table):
    conf, requests = TABLES[table]
    ours, theirs = both("default_type text/plain;\n" + conf, html=FILES)
    wrong = []
    for request in requests:
        mine, real = answer(ours, request), answer(theirs, request)
        if mine != real:
            wrong.append((request, mine, real))
    assert wrong == []
