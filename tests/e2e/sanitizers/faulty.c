/* faulty.c - makes one mistake in one place, so that test_sanitizers.py can see that a test fails
 * wherever a process of its tree is wrong. Built only with a sanitizer.
 *
 *     faulty MISTAKE PLACE
 */
#include "fiber/task.h"

#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void *volatile sink;
static volatile int seven = 7;

/* --- mistakes --------------------------------------------------------------------------------- */

static void none(void)
{
}

static void leak(void)
{
    sink = malloc(123);
    sink = NULL;
}

static void overflow(void)
{
    char *bytes = malloc((size_t)seven);

    sink = bytes;
    bytes[seven] = 1;
    free(bytes);
}

static __attribute__((noinline)) void leave_local(void)
{
    char local[64];

    local[seven] = 1;
    sink = local;
}

static void use_after_return(void)
{
    leave_local();
    ((volatile char *)sink)[seven]++;
}

static void undefined(void)
{
    int shifted = 1 << (seven * 5);

    sink = (void *)(intptr_t)shifted;
}

static void give_up(void)
{
    abort();
}

/* --- mistakes with fibers --------------------------------------------------------------------- */

static void end_at_once(struct wend_task *task, void *arg)
{
    (void)arg;
    sink = task;
}

static void use_ended_task(void)
{
    struct wend_loop *loop = wend_loop_new(4);

    wend_task_start(loop, end_at_once, NULL);
    wend_task_cancel(sink);
    wend_loop_free(loop);
}

static __attribute__((noinline)) void leave_local_on_fiber(struct wend_task *task)
{
    leave_local();
    (void)!wend_task_yield(task);
    ((volatile char *)sink)[seven]++;
}

static void return_on_fiber(struct wend_task *task, void *arg)
{
    (void)arg;
    leave_local_on_fiber(task);
}

static void use_after_return_on_fiber(void)
{
    struct wend_loop *loop = wend_loop_new(4);

    wend_task_start(loop, return_on_fiber, NULL);
    wend_loop_run_until_idle(loop);
    wend_loop_free(loop);
}

static void hold_memory(struct wend_task *task, void *arg)
{
    char *volatile held = malloc(123);

    (void)arg;
    (void)!wend_task_suspend(task, WEND_NEVER);
    free(held);
}

/* The loop goes, and with it the only pointer to what its task had. */
static void leak_on_fiber(void)
{
    struct wend_loop *loop = wend_loop_new(4);

    wend_task_start(loop, hold_memory, NULL);
    wend_loop_free(loop);
}

/* --- places ----------------------------------------------------------------------------------- */

static int in_child(void (*make)(void), void (*prepare)(void))
{
    int status;

    if (fork() == 0) {
        if (prepare != NULL)
            prepare();
        make();
        exit(0);
    }
    return wait(&status) < 0;
}

static void become_nobody(void)
{
    if (setgroups(0, NULL) != 0 || setgid(65534) != 0 || setuid(65534) != 0)
        abort();
}

static void leave_session(void)
{
    if (setsid() < 0 || chdir("/") != 0 || freopen("/dev/null", "w", stderr) == NULL)
        abort();
}

static int run(void (*make)(void), const char *place, char **argv)
{
    if (strcmp(place, "child") == 0)
        return in_child(make, NULL);
    if (strcmp(place, "nobody") == 0)
        return in_child(make, become_nobody);
    if (strcmp(place, "daemon") == 0)
        return in_child(make, leave_session);
    if (strcmp(place, "executed") == 0)
        return execl(argv[0], argv[0], argv[1], "child", (char *)NULL);
    make();
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*make)(void);
    } mistakes[] = {
        {"none", none},
        {"leak", leak},
        {"overflow", overflow},
        {"use_after_return", use_after_return},
        {"undefined", undefined},
        {"abort", give_up},
        {"use_ended_task", use_ended_task},
        {"use_after_return_on_fiber", use_after_return_on_fiber},
        {"leak_on_fiber", leak_on_fiber},
    };

    for (size_t i = 0; argc == 3 && i < sizeof(mistakes) / sizeof(mistakes[0]); i++)
        if (strcmp(mistakes[i].name, argv[1]) == 0)
            return run(mistakes[i].make, argv[2], argv);
    fputs("faulty MISTAKE PLACE\n", stderr);
    return 2;
}
