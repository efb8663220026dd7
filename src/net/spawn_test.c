/* net/spawn_test.c - what is left of the master in a worker. */
#include "net/spawn.c"

#include "net/supervised_test.h"

static int execute_self(struct wend_worker *worker, void *config)
{
    (void)worker, (void)config;
    execl("/proc/self/exe", "executed", "--worker", (char *)NULL);
    return WEND_EXIT_FATAL;
}

/* What execute_self() runs. */
static int be_executed(void)
{
    struct wend_worker worker;
    enum wend_code code = wend_worker_from_environment(&worker);

    if (code != WEND_OK || getenv(WEND_WORKER_ENV) != NULL || worker.generation == 0)
        return 3;
    report = calloc(1, sizeof(*report));
    return report == NULL ? 3 : (work(&worker, NULL), free(report), 0);
}

static void note_retired(void *data, struct wend_generation *generation)
{
    (void)data;
    report->retired = (int)generation->number;
}

static void note_before_fork(void *data)
{
    (void)data;
    report->before_forks++;
}

static void note_after_fork(void *data, bool in_child)
{
    (void)data;
    if (in_child)
        __atomic_fetch_add(&report->children, 1, __ATOMIC_RELAXED);
    else
        report->parents++;
}

static void a_worker_can_be_another_executable(void **state)
{
    pid_t master;

    (void)state;
    group.run = NULL;
    group.exec = execute_self;
    master = start_master();
    EVENTUALLY(report->started == 1);
    kill(master, SIGHUP);
    EVENTUALLY(report->started == 2);
    EVENTUALLY(report->gone == 2);
    kill(master, SIGQUIT);
    assert_int_equal(end_of(master), 0);
    assert_false(logged("[alert]"));
    assert_false(logged("[error]"));
}

static void hooks_run_around_every_fork(void **state)
{
    pid_t master;

    (void)state;
    policy.before_fork = note_before_fork;
    policy.after_fork = note_after_fork;
    policy.retired = note_retired;
    master = start_master();
    EVENTUALLY(report->started == 1);
    assert_int_equal(report->before_forks, 2);
    assert_int_equal(report->parents, 2);
    assert_int_equal(report->children, 2);
    assert_int_equal(report->retired, 0);
    kill(master, SIGHUP);
    EVENTUALLY(report->started == 2 && report->retired == 1);
    assert_int_equal(report->children, 4);
    kill(master, SIGTERM);
    assert_int_equal(end_of(master), 0);
    assert_int_equal(report->retired, 2);
}

static void workers_notice_that_the_master_is_dead(void **state)
{
    pid_t master = start_master(), a, b;

    (void)state;
    EVENTUALLY(report->started == 1);
    a = report->pids[1][0];
    b = report->pids[1][1];
    kill(master, SIGKILL);
    (void)end_of(master);
    EVENTUALLY(report->orphans == 2);
    EVENTUALLY(is_gone(a) && is_gone(b));
    unlink(pid_file);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        SUPERVISED(a_worker_can_be_another_executable),
        SUPERVISED(hooks_run_around_every_fork),
        SUPERVISED(workers_notice_that_the_master_is_dead),
    };

    if (argc == 2 && strcmp(argv[1], "--worker") == 0)
        return be_executed();
    wend_title_init(argc, argv);
    return run_supervised("net.spawn", tests, WEND_COUNT(tests));
}
