/* net/worker_test.c - what a worker hears, and from whom. */
#include "net/worker.c"

#include <sys/socket.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* --- where it learns who it is ----------------------------------------------------------- */

static enum wend_code read_environment(const char *text, struct wend_worker *worker)
{
    assert_int_equal(text == NULL ? unsetenv(WEND_WORKER_ENV) : setenv(WEND_WORKER_ENV, text, 1),
                     0);
    return wend_worker_from_environment(worker);
}

static void a_worker_is_told_who_it_is(void **state)
{
    struct wend_worker worker;
    char text[64];
    int pair[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    snprintf(text, sizeof(text), "%d,1,2,33,4444", pair[0]);
    assert_int_equal(read_environment(text, &worker), WEND_OK);
    assert_int_equal(worker.channel, pair[0]);
    assert_int_equal(worker.group, 1);
    assert_int_equal(worker.slot, 2);
    assert_int_equal(worker.generation, 33);
    assert_int_equal(worker.master, 4444);
    assert_null(getenv(WEND_WORKER_ENV)); /* nobody it executes takes itself for a worker */
    assert_int_equal(fcntl(pair[0], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    close(pair[0]);
    close(pair[1]);
}

static void words_that_make_no_worker_are_refused(void **state)
{
    static const char *const texts[] = {"",           "x",           "0",          "0,1,2,3",
                                        "0,1,2,3,4x", "0,1,2,3,4,5", "-1,1,2,3,4", "1023,1,2,3,4",
                                        "0;1;2;3;4"};
    struct wend_worker worker;

    (void)state;
    assert_int_equal(read_environment(NULL, &worker), WEND_E_NOT_FOUND);
    for (size_t i = 0; i < WEND_COUNT(texts); i++)
        if (read_environment(texts[i], &worker) != WEND_E_PROTOCOL)
            fail_msg("\"%s\" is taken", texts[i]);
}

/* --- orders -------------------------------------------------------------------------------- */

static struct wend_worker heard_by;
static struct wend_loop *loop;
static char heard[32]; /* a letter for each order */
static size_t heard_len;
static int master_end;

static void hear(struct wend_worker *worker, enum wend_order order)
{
    static const char letters[] = {[WEND_ORDER_DRAIN] = 'D',
                                   [WEND_ORDER_STOP] = 'S',
                                   [WEND_ORDER_REOPEN] = 'O',
                                   [WEND_ORDER_ORPHAN] = 'X'};

    assert_ptr_equal(worker, &heard_by);
    assert_true(heard_len + 1 < sizeof(heard));
    heard[heard_len++] = letters[order];
}

static int start_hearing(void **state)
{
    int pair[2];

    (void)state;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
        return -1;
    memset(heard, 0, sizeof(heard));
    heard_len = 0;
    loop = wend_loop_new(0);
    master_end = pair[1];
    heard_by = (struct wend_worker){.channel = pair[0], .on_order = hear};
    return wend_worker_attach(&heard_by, loop) == WEND_OK ? 0 : -1;
}

static int stop_hearing(void **state)
{
    int channel = heard_by.channel;

    (void)state;
    wend_worker_detach(&heard_by);
    if (channel >= 0)
        close(channel);
    if (master_end >= 0)
        close(master_end);
    wend_loop_free(loop);
    return 0;
}

static void stop_loop(struct wend_timer *timer)
{
    (void)timer;
    wend_loop_stop(loop);
}

/* All that came within a moment. */
static const char *listen_a_while(void)
{
    struct wend_timer timer = {.fire = stop_loop};

    wend_timer_start(loop, &timer, wend_loop_now_ns(loop) + 100 * WEND_NS_PER_MS);
    wend_loop_run(loop);
    return heard;
}

static void say(enum wend_channel_kind kind)
{
    assert_int_equal(wend_channel_send(master_end, kind), WEND_OK);
}

static void each_end_is_ordered_once_and_logs_each_time(void **state)
{
    (void)state;
    say(WEND_CHANNEL_REOPEN);
    say(WEND_CHANNEL_DRAIN);
    say(WEND_CHANNEL_DRAIN);
    say(WEND_CHANNEL_REOPEN);
    say(WEND_CHANNEL_STOP);
    say(WEND_CHANNEL_STOP);
    assert_string_equal(listen_a_while(), "ODOS");
}

static void signals_are_the_same_orders(void **state)
{
    (void)state;
    raise(SIGHUP); /* of a terminal that closes: the master's affair */
    raise(SIGPIPE);
    raise(SIGUSR1);
    raise(SIGQUIT);
    raise(SIGTERM);
    raise(SIGINT);
    assert_string_equal(listen_a_while(), "ODS");
    say(WEND_CHANNEL_DRAIN); /* known already */
    assert_string_equal(listen_a_while(), "ODS");
}

static void words_that_are_no_orders_are_not_heard(void **state)
{
    (void)state;
    say(WEND_CHANNEL_READY);
    assert_int_equal(send(master_end, "?", 1, 0), 1);
    assert_int_equal(send(master_end, "DSO", 3, 0), 3); /* one word a packet */
    say(WEND_CHANNEL_REOPEN);
    assert_string_equal(listen_a_while(), "DO");
}

static void a_master_that_is_gone_leaves_an_orphan(void **state)
{
    (void)state;
    say(WEND_CHANNEL_REOPEN);
    close(master_end);
    master_end = -1;
    assert_string_equal(listen_a_while(), "OX");
    assert_int_equal(heard_by.channel, -1);
    wend_worker_ready(&heard_by); /* nobody is there: nothing happens */
    wend_worker_ask_reload(&heard_by);
    raise(SIGQUIT); /* still heard */
    assert_string_equal(listen_a_while(), "OXD");
}

static void it_tells_its_master(void **state)
{
    enum wend_channel_kind kind;

    (void)state;
    wend_worker_ready(&heard_by);
    wend_worker_ask_reload(&heard_by);
    assert_int_equal(wend_channel_recv(master_end, &kind), WEND_OK);
    assert_int_equal(kind, WEND_CHANNEL_READY);
    assert_int_equal(wend_channel_recv(master_end, &kind), WEND_OK);
    assert_int_equal(kind, WEND_CHANNEL_RELOAD);
    assert_int_equal(wend_channel_recv(master_end, &kind), WEND_DECLINED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start_hearing, stop_hearing)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_is_told_who_it_is),
        cmocka_unit_test(words_that_make_no_worker_are_refused),
        TEST(each_end_is_ordered_once_and_logs_each_time),
        TEST(signals_are_the_same_orders),
        TEST(words_that_are_no_orders_are_not_heard),
        TEST(a_master_that_is_gone_leaves_an_orphan),
        TEST(it_tells_its_master),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
