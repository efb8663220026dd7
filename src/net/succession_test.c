/* net/succession_test.c - reloads, good and bad, and whose place is filled again. */
#include "net/succession.c"

#include "net/supervised_test.h"

static void a_reload_changes_generations(void **state)
{
    pid_t master = start_master(), old;

    (void)state;
    EVENTUALLY(report->started == 1);
    old = report->pids[1][0];
    report->workers = 3;
    kill(master, SIGHUP);
    EVENTUALLY(report->started == 2);
    EVENTUALLY(report->discards == 1);
    assert_true(is_gone(old));
    assert_int_equal(report->drained, 2);
    assert_int_not_equal(report->pids[2][2], 0);
    /* Several at once are one or two reloads, never lost workers. */
    for (int i = 0; i < 5; i++)
        kill(master, SIGHUP);
    EVENTUALLY(report->started >= 3);
    EVENTUALLY(report->discards == report->started - 1);
    kill(master, SIGQUIT);
    assert_int_equal(end_of(master), 0);
    assert_int_equal(report->discards, report->started);
    assert_false(logged("[alert]"));
}

static void a_bad_reload_keeps_the_old_workers(void **state)
{
    pid_t master = start_master(), old;

    (void)state;
    EVENTUALLY(report->started == 1);
    old = report->pids[1][0];
    report->load_fails = 1;
    kill(master, SIGHUP);
    EVENTUALLY(logged("the old one stays"));
    report->load_fails = 0;
    report->behaviour[2] = FATAL_AT_START;
    kill(master, SIGHUP);
    EVENTUALLY(report->discards == 1);
    assert_true(logged("the old ones stay"));
    report->behaviour[3] = CRASH_AT_START;
    kill(master, SIGHUP);
    EVENTUALLY(report->discards == 2);
    assert_int_equal(report->started, 1);
    assert_int_equal(kill(old, 0), 0);
    kill(master, SIGHUP);
    EVENTUALLY(report->started == 4);
    kill(master, SIGINT);
    assert_int_equal(end_of(master), 0);
}

static void a_first_start_that_crashes_can_be_repaired(void **state)
{
    pid_t master;

    (void)state;
    report->behaviour[1] = CRASH_AT_START;
    master = start_master();
    EVENTUALLY(report->gone >= 2);
    kill(master, SIGHUP);
    EVENTUALLY(report->started == 2);
    EVENTUALLY(report->discards == 1);
    kill(master, SIGQUIT);
    assert_int_equal(end_of(master), 0);
    assert_int_equal(report->discards, 2);
}

static void a_killed_worker_is_replaced_and_logged(void **state)
{
    pid_t master = start_master(), victim;
    char text[80];

    (void)state;
    EVENTUALLY(report->started == 1);
    for (int i = 0; i < 3; i++) {
        victim = report->pids[1][0];
        kill(victim, SIGKILL);
        EVENTUALLY(report->pids[1][0] != victim);
        snprintf(text, sizeof(text), "worker process %d exited on signal 9", (int)victim);
        assert_true(logged(text));
    }
    kill(master, SIGTERM);
    assert_int_equal(end_of(master), 0);
    assert_int_equal(report->stopped, 2);
    assert_true(logged("[alert]"));
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        SUPERVISED(a_reload_changes_generations),
        SUPERVISED(a_bad_reload_keeps_the_old_workers),
        SUPERVISED(a_first_start_that_crashes_can_be_repaired),
        SUPERVISED(a_killed_worker_is_replaced_and_logged),
    };

    wend_title_init(argc, argv);
    return run_supervised("net.succession", tests, WEND_COUNT(tests));
}
