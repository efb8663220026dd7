/* The serving side against a client made of raw sockets: framing, pipelining, bodies, keep-alive,
 * half heads, lingering close, drain, and an exchange lent to a thread. The server runs on its own
 * thread, the tests are the client. */
#include "http/h1_server.h"

#include "base/assert.h"
#include "http/filter.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* --- the server ------------------------------------------------------------------------------- */

static struct wend_loop *loop;
static struct wend_io listener;
static pthread_t server_thread;
static uint16_t port;
static atomic_int finished_count, connections_open;
static atomic_int last_status, last_spans;
static pthread_barrier_t started, posted;

static enum wend_code echo(struct wend_exchange *x)
{
    char *body = wend_arena_alloc(&x->task->arena, 1 << 20);
    size_t len = 0, got = 1;

    while (got != 0) {
        enum wend_code code = wend_body_read(x, body + len, 7001, &got);

        if (code != WEND_OK)
            return code;
        len += got;
    }
    return wend_respond_text(x, 200, WEND_STR("text/plain"), wend_str_make(body, len));
}

static enum wend_code stream(struct wend_exchange *x)
{
    x->response.status = 200;
    for (int i = 0; i < 3; i++) {
        struct wend_piece pieces[2] = {wend_piece_of(WEND_STR("ab")),
                                       wend_piece_of(WEND_STR("cde"))};
        enum wend_code code = wend_respond(x, pieces, 2, false);

        if (code != WEND_OK)
            return code;
        code = wend_task_sleep(x->task, 2);
        if (code != WEND_OK)
            return code;
    }
    return wend_respond(x, NULL, 0, true);
}

static enum wend_code file(struct wend_exchange *x, size_t promised)
{
    FILE *made = tmpfile();
    struct wend_piece piece = {.kind = WEND_PIECE_FILE, .file = fileno(made), .len = promised};
    enum wend_code code;

    for (int i = 0; i < 40000; i++)
        fputs("0123456789", made);
    fflush(made);
    x->response.status = 200;
    x->response.content_length = (int64_t)promised;
    code = wend_respond(x, &piece, 1, true);
    fclose(made);
    return code;
}

static void *answer_on_thread(void *arg)
{
    struct wend_exchange *x = arg;
    struct wend_piece piece = wend_piece_of(WEND_STR("from a thread"));
    char body[64];
    size_t got = 0;
    enum wend_code code = WEND_OK;

    if (x->request.method == WEND_POST)
        code = wend_body_read_from_thread(x, body, sizeof(body), &got);
    if (got != 0)
        piece = wend_piece_of(wend_str_make(body, got));
    x->response.status = 200;
    if (code == WEND_OK)
        code = wend_respond_from_thread(x, &piece, 1, false);
    if (code == WEND_OK)
        code = wend_respond_from_thread(x, &piece, 1, true);
    wend_exchange_return(x, code);
    return NULL;
}

/* Of the server's thread. An answer can be out before the thread that gave it has ended. */
static pthread_t answerers[64];
static size_t answerer_count;

static enum wend_code lent(struct wend_exchange *x)
{
    enum wend_code code = wend_exchange_offer(x);

    if (code != WEND_OK)
        return code;
    WEND_ASSERT(answerer_count < WEND_COUNT(answerers));
    pthread_create(&answerers[answerer_count++], NULL, answer_on_thread, x);
    return wend_exchange_lend(x);
}

/* By the turn's events the head that woke the connection was there; of what else was received with
 * it only the receiving itself is proof. */
static enum wend_code arrived(struct wend_exchange *x)
{
    uint64_t events = wend_loop_turn_mark(x->task->loop);

    return wend_respond_text(x, 200, WEND_STR("text/plain"),
                             x->arrived == events  ? WEND_STR("with the events;")
                             : x->arrived > events ? WEND_STR("later;")
                                                   : WEND_STR("too early;"));
}

static enum wend_code tell_turn(struct wend_exchange *x)
{
    struct wend_loop_stats stats;

    wend_loop_stats(x->task->loop, &stats);
    return wend_respond_text(
        x, 200, WEND_STR("text/plain"),
        wend_arena_printf(&x->task->arena, "turn=%llu;", (unsigned long long)stats.turns));
}

static enum wend_code serve(const struct wend_handler *self, struct wend_exchange *x)
{
    struct wend_str path = x->request.path_raw;

    (void)self;
    if (wend_str_eq(path, WEND_STR("/echo")))
        return echo(x);
    if (wend_str_eq(path, WEND_STR("/stream")))
        return stream(x);
    if (wend_str_eq(path, WEND_STR("/file")))
        return file(x, 400000);
    if (wend_str_eq(path, WEND_STR("/short-file")))
        return file(x, 500000);
    if (wend_str_eq(path, WEND_STR("/thread")))
        return lent(x);
    if (wend_str_eq(path, WEND_STR("/turn")))
        return tell_turn(x);
    if (wend_str_eq(path, WEND_STR("/arrived")))
        return arrived(x);
    if (wend_str_eq(path, WEND_STR("/nothing")))
        return WEND_OK;
    if (wend_str_eq(path, WEND_STR("/fail")))
        return wend_fail(x->task, WEND_E_DEADLINE, path, "an upstream was too slow");
    x->response.status = 404;
    return wend_respond_text(x, 404, WEND_STR("text/plain"), WEND_STR("not here"));
}

static void finished(const struct wend_h1_server *server, struct wend_exchange *x)
{
    (void)server;
    last_status = x->response.status;
    last_spans = x->task->trace->count;
    finished_count++;
}

static void connections(const struct wend_h1_server *server, int change)
{
    (void)server;
    connections_open += change;
}

static const struct wend_handler handler = {"test", serve};
static struct wend_exchange_policy policy;
static struct wend_h1_server server = {
    .handler = &handler,
    .finished = finished,
    .connections = connections,
    .policy = WEND_H1_STRICT,
    .policy_default = &policy,
    .head_timeout_ms = 400,
    .requests_max = 100,
};

static void accept_some(struct wend_io *io)
{
    struct wend_address local = {.in = {.sin_family = AF_INET}}, peer = local;
    int fd;

    for (;;) {
        fd = accept4(io->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        wend_h1_serve(loop, &server, fd, &peer, &local, wend_clock_ticks());
    }
}

static void *run_server(void *unused)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    (void)unused;
    loop = wend_loop_new(100);
    policy = wend_exchange_policy_default;
    policy.keepalive_timeout_ms = 700;
    policy.body_timeout_ms = 400;
    policy.lingering_timeout_ms = 300;
    server.limits = wend_h1_limits_default;
    if (bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, 128) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0 ||
        wend_io_open_listener(&listener, loop, fd) != WEND_OK)
        abort();
    listener.on_ready = accept_some;
    port = ntohs(address.sin_port);
    pthread_barrier_wait(&started);
    wend_loop_run(loop);
    wend_io_close(&listener);
    while (answerer_count > 0)
        pthread_join(answerers[--answerer_count], NULL);
    pthread_barrier_wait(&posted);
    wend_loop_free(loop);
    wend_h1_thread_release();
    wend_arena_thread_release();
    return NULL;
}

/* --- the client ------------------------------------------------------------------------------- */

static int dial(void)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Everything until the end of the connection or `quiet_ms` of silence. */
static char *hear(int fd, int quiet_ms, size_t *len, bool *closed)
{
    static char bytes[1 << 20];
    struct pollfd wait = {.fd = fd, .events = POLLIN};

    *len = 0;
    *closed = false;
    while (poll(&wait, 1, quiet_ms) == 1) {
        ssize_t got = recv(fd, bytes + *len, sizeof(bytes) - 1 - *len, 0);

        if (got <= 0) {
            *closed = true;
            break;
        }
        *len += (size_t)got;
    }
    bytes[*len] = '\0';
    return bytes;
}

static int count_of(const char *text, const char *needle)
{
    int count = 0;

    for (text = strstr(text, needle); text != NULL; text = strstr(text + 1, needle))
        count++;
    return count;
}

static const char *ask(const char *text, bool expect_close)
{
    int fd = dial();
    size_t len;
    bool closed;
    const char *answer;

    say(fd, text);
    answer = hear(fd, 200, &len, &closed);
    assert_int_equal(closed, expect_close);
    close(fd);
    return answer;
}

/* --- the tests -------------------------------------------------------------------------------- */

static void an_answer_keeps_the_connection(void **state)
{
    const char *answer = ask("GET /x HTTP/1.1\r\nHost: a\r\n\r\n", false);

    (void)state;
    assert_non_null(strstr(answer, "HTTP/1.1 404 Not Found\r\nServer: wend/"));
    assert_non_null(strstr(answer, "Content-Length: 8\r\nConnection: keep-alive\r\n\r\nnot here"));
    assert_true(last_spans >= 4);
}

static void http_1_0_closes_unless_asked(void **state)
{
    (void)state;
    assert_non_null(strstr(ask("GET /x HTTP/1.0\r\n\r\n", true), "Connection: close\r\n"));
    assert_non_null(strstr(ask("GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false),
                           "Connection: keep-alive\r\n"));
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    const char *answer = ask("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nfirst"
                             "HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n"
                             "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                             "3;x=y\r\nsec\r\n3\r\nond\r\n0\r\nT: v\r\n\r\n"
                             "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n",
                             false);

    (void)state;
    assert_int_equal(count_of(answer, "HTTP/1.1 200 OK"), 3);
    assert_non_null(strstr(answer, "\r\n\r\nfirstHTTP/1.1 404"));
    assert_non_null(
        strstr(answer, "Content-Length: 8\r\nConnection: keep-alive\r\n\r\nHTTP/1.1 200"));
    assert_non_null(strstr(answer, "\r\n\r\nsecondHTTP/1.1 200"));
    assert_non_null(strstr(answer, "\r\n\r\n5\r\nabcde\r\n5\r\nabcde\r\n5\r\nabcde\r\n0\r\n\r\n"));
}

/* More than a receive buffer holds arrives with the last five bytes of a body. */
static void burst_after_a_chunked_body(size_t head_pad)
{
    enum { COUNT = 90, EACH = 200 };
    char head[16384], burst[5 + COUNT * EACH + 1];
    const char *answer;
    bool closed;
    size_t len;
    int fd = dial();

    memcpy(burst, "0\r\n\r\n", 5);
    for (size_t i = 0; i < COUNT; i++)
        snprintf(burst + 5 + i * EACH, EACH + 1, "GET /x HTTP/1.1\r\nHost: a\r\nPad: %0*d\r\n\r\n",
                 EACH - 35, 0);
    assert_int_equal(strlen(burst), sizeof(burst) - 1);
    snprintf(head, sizeof(head),
             "POST /echo HTTP/1.1\r\nHost: a\r\nPad: %0*d\r\nPad: %0*d\r\n"
             "Transfer-Encoding: chunked\r\n\r\n1\r\nq\r\n",
             (int)head_pad / 2, 0, (int)head_pad / 2, 0);
    say(fd, head);
    usleep(50000);
    say(fd, burst);
    answer = hear(fd, 300, &len, &closed);
    assert_non_null(strstr(answer, "\r\n\r\nqHTTP/1.1 404"));
    assert_int_equal(count_of(answer, "HTTP/1.1 404"), COUNT);
    close(fd);
}

static void much_may_follow_the_end_of_a_chunked_body(void **state)
{
    (void)state;
    burst_after_a_chunked_body(2);
    burst_after_a_chunked_body(5000);  /* too large to leave the pooled buffer */
    burst_after_a_chunked_body(14400); /* and too large to leave room for a body there */
}

static void a_pipelined_request_is_as_old_as_its_receipt(void **state)
{
    const char *answer = ask("GET /arrived HTTP/1.1\r\nHost: a\r\n\r\n"
                             "GET /arrived HTTP/1.1\r\nHost: a\r\n\r\n",
                             false);

    (void)state;
    assert_non_null(strstr(answer, "with the events;HTTP/1.1 200"));
    assert_non_null(strstr(answer, "later;"));
}

/* A hundred requests in one packet are more than one connection gets in a turn of the loop. */
static void who_pipelines_gives_others_their_turn(void **state)
{
    static const char request[] = "GET /turn HTTP/1.1\r\nHost: a\r\n\r\n";
    char text[sizeof(request) * 100] = "";
    const char *answer, *first, *last;

    (void)state;
    for (size_t i = 0; i < 99; i++)
        memcpy(text + i * (sizeof(request) - 1), request, sizeof(request));
    answer = ask(text, false);
    assert_int_equal(count_of(answer, "turn="), 99);
    first = last = strstr(answer, "turn=");
    for (const char *next = first; next != NULL; next = strstr(next + 1, "turn="))
        last = next;
    assert_true(atoll(first + 5) < atoll(last + 5));
}

static void a_body_nobody_read_is_skipped(void **state)
{
    const char *answer = ask("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nGET /oops"
                             "GET /echo HTTP/1.1\r\nHost: a\r\n\r\n",
                             false);

    (void)state;
    assert_int_equal(count_of(answer, "HTTP/1.1 404"), 1);
    assert_int_equal(count_of(answer, "HTTP/1.1 200"), 1);
}

/* What follows broken framing must never be taken for a request: that is how requests are smuggled.
 */
static void a_malformed_body_nobody_read_ends_the_connection(void **state)
{
    static const char *const bodies[] = {
        "1\nGET /inner HTTP/1.1\r\nHost: a\r\n\r\n",
        "1\r\nabGET /inner HTTP/1.1\r\nHost: a\r\n\r\n",
        "0\r\nT\nGET /inner HTTP/1.1\r\nHost: a\r\n\r\n",
        "zGET /inner HTTP/1.1\r\nHost: a\r\n\r\n",
    };
    char text[256];

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        snprintf(text, sizeof(text),
                 "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%s", bodies[i]);
        assert_int_equal(count_of(ask(text, true), "HTTP/1.1 "), 1);
    }
}

static void a_head_may_come_byte_by_byte(void **state)
{
    const char *text = "GET /x HTTP/1.1\r\nHost: a\r\nX-Long: ";
    int fd = dial();
    size_t len;
    bool closed;

    (void)state;
    for (const char *at = text; *at != '\0'; at++) {
        assert_int_equal(send(fd, at, 1, 0), 1);
        usleep(1000);
    }
    for (int i = 0; i < 300; i++)
        say(fd, "0123456789");
    say(fd, "\r\n\r\n");
    assert_non_null(strstr(hear(fd, 200, &len, &closed), "HTTP/1.1 404"));
    assert_false(closed);
    close(fd);
}

static void continue_is_said_when_the_body_is_wanted(void **state)
{
    int fd = dial();
    size_t len;
    bool closed;
    const char *answer;

    (void)state;
    say(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    answer = hear(fd, 100, &len, &closed);
    assert_string_equal(answer, "HTTP/1.1 100 Continue\r\n\r\n");
    say(fd, "abc");
    assert_non_null(strstr(hear(fd, 100, &len, &closed), "\r\n\r\nabc"));
    close(fd);
    /* Not wanted: the final answer, and the end, because nobody knows what the client will send. */
    answer = ask("POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
                 true);
    assert_non_null(strstr(answer, "HTTP/1.1 404"));
    assert_non_null(strstr(answer, "Connection: close\r\n"));
}

static void a_bad_head_is_answered_and_closed(void **state)
{
    (void)state;
    assert_non_null(strstr(ask("GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
                               "Content-Length: 2\r\n\r\nlots of bytes that nobody reads",
                               true),
                           "HTTP/1.1 400 Bad Request"));
    assert_int_equal(last_status, 400);
}

static void broken_chunks_are_refused_before_the_handler_acts(void **state)
{
    (void)state;
    assert_non_null(
        strstr(ask("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", true),
               "HTTP/1.1 400 Bad Request"));
}

static void a_file_goes_out_whole_and_a_short_one_is_torn(void **state)
{
    int fd = dial();
    size_t len;
    bool closed;
    char *answer;

    (void)state;
    say(fd, "GET /file HTTP/1.1\r\nHost: a\r\n\r\n");
    answer = hear(fd, 200, &len, &closed);
    assert_non_null(strstr(answer, "Content-Length: 400000\r\n"));
    assert_int_equal(answer + len - strstr(answer, "\r\n\r\n") - 4, 400000);
    assert_false(closed);
    say(fd, "GET /short-file HTTP/1.1\r\nHost: a\r\n\r\n");
    answer = hear(fd, 200, &len, &closed);
    assert_true(closed);
    assert_int_equal(answer + len - strstr(answer, "\r\n\r\n") - 4, 400000);
    close(fd);
}

static void what_a_handler_leaves_undone_gets_a_page(void **state)
{
    (void)state;
    assert_non_null(strstr(ask("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", false), "HTTP/1.1 500"));
    assert_non_null(strstr(ask("GET /fail HTTP/1.1\r\nHost: a\r\n\r\n", true), "HTTP/1.1 504"));
}

static void a_thread_answers_on_the_socket(void **state)
{
    const char *answer = ask("GET /thread HTTP/1.1\r\nHost: a\r\n\r\n"
                             "POST /thread HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody",
                             false);

    (void)state;
    assert_int_equal(count_of(answer, "d\r\nfrom a thread\r\n"), 2);
    assert_int_equal(count_of(answer, "4\r\nbody\r\n"), 2);
}

static void half_a_head_times_out_with_408(void **state)
{
    int fd = dial();
    size_t len;
    bool closed;

    (void)state;
    say(fd, "GET /x HTTP/1.1\r\nHos");
    assert_non_null(strstr(hear(fd, 1500, &len, &closed), "HTTP/1.1 408"));
    assert_true(closed);
    close(fd);
}

static void an_idle_connection_is_closed_in_time(void **state)
{
    int fd = dial();
    size_t len;
    bool closed;

    (void)state;
    say(fd, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    hear(fd, 100, &len, &closed);
    assert_false(closed);
    hear(fd, 1500, &len, &closed);
    assert_true(closed);
    close(fd);
}

static void connections_and_exchanges_are_counted(void **state)
{
    (void)state;
    for (int i = 0; i < 100 && connections_open != 0; i++)
        usleep(10000);
    assert_int_equal(connections_open, 0);
    assert_true(finished_count >= 20);
}

static void stop(struct wend_post *post)
{
    (void)post;
    wend_loop_stop(loop);
}

static void drain(struct wend_post *post)
{
    (void)post;
    wend_h1_drain(loop, 150);
}

static void draining_answers_once_more_and_closes(void **state)
{
    struct wend_post drain_post = {.deliver = drain};
    int busy = dial(), idle = dial();
    size_t len;
    bool closed;

    (void)state;
    say(busy, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    say(idle, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    hear(busy, 50, &len, &closed);
    hear(idle, 50, &len, &closed);
    wend_loop_post(loop, &drain_post);
    usleep(50000);
    say(busy, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_non_null(strstr(hear(busy, 100, &len, &closed), "Connection: close\r\n"));
    assert_true(closed);
    hear(idle, 500, &len, &closed);
    assert_true(closed);
    close(busy);
    close(idle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_keeps_the_connection),
        cmocka_unit_test(http_1_0_closes_unless_asked),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(much_may_follow_the_end_of_a_chunked_body),
        cmocka_unit_test(a_pipelined_request_is_as_old_as_its_receipt),
        cmocka_unit_test(who_pipelines_gives_others_their_turn),
        cmocka_unit_test(a_body_nobody_read_is_skipped),
        cmocka_unit_test(a_malformed_body_nobody_read_ends_the_connection),
        cmocka_unit_test(a_head_may_come_byte_by_byte),
        cmocka_unit_test(continue_is_said_when_the_body_is_wanted),
        cmocka_unit_test(a_bad_head_is_answered_and_closed),
        cmocka_unit_test(broken_chunks_are_refused_before_the_handler_acts),
        cmocka_unit_test(a_file_goes_out_whole_and_a_short_one_is_torn),
        cmocka_unit_test(what_a_handler_leaves_undone_gets_a_page),
        cmocka_unit_test(a_thread_answers_on_the_socket),
        cmocka_unit_test(half_a_head_times_out_with_408),
        cmocka_unit_test(an_idle_connection_is_closed_in_time),
        cmocka_unit_test(connections_and_exchanges_are_counted),
        cmocka_unit_test(draining_answers_once_more_and_closes),
    };
    struct wend_post stop_post = {.deliver = stop};
    int failed;

    pthread_barrier_init(&started, NULL, 2);
    pthread_barrier_init(&posted, NULL, 2);
    pthread_create(&server_thread, NULL, run_server, NULL);
    pthread_barrier_wait(&started);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    wend_loop_post(loop, &stop_post);
    pthread_barrier_wait(&posted);
    pthread_join(server_thread, NULL);
    return failed;
}
