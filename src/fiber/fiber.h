/* fiber/fiber.h - a stack with a task on it. Private to fiber/.
 *
 * What it is for. A fiber is the machinery under a task: the saved stack pointer, who resumed it,
 * and the task and trace themselves, which live at the top of the stack's own memory, so that a
 * request's hot data are neighbours.
 *
 *     low address  [guard 4 KiB][ ... stack grows down ... ][struct wend_fiber]  high address
 *
 * Control is asymmetric: whoever resumes a fiber (the loop or another fiber) goes on when it
 * suspends or ends.
 */
#ifndef WEND_FIBER_FIBER_H
#define WEND_FIBER_FIBER_H

#include "fiber/loop.h"
#include "fiber/stack.h"
#include "fiber/task.h"

#if defined(__SANITIZE_ADDRESS__)
#define WEND_FIBER_ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define WEND_FIBER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WEND_FIBER_ASAN 1
#elif __has_feature(thread_sanitizer)
#define WEND_FIBER_TSAN 1
#endif
#endif

#define WEND_FIBERS_WARM 256 /* idle ones whose pages are kept */

/* Something that control can leave and come back to. */
struct wend_context {
    void *sp;
#ifdef WEND_FIBER_ASAN
    void *fake_stack;
    const void *stack_low;
    size_t stack_bytes;
#endif
#ifdef WEND_FIBER_TSAN
    void *tsan_fiber;
#endif
};

struct wend_fiber {
    struct wend_task task;
    struct wend_trace trace;
    struct wend_context context;
    struct wend_context *resumer;
    struct wend_fiber *next;   /* in the idle list */
    struct wend_list runnable; /* in the loop's queue of woken tasks */
    char *low;
};

struct wend_start {
    struct wend_start *next;
    void (*entry)(struct wend_task *, void *);
    void *arg;
};

struct wend_fibers {
    struct wend_stacks stacks;
    struct wend_fiber *idle;
    struct wend_fiber *too_many; /* just became idle beyond WEND_FIBERS_WARM */
    struct wend_fiber *to_trim;  /* asked for it; done when control leaves it */
#ifdef WEND_FIBER_ASAN
    struct wend_fiber *left; /* just became idle: to be poisoned once control has left it */
#endif
    size_t idle_count, live, most, waiting;
    struct wend_start *first_start, **last_start; /* tasks that wait for a stack */
    struct wend_context *current;                 /* who runs on this thread */
    struct wend_context loop_context;
    struct wend_task *current_task;
};

void wend_fibers_init(struct wend_fibers *fibers, size_t max);
void wend_fibers_release(struct wend_fibers *fibers);

/* Cancels every task that has a stack. */
void wend_fibers_cancel(struct wend_fibers *fibers);

/* Goes on with a suspended task now; from the loop or from another task. */
void wend_fiber_resume(struct wend_task *task, enum wend_code code);

/* Resumes the task that waits at *waiter, which becomes NULL; in io.c. */
void wend_io_ready(struct wend_task **waiter);

/* In loop.c. */
int wend_loop_epoll(const struct wend_loop *loop);
struct wend_fibers *wend_loop_fibers(struct wend_loop *loop);
void wend_loop_make_runnable(struct wend_loop *loop, struct wend_list *node);
void wend_loop_add_live(struct wend_loop *loop, int change);

#endif
