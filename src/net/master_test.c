/* net/master_test.c - whole lives: from the first start to the exit status. */
#include "net/master.c"

#include "net/supervised_test.h"

static void starts_drains_and_removes_its_pid_file(void **state)
{
    pid_t master = start_master(), said;
    char path[64], title[256];
    FILE *file;

    (void)state;
    EVENTUALLY(report->started == 1);
    assert_int_equal(wend_pidfile_read(pid_file, &said), WEND_OK);
    assert_int_equal(said, master);
    snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)report->pids[1][1]);
    file = fopen(path, "re");
    assert_non_null(file);
    assert_non_null(fgets(title, sizeof(title), file));
    fclose(file);
    assert_string_equal(title, "wend: worker process");
    kill(master, SIGUSR1);
    EVENTUALLY(report->reopened == 1 && report->workers_reopened == 2);
    kill(master, SIGUSR2);
    kill(master, SIGQUIT);
    assert_int_equal(end_of(master), 0);
    assert_int_equal(report->drained, 2);
    assert_int_equal(report->discards, 1);
    assert_int_equal(report->gone, 2);
    assert_int_not_equal(wend_pidfile_read(pid_file, &said), WEND_OK);
    assert_true(logged("exited with code 0"));
    assert_true(logged("cannot change its executable"));
    assert_false(logged("[alert]"));
}

static void a_start_that_cannot_work_ends(void **state)
{
    (void)state;
    report->behaviour[1] = FATAL_AT_START;
    assert_int_equal(WEXITSTATUS(end_of(start_master())), 1);
    assert_int_equal(report->discards, 1);
    report->load_fails = 1;
    assert_int_equal(WEXITSTATUS(end_of(start_master())), 1);
    assert_int_equal(report->discards, 1);
    assert_int_not_equal(access(pid_file, F_OK), 0);
}

static void a_daemon_is_ready_when_its_starter_exits(void **state)
{
    pid_t said;

    (void)state;
    options = (struct wend_master_options){.daemonize = true, .keep_stderr = true};
    assert_int_equal(end_of(start_master()), 0);
    assert_int_equal(wend_pidfile_read(pid_file, &said), WEND_OK);
    EVENTUALLY(report->started == 1);
    assert_int_not_equal(getsid(said), getsid(0));
    kill(said, SIGQUIT);
    EVENTUALLY(access(pid_file, F_OK) != 0);
    EVENTUALLY(is_gone(said));
}

static void one_process_alone_serves_and_stops(void **state)
{
    pid_t master;

    (void)state;
    options.single = true;
    master = start_master();
    EVENTUALLY(report->pids[1][0] == master);
    assert_int_equal(access(pid_file, F_OK), 0);
    kill(master, SIGUSR1);
    EVENTUALLY(report->workers_reopened == 1);
    kill(master, SIGTERM);
    assert_int_equal(end_of(master), 0);
    assert_int_equal(report->discards, 1);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        SUPERVISED(starts_drains_and_removes_its_pid_file),
        SUPERVISED(a_start_that_cannot_work_ends),
        SUPERVISED(a_daemon_is_ready_when_its_starter_exits),
        SUPERVISED(one_process_alone_serves_and_stops),
    };

    wend_title_init(argc, argv);
    return run_supervised("net.master", tests, WEND_COUNT(tests));
}
