/* tests/fuzz/edge_fuzz.c - a whole connection to the edge: heads, routing, variables, rewrites,
 * files, the log line.
 *
 * The first byte chooses the listener (nginx's policy or the strict one), the rest is what a client
 * sends before it closes its side. Then every answer is read, and the server must have let go of
 * everything: a connection that stays is a wait without an end, which libFuzzer's timeout finds. */
#include "base/assert.h"
#include "base/log.h"
#include "edge/serve.h"
#include "edge/serving.h"
#include "fiber/io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static const char conf[] =
    "events {}\n"
    "http {\n"
    "  log_format all '$remote_addr $remote_user $time_local $request $status $body_bytes_sent'\n"
    "    ' $http_referer $http_user_agent $request_id $request_length $bytes_sent $uri $args'\n"
    "    ' $document_uri $request_filename $host $server_name $scheme $arg_b $cookie_a'\n"
    "    ' $sent_http_location $content_length $content_type $is_args $mapped';\n"
    "  access_log /dev/null all;\n"
    "  map $http_m $mapped { hostnames; default d; .a.test h; ~^(?<m>a+)b$ $m; x y; }\n"
    "  client_max_body_size 1000; client_body_timeout 2; client_header_timeout 2;\n"
    "  lingering_timeout 1; lingering_time 1; keepalive_timeout 2;\n"
    "  server { listen 127.0.0.1:1; server_name a.test *.b.test ~^(?<sub>.+)\\.c$; "
    "root " WEND_FUZZ_FILES ";\n"
    "    location / { index index.html; autoindex on; }\n"
    "    location = /eq { add_header X $request_uri always; return 204; }\n"
    "    location /vars { return 200 $uri|$args|$host|$cookie_a|$arg_b|$http_x|$mapped|$sub; }\n"
    "    location ~ ^/re/(.*)$ { rewrite ^/re/(\\w+)/(.*)$ /vars/$2?$1 last; return 404; }\n"
    "    location ^~ /if { if ($http_x = 1) { return 302 /x$request_uri; }\n"
    "      if ($request_method !~ ^(GET|HEAD)$) { return 405; } error_page 404 = /eq;\n"
    "      try_files $uri $uri/ /vars$uri =410; }\n"
    "    location ~* \\.(TSV|py)$ { expires 1h; etag on; add_header Y $arg_y; }\n"
    "    location /deny { deny 127.0.0.0/8; allow all; }\n"
    "  }\n"
    "  server { listen 127.0.0.1:2; http_policy strict; root " WEND_FUZZ_FILES
    "; merge_slashes off;\n"
    "    location / { error_page 403 404 /wsgi_rules.py; } location /post { return 200 "
    "$request_length; }\n"
    "  }\n"
    "}\n";

static struct wend_loop *loop;
static struct wend_edge *edge;
static struct wend_edge_listen *listens[2];
static struct wend_io client;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void connections_changed(const struct wend_h1_server *server, int change)
{
    (void)server;
    if (change < 0)
        wend_loop_stop(loop);
}

static void read_configuration(void)
{
    static struct wend_arena arena; /* for the process */
    static const struct wend_edge_options options = {.prefix = WEND_STR_INIT("/"),
                                                     .conf_path = WEND_STR_INIT("fuzz.conf")};
    struct wend_conf_error error = {""};
    size_t count = 0;

    wend_arena_init(&arena, 64 << 20);
    if (wend_edge_parse(&arena, &options, WEND_STR("fuzz.conf"), wend_str_of(conf), &edge,
                        &error) != WEND_OK) {
        fprintf(stderr, "%s\n", error.text);
        abort();
    }
    for (struct wend_edge_listen *listen = edge->listens; listen != NULL; listen = listen->next) {
        listen->h1.connections = connections_changed;
        listens[count++] = listen;
    }
    WEND_ASSERT(count == 2);
}

static void silent(struct wend_log *log, enum wend_log_level level, struct wend_str line)
{
    (void)log;
    (void)level;
    (void)line;
}

static void start(void)
{
    static struct wend_log quiet = {.level = WEND_LOG_EMERG, .sink = silent};

    wend_log_process = &quiet;
    loop = wend_loop_new(0);
    read_configuration();
    for (size_t i = 0; wend_edge_modules[i] != NULL; i++)
        if (wend_edge_modules[i]->start_worker != NULL)
            WEND_ASSERT(wend_edge_modules[i]->start_worker(edge, loop) == WEND_OK);
}

/* The client reads to the end, and then closes. */
static void read_answers(struct wend_io *io)
{
    char bytes[65536];
    ssize_t got = 1;

    while (got > 0) {
        got = read(io->fd, bytes, sizeof(bytes));
    }
    io->readable = false;
    if (got == 0 || errno != EAGAIN)
        wend_io_close(io);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct wend_address peer = {0}, local = {0};
    size_t live = 1, idle;
    int pair[2];

    if (loop == NULL)
        start();
    if (len < 1 || !wend_address_parse_host(WEND_STR("127.0.0.1"), 999, &peer) ||
        !wend_address_parse_host(WEND_STR("127.0.0.1"), 1, &local))
        return 0;
    WEND_ASSERT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
    if (write(pair[1], bytes + 1, len - 1) < (ssize_t)len - 1)
        abort(); /* the socket has room for libFuzzer's longest */
    shutdown(pair[1], SHUT_WR);
    memset(&client, 0, sizeof(client));
    WEND_ASSERT(wend_io_open(&client, loop, pair[1], false) == WEND_OK);
    client.on_ready = read_answers;
    wend_edge_serve_connection(loop, listens[bytes[0] % 2], pair[0], &peer, &local);
    for (wend_h1_count(loop, &live, &idle); live != 0; wend_h1_count(loop, &live, &idle))
        wend_loop_run(loop);
    if (client.fd >= 0)
        wend_io_close(&client);
    return 0;
}
