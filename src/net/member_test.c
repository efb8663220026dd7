/* net/member_test.c - what time does to a worker. */
#include "net/member.c"

#include "net/supervised_test.h"

static void a_crash_at_start_is_tried_again_more_slowly(void **state)
{
    pid_t master;

    (void)state;
    report->workers = 1;
    report->behaviour[1] = CRASH_AT_START;
    master = start_master();
    usleep(1000000);
    assert_in_range(report->gone, 3, 8); /* at 0, 0, 100, 300, 700 ms */
    report->behaviour[1] = GOOD;
    EVENTUALLY(report->started == 1);
    kill(master, SIGQUIT);
    assert_int_equal(end_of(master), 0);
}

static void the_deaf_are_stopped_then_killed(void **state)
{
    pid_t master;
    int64_t from;

    (void)state;
    report->behaviour[1] = DEAF;
    drain_timeout_ms = 200;
    master = start_master();
    EVENTUALLY(report->started == 1);
    from = wend_clock_monotonic_ns();
    kill(master, SIGHUP);
    EVENTUALLY(report->discards == 1);
    assert_in_range((wend_clock_monotonic_ns() - from) / WEND_NS_PER_MS, 3100, 6000);
    assert_true(logged("has not finished in time"));
    assert_true(logged("did not stop and is killed"));
    kill(master, SIGTERM);
    assert_int_equal(end_of(master), 0);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        SUPERVISED(a_crash_at_start_is_tried_again_more_slowly),
        SUPERVISED(the_deaf_are_stopped_then_killed),
    };

    wend_title_init(argc, argv);
    return run_supervised("net.member", tests, WEND_COUNT(tests));
}
