/* http/h1_client_test.c - the codec against a script at the other end of a socket pair. */
#include "http/h1_client.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* One question and what came of it. */
struct case_ {
    const char *answer; /* the whole of what the server says before it closes */
    const char *method;
    bool keep_open; /* the server does not close */
    /* results */
    enum wend_code head_code, body_code;
    int status;
    char body[4096];
    size_t body_len;
    enum wend_h1_framing framing;
    bool reusable, bare_lf;
    unsigned interims;
};

static void count_interim(void *owner, const struct wend_h1_response_head *head)
{
    (void)head;
    ((struct case_ *)owner)->interims++;
}

static void ask(struct wend_task *task, struct wend_h1_client *client, struct case_ *c)
{
    struct wend_fields fields;
    struct wend_h1_client_request request = {.method = wend_str_of(c->method),
                                             .target = WEND_STR("/x?y"),
                                             .version = WEND_HTTP_11,
                                             .fields = &fields,
                                             .content_length = -1};

    wend_fields_init(&fields, NULL, 0, 10);
    assert_int_equal(wend_fields_add(&fields, &task->arena, WEND_FIELD_HOST, WEND_STR("h")),
                     WEND_OK);
    assert_int_equal(wend_h1_client_send_head(task, client, &request, WEND_STR_NULL, true),
                     WEND_OK);
}

static void read_answer(struct wend_task *task, struct wend_h1_client *client, struct case_ *c)
{
    struct wend_h1_response_head head;
    struct wend_str data;

    c->head_code = wend_h1_client_read_head(task, client, &head);
    if (c->head_code != WEND_OK)
        return;
    c->status = head.status;
    c->bare_lf = head.bare_lf;
    c->framing = client->framing;
    for (;;) {
        c->body_code = wend_h1_client_read(task, client, &data);
        if (c->body_code != WEND_OK || data.len == 0)
            break;
        assert_true(c->body_len + data.len <= sizeof(c->body));
        memcpy(c->body + c->body_len, data.ptr, data.len);
        c->body_len += data.len;
    }
    c->reusable = client->reusable;
}

static void run_case(struct wend_task *task, void *arg)
{
    struct case_ *c = arg;
    struct wend_conn *conn = calloc(1, sizeof(*conn));
    struct wend_h1_client client;
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    assert_int_equal(wend_io_open(&conn->io, task->loop, pair[0], false), WEND_OK);
    assert_int_equal(write(pair[1], c->answer, strlen(c->answer)), strlen(c->answer));
    if (!c->keep_open)
        shutdown(pair[1], SHUT_WR);
    wend_h1_client_start(&client, conn, &task->arena);
    client.receive_timeout_ms = 100;
    client.inform = count_interim;
    client.owner = c;
    ask(task, &client, c);
    read_answer(task, &client, c);
    wend_conn_close(conn);
    wend_loop_free_later(task->loop, conn);
    close(pair[1]);
}

static struct case_ try_with(const char *method, const char *answer, bool keep_open)
{
    struct case_ c = {.answer = answer, .method = method, .keep_open = keep_open};
    struct wend_loop *loop = wend_loop_new(2);

    wend_task_start(loop, run_case, &c);
    wend_loop_run_until_idle(loop);
    wend_loop_free(loop);
    return c;
}

static void check_body(const struct case_ *c, const char *body)
{
    assert_int_equal(c->head_code, WEND_OK);
    assert_int_equal(c->body_code, WEND_OK);
    assert_int_equal(c->body_len, strlen(body));
    assert_memory_equal(c->body, body, c->body_len);
}

static void a_length_ends_the_body_and_keeps_the_connection(void **state)
{
    struct case_ c = try_with("GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", true);

    (void)state;
    check_body(&c, "hello");
    assert_int_equal(c.framing, WEND_H1_LENGTH);
    assert_true(c.reusable);
}

static void bytes_behind_the_answer_spoil_the_connection(void **state)
{
    struct case_ c =
        try_with("GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1", true);

    (void)state;
    check_body(&c, "hello");
    assert_false(c.reusable);
}

static void chunks_and_trailers_are_taken_apart(void **state)
{
    struct case_ c = try_with("GET",
                              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                              "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: v\r\n\r\n",
                              true);

    (void)state;
    check_body(&c, "abcde");
    assert_true(c.reusable);
}

static void an_unframed_body_ends_with_the_connection(void **state)
{
    struct case_ c =
        try_with("GET", "HTTP/1.1 200 OK\nContent-Type:text/html\n\nHello, World!", false);

    (void)state;
    check_body(&c, "Hello, World!");
    assert_true(c.bare_lf);
    assert_false(c.reusable);
}

static void a_short_body_is_told_from_a_whole_one(void **state)
{
    struct case_ c = try_with("GET", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", false);

    (void)state;
    assert_int_equal(c.body_code, WEND_E_CLOSED);
    assert_int_equal(c.body_len, 5);
    c = try_with("GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
                 false);
    assert_int_equal(c.body_code, WEND_E_CLOSED);
}

static void doubtful_lengths_are_refused(void **state)
{
    struct case_ c = try_with("GET",
                              "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
                              "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                              false);

    (void)state;
    assert_int_equal(c.head_code, WEND_E_SYNTAX);
    c = try_with("GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
                 false);
    assert_int_equal(c.head_code, WEND_E_SYNTAX);
}

static void head_and_304_have_no_body(void **state)
{
    struct case_ c = try_with("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true);

    (void)state;
    check_body(&c, "");
    assert_true(c.reusable);
    c = try_with("GET", "HTTP/1.1 304 Not Modified\r\n\r\n", true);
    check_body(&c, "");
    assert_true(c.reusable);
    c = try_with("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", true);
    check_body(&c, "");
    assert_false(c.reusable);
}

static void interim_answers_are_reported_and_skipped(void **state)
{
    struct case_ c = try_with("GET",
                              "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
                              "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                              true);

    (void)state;
    assert_int_equal(c.status, 200);
    assert_int_equal(c.interims, 1);
    assert_true(c.reusable);
}

static void an_upgrade_nobody_asked_for_is_refused(void **state)
{
    struct case_ c = try_with("GET", "HTTP/1.1 101 Switching Protocols\r\n\r\n", true);

    (void)state;
    assert_int_equal(c.head_code, WEND_E_PROTOCOL);
}

static void silence_ends_in_time(void **state)
{
    struct case_ c = try_with("GET", "HTTP/1.1 200 OK\r\nContent-Le", true);

    (void)state;
    assert_int_equal(c.head_code, WEND_E_DEADLINE);
    c = try_with("GET", "", false);
    assert_int_equal(c.head_code, WEND_E_CLOSED);
}

static void fields_cannot_break_the_request_head(void **state)
{
    static const struct wend_str bad[] = {WEND_STR_INIT("a\r\nX: y"), WEND_STR_INIT("a\nb"),
                                          WEND_STR_INIT("a\0b")};
    struct wend_arena arena;
    struct wend_buffer out;
    struct wend_fields fields;
    struct wend_h1_client_request request = {.method = WEND_STR("GET"),
                                             .target = WEND_STR("/"),
                                             .version = WEND_HTTP_11,
                                             .fields = &fields,
                                             .content_length = 3};

    (void)state;
    wend_arena_init(&arena, 1u << 20);
    for (size_t i = 0; i < WEND_COUNT(bad); i++) {
        wend_fields_init(&fields, NULL, 0, 10);
        assert_int_equal(wend_fields_add_name(&fields, &arena, WEND_STR("X-A"), bad[i]), WEND_OK);
        wend_buffer_init_arena(&out, &arena, 4096);
        assert_int_equal(wend_h1_client_write_head(&request, &out), WEND_E_SYNTAX);
    }
    wend_fields_init(&fields, NULL, 0, 10);
    request.target = WEND_STR("/a b");
    assert_int_equal(wend_h1_client_write_head(&request, &out), WEND_E_SYNTAX);
    request.target = WEND_STR("/a");
    wend_buffer_clear(&out);
    assert_int_equal(wend_h1_client_write_head(&request, &out), WEND_OK);
    assert_true(wend_str_eq(wend_buffer_str(&out),
                            WEND_STR("GET /a HTTP/1.1\r\nContent-Length: 3\r\n\r\n")));
    wend_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_length_ends_the_body_and_keeps_the_connection),
        cmocka_unit_test(bytes_behind_the_answer_spoil_the_connection),
        cmocka_unit_test(chunks_and_trailers_are_taken_apart),
        cmocka_unit_test(an_unframed_body_ends_with_the_connection),
        cmocka_unit_test(a_short_body_is_told_from_a_whole_one),
        cmocka_unit_test(doubtful_lengths_are_refused),
        cmocka_unit_test(head_and_304_have_no_body),
        cmocka_unit_test(interim_answers_are_reported_and_skipped),
        cmocka_unit_test(an_upgrade_nobody_asked_for_is_refused),
        cmocka_unit_test(silence_ends_in_time),
        cmocka_unit_test(fields_cannot_break_the_request_head),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
