/* base/assert_test.c - last words are heard from a process of its own. */
#include "base/assert.c"

#include <signal.h>
#include <sys/wait.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void fail_assertion(void)
{
    WEND_ASSERT(1 + 1 == 3);
}

static void die_of_errno(void)
{
    errno = ENOMEM;
    wend_die("no memory for a test");
}

/* What `last` says on stderr before it aborts. */
static void hear(void (*last)(void), char *said, size_t room)
{
    int ends[2], status;
    ssize_t got;
    pid_t pid;

    assert_int_equal(pipe(ends), 0);
    pid = fork();
    if (pid == 0) {
        signal(SIGABRT, SIG_DFL);
        dup2(ends[1], STDERR_FILENO);
        last();
        _exit(0);
    }
    close(ends[1]);
    got = read(ends[0], said, room - 1);
    assert_true(got > 0);
    said[got] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void last_words_say_what_and_where(void **state)
{
    char said[LAST_WORDS_MAX];

    (void)state;
    hear(fail_assertion, said, sizeof(said));
    assert_non_null(strstr(said, "assert_test.c:"));
    assert_non_null(strstr(said, "not true: 1 + 1 == 3\n"));
    hear(die_of_errno, said, sizeof(said));
    assert_string_equal(said, "wend: no memory for a test (12: Cannot allocate memory)\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(last_words_say_what_and_where),
    };

    return cmocka_run_group_tests_name("base.assert", tests, NULL, NULL);
}
