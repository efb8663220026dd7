/* edge/upstream_test.c - whole requests against scripted upstreams on loopback sockets.
 *
 * The upstreams are tasks of the same loop; the client is a codec that remembers what it was given.
 */
#include "edge/upstream.c"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define UPSTREAMS 3

/* --- upstreams -------------------------------------------------------------------------------- */

struct server {
    struct wend_io listener;
    uint16_t port;
    const char *answer; /* NULL: says nothing */
    bool keep;          /* the connection stays open for another request */
    int connections, requests;
    char seen[4096]; /* the last request */
    size_t seen_len;
};

static struct server servers[UPSTREAMS];

struct served {
    struct wend_conn conn;
    struct server *server;
};

/* The whole of a request: head, and the body its Content-Length announces. */
static bool is_complete(const struct server *server)
{
    struct wend_str seen = wend_str_make(server->seen, server->seen_len);
    ptrdiff_t end = wend_str_find(seen, WEND_STR("\r\n\r\n"));
    ptrdiff_t length = wend_str_find(seen, WEND_STR("Content-Length: "));

    if (end < 0)
        return false;
    if (wend_str_find(seen, WEND_STR("chunked")) >= 0)
        return wend_str_ends(seen, WEND_STR("0\r\n\r\n"));
    return length < 0 ||
           seen.len >= (size_t)end + 4 + strtoul(server->seen + length + 16, NULL, 10);
}

static void serve_one(struct wend_task *task, void *arg)
{
    struct served *served = arg;
    struct server *server = served->server;
    size_t got = 1;

    server->seen_len = 0;
    while (got > 0) {
        if (wend_conn_recv(task, &served->conn, server->seen + server->seen_len,
                           sizeof(server->seen) - 1 - server->seen_len, 2000, &got) != WEND_OK)
            break;
        server->seen_len += got;
        server->seen[server->seen_len] = '\0';
        if (got == 0 || !is_complete(server))
            continue;
        server->requests++;
        if (server->answer != NULL && wend_io_send(task, &served->conn.io, server->answer,
                                                   strlen(server->answer), 1000) != WEND_OK)
            break;
        if (server->answer == NULL)
            (void)!wend_task_sleep(task, 300);
        if (!server->keep)
            break;
        server->seen_len = 0;
    }
    wend_conn_close(&served->conn);
    wend_loop_free_later(task->loop, served);
}

static void on_connection(struct wend_io *io)
{
    struct server *server = WEND_OF(io, struct server, listener);
    int fd = accept4(io->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct served *served;

    if (fd < 0)
        return;
    server->connections++;
    served = calloc(1, sizeof(*served));
    served->server = server;
    assert_int_equal(wend_io_open(&served->conn.io, io->loop, fd, true), WEND_OK);
    wend_task_start(io->loop, serve_one, served);
}

static void start_server(struct wend_loop *loop, struct server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    server->port = ntohs(address.sin_port);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(wend_io_open_listener(&server->listener, loop, fd), WEND_OK);
    server->listener.on_ready = on_connection;
}

/* --- the client's side ------------------------------------------------------------------------ */

static char body[65536];
static size_t body_len, request_body_sent;
static struct wend_str request_body;

static enum wend_code read_body(struct wend_exchange *x, void *into, size_t room, size_t *got)
{
    size_t left = request_body.len - request_body_sent;

    (void)x;
    *got = left < room ? left : room;
    if (*got > 0)
        memcpy(into, request_body.ptr + request_body_sent, *got);
    request_body_sent += *got;
    return WEND_OK;
}

static enum wend_code keep_pieces(struct wend_exchange *x, const struct wend_piece *pieces,
                                  size_t count, bool last)
{
    (void)x, (void)last;
    for (size_t i = 0; i < count; i++) {
        assert_true(body_len + pieces[i].len <= sizeof(body));
        if (pieces[i].kind == WEND_PIECE_MEMORY && pieces[i].len > 0)
            memcpy(body + body_len, pieces[i].memory, pieces[i].len);
        else if (pieces[i].len > 0)
            assert_int_equal(
                pread(pieces[i].file, body + body_len, pieces[i].len, pieces[i].offset),
                pieces[i].len);
        body_len += pieces[i].len;
    }
    return WEND_OK;
}

static const struct wend_codec codec = {
    .name = "test", .read_body = read_body, .send = keep_pieces};

/* --- one request ------------------------------------------------------------------------------ */

struct asked {
    enum wend_method method;
    const char *target, *sent_body;
    struct wend_upstream_settings settings;
    struct wend_peers *peers;
    /* results */
    enum wend_code code;
    enum wend_exchange_state state;
    int status;
    unsigned tries;
    char fields[1024];
    bool redirected;
};

static enum wend_code send_http(struct wend_task *task, struct wend_upstream *upstream,
                                struct wend_h1_client *client)
{
    static struct wend_fields none;
    struct wend_h1_client_request request = {
        .method = upstream->x->request.method_text,
        .target = upstream->x->request.target,
        .version = WEND_HTTP_11,
        .fields = &none,
        .content_length = upstream->body_bytes > 0 ? upstream->body_bytes : -1,
        .chunked = upstream->body_bytes < 0};

    return wend_h1_client_send_head(task, client, &request, WEND_STR_NULL,
                                    upstream->body_bytes == 0);
}

static void note_results(struct asked *asked, const struct wend_exchange *x,
                         const struct wend_upstream *upstream)
{
    size_t at = 0;

    asked->state = x->state;
    asked->status = x->response.status;
    asked->tries = upstream->try_count;
    asked->redirected = upstream->redirect.ptr != NULL;
    for (unsigned i = 0; i < x->response.fields.count; i++)
        at += (size_t)snprintf(asked->fields + at, sizeof(asked->fields) - at, "%.*s=%.*s;",
                               WEND_STR_ARG(x->response.fields.at[i].name),
                               WEND_STR_ARG(x->response.fields.at[i].value));
}

static void ask(struct wend_task *task, void *arg)
{
    struct asked *asked = arg;
    struct wend_exchange *x = WEND_NEW(&task->arena, struct wend_exchange);
    struct wend_upstream *upstream = WEND_NEW(&task->arena, struct wend_upstream);
    struct wend_conn conn = {.io.fd = -1};

    request_body = wend_str_of(asked->sent_body);
    request_body_sent = body_len = 0;
    *x = (struct wend_exchange){.task = task,
                                .codec = &codec,
                                .conn = &conn,
                                .body_max = -1,
                                .policy = &wend_exchange_policy_default};
    x->request.method = asked->method;
    x->request.method_text = wend_method_text(asked->method);
    x->request.target = wend_str_of(asked->target);
    x->request.version = WEND_HTTP_11;
    x->request.content_length = asked->sent_body == NULL ? -1 : (int64_t)request_body.len;
    wend_fields_init(&x->response.fields, NULL, 0, 100);
    wend_upstream_init(upstream, x, &asked->settings, asked->peers);
    upstream->send = send_http;
    asked->code = wend_upstream_serve(upstream);
    note_results(asked, x, upstream);
    wend_defer_unwind(task, NULL);
    wend_loop_stop(task->loop);
}

static struct wend_peer peers_at[UPSTREAMS];
static struct wend_peers peers;
static struct wend_loop *loop;

static int set_up(void **state)
{
    (void)state;
    memset(servers, 0, sizeof(servers));
    memset(peers_at, 0, sizeof(peers_at));
    loop = wend_loop_new(8);
    for (int i = 0; i < UPSTREAMS; i++) {
        start_server(loop, &servers[i]);
        peers_at[i].weight = peers_at[i].max_fails = 1;
        peers_at[i].fail_timeout_ns = 10 * WEND_NS_PER_S;
        peers_at[i].name = WEND_STR("peer");
        assert_true(
            wend_address_parse_host(WEND_STR("127.0.0.1"), servers[i].port, &peers_at[i].address));
    }
    wend_peers_init(&peers, WEND_STR("group"), peers_at, 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    wend_upstream_conn_close_idle();
    for (int i = 0; i < UPSTREAMS; i++)
        if (servers[i].listener.fd >= 0)
            wend_io_close(&servers[i].listener);
    wend_loop_run_until_idle(loop);
    wend_loop_free(loop);
    return 0;
}

static struct asked request(enum wend_method method, const char *target, const char *sent_body)
{
    return (struct asked){
        .method = method,
        .target = target,
        .sent_body = sent_body,
        .peers = &peers,
        .settings = {.connect_timeout_ms = 500,
                     .send_timeout_ms = 500,
                     .read_timeout_ms = 100,
                     .head_bytes_max = 1024,
                     .next = WEND_NEXT_ERROR | WEND_NEXT_TIMEOUT,
                     .request_buffering = true,
                     .pass_request_body = true,
                     .keep = true,
                     .body = &wend_body_settings_default},
    };
}

static void run(struct asked *asked)
{
    wend_task_start(loop, ask, asked);
    wend_loop_run(loop);
}

static void check_body(const char *expected)
{
    assert_int_equal(body_len, strlen(expected));
    assert_memory_equal(body, expected, body_len);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void an_answer_is_passed_on_without_what_is_the_hops(void **state)
{
    struct asked asked = request(WEND_GET, "/x?y", NULL);

    (void)state;
    servers[0].answer = "HTTP/1.1 201 Made\r\nServer: s\r\nDate: d\r\nX-Accel-Expires: 1\r\n"
                        "Connection: X-Hop\r\nX-Hop: 1\r\nX-End: 2\r\nKeep-Alive: timeout=5\r\n"
                        "X-Hide: 3\r\nContent-Length: 5\r\n\r\nhello";
    asked.settings.hide = &(struct wend_str){"x-hide", 6};
    asked.settings.hide_count = 1;
    run(&asked);
    assert_int_equal(asked.code, WEND_OK);
    assert_int_equal(asked.status, 201);
    assert_string_equal(asked.fields, "X-End=2;");
    assert_non_null(strstr(servers[0].seen, "GET /x?y HTTP/1.1\r\n"));
    check_body("hello");
}

static void a_connection_is_kept_for_the_next_request(void **state)
{
    struct asked asked = request(WEND_GET, "/", NULL);

    (void)state;
    servers[0].answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    servers[0].keep = true;
    for (int i = 0; i < 3; i++) {
        run(&asked);
        assert_int_equal(asked.status, 200);
    }
    assert_int_equal(servers[0].requests, 3);
    assert_int_equal(servers[0].connections, 1);
}

static void a_body_is_sent_with_its_length(void **state)
{
    struct asked asked = request(WEND_POST, "/", "question");

    (void)state;
    servers[0].answer =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nyes\r\n0\r\n\r\n";
    run(&asked);
    assert_non_null(strstr(servers[0].seen, "Content-Length: 8\r\n\r\nquestion"));
    check_body("yes");
    asked.settings.request_buffering = false;
    asked.settings.buffering = true;
    asked.settings.spool.memory_bytes = 2;
    asked.settings.spool.file_bytes_max = 100;
    asked.settings.spool.directory = "/tmp";
    run(&asked);
    assert_non_null(strstr(servers[0].seen, "Content-Length: 8\r\n\r\nquestion"));
    check_body("yes");
}

static void failures_have_their_status(void **state)
{
    static const struct {
        const char *answer;
        int status;
    } rows[] = {
        {"", 502},
        {"HTTP/1.1 200 OK\r\nX", 502},
        {"nonsense\r\n\r\n", 502},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", 502},
        {"HTTP/1.1 101 Odd\r\nUpgrade: x\r\n\r\n", 502},
        {NULL, 504},
    };

    (void)state;
    for (size_t i = 0; i < WEND_COUNT(rows); i++) {
        struct asked asked = request(WEND_GET, "/", NULL);

        servers[0].answer = rows[i].answer;
        run(&asked);
        assert_int_equal(asked.code, WEND_OK);
        assert_int_equal(asked.status, rows[i].status);
        assert_int_equal(asked.state, WEND_X_REQUEST);
    }
}

static void a_broken_off_answer_tears_ours(void **state)
{
    struct asked asked = request(WEND_GET, "/", NULL);

    (void)state;
    servers[0].answer = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf";
    run(&asked);
    assert_int_equal(asked.state, WEND_X_TORN);
    check_body("half");
}

static void the_next_server_is_asked_when_one_fails(void **state)
{
    struct asked asked = request(WEND_GET, "/", NULL);

    (void)state;
    peers.count = 2;
    servers[0].answer = "";
    servers[1].answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nb!";
    run(&asked);
    assert_int_equal(asked.status, 200);
    assert_int_equal(asked.tries, 2);
    check_body("b!");
    /* It rests now: the second one is asked at once. */
    run(&asked);
    assert_int_equal(asked.tries, 1);
}

static void what_must_not_happen_twice_is_not_sent_twice(void **state)
{
    struct asked asked = request(WEND_POST, "/", "pay");

    (void)state;
    peers.count = 2;
    servers[0].answer = "";
    servers[1].answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    run(&asked);
    assert_int_equal(asked.status, 502);
    assert_int_equal(servers[1].requests, 0);
    asked.settings.next |= WEND_NEXT_NON_IDEMPOTENT;
    peers_at[0].fails = 0;
    run(&asked);
    run(&asked);
    assert_int_equal(asked.status, 200);
}

static void a_refused_connection_is_502(void **state)
{
    struct asked asked = request(WEND_GET, "/", NULL);

    (void)state;
    wend_io_close(&servers[0].listener);
    run(&asked);
    assert_int_equal(asked.status, 502);
    assert_int_equal(asked.tries, 1);
}

static void an_internal_redirect_is_left_to_the_caller(void **state)
{
    struct asked asked = request(WEND_GET, "/", NULL);

    (void)state;
    servers[0].answer =
        "HTTP/1.1 200 OK\r\nX-Accel-Redirect: /secret\r\nContent-Length: 2\r\n\r\nno";
    run(&asked);
    assert_true(asked.redirected);
    assert_int_equal(asked.state, WEND_X_REQUEST);
    asked.settings.ignore = WEND_IGNORE_X_ACCEL_REDIRECT;
    run(&asked);
    assert_false(asked.redirected);
    check_body("no");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_answer_is_passed_on_without_what_is_the_hops, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_connection_is_kept_for_the_next_request, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_body_is_sent_with_its_length, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failures_have_their_status, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_broken_off_answer_tears_ours, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_next_server_is_asked_when_one_fails, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_must_not_happen_twice_is_not_sent_twice, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_refused_connection_is_502, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_internal_redirect_is_left_to_the_caller, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
