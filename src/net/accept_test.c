/* net/accept_test.c */
#include "net/accept.c"

#include "net/listen.h"

#include <sys/resource.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define CLIENTS_MAX 64

static struct wend_loop *loop;
static struct wend_listener listener;
static int clients[CLIENTS_MAX], served[CLIENTS_MAX];
static size_t client_count, served_count;
static int log_lines;
static char last_line[WEND_LOG_LINE_MAX + 1];

static void count_line(struct wend_log *log, enum wend_log_level level, struct wend_str line)
{
    (void)log, (void)level;
    log_lines++;
    memcpy(last_line, line.ptr, line.len);
    last_line[line.len] = '\0';
}
static struct wend_log test_log = {.level = WEND_LOG_DEBUG, .sink = count_line};

static void stop_loop(struct wend_timer *timer)
{
    (void)timer;
    wend_loop_stop(loop);
}

static void run_for(int ms)
{
    struct wend_timer timer = {.fire = stop_loop};

    wend_timer_start(loop, &timer, wend_clock_monotonic_ns() + ms * WEND_NS_PER_MS);
    wend_loop_run(loop);
}

static void dial(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int fd = socket(listener.address.family, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_true(fd >= 0);
        assert_int_equal(connect(fd, &listener.address.any, wend_address_len(&listener.address)),
                         0);
        clients[client_count++] = fd;
    }
}

static int set_up(void **state)
{
    char message[WEND_LISTEN_MESSAGE_MAX];

    (void)state;
    loop = wend_loop_new(0);
    listener = (struct wend_listener){.fd = -1};
    assert_true(wend_address_parse_host(WEND_STR("127.0.0.1"), 0, &listener.address));
    assert_int_equal(wend_listen_open(&listener, message), WEND_OK);
    client_count = served_count = 0;
    log_lines = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < client_count; i++)
        close(clients[i]);
    for (size_t i = 0; i < served_count; i++)
        close(served[i]);
    wend_listen_close(&listener, true);
    wend_loop_free(loop);
    return 0;
}

static void keep(struct wend_acceptor *acceptor, int fd, const struct wend_address *peer,
                 const struct wend_address *local)
{
    (void)acceptor;
    assert_int_equal(peer->family, AF_INET);
    assert_true(wend_address_loopback(peer));
    assert_int_equal(wend_address_port(local), wend_address_port(&listener.address));
    served[served_count++] = fd;
}

static void takes_more_than_a_batch(void **state)
{
    struct wend_acceptor acceptor = {.take = keep, .batch = 4, .log = &test_log};

    (void)state;
    assert_int_equal(wend_accept_start(&acceptor, loop, listener.fd), WEND_OK);
    dial(30);
    run_for(30);
    assert_int_equal(served_count, 30);
    assert_int_equal(acceptor.accepted, 30);
    wend_accept_stop(&acceptor);
    wend_accept_stop(&acceptor);
    dial(1);
    run_for(20);
    assert_int_equal(served_count, 30);
    assert_int_equal(log_lines, 0);
}

/* The kernel woke only us for them. */
static void stopping_leaves_nobody_behind(void **state)
{
    struct wend_acceptor acceptor = {.take = keep, .log = &test_log};

    (void)state;
    assert_int_equal(wend_accept_start(&acceptor, loop, listener.fd), WEND_OK);
    dial(20);
    wend_accept_stop(&acceptor);
    assert_int_equal(served_count, 20);
}

static void keep_three(struct wend_acceptor *acceptor, int fd, const struct wend_address *peer,
                       const struct wend_address *local)
{
    keep(acceptor, fd, peer, local);
    if (served_count == 3)
        wend_accept_pause(acceptor);
}

static void can_be_paused_from_the_callback(void **state)
{
    struct wend_acceptor acceptor = {.take = keep_three, .log = &test_log};

    (void)state;
    assert_int_equal(wend_accept_start(&acceptor, loop, listener.fd), WEND_OK);
    dial(5);
    run_for(20);
    assert_int_equal(served_count, 3);
    wend_accept_pause(&acceptor);
    wend_accept_resume(&acceptor);
    wend_accept_resume(&acceptor);
    run_for(20);
    assert_int_equal(served_count, 5);
    wend_accept_stop(&acceptor);
}

/* One line however often it happens, and service goes on when descriptors are free again. */
static void rests_when_no_descriptor_is_left(void **state)
{
    struct wend_acceptor acceptor = {.take = keep, .log = &test_log};
    struct rlimit before, none;
    int next_fd;

    (void)state;
    assert_int_equal(wend_accept_start(&acceptor, loop, listener.fd), WEND_OK);
    dial(2);
    next_fd = dup(0);
    close(next_fd);
    getrlimit(RLIMIT_NOFILE, &before);
    none = before;
    none.rlim_cur = (rlim_t)next_fd;
    setrlimit(RLIMIT_NOFILE, &none);
    run_for(WEND_ACCEPT_REST_MS * 2 + 100);
    setrlimit(RLIMIT_NOFILE, &before);
    assert_int_equal(served_count, 0);
    assert_int_equal(log_lines, 1);
    assert_non_null(strstr(last_line, "[crit]"));
    assert_non_null(strstr(last_line, "accept4() failed (24: Too many open files)"));
    run_for(WEND_ACCEPT_REST_MS + 50);
    assert_int_equal(served_count, 2);
    wend_accept_stop(&acceptor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(takes_more_than_a_batch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stopping_leaves_nobody_behind, set_up, tear_down),
        cmocka_unit_test_setup_teardown(can_be_paused_from_the_callback, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rests_when_no_descriptor_is_left, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("net.accept", tests, NULL, NULL);
}
