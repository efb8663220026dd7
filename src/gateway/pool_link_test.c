/* gateway/pool_link_test.c - both sides of a pool's connections: with each other, and with a peer
 * that says what it should not. */
#include "gateway/pool_client.h"
#include "gateway/rendezvous.h"
#include "gateway/pool_link.h"
#include "gateway/pool_server.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define LONG_ANSWER (3 * WEND_POOL_WINDOW)

/* --- a client's exchange without a client ----------------------------------------------------- */

struct asked {
    struct wend_conn conn;
    struct wend_pool *pool;
    struct wend_loop *loop;
    const char *target;
    struct wend_str body;
    size_t body_at;
    int status;
    enum wend_code code;
    enum wend_exchange_state state;
    struct wend_buffer answer;
    size_t answer_bytes;
    bool leaves; /* as soon as the answer begins */
    bool alone;  /* there is no server */
    unsigned *left_to_do;
};

static enum wend_code give_body(struct wend_exchange *x, void *into, size_t room, size_t *got)
{
    struct asked *asked = x->codec_state;
    size_t left = asked->body.len - asked->body_at;

    *got = left < room ? left : room;
    if (*got > 0)
        memcpy(into, asked->body.ptr + asked->body_at, *got);
    asked->body_at += *got;
    return WEND_OK;
}

static enum wend_code take_answer(struct wend_exchange *x, const struct wend_piece *pieces,
                                  size_t count, bool last)
{
    struct asked *asked = x->codec_state;

    (void)last;
    for (size_t i = 0; i < count; i++) {
        asked->answer_bytes += pieces[i].len;
        if (asked->answer.len < 256)
            wend_buffer_add(&asked->answer, wend_str_make(pieces[i].memory, pieces[i].len));
    }
    return asked->leaves ? WEND_E_CLOSED : WEND_OK;
}

static enum wend_code no_interim(struct wend_exchange *x, int status,
                                 const struct wend_fields *fields)
{
    (void)x, (void)status, (void)fields;
    return WEND_OK;
}

static const struct wend_codec asking_codec = {"asking", give_body, take_answer, no_interim};

static void ask(struct wend_task *task, void *arg)
{
    struct asked *asked = arg;
    struct wend_exchange *x = WEND_NEW(&task->arena, struct wend_exchange);

    wend_trace_start(task->trace, 0, 0);
    x->task = task;
    x->codec = &asking_codec;
    x->codec_state = asked;
    x->conn = &asked->conn;
    x->body_max = -1;
    x->policy = &wend_exchange_policy_default;
    x->request.method = asked->body.len > 0 ? WEND_POST : WEND_GET;
    x->request.method_text = wend_method_text(x->request.method);
    x->request.version = WEND_HTTP_11;
    x->request.target = x->request.path_raw = wend_str_of(asked->target);
    x->request.line = x->request.target;
    x->request.scheme = WEND_STR("http");
    x->request.port = -1;
    x->request.content_length = asked->body.len > 0 ? (int64_t)asked->body.len : -1;
    x->response.content_length = -1;
    x->response.last_modified = -1;
    wend_fields_init(&x->request.fields, NULL, 0, WEND_FIELDS_MAX);
    wend_fields_init(&x->response.fields, NULL, 0, WEND_FIELDS_MAX);
    asked->code = wend_serve(wend_pool_handler(asked->pool), x);
    asked->status = x->response.status;
    asked->state = x->state;
    if (--*asked->left_to_do > 0)
        return;
    wend_pool_free(asked->pool); /* the server sees that and ends the loop */
    if (asked->alone)
        wend_loop_stop(asked->loop);
}

/* --- a process's application ------------------------------------------------------------------ */

static enum wend_code last_send;
static bool was_gone;

static enum wend_code answer_long(struct wend_exchange *x)
{
    static char block[LONG_ANSWER];
    struct wend_piece piece = wend_piece_of(wend_str_make(block, sizeof(block)));

    x->response.status = 200;
    last_send = wend_respond(x, &piece, 1, true);
    was_gone = x->conn->io.broken;
    return last_send;
}

static enum wend_code application(const struct wend_handler *self, struct wend_exchange *x)
{
    char body[4096], text[64];
    size_t got = 1, total = 0;
    int len;

    (void)self;
    while (got > 0) {
        enum wend_code code = wend_body_read(x, body, sizeof(body), &got);

        if (code != WEND_OK)
            return code;
        total += got;
    }
    if (wend_str_eq(x->request.target, WEND_STR("/long")))
        return answer_long(x);
    if (wend_str_eq(x->request.target, WEND_STR("/404"))) {
        x->response.status = 404;
        return WEND_OK;
    }
    if (wend_str_eq(x->request.target, WEND_STR("/fail")))
        return WEND_E_APP;
    if (wend_str_eq(x->request.target, WEND_STR("/torn"))) {
        struct wend_piece piece = wend_piece_of(WEND_STR("hal"));

        x->response.status = 200;
        x->response.content_length = 5;
        return wend_respond(x, &piece, 1, true);
    }
    len = snprintf(text, sizeof(text), "%zu", total);
    return wend_respond_text(x, 200, WEND_STR("text/plain"), wend_str_make(text, (size_t)len));
}

static void nobody_left(struct wend_pool_server *server)
{
    wend_loop_stop(server->loop);
}

static struct wend_handler application_handler = {"application", application};

static void start_server(struct wend_pool_server *server, struct wend_loop *loop, int rendezvous)
{
    *server = (struct wend_pool_server){.loop = loop,
                                        .handler = &application_handler,
                                        .policy = &wend_exchange_policy_default,
                                        .name = WEND_STR("test"),
                                        .rendezvous = rendezvous,
                                        .deserted = nobody_left};
    assert_int_equal(wend_pool_server_start(server), WEND_OK);
}

/* --- together --------------------------------------------------------------------------------- */

struct meeting {
    struct wend_loop *loop;
    struct wend_pool_server server;
    struct wend_pool *pool;
    int edge, process;
    unsigned left_to_do;
};

static void meet(struct meeting *meeting, bool with_server)
{
    struct wend_pool_options options = {.name = WEND_STR("test"),
                                        .rendezvous = &meeting->edge,
                                        .count = 1,
                                        .body = wend_body_settings_default};

    meeting->loop = wend_loop_new(64);
    assert_int_equal(wend_rendezvous_open(&meeting->edge, &meeting->process), WEND_OK);
    if (with_server)
        start_server(&meeting->server, meeting->loop, meeting->process);
    meeting->pool = wend_pool_new(&options, meeting->loop);
}

static void put(struct meeting *meeting, struct asked *asked, const char *target)
{
    asked->pool = meeting->pool;
    asked->loop = meeting->loop;
    asked->target = target;
    asked->left_to_do = &meeting->left_to_do;
    asked->conn.io.fd = -1;
    wend_buffer_init(&asked->answer, 1u << 20);
    meeting->left_to_do++;
}

static void part(struct meeting *meeting)
{
    close(meeting->process);
    wend_loop_free(meeting->loop);
}

static void run_all(struct meeting *meeting, struct asked *asked, size_t count)
{
    for (size_t i = 0; i < count; i++)
        wend_task_start(meeting->loop, ask, &asked[i]);
    close(meeting->edge); /* the connection is made, no other will be */
    wend_loop_run(meeting->loop);
}

static void many_requests_on_one_connection(void **state)
{
    static char body[300000];
    struct meeting meeting = {0};
    struct asked asked[20] = {0};

    (void)state;
    meet(&meeting, true);
    for (size_t i = 0; i < WEND_COUNT(asked); i++) {
        put(&meeting, &asked[i], i % 3 == 0 ? "/long" : "/");
        asked[i].body = wend_str_make(body, i % 3 == 1 ? sizeof(body) : i % 3 == 0 ? 0 : 7);
    }
    run_all(&meeting, asked, WEND_COUNT(asked));
    for (size_t i = 0; i < WEND_COUNT(asked); i++) {
        const char *text = i % 3 == 1 ? "300000" : "7";

        assert_int_equal(asked[i].status, 200);
        assert_int_equal(asked[i].code, WEND_OK);
        assert_int_equal(asked[i].state, WEND_X_DONE);
        if (i % 3 == 0)
            assert_int_equal(asked[i].answer_bytes, LONG_ANSWER);
        else
            assert_true(wend_str_eq(wend_buffer_str(&asked[i].answer), wend_str_of(text)));
        wend_buffer_release(&asked[i].answer);
    }
    part(&meeting);
}

static void statuses_without_an_answer_become_the_edges_pages(void **state)
{
    static const struct {
        const char *target;
        int status;
        enum wend_code code;
        enum wend_exchange_state state;
    } rows[] = {{"/404", 404, WEND_OK, WEND_X_REQUEST},
                {"/fail", 500, WEND_OK, WEND_X_REQUEST},
                {"/torn", 200, WEND_E_APP, WEND_X_TORN}};

    (void)state;
    for (size_t i = 0; i < WEND_COUNT(rows); i++) {
        struct meeting meeting = {0};
        struct asked asked = {0};

        meet(&meeting, true);
        put(&meeting, &asked, rows[i].target);
        run_all(&meeting, &asked, 1);
        assert_int_equal(asked.status, rows[i].status);
        assert_int_equal(asked.code, rows[i].code);
        assert_int_equal(asked.state, rows[i].state);
        wend_buffer_release(&asked.answer);
        part(&meeting);
    }
}

static void a_client_that_leaves_ends_the_sending(void **state)
{
    struct meeting meeting = {0};
    struct asked asked = {.leaves = true};

    (void)state;
    last_send = WEND_OK;
    was_gone = false;
    meet(&meeting, true);
    put(&meeting, &asked, "/long");
    run_all(&meeting, &asked, 1);
    assert_int_equal(asked.code, WEND_E_CLOSED);
    assert_int_equal(last_send, WEND_E_CLOSED);
    assert_true(was_gone);
    wend_buffer_release(&asked.answer);
    part(&meeting);
}

/* --- a hostile process ------------------------------------------------------------------------ */

static int receive_connection(int rendezvous)
{
    char byte, control[CMSG_SPACE(sizeof(int))];
    struct iovec iov = {&byte, 1};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
    int fd = -1;

    assert_int_equal(recvmsg(rendezvous, &message, 0), 1);
    assert_non_null(CMSG_FIRSTHDR(&message));
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
    return fd;
}

static void frame(struct wend_buffer *out, enum wend_pool_type type, uint32_t stream,
                  const char *payload, size_t len)
{
    size_t began = wend_pool_begin(out, type, 0, stream);

    wend_buffer_add(out, wend_str_make(payload, len));
    assert_int_equal(wend_pool_end(out, began), WEND_OK);
}

/* A request is sent; the process says `bytes`. Each must cost exactly that request: 502. */
static void answer_with(struct wend_str bytes)
{
    struct meeting meeting = {0};
    struct asked asked = {.alone = true};
    int fd;

    meet(&meeting, false);
    put(&meeting, &asked, "/");
    wend_task_start(meeting.loop, ask, &asked);
    fd = receive_connection(meeting.process);
    assert_int_equal(write(fd, bytes.ptr, bytes.len), bytes.len);
    shutdown(fd, SHUT_WR);
    wend_loop_run(meeting.loop);
    assert_int_equal(asked.status, 502);
    assert_int_equal(asked.code, WEND_OK);
    assert_int_equal(asked.state, WEND_X_REQUEST);
    close(fd);
    close(meeting.edge);
    wend_buffer_release(&asked.answer);
    part(&meeting);
}

static void whatever_a_broken_process_says_is_502(void **state)
{
    static const char junk[64] = {'H', 'T', 'T', 'P'};
    struct wend_buffer out;

    (void)state;
    answer_with(WEND_STR(""));
    answer_with(wend_str_make(junk, sizeof(junk)));
    wend_buffer_init(&out, 1u << 20);
    frame(&out, WEND_POOL_DATA, 1, "early", 5); /* before its head */
    answer_with(wend_buffer_str(&out));
    wend_buffer_clear(&out);
    frame(&out, WEND_POOL_HEAD, 7, "", 0); /* of a stream that was never opened */
    answer_with(wend_buffer_str(&out));
    wend_buffer_clear(&out);
    frame(&out, WEND_POOL_HEAD, 1, "\xff\xff", 2); /* cut */
    answer_with(wend_buffer_str(&out));
    wend_buffer_clear(&out);
    frame(&out, WEND_POOL_END, 1, "\0\0", 2); /* complete, and no head */
    answer_with(wend_buffer_str(&out));
    wend_buffer_clear(&out);
    frame(&out, WEND_POOL_WINDOW_MORE, 1, "\x05", 1); /* more than there can be */
    answer_with(wend_buffer_str(&out));
    wend_buffer_release(&out);
}

/* --- a hostile edge --------------------------------------------------------------------------- */

/* What the server says after HELLO, until it closes. */
static size_t told(struct wend_str bytes)
{
    struct wend_loop *loop = wend_loop_new(16);
    struct wend_pool_server server;
    int edge, process, pair[2];
    char answer[4096], byte = 'c', control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec iov = {&byte, 1};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    ssize_t got;
    size_t total = 0;

    assert_int_equal(wend_rendezvous_open(&edge, &process), WEND_OK);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    start_server(&server, loop, process);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(head), &pair[1], sizeof(int));
    assert_int_equal(sendmsg(edge, &message, 0), 1);
    close(pair[1]);
    close(edge);
    assert_int_equal(write(pair[0], bytes.ptr, bytes.len), bytes.len);
    shutdown(pair[0], SHUT_WR);
    wend_loop_run(loop);
    while ((got = read(pair[0], answer, sizeof(answer))) > 0)
        total += (size_t)got;
    assert_true(got == 0 || errno == ECONNRESET);
    close(pair[0]);
    close(process);
    wend_loop_free(loop);
    return total;
}

static void a_broken_edge_is_hung_up_on(void **state)
{
    static const char junk[64] = {'G', 'E', 'T', ' ', '/'};
    struct wend_buffer out;

    (void)state;
    wend_buffer_init(&out, 1u << 20);
    (void)told(WEND_STR(""));
    (void)told(wend_str_make(junk, sizeof(junk)));
    frame(&out, WEND_POOL_REQUEST, 1, "\x0b\0", 2); /* cut */
    (void)told(wend_buffer_str(&out));
    wend_buffer_clear(&out);
    frame(&out, WEND_POOL_BODY, 3, "x", 1); /* of no request */
    (void)told(wend_buffer_str(&out));
    wend_buffer_clear(&out);
    frame(&out, WEND_POOL_HEAD, 1, "", 0); /* the other side's word */
    (void)told(wend_buffer_str(&out));
    wend_buffer_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_requests_on_one_connection),
        cmocka_unit_test(statuses_without_an_answer_become_the_edges_pages),
        cmocka_unit_test(a_client_that_leaves_ends_the_sending),
        cmocka_unit_test(whatever_a_broken_process_says_is_502),
        cmocka_unit_test(a_broken_edge_is_hung_up_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
