"""Every variable of the core, proxy and upstream modules, in an answer and in the log, beside nginx.

One configuration returns them all and logs them all; a table of requests goes to both servers. What
must differ is left out or masked: times, numbers of connections, the lengths of pages that hold the
server's name, and what nginx 1.22 answers otherwise than 1.31 (repeated fields)."""
import re

from conftest import needs, wait_for

pytestmark = needs("edge")

ANSWERED = """arg_a arg_A arg_none args binary_remote_addr body_bytes_sent bytes_sent connection_requests
    content_length content_type cookie_a cookie_SessID document_uri host hostname http_x_a http_cookie
    http_host http_x_none https is_args limit_rate pipe proxy_protocol_addr proxy_protocol_port
    proxy_protocol_server_addr query_string remote_addr remote_user request request_body
    request_body_file request_length request_method request_uri scheme server_addr server_name
    server_port server_protocol status uri upstream_addr upstream_status upstream_http_x proxy_host
    proxy_port proxy_add_x_forwarded_for""".split()
LOGGED = ANSWERED + """document_root realpath_root request_filename request_completion
    sent_http_content_type sent_http_content_length sent_http_location sent_http_last_modified
    sent_http_etag sent_http_cache_control sent_http_x_y sent_trailer_t upstream_bytes_received
    upstream_bytes_sent upstream_response_length upstream_cookie_c upstream_trailer_t""".split()


def texts(names):
    return " ".join(f"{name}=[${name}]" for name in names)


HTTP = f"""
    log_format all escape=none '{texts(LOGGED)}'; access_log DIR/all.log all; server_tokens off;
    proxy_http_version 1.1; proxy_set_header Connection "";
    upstream up {{ server 127.0.0.1:PORT; }}
    server {{ listen 127.0.0.1:PORT; server_name main.test www.main.test; add_header X-Y yes;
        default_type text/plain;
        location /ret {{ return 200 "{texts(ANSWERED)}"; }}
        location /file {{ alias DIR/html/; expires 1h; }}
        location = /redir {{ return 302 /elsewhere; }}
        location /old {{ rewrite ^/old/(.*)$ /ret/$1?extra=1 last; }}
        location /drop {{ rewrite ^/drop/(.*)$ /ret/$1? last; }}
        location /lim {{ set $limit_rate 100k; rewrite ^ /ret last; }}
        location /args {{ set $args "a=new&b=2"; return 200 "{texts(ANSWERED)}"; }}
        location /none {{ error_page 404 /ret/e; }}
        location /none2 {{ error_page 404 =200 /ret/e; }}
        location /named {{ error_page 404 @n; }}
        location @n {{ return 404 "{texts(ANSWERED)}"; }}
        location /up {{ proxy_pass http://up/back; proxy_set_header X-H $proxy_host;
            proxy_set_header Connection ""; proxy_set_header X-F $proxy_add_x_forwarded_for; }}
        location /upvar {{ set $u 127.0.0.1:PORT; proxy_pass http://$u/back; }}
        location /dead {{ proxy_pass http://127.0.0.1:1; }}
        location /deadpage {{ proxy_pass http://127.0.0.1:1; error_page 502 /up/x; }}
        location /back {{ access_log off; add_header X up; add_header Set-Cookie c=1;
            return 200 "$http_x_f $http_x_h $http_host $server_protocol $http_connection\\n"; }}
        location /accel {{ proxy_pass http://127.0.0.1:PORT/back_accel; }}
        location /back_accel {{ access_log off; add_header X-Accel-Redirect /file/f.txt;
            return 200 hidden; }}
        location /if {{ if ($arg_a = 1) {{ return 200 "one [$arg_a] $uri"; }}
            if ($arg_a) {{ return 200 "true $arg_a"; }}
            if ($http_x_a ~ "(.)b") {{ return 200 "matched $1"; }} return 200 no; }}
        location ~ ^/cap/(?<name>[a-z]+)/(\\d+)$ {{ return 200 "$name $1 $2 $3."; }} }}
    server {{ listen 127.0.0.1:PORT; server_name ~^(?<sub>\\w+)\\.re\\.test$;
        return 200 "[$sub][$server_name][$host][$http_host]"; }}
    server {{ listen 127.0.0.1:PORT; server_name *.wild.test; return 200 "[$server_name][$host]"; }}
"""


def row(target, *fields, **options):
    return target, fields, options


CHUNKED = {"method": "POST", "body": b"5\r\nhello\r\n0\r\n\r\n"}
REQUESTS = [row(target) for target in """
    /ret /ret?a=1&A=2 /ret?A=5 /ret? /ret?a /ret?a= /ret/%41b/../c?x=%20&a=%41 //ret//x /file/f.txt
    /file/ /file/none /file/sub /file/f.txt?a /redir /old/z?q=1 /old/z /drop/z?q=1 /lim /args?old=1
    /none /none2 /named/q /up /up/a%20b?q /upvar /upvar?z=1 /dead /deadpage /accel /if /if?a=1 /if?a=2
    /if?a=0 /if?a= /cap/ab/12 /cap/ab/ http://abs.test:99/ret?x""".split()] + [
    row("/ret", "Cookie: a=1; b=2", "X-A: one"),
    row("/ret", "Cookie: A=1;b=2 ; a=3"),
    row("/ret", "Cookie: SESSID=upper; sessid=lower"),
    row("/ret", "Cookie: xSessID=no; SessID = spaced ; a"),
    row("/ret", "Cookie: z=1, a=after a comma, still; SessIDx=2"),
    row("/ret", "Cookie: a"),
    row("/ret", "Authorization: Basic dXNlcjpwYXNz"),
    row("/ret", "Authorization: Basic dXNlcg=="),
    row("/ret", "Authorization: Basic !!!"),
    row("/ret", "Authorization: Bearer x"),
    row("/ret", "authorization: basic dXNlcjpwYXNz"),
    row("/if", "X-A: xab"),
    row("/ret", method="POST", body=b"hello"),
    row("/ret", "Content-Type: text/x", method="POST", body=b""),
    row("/up", method="POST", body=b"hello"),
    row("/up", "X-Forwarded-For: 1.2.3.4"),
    row("/ret", method="HEAD"), row("/file/f.txt", method="HEAD"), row("/ret", method="OPTIONS"),
    row("/ret", method="FOO"), row("/ret", method="PUT", body=b"x"), row("/ret", version="1.0"),
    row("/ret", version="1.0", host="MAIN.test:81"), row("/ret", host="WWW.main.TEST"),
    row("/ret", host="www.main.test."), row("/ret", host="www.main.test:8080"),
    row("/", host="abc.re.test"), row("/", host="x.wild.test"), row("/", host="x.wild.test.:80"),
    row("/ret", host="[::1]:80"), row("/file/f.txt", "Range: bytes=0-1"),
    row("/file/f.txt", "If-None-Match: *"), row("/ret", "Connection: close"),
    row("/up", "Connection: close"),
]


def neutral(server, text):
    text = text.replace(str(server.port), "PORT").replace(str(server.directory), "DIR")
    text = re.sub(r"<hr>.*", "", text, flags=re.DOTALL)
    text = re.sub(r"\b(bytes_sent|upstream_bytes_received)=\[(\d+ : )?\d+\]", r"\1=[N]", text)
    if re.search(r" status=\[(30[1-8]|40\d|502)\]", text) and "/e]" not in text:
        text = re.sub(r"(body_bytes_sent|content_length)=\[\d+\]", r"\1=[N]", text)
    return text


def seen(server, request):
    target, fields, options = request
    log = server.directory / "all.log"
    before = log.stat().st_size
    answer = server.ask(target, *fields, **options)
    wait_for(lambda: log.read_bytes()[before:].endswith(b"\n"))
    line = neutral(server, log.read_bytes()[before:].decode("latin-1"))
    return answer.status_line, neutral(server, answer.body.decode("latin-1")), line


def differences(ours, theirs):
    split = re.compile(r"\w+=\[[^]]*\]|\S+")
    mine, real = split.findall(" ".join(map(str, ours))), split.findall(" ".join(map(str, theirs)))
    return [pair for pair in zip(mine, real) if pair[0] != pair[1]] or (ours != theirs)


def test_variables_have_the_values_nginx_gives_them(both):
    servers = both(HTTP, html={"f.txt": b"hello file\n", "sub/i": b"x"})
    found = {}
    for request in REQUESTS:
        ours, theirs = (seen(server, request) for server in servers)
        if ours != theirs:
            found[str(request)] = differences(ours, theirs)
    assert not found


def test_the_length_of_a_body_in_chunks_is_known_when_it_was_read(both):
    """Of one nobody wants nginx says 0, which is no length; we say nothing."""
    lengths = [re.findall(r" content_length=\[(\d*)\]",
                          seen(server, row("/up", "Transfer-Encoding: chunked", **CHUNKED))[2])
               for server in both(HTTP)]
    assert lengths == [["5"], ["5"]]


def test_an_error_page_of_an_upstream_has_the_errors_words(both):
    lines = [server.ask("/deadpage").status_line for server in both(HTTP)]
    assert lines == [b"HTTP/1.1 502 Bad Gateway"] * 2
