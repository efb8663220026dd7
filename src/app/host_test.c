/* Many connections, several threads, an engine of plain C: every request is answered by a thread,
 * whole and to whom it belongs. What the threads share with the loop is what a thread sanitizer
 * sees here without an interpreter in between. */
#include "host.c"

#include "fiber/io.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define CLIENTS 24
#define REQUESTS 20 /* of each, one behind the other */
#define THREADS 4

/* --- the engine: a request's body comes back in two parts ---------------------------------------
 */

static atomic_uint threads_running, runs, stopped;

static enum wend_code load(const struct wend_app_settings *settings, void **app)
{
    (void)settings;
    *app = &runs;
    return WEND_OK;
}

static void *thread_start(void *app)
{
    (void)app;
    atomic_fetch_add(&threads_running, 1);
    return &threads_running;
}

static void thread_stop(void *thread)
{
    (void)thread;
    atomic_fetch_sub(&threads_running, 1);
}

static void run(void *thread, struct wend_app_job *job)
{
    struct wend_exchange *x = job->x;
    char bytes[64];
    ssize_t len = wend_body_pread(&job->body, bytes, sizeof(bytes), 0);
    struct wend_piece first = wend_piece_of(wend_str_make(bytes, len < 0 ? 0 : (size_t)len / 2));
    struct wend_piece second =
        wend_piece_of(wend_str_make(bytes + first.len, (len < 0 ? 0 : (size_t)len) - first.len));
    enum wend_code code;

    (void)thread;
    if (atomic_fetch_add(&runs, 1) % 7 == 0)
        usleep(2000); /* others overtake, and the queue fills */
    x->response.status = 200;
    x->response.content_length = len;
    code = wend_respond_from_thread(x, &first, 1, false);
    if (code == WEND_OK)
        code = wend_respond_from_thread(x, &second, 1, true);
    wend_exchange_return(x, code);
}

static void rest(void *thread)
{
    (void)thread;
}

static bool is_busy(void)
{
    return false;
}

static void stop(void *app, int timeout_ms)
{
    (void)app;
    (void)timeout_ms;
    atomic_fetch_add(&stopped, 1);
}

static const struct wend_app_engine engine = {"test", load, thread_start, thread_stop,
                                              run,    rest, is_busy,      stop};

/* --- the server and its clients, all on one loop ---------------------------------------------- */

struct client {
    struct wend_io io;
    unsigned number, sent;
    char expected[32];
    struct wend_buffer got;
};

static struct wend_loop *loop;
static struct client clients[CLIENTS];
static size_t clients_live;

static void ask_next(struct client *client)
{
    char request[256];
    int body = snprintf(client->expected, sizeof(client->expected), "client %u asks %u",
                        client->number, client->sent++);
    int len = snprintf(request, sizeof(request),
                       "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", body,
                       client->expected);

    client->got.len = 0;
    assert_int_equal(write(client->io.fd, request, (size_t)len), len);
}

static void leave(struct client *client)
{
    wend_io_close(&client->io);
    wend_buffer_release(&client->got);
    if (--clients_live == 0)
        wend_loop_stop(loop);
}

static bool is_answered(const struct client *client)
{
    struct wend_str got = wend_buffer_str(&client->got);
    ptrdiff_t end = wend_str_find(got, WEND_STR("\r\n\r\n"));

    return end >= 0 &&
           wend_str_eq(wend_str_from(got, (size_t)end + 4), wend_str_of(client->expected));
}

static void read_answer(struct wend_io *io)
{
    struct client *client = WEND_OF(io, struct client, io);
    char bytes[4096];
    ssize_t got = read(io->fd, bytes, sizeof(bytes));

    io->readable = false;
    if (got < 0 && errno == EAGAIN)
        return;
    assert_true(got > 0);
    wend_buffer_add(&client->got, wend_str_make(bytes, (size_t)got));
    if (!is_answered(client)) {
        assert_true(client->got.len < sizeof(bytes));
        return;
    }
    assert_true(wend_str_starts(wend_buffer_str(&client->got), WEND_STR("HTTP/1.1 200 ")));
    if (client->sent == REQUESTS)
        leave(client);
    else
        ask_next(client);
}

static void start_client(const struct wend_h1_server *server, unsigned number)
{
    struct client *client = &clients[number];
    struct wend_address address;
    int pair[2];

    assert_true(wend_address_parse_host(WEND_STR("127.0.0.1"), 1, &address));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    *client = (struct client){.number = number};
    wend_buffer_init(&client->got, 8192);
    assert_int_equal(wend_io_open(&client->io, loop, pair[1], false), WEND_OK);
    client->io.on_ready = read_answer;
    clients_live++;
    wend_h1_serve(loop, server, pair[0], &address, &address, wend_clock_ticks());
    ask_next(client);
}

static void each_request_is_answered_to_whom_it_belongs(void **state)
{
    const struct wend_app_settings settings = {
        .name = WEND_STR_INIT("test"), .threads = THREADS, .queue_max = CLIENTS};
    struct wend_h1_server server = {.policy = WEND_H1_STRICT,
                                    .limits = wend_h1_limits_default,
                                    .policy_default = &wend_exchange_policy_default,
                                    .head_timeout_ms = 60000,
                                    .requests_max = 1000};
    struct wend_app_host *host;

    (void)state;
    loop = wend_loop_new(0);
    assert_int_equal(wend_app_host_start(&settings, &engine, loop, &host), WEND_OK);
    server.handler = wend_app_host_handler(host);
    for (unsigned i = 0; i < CLIENTS; i++)
        start_client(&server, i);
    wend_loop_run(loop);
    assert_true(wend_loop_end_tasks(loop, 10000));
    while (wend_h1_close_idlest(loop))
        continue;
    assert_true(wend_app_host_stop(host, 10000));
    assert_int_equal(atomic_load(&runs), CLIENTS * REQUESTS);
    assert_int_equal(atomic_load(&threads_running), 0);
    assert_int_equal(atomic_load(&stopped), 1);
    wend_h1_thread_release();
    wend_loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_request_is_answered_to_whom_it_belongs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
