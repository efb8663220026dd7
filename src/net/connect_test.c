/* net/connect_test.c - one address after the other, on loopback and on a unix path. */
#include "net/connect.c"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

struct attempt_ {
    struct wend_address addresses[2];
    size_t count;
    struct wend_str path;
    enum wend_code code;
    int peer_port;
    unsigned spans;
};

static uint16_t listening(int *fd)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);

    *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(*fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(*fd, 8), 0);
    assert_int_equal(getsockname(*fd, (struct sockaddr *)&address, &len), 0);
    return ntohs(address.sin_port);
}

static void try_it(struct wend_task *task, void *arg)
{
    struct attempt_ *it = arg;
    struct wend_conn *conn = calloc(1, sizeof(*conn));

    wend_trace_start(task->trace, 0, wend_clock_wall_ns());
    if (it->path.ptr != NULL)
        it->code = wend_net_connect_unix(task, it->path, 1000, conn);
    else
        it->code = wend_net_connect(task, it->addresses, it->count, 1000, conn);
    for (unsigned i = 0; i < task->trace->count; i++)
        it->spans += wend_trace_span(task->trace, (uint16_t)i)->event == WEND_EV_CONNECT;
    it->peer_port = wend_address_port(&conn->peer);
    if (it->code == WEND_OK)
        wend_conn_close(conn);
    wend_loop_free_later(task->loop, conn);
}

static void run(struct attempt_ *it)
{
    struct wend_loop *loop = wend_loop_new(2);

    wend_task_start(loop, try_it, it);
    wend_loop_run_until_idle(loop);
    wend_loop_free(loop);
}

static void the_first_that_answers_is_taken(void **state)
{
    struct attempt_ it = {.count = 2};
    int dead, alive;
    uint16_t dead_port = listening(&dead), port = listening(&alive);

    (void)state;
    close(dead);
    assert_true(wend_address_parse_host(WEND_STR("127.0.0.1"), dead_port, &it.addresses[0]));
    assert_true(wend_address_parse_host(WEND_STR("127.0.0.1"), port, &it.addresses[1]));
    run(&it);
    assert_int_equal(it.code, WEND_OK);
    assert_int_equal(it.peer_port, port);
    assert_int_equal(it.spans, 2);
    close(alive);
}

static void the_last_failure_is_told(void **state)
{
    struct attempt_ it = {.count = 1};
    int dead;
    uint16_t port = listening(&dead);

    (void)state;
    close(dead);
    assert_true(wend_address_parse_host(WEND_STR("127.0.0.1"), port, &it.addresses[0]));
    run(&it);
    assert_int_equal(it.code, WEND_E_REFUSED);
}

static void a_unix_path_is_connected_to(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct attempt_ it = {0};
    static char long_path[200];
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/wend-connect-test.%d", getpid());
    unlink(address.sun_path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 8), 0);
    it.path = wend_str_of(address.sun_path);
    run(&it);
    assert_int_equal(it.code, WEND_OK);
    close(fd);
    unlink(address.sun_path);
    run(&it);
    assert_int_equal(it.code, WEND_E_NOT_FOUND);
    memset(long_path, 'a', sizeof(long_path) - 1);
    it.path = wend_str_of(long_path);
    run(&it);
    assert_int_equal(it.code, WEND_E_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_that_answers_is_taken),
        cmocka_unit_test(the_last_failure_is_told),
        cmocka_unit_test(a_unix_path_is_connected_to),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
