/* net/master_test.c - a real master with real workers, in a process of its own. What they do is
 * reported through a page shared with the test. */
#include "net/master.c"

#include <dirent.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SLOTS 4

enum behaviour { GOOD, FATAL_AT_START, CRASH_AT_START, DEAF, ASKS_RELOAD };

struct report {
    volatile pid_t pids[8][SLOTS]; /* by generation and slot */
    volatile int loads, discards, started, reopened, workers_reopened, orphans, drained, stopped;
    volatile int load_fails, gone, retired;
    volatile int before_forks, parents, children;
    volatile enum behaviour behaviour[8]; /* by generation */
    volatile unsigned workers;
    volatile size_t log_len;
    char log[1 << 16];
};

static struct report *report;
static char directory[] = "/tmp/wend-master-XXXXXX";
static char pid_file[64];
static struct wend_master_policy policy;
static struct wend_worker_group group;
static struct wend_master_options options;
static int64_t drain_timeout_ms;

static void keep_line(struct wend_log *log, enum wend_log_level level, struct wend_str line)
{
    size_t at = __atomic_fetch_add(&report->log_len, line.len, __ATOMIC_RELAXED);

    (void)log, (void)level;
    if (at + line.len < sizeof(report->log))
        memcpy(report->log + at, line.ptr, line.len);
}
static struct wend_log test_log = {.level = WEND_LOG_DEBUG, .sink = keep_line};

/* --- the policy -------------------------------------------------------------------------- */

static struct wend_loop *loop;

static void on_order(struct wend_worker *worker, enum wend_order given)
{
    (void)worker;
    switch (given) {
    case WEND_ORDER_REOPEN:
        __atomic_fetch_add(&report->workers_reopened, 1, __ATOMIC_RELAXED);
        return;
    case WEND_ORDER_ORPHAN:
        __atomic_fetch_add(&report->orphans, 1, __ATOMIC_RELAXED);
        break;
    case WEND_ORDER_DRAIN:
        __atomic_fetch_add(&report->drained, 1, __ATOMIC_RELAXED);
        break;
    case WEND_ORDER_STOP:
        __atomic_fetch_add(&report->stopped, 1, __ATOMIC_RELAXED);
        break;
    }
    if (report->behaviour[worker->generation] != DEAF)
        wend_loop_stop(loop);
}

static int work(struct wend_worker *worker, void *config)
{
    (void)config;
    if (report->behaviour[worker->generation] == FATAL_AT_START)
        return WEND_EXIT_FATAL;
    if (report->behaviour[worker->generation] == CRASH_AT_START)
        raise(SIGKILL);
    loop = wend_loop_new(0);
    worker->on_order = on_order;
    if (wend_worker_attach(worker, loop) != WEND_OK)
        return 1;
    report->pids[worker->generation][worker->slot] = getpid();
    wend_worker_ready(worker);
    if (report->behaviour[worker->generation] == ASKS_RELOAD && worker->slot == 0)
        wend_worker_ask_reload(worker);
    wend_loop_run(loop);
    wend_worker_detach(worker);
    wend_loop_free(loop);
    wend_arena_thread_release();
    return 0;
}

static enum wend_code load_config(void *data, const struct wend_generation *old,
                                  struct wend_generation *out)
{
    (void)data;
    report->loads++;
    if (report->load_fails != 0)
        return WEND_E_CONFIG;
    assert_true(old == NULL || old->number < out->number);
    out->groups[0] = group;
    out->groups[0].count = report->workers;
    out->group_count = 1;
    out->pid_file = pid_file;
    out->drain_timeout_ms = drain_timeout_ms;
    return WEND_OK;
}

static void discard_config(void *data, struct wend_generation *generation)
{
    (void)data, (void)generation;
    report->discards++;
}

static void note_started(void *data, struct wend_generation *generation)
{
    (void)data;
    report->started = (int)generation->number;
}

static void note_reopen(void *data)
{
    (void)data;
    report->reopened++;
}

static void note_gone(void *data, const struct wend_generation *generation, unsigned in_group,
                      unsigned slot, pid_t pid, int status)
{
    (void)data, (void)generation, (void)in_group, (void)slot, (void)pid, (void)status;
    report->gone++;
}

/* --- the test's side --------------------------------------------------------------------- */

static int set_up(void **state)
{
    (void)state;
    report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(report, MAP_FAILED);
    report->workers = 2;
    wend_log_process = &test_log;
    drain_timeout_ms = 0;
    group = (struct wend_worker_group){
        .title = "worker process", .identity = WEND_IDENTITY_NONE, .run = work};
    policy = (struct wend_master_policy){.name = "wend",
                                         .load = load_config,
                                         .discard = discard_config,
                                         .started = note_started,
                                         .reopen = note_reopen,
                                         .worker_gone = note_gone};
    options = (struct wend_master_options){.watch_parent = true};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    munmap(report, sizeof(*report));
    return 0;
}

static int upper_end; /* of options.above's channel: not the master's */

static pid_t start_master(void)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        int status;

        if (options.above != NULL)
            close(upper_end);
        status = wend_master_run(&policy, &options);

        wend_arena_thread_release();
        exit(status);
    }
    return pid;
}

/* Waits up to 10 s for it to become true. */
#define EVENTUALLY(condition)                                                                      \
    do {                                                                                           \
        for (int tries = 0; tries < 2000 && !(condition); tries++)                                 \
            usleep(5000);                                                                          \
        assert_true(condition);                                                                    \
    } while (0)

static int end_of(pid_t pid)
{
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static bool logged(const char *text)
{
    return memmem(report->log, sizeof(report->log), text, strlen(text)) != NULL;
}

static bool is_gone(pid_t pid)
{
    return kill(pid, 0) != 0 && errno == ESRCH;
}

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

static void winch_sends_workers_away_until_the_next_reload(void **state)
{
    pid_t master = start_master();

    (void)state;
    EVENTUALLY(report->started == 1);
    kill(master, SIGWINCH);
    EVENTUALLY(report->gone == 2);
    assert_int_equal(kill(master, 0), 0);
    kill(master, SIGHUP);
    EVENTUALLY(report->started == 2);
    kill(master, SIGQUIT);
    assert_int_equal(end_of(master), 0);
}

static void a_worker_can_ask_for_a_reload(void **state)
{
    pid_t master;

    (void)state;
    report->behaviour[1] = ASKS_RELOAD;
    master = start_master();
    EVENTUALLY(report->started == 2);
    EVENTUALLY(report->discards == 1);
    kill(master, SIGQUIT);
    assert_int_equal(end_of(master), 0);
    assert_false(logged("[alert]"));
}

static int execute_self(struct wend_worker *worker, void *config)
{
    (void)worker, (void)config;
    execl("/proc/self/exe", "executed", "--worker", (char *)NULL);
    return WEND_EXIT_FATAL;
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

/* What the master above hears next; 0 when that is nothing for 10 s. */
static int heard(int channel)
{
    enum wend_channel_kind kind;

    for (int tries = 0; tries < 2000; tries++) {
        if (wend_channel_recv(channel, &kind) == WEND_OK)
            return kind;
        usleep(5000);
    }
    return 0;
}

static void a_master_below_another_obeys_and_reports(void **state)
{
    struct wend_worker above = {.title = "zygote"};
    pid_t master;
    int pair[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    above.channel = pair[1];
    upper_end = pair[0];
    options.above = &above;
    master = start_master();
    close(pair[1]);
    assert_int_equal(heard(pair[0]), WEND_CHANNEL_READY);
    kill(master, SIGHUP); /* means nothing here */
    kill(master, SIGWINCH);
    assert_int_equal(wend_channel_send(pair[0], WEND_CHANNEL_REOPEN), WEND_OK);
    EVENTUALLY(report->reopened == 1 && report->workers_reopened == 2);
    assert_int_equal(report->loads, 1);
    assert_int_equal(report->drained, 0);
    assert_int_equal(wend_channel_send(pair[0], WEND_CHANNEL_DRAIN), WEND_OK);
    assert_int_equal(end_of(master), 0);
    assert_int_equal(report->drained, 2);
    close(pair[0]);
}

static void a_master_below_drains_when_the_one_above_dies(void **state)
{
    struct wend_worker above = {.title = "zygote"};
    pid_t master;
    int pair[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    above.channel = pair[1];
    upper_end = pair[0];
    options.above = &above;
    master = start_master();
    close(pair[1]);
    assert_int_equal(heard(pair[0]), WEND_CHANNEL_READY);
    close(pair[0]);
    assert_int_equal(end_of(master), 0);
    assert_int_equal(report->drained, 2);
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

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(starts_drains_and_removes_its_pid_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_killed_worker_is_replaced_and_logged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reload_changes_generations, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_bad_reload_keeps_the_old_workers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_start_that_cannot_work_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_crash_at_start_is_tried_again_more_slowly, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_first_start_that_crashes_can_be_repaired, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_deaf_are_stopped_then_killed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(workers_notice_that_the_master_is_dead, set_up, tear_down),
        cmocka_unit_test_setup_teardown(winch_sends_workers_away_until_the_next_reload, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_worker_can_ask_for_a_reload, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_worker_can_be_another_executable, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_daemon_is_ready_when_its_starter_exits, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(one_process_alone_serves_and_stops, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hooks_run_around_every_fork, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_master_below_another_obeys_and_reports, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_master_below_drains_when_the_one_above_dies, set_up,
                                        tear_down),
    };
    int failed;

    if (argc == 2 && strcmp(argv[1], "--worker") == 0)
        return be_executed();
    wend_title_init(argc, argv);
    if (mkdtemp(directory) == NULL)
        return 1;
    snprintf(pid_file, sizeof(pid_file), "%s/pid", directory);
    failed = cmocka_run_group_tests_name("net.master", tests, NULL, NULL);
    rmdir(directory);
    return failed;
}
