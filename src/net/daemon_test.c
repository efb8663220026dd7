/* net/daemon_test.c - what the process that was started says about the daemon. */
#include "net/daemon.c"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* What the daemon saw of itself. */
static struct seen {
    volatile pid_t pid, session;
    char outputs[3][32]; /* where its standard descriptors lead */
    volatile bool done;
} * seen;

static int set_up(void **state)
{
    (void)state;
    seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return seen == MAP_FAILED ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    return munmap(seen, sizeof(*seen));
}

static void note_self(void)
{
    seen->pid = getpid();
    seen->session = getsid(0);
    for (int fd = 0; fd < 3; fd++) {
        char path[32];

        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        (void)!readlink(path, seen->outputs[fd], sizeof(seen->outputs[fd]) - 1);
    }
}

/* Starts a daemon that does `act` with its starter; the exit status of the process started. */
static int started(bool keep_stderr, void (*act)(int starter))
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        int starter = wend_daemon_start(keep_stderr);

        note_self();
        act(starter);
        seen->done = true;
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_not_equal(seen->pid, pid);
    return WEXITSTATUS(status);
}

static void end_of_daemon(void)
{
    for (int tries = 0; tries < 2000 && !seen->done; tries++)
        usleep(5000);
    assert_true(seen->done);
}

static void serves(int starter)
{
    usleep(200000);
    wend_daemon_ready(starter);
}

static void a_daemon_that_serves_is_success(void **state)
{
    (void)state;
    assert_int_equal(started(false, serves), 0);
    end_of_daemon();
    assert_int_equal(seen->session, seen->pid);
    for (int fd = 0; fd < 3; fd++)
        assert_string_equal(seen->outputs[fd], "/dev/null");
}

static void stderr_is_kept_when_asked(void **state)
{
    (void)state;
    assert_int_equal(started(true, serves), 0);
    end_of_daemon();
    assert_string_equal(seen->outputs[0], "/dev/null");
    assert_string_equal(seen->outputs[1], "/dev/null");
    assert_string_not_equal(seen->outputs[2], "/dev/null");
}

static void fails(int starter)
{
    (void)starter;
    _exit(0); /* even so: it never served */
}

static void a_daemon_that_ends_before_it_serves_is_failure(void **state)
{
    (void)state;
    assert_int_equal(started(false, fails), 1);
}

static void is_killed(int starter)
{
    (void)starter;
    raise(SIGKILL);
}

static void a_daemon_that_is_killed_is_failure(void **state)
{
    (void)state;
    assert_int_equal(started(false, is_killed), 1);
}

static void nobody_may_wait(void **state)
{
    (void)state;
    wend_daemon_ready(-1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(a_daemon_that_serves_is_success),
        TEST(stderr_is_kept_when_asked),
        TEST(a_daemon_that_ends_before_it_serves_is_failure),
        TEST(a_daemon_that_is_killed_is_failure),
        TEST(nobody_may_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
