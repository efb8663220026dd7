/* edge/workers_test.c - slots of processes that come, go and are killed. */
#include "edge/workers.c"

#include "base/arena.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char *printed(void)
{
    static char text[1 << 16];
    struct wend_buffer out;

    wend_buffer_init(&out, sizeof(text));
    wend_workers_print(&out);
    assert_false(out.overflow);
    snprintf(text, sizeof(text), "%.*s", WEND_STR_ARG(wend_buffer_str(&out)));
    wend_buffer_release(&out);
    return text;
}

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;

    for (text = strstr(text, part); text != NULL; text = strstr(text + 1, part))
        count++;
    return count;
}

/* A worker that served `requests`, and then waits to be killed or told to leave. */
static pid_t start_worker(int requests, int *leave)
{
    int ready[2], told[2];
    char byte;
    pid_t pid;

    assert_true(pipe(ready) == 0 && pipe(told) == 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct wend_loop *loop = wend_loop_new(0);

        close(told[1]);
        wend_workers_join(loop);
        for (int i = 0; i < requests; i++)
            wend_workers_request();
        (void)!write(ready[1], "r", 1);
        if (read(told[0], &byte, 1) == 1)
            wend_workers_leave();
        _exit(0);
    }
    close(ready[1]);
    close(told[0]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    *leave = told[1];
    return pid;
}

static void leave(pid_t pid, int *told)
{
    assert_int_equal(write(*told, "l", 1), 1);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    close(*told);
}

static void nothing_is_told_before_it_is_open(void **state)
{
    (void)state;
    wend_workers_request(); /* outside of a worker: nothing happens */
    assert_string_equal(printed(), "{\"version\":\"" WEND_VERSION "\",\"workers\":[],"
                                   "\"requests\":0,\"connections\":0}\n");
}

static void workers_are_told_with_their_sum(void **state)
{
    int one, two;
    pid_t first, second;
    char part[64];

    (void)state;
    assert_int_equal(wend_workers_open(), WEND_OK);
    assert_int_equal(wend_workers_open(), WEND_OK); /* a reload: the same slots */
    first = start_worker(3, &one);
    second = start_worker(4, &two);
    snprintf(part, sizeof(part), "{\"pid\":%d,\"started\":", (int)first);
    assert_non_null(strstr(printed(), part));
    assert_int_equal(count_of(printed(), "\"pid\""), 2);
    assert_non_null(strstr(printed(), "\"requests\":3,"));
    assert_non_null(strstr(printed(), "\"requests\":4,"));
    assert_non_null(strstr(printed(), "],\"requests\":7,\"connections\":0}\n"));
    leave(first, &one);
    assert_int_equal(count_of(printed(), "\"pid\""), 1);
    assert_non_null(strstr(printed(), "],\"requests\":4,"));
    leave(second, &two);
    assert_int_equal(count_of(printed(), "\"pid\""), 0);
}

static void the_slot_of_a_killed_one_is_taken_again(void **state)
{
    int told;
    pid_t pid = start_worker(9, &told);
    const struct slot *slot = &shared.slots[0];

    (void)state;
    assert_int_equal(slot->pid, pid);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    close(told);
    assert_int_equal(slot->pid, pid); /* it could not give it back */
    assert_int_equal(count_of(printed(), "\"pid\""), 0);
    pid = start_worker(2, &told);
    assert_int_equal(slot->pid, pid);
    assert_non_null(strstr(printed(), "],\"requests\":2,")); /* nothing of the dead one's */
    leave(pid, &told);
}

static void those_beyond_the_slots_serve_unseen(void **state)
{
    pid_t pid;
    int told;

    (void)state;
    for (size_t i = 0; i < WEND_WORKERS_SHOWN; i++)
        atomic_store(&shared.slots[i].pid, getpid());
    pid = start_worker(5, &told);
    assert_int_equal(count_of(printed(), "\"pid\""), WEND_WORKERS_SHOWN);
    leave(pid, &told);
    for (size_t i = 0; i < WEND_WORKERS_SHOWN; i++)
        atomic_store(&shared.slots[i].pid, 0);
}

static int close_zone(void **state)
{
    (void)state;
    wend_zone_detach(&shared.zone);
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_told_before_it_is_open),
        cmocka_unit_test(workers_are_told_with_their_sum),
        cmocka_unit_test(the_slot_of_a_killed_one_is_taken_again),
        cmocka_unit_test(those_beyond_the_slots_serve_unseen),
    };

    return cmocka_run_group_tests(tests, NULL, close_zone);
}
