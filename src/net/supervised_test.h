/* net/supervised_test.h - for tests: a real master with real workers, in a process of its own. What
 * they do is reported through a page shared with the test.
 *
 * The file, not a library, is shared: each test includes the part of the master it is about.
 */
#ifndef WEND_NET_SUPERVISED_TEST_H
#define WEND_NET_SUPERVISED_TEST_H

#include "base/clock.h"
#include "net/channel.h"
#include "net/pidfile.h"
#include "net/process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

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
static char directory[] = "/tmp/wend-net-XXXXXX";
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

__attribute__((unused)) static bool logged(const char *text)
{
    return memmem(report->log, sizeof(report->log), text, strlen(text)) != NULL;
}

__attribute__((unused)) static bool is_gone(pid_t pid)
{
    return kill(pid, 0) != 0 && errno == ESRCH;
}

#define SUPERVISED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

static int run_supervised(const char *name, const struct CMUnitTest *tests, size_t count)
{
    int failed;

    if (mkdtemp(directory) == NULL)
        return 1;
    snprintf(pid_file, sizeof(pid_file), "%s/pid", directory);
    failed = _cmocka_run_group_tests(name, tests, count, NULL, NULL);
    rmdir(directory);
    return failed;
}

#endif
