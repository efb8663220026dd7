/* gateway/uwsgi_server_test.c - whole connections: packet in, answer out. */
#include "gateway/uwsgi_server.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define ANSWER_MAX 8192

static char answer[ANSWER_MAX];
static size_t answer_len;
static struct wend_str seen_path, seen_query, seen_cookie, seen_added;
static char seen_body[64];
static size_t seen_body_len;
static int finished, closed;
static char seen_texts[512];

/* A copy that outlives the exchange. */
static struct wend_str note(struct wend_str s)
{
    static size_t used;
    char *at;

    if (s.len > sizeof(seen_texts) / 2)
        s.len = 0;
    if (used + s.len > sizeof(seen_texts))
        used = 0;
    at = seen_texts + used;
    if (s.len > 0)
        memcpy(at, s.ptr, s.len);
    used += s.len;
    return (struct wend_str){at, s.len};
}

static enum wend_code echo(const struct wend_handler *self, struct wend_exchange *x)
{
    size_t got = 1;

    (void)self;
    seen_path = note(x->request.path_raw);
    seen_query = note(x->request.query);
    seen_cookie = note(wend_fields_joined(&x->request.fields, &x->task->arena, WEND_STR("Cookie"),
                                          WEND_STR("; ")));
    seen_added = note(wend_uwsgi_variable(x, WEND_STR("SITE")));
    while (got > 0) {
        enum wend_code code =
            wend_body_read(x, seen_body + seen_body_len, sizeof(seen_body) - seen_body_len, &got);

        if (code != WEND_OK)
            return code;
        seen_body_len += got;
    }
    return wend_respond_text(x, 200, WEND_STR("text/plain"), WEND_STR("hello"));
}

static enum wend_code refuse(const struct wend_handler *self, struct wend_exchange *x)
{
    (void)self;
    x->response.status = 404;
    return WEND_OK;
}

static enum wend_code tear(const struct wend_handler *self, struct wend_exchange *x)
{
    struct wend_piece piece = wend_piece_of(WEND_STR("hal"));

    (void)self;
    x->response.status = 200;
    x->response.content_length = 5;
    return wend_respond(x, &piece, 1, true);
}

static void count_finished(const struct wend_h1_server *server, struct wend_exchange *x)
{
    (void)server, (void)x;
    finished++;
}

static void count_closed(const struct wend_h1_server *server)
{
    (void)server;
    closed++;
}

struct pair {
    const char *key, *value;
};

static size_t write_packet(char *into, size_t room, uint8_t modifier1, const struct pair *pairs,
                           const char *body)
{
    struct wend_buffer packet;
    size_t len;

    wend_buffer_init(&packet, room);
    wend_uwsgi_packet_start(&packet, modifier1, 0);
    for (; pairs->key != NULL; pairs++)
        wend_uwsgi_packet_add(&packet, wend_str_of(pairs->key), wend_str_of(pairs->value));
    assert_int_equal(wend_uwsgi_packet_end(&packet, 0), WEND_OK);
    wend_buffer_add(&packet, wend_str_of(body));
    len = packet.len;
    memcpy(into, packet.ptr, len);
    wend_buffer_release(&packet);
    return len;
}

static void converse(enum wend_code (*serve)(const struct wend_handler *, struct wend_exchange *),
                     const char *packet, size_t len)
{
    struct wend_handler handler = {.name = "test", .serve = serve};
    struct wend_h1_server server = {.handler = &handler,
                                    .finished = count_finished,
                                    .unref = count_closed,
                                    .policy_default = &wend_exchange_policy_default,
                                    .head_timeout_ms = 200};
    struct wend_address unnamed = {.family = AF_UNIX};
    struct wend_loop *loop = wend_loop_new(2);
    int pair[2];
    ssize_t got;

    finished = closed = 0;
    answer_len = seen_body_len = 0;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    assert_int_equal(write(pair[1], packet, len), len);
    wend_uwsgi_serve(loop, &server, pair[0], &unnamed, &unnamed, wend_clock_ticks());
    wend_loop_run_until_idle(loop);
    while ((got = read(pair[1], answer + answer_len, ANSWER_MAX - answer_len)) > 0)
        answer_len += (size_t)got;
    close(pair[1]);
    wend_loop_free(loop);
    assert_int_equal(closed, 1);
}

static bool answer_has(const char *text)
{
    return wend_str_find(wend_str_make(answer, answer_len), wend_str_of(text)) >= 0;
}

static const struct pair post[] = {
    {"QUERY_STRING", "a=%20"},
    {"REQUEST_METHOD", "POST"},
    {"CONTENT_LENGTH", "4"},
    {"REQUEST_URI", "/p%25q%20r?a=%20"},
    {"PATH_INFO", "/p%q r"},
    {"SERVER_PROTOCOL", "HTTP/1.1"},
    {"HTTP_HOST", "Example.org:81"},
    {"HTTP_COOKIE", "a=b"},
    {"HTTP_COOKIE", "c=d"},
    {"HTTP_TRANSFER_ENCODING", "chunked"},
    {"SITE", "s1"},
    {NULL, NULL},
};

static void a_request_is_served(void **state)
{
    char packet[1024];
    size_t len = write_packet(packet, sizeof(packet), 0, post, "body");

    (void)state;
    converse(echo, packet, len);
    assert_int_equal(finished, 1);
    assert_true(wend_str_eq(seen_path, WEND_STR("/p%25q%20r")));
    assert_true(wend_str_eq(seen_query, WEND_STR("a=%20")));
    assert_true(wend_str_eq(seen_cookie, WEND_STR("a=b; c=d")));
    assert_true(wend_str_eq(seen_added, WEND_STR("s1")));
    assert_int_equal(seen_body_len, 4);
    assert_memory_equal(seen_body, "body", 4);
    assert_true(answer_has("HTTP/1.1 200 OK\r\n"));
    assert_true(answer_has("Content-Length: 5\r\n"));
    assert_true(answer_has("\r\n\r\nhello"));
    assert_false(answer_has("chunked"));
}

static void a_status_alone_becomes_a_page(void **state)
{
    char packet[1024];
    size_t len = write_packet(packet, sizeof(packet), 0, post, "body");

    (void)state;
    converse(refuse, packet, len);
    assert_true(answer_has("HTTP/1.1 404 Not Found\r\n"));
}

static void a_short_answer_is_torn(void **state)
{
    char packet[1024];
    size_t len = write_packet(packet, sizeof(packet), 0, post, "body");

    (void)state;
    converse(tear, packet, len);
    assert_true(answer_has("\r\n\r\nhal"));
    assert_false(answer_has("hello"));
}

static void a_ping_is_answered(void **state)
{
    static const struct pair none[] = {{NULL, NULL}};
    char packet[16];
    size_t len = write_packet(packet, sizeof(packet), WEND_UWSGI_PING, none, "");

    (void)state;
    converse(echo, packet, len);
    assert_int_equal(answer_len, 4);
    assert_memory_equal(answer, "\x64\0\0\1", 4);
}

static void a_mounted_path_loses_its_script_name(void **state)
{
    static const struct pair mounted[] = {
        {"REQUEST_METHOD", "GET"}, {"SCRIPT_NAME", "/m"}, {"PATH_INFO", "/m/x"}, {NULL, NULL}};
    char packet[256];
    size_t len = write_packet(packet, sizeof(packet), WEND_UWSGI_REQUEST_MOUNTED, mounted, "");

    (void)state;
    converse(echo, packet, len);
    assert_true(wend_str_eq(seen_path, WEND_STR("/x")));
}

static void what_is_no_request_is_closed_without_an_answer(void **state)
{
    static const struct pair bad_length[] = {
        {"REQUEST_METHOD", "GET"}, {"CONTENT_LENGTH", "4x"}, {NULL, NULL}};
    static const struct pair bad_method[] = {{"REQUEST_METHOD", "G T"}, {NULL, NULL}};
    char packet[256];

    (void)state;
    wend_log_process->level = WEND_LOG_EMERG;
    converse(echo, packet, write_packet(packet, sizeof(packet), 0, bad_length, ""));
    assert_int_equal(answer_len, 0);
    converse(echo, packet, write_packet(packet, sizeof(packet), 0, bad_method, ""));
    assert_int_equal(answer_len, 0);
    converse(echo, packet, write_packet(packet, sizeof(packet), 173, bad_method, ""));
    assert_int_equal(answer_len, 0);
    converse(echo, "GET / HTTP/1.1\r\n\r\n", 18);
    assert_int_equal(answer_len, 0);
    converse(echo, "\0\x10\0\0\1", 5); /* half a packet, then silence: the deadline ends it */
    assert_int_equal(answer_len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_served),
        cmocka_unit_test(a_status_alone_becomes_a_page),
        cmocka_unit_test(a_short_answer_is_torn),
        cmocka_unit_test(a_ping_is_answered),
        cmocka_unit_test(a_mounted_path_loses_its_script_name),
        cmocka_unit_test(what_is_no_request_is_closed_without_an_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
