/* gateway/guard_test.c */
#include "gateway/guard.c"

#include <fcntl.h>
#include <sys/wait.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

/* Bit 0: the child has the first end of a pipe, bit 1: the second. */
static int kept_by_a_child(const int ends[2])
{
    pid_t pid = fork();
    int status;

    assert_true(pid >= 0);
    if (pid == 0)
        _exit((fcntl(ends[0], F_GETFD) >= 0) | (fcntl(ends[1], F_GETFD) >= 0) << 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WEXITSTATUS(status);
}

static void a_child_keeps_what_is_not_guarded(void **state)
{
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    wend_guard_start();
    wend_guard_start(); /* once is enough */
    assert_int_equal(kept_by_a_child(ends), 3);
    wend_guard_add(ends[1]);
    assert_int_equal(kept_by_a_child(ends), 1);
    assert_int_equal(kept_by_a_child(ends), 1); /* the parent's list is untouched */
    wend_guard_remove(ends[1]);
    wend_guard_add(ends[0]);
    assert_int_equal(kept_by_a_child(ends), 2);
    wend_guard_remove(ends[0]);
    close(ends[0]);
    close(ends[1]);
}

static void more_than_there_is_room_for_are_passed_over(void **state)
{
    (void)state;
    for (int fd = 0; fd < WEND_GUARDED_MAX + 8; fd++)
        wend_guard_add(fd + 100000);
    for (int fd = 0; fd < WEND_GUARDED_MAX + 8; fd++)
        wend_guard_remove(fd + 100000);
    for (size_t i = 0; i < WEND_GUARDED_MAX; i++)
        assert_int_equal(guarded[i], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_keeps_what_is_not_guarded),
        cmocka_unit_test(more_than_there_is_room_for_are_passed_over),
    };

    return cmocka_run_group_tests_name("gateway.guard", tests, NULL, NULL);
}
