"""What a wrong configuration is told: message for message as a real nginx does.

Each line of the four lists stands where its list says: at the top of the file, inside http, server or
location. Both programs must accept it, or refuse it with the same words in the same place; advice of
our own may follow in parentheses.
"""
import subprocess

import pytest
from conftest import NGINX, WEND, needs, needs_peer

pytestmark = needs("edge")

TOP = [
    "", "}", "events{} http{", "events{} http{ server{", "events{}\nuser", "foo bar;",
    "events{}\nhttp{ server { listn 80; } }", "events{} worker_processes 1; worker_processes 2;",
    "events{} worker_processes abc;", "events{} server {}", "listen 80; events{}",
    "events { worker_connections 10 }", "events {} events {}", "http {} http {} events {}",
    "daemon maybe; events{}", "daemon; events{}", "daemon on off; events{}", "events;", "daemon {}",
    "events{ use kqueue; }", "events{ use foo; }", "pid;", "pid a b; events{}",
    "events{} worker_shutdown_timeout 5x;", "events{} \"daemon\" off;", "events{} 'unterminated",
    "events{} daemon off", "events{}\n;", "events{}\n{ }", "events{} daemon \"on\"x;",
    "events{} worker_priority 100;", "events{} worker_priority x;",
    "events{} worker_cpu_affinity 01x;", "events{} env;", "events{} env FOO=bar;",
    "events{} thread_pool a threads=0;", "events{} thread_pool a threads=2 max_queue=x;",
    "events{} thread_pool default;", "events{} worker_rlimit_nofile -1;",
    "events{} worker_rlimit_core x;", "events{} timer_resolution x;", "events { multi_accept x; }",
    "events{} user nosuchuserx;", "events{} user root nosuchgroupx;", "events{} user a b c;",
    "events{} master_process x;", "events{ worker_connections 0; }",
    "events{accept_mutex_delay x;}", "events{} load_module a b;", "events{} ${daemon} on;",
    "events{} daemon on # c", "events{} pcre_jit x;", "events{} working_directory;",
]
HTTP = [
    "server { listen 80a; }", "server { listen 0; }", "server { listen 70000; }",
    "server{ listen 127.0.0.1:x; }", "server{ listen [::1; }", "server{listen unix:;}",
    "server{listen 28673 foo;}",
    "server{listen 28673 default_server;} server{listen 28673 default_server;}",
    "server{listen 28673; listen 28673;}", "server{listen 28673 backlog=0;}",
    "server{listen 28673 rcvbuf=x;}", "server{listen 28673 so_keepalive=x;}",
    "server{listen 28673 fastopen=x;}", "server{ server_name *; }", "server{ server_name \"~(\"; }",
    "server{ server_name ~; }", "server { server_name; }", "server{listen nosuchhost.invalid:80;}",
    "map $a;", "map $a b {}", "map $host $b { a b c; }", "map $host $b { default 1; default 2; }",
    "map $host $b { a 1; a 2; }", "map $host $b { ~( 1; }", "map $host $host { }",
    "map $host $b { a $nosuch; }", "map $nosuch $b {}", "map $host $x { default $y1; }",
    "types { text/html; }", "types { text/html { } }", "default_type;", "root;",
    "keepalive_timeout x;", "keepalive_timeout 5 x;", "keepalive_disable foo;",
    "large_client_header_buffers 0 8k;", "large_client_header_buffers 4;",
    "large_client_header_buffers 4 x;", "client_max_body_size x;", "client_max_body_size 1k 2k;",
    "client_body_timeout -1;", "satisfy none;", "sendfile maybe;", "server_tokens foo;",
    "lingering_close foo;", "location / {}", "if ($host) {}", "return 200;", "rewrite a b;",
    "error_page 200 /x;", "error_page 499 /x;", "error_page 600 /x;", "error_page 404;",
    "error_page =200 /x;", "error_page 404 = ;", "error_page 404 =abc /x;", "error_page 404 @foo;",
    "client_header_buffer_size 0;", "log_format a;", "log_format combined \"x\";",
    "access_log off foo;", "access_log;", "if_modified_since foo;", "resolver;",
    "resolver 127.0.0.1 valid=x;", "resolver_timeout x;", "limit_rate x;", "limit_rate $foo1;",
    "directio x;", "aio foo;", "output_buffers 1 x;", "output_buffers 0 4k;",
    "open_file_cache max=0;", "open_file_cache inactive=5s;", "open_file_cache max=10 inactive=x;",
    "open_file_cache foo;", "open_file_cache_valid x;", "open_file_cache_min_uses x;",
    "types_hash_max_size x;", "server_names_hash_bucket_size x;", "variables_hash_max_size x;",
    "postpone_output x;", "max_ranges x;", "expires foo;", "expires 1h 2h 3h;",
    "expires modified x;", "add_header a;", "add_header a b c;", "allow foo;", "deny 10.0.0.0/33;",
    "deny 10.0.0.1/8;", "allow;", "upstream a {}", "upstream a { server x y; }",
    "upstream a { server 127.0.0.1:80; } upstream a { server 127.0.0.1:80; }",
    "upstream a { server 127.0.0.1:80 weight=0; }", "upstream a { server 127.0.0.1:80 foo=1; }",
    "index;", "index \"\";", "autoindex x;", "autoindex_format x;", "msie_padding x;",
    "client_body_in_file_only x;", "client_body_buffer_size x;", "merge_slashes x;",
    "underscores_in_headers x;", "ignore_invalid_headers 1;", "reset_timedout_connection on on;",
    "request_pool_size x;", "tcp_nodelay x;", "proxy_pass http://a;", "proxy_set_header a;",
    "proxy_http_version 3;", "proxy_connect_timeout x;", "proxy_buffering x;",
    "open_log_file_cache max=x;", "etag x;", "server { server_name a; server_name a; }",
]
SERVER = [
    "location {}", "location / {} location / {}", "location = / {} location = / {}",
    "location ~ ( {}", "location foo bar {}", "location = a b {}", "location @a {} location @a {}",
    "location / { location /x { location /y {} } }", "location /a { location /b {} }",
    "location = /a { location /a/b {} }", "location @a { location /b {} }",
    "location /a { location @b {} }", "location ~ /a { location /b {} }", "return;", "return foo;",
    "return 1000;", "return 200 a b;", "return foo bar;", "return http://x;", "return 99999 x;",
    "return -1;", "rewrite ( x;", "rewrite a;", "rewrite a b c;", "rewrite a b last x;",
    "rewrite a \"\";", "set a b;", "set $a;", "set $host b;", "set $args b;", "set $a $nosuch1;",
    "set $1 x;", "set $ x;", "break x;", "if (a) {}", "if ($a) {}", "if $host {}",
    "if ($host = a b) {}", "if ($host =) {}", "if ($host ~ () {}", "if ($host foo bar) {}",
    "if (-q /x) {}", "if (-f) {}", "if ( ) {}", "if ($host) { root /x; }",
    "if ($host) { proxy_pass http://127.0.0.1; }", "if ($host) { location / {} }",
    "if ($host) { add_header a b; }", "alias /x;", "root /x; root /y;", "internal;", "try_files a;",
    "try_files a =xyz;", "try_files a =1000;", "try_files a b; try_files c d;",
    "limit_except GET {}", "error_page 404 /$nosuch2;", "error_page 404 =600 /x;", "http {}",
    "server {}", "events {}", "set $a \"${host\";", "set $a \"${host}\";", "set $a \"$\";",
    "set $a \"a$ b\";", "server_name \"a;", "if ($host = \"a\" ) { return 1; }",
    "if ($host = \"a\"x) {}", "location / { if ($host) { if ($uri) {} } }",
    "proxy_pass http://127.0.0.1;", "location /a/ { alias /b; root /c; }",
    "location @x { alias /b; }", "location ^~ /a {} location /a {}",
    "location /a {} location = /a {}", "client_max_body_size 1t;", "expires;",
    "location ~* \"\\.(a|b\" {}", "location \"\" {}", "location a {}", "foo { bar; }",
    "rewrite ^ $nosuch3;", "rewrite ^ /$1;", "set $x $nosuch_4;", "return 200 $nosuch_5;",
    "add_header X $nosuch_6;", "index $nosuch8;", "root /$nosuch9;", "root \"\";",
    "root $document_root;", "alias \"\";", "error_page 404 \"\";",
    "location / { alias $realpath_root; }",
    "if ($http_user_agent ~ MSIE) { rewrite ^(.*)$ /msie/$1 break; }",
    "if ($http_cookie ~* \"id=([^;]+)(?:;|$)\") { set $id $1; }", "set $geoip_x a;", "return 301;",
    "return 301 \"\";", "return 302 /x;", "return 204;", "return 444;", "return 600;", "return 0;",
    "return 200 \"\";", "error_page 500 502 503 504 /50x.html;", "error_page 404 =@a;",
    "error_page 404 = @a;", "error_page 404 http://x/$uri;", "rewrite ^(?<name>.*)$ /$name;",
    "rewrite ^/a /b?c=$1? last;", "rewrite a http://x;",
]
LOCATION = [
    "limit_except GET { deny all; } limit_except POST {}", "limit_except FOO {}", "limit_except {}",
    "limit_except GET { root /x; }", "limit_except GET { return 1; }", "internal x;",
    "internal; internal;", "alias;", "alias /a; alias /b;", "proxy_pass;",
    "proxy_pass http://127.0.0.1 x;", "proxy_pass http://127.0.0.1/; proxy_pass http://127.0.0.1/;",
    "uwsgi_pass;", "uwsgi_pass 127.0.0.1;", "uwsgi_param A;", "listen 80;", "server_name a;",
    "try_files $uri @x;", "keepalive_timeout 0;", "underscores_in_headers on;", "merge_slashes on;",
    "if ($host) { try_files a b; }", "if ($host) { alias /x; }", "if ($host) { internal; }",
    "if ($host) { limit_except GET {} }", "if ($host) { client_max_body_size 1; }",
    "if ($host) { error_page 404 /x; }", "if ($host) { deny all; }", "if ($host) { expires 1h; }",
    "if ($host) { autoindex on; }", "if ($host) { index a; }", "if ($host) { sendfile on; }",
    "if ($host) { set $a b; break; return 1; }", "types { text/html html; text/html html; }",
    "types { } types { a/b c; }", "default_type a; default_type b;",
]
AROUND = {
    "top": "%s",
    "http": "events {}\nhttp {\naccess_log off;\n%s\n}\n",
    "server": "events {}\nhttp {\nserver { listen 28673; access_log off;\n%s\n}}\n",
    "location": "events {}\nhttp {\nserver { listen 28673; access_log off;\nlocation / {\n%s\n}}}\n",
}
CASES = [(place, text) for place, texts in
         (("top", TOP), ("http", HTTP), ("server", SERVER), ("location", LOCATION)) for text in texts]


def told(program, directory):
    """Exit status and the first message, without the program's name."""
    result = subprocess.run([*program, "-t", "-q", "-c", directory / "conf", "-e", directory / "log",
                             "-g", f"pid {directory}/pid;"], capture_output=True, text=True, timeout=60)
    messages = [line.partition(": ")[2] for line in result.stderr.splitlines() if "[emerg]" in line]
    return result.returncode, messages[0] if messages else ""


@pytest.mark.parametrize("place, text", CASES)
def test_messages(tmp_path, place, text):
    conf = AROUND[place].replace("%s", text)
    (tmp_path / "conf").write_text(conf)
    theirs = told([needs_peer("nginx", NGINX)], tmp_path)
    ours = told([WEND, "edge"], tmp_path)
    assert ours == theirs or (ours[0] == theirs[0] and theirs[1] and ours[1].startswith(theirs[1] + " ("))


def test_a_misspelt_word_gets_advice(tmp_path):
    (tmp_path / "conf").write_text("events {}\nhttp { server { listn 80; } }")
    assert told([WEND, "edge"], tmp_path)[1].endswith(':2 (did you mean "listen"?)')
