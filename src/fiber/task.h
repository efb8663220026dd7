/* fiber/task.h - a unit of work: an arena, a deadline, a trace, clean-ups, and a stack to run on.
 *
 * What it is for. One exchange, one accept loop, one relay. Its code is written top to bottom as
 * if it could block; what "Suspends" gives the thread to others meanwhile.
 *
 * Who owns what. A task owns its arena and its stack (64 KiB, guarded, from the loop's pool). It
 * runs the defers in reverse order when it ends, however it ends, and then gives both back. A
 * child task ends before its parent does: the parent's end cancels and joins its children.
 *
 * What it promises. A task stays on its loop's thread. A plain `return` is always safe: what must
 * be closed was registered with wend_defer(). Cancellation makes the current and every later
 * suspending call return WEND_E_CANCELLED; so does a deadline with WEND_E_DEADLINE.
 *
 * What it does not do. Foreign code (Python, NSS) never runs on a fiber's stack: see
 * fiber/offload.h. No lock and no borrowed pointer is held across a suspend.
 */
#ifndef WEND_FIBER_TASK_H
#define WEND_FIBER_TASK_H

#include "base/arena.h"
#include "base/code.h"
#include "base/list.h"
#include "fiber/loop.h"
#include "trace/trace.h"

#define WEND_STACK_BYTES (64 * 1024)
#define WEND_FIBERS_MAX 16000 /* per loop: two mappings each, the kernel allows 65,530 */
#define WEND_TASK_ARENA_MAX (16u << 20)

struct wend_fiber;

struct wend_defer {
    struct wend_defer *below;
    void (*run)(void *arg);
    void *arg;
};

/* The last failure of a task: what a log line or an error page says. */
struct wend_failure {
    enum wend_code code;
    int error; /* errno, or 0 */
    const char *file;
    int line;
    struct wend_str subject, text;
};

struct wend_task {
    struct wend_loop *loop;
    struct wend_fiber *fiber;
    struct wend_arena arena;
    struct wend_defer *defers;
    int64_t deadline_ns; /* monotonic; WEND_NEVER */
    struct wend_failure failure;
    struct wend_trace *trace; /* never NULL; lives beside the task */
    bool cancelled;
    /* the rest is fiber/'s own */
    struct wend_timer timer;
    struct wend_list siblings, children;
    struct wend_task *parent, *joiner;
    enum wend_code wake_code;
    bool suspended, done;
    void (*entry)(struct wend_task *task, void *arg);
    void *arg;
};

/* The task that runs on this thread now; NULL outside of any. */
struct wend_task *wend_task_current(void);

/* Starts a task and runs it at once until it first suspends (callable from loop callbacks and,
 * for a sibling of no parent, from tasks). When every stack is in use the task is queued; `entry`
 * runs later. */
void wend_task_start(struct wend_loop *loop, void (*entry)(struct wend_task *, void *), void *arg);

/* Whether a stack is free now; accept loops and heads wait while it is not. */
bool wend_task_stack_free(struct wend_loop *loop);

/* A child of `parent`. It may have ended already when this returns. *child is valid until the
 * parent ends or joins it. */
void wend_task_spawn(struct wend_task *parent, void (*entry)(struct wend_task *, void *), void *arg,
                     struct wend_task **child);
/* Suspends until `child` has ended, and forgets it. */
void wend_task_join(struct wend_task *task, struct wend_task *child);
void wend_task_cancel(struct wend_task *task);

/* Suspends until the time is there. */
enum wend_code wend_task_sleep(struct wend_task *task, int64_t duration_ms) WEND_MUST_CHECK;
/* Suspends; others get a turn. */
enum wend_code wend_task_yield(struct wend_task *task) WEND_MUST_CHECK;

/* The bare pair under every wait. Suspends until wend_task_wake(), the deadline (the sooner of
 * `deadline_ns` and the task's) or cancellation. wake is for the loop's thread only; waking a task
 * that is not suspended is a mistake of the program. */
enum wend_code wend_task_suspend(struct wend_task *task, int64_t deadline_ns) WEND_MUST_CHECK;
void wend_task_wake(struct wend_task *task, enum wend_code code);

/* For a task that went deep once and from now on mostly waits: its stack's pages below the caller
 * go back to the kernel. */
void wend_task_trim(struct wend_task *task);

/* Runs `fn(arg)` when the task ends, or at the unwind to an earlier mark; last in, first out. */
void wend_defer(struct wend_task *task, void (*fn)(void *), void *arg);
static inline struct wend_defer *wend_defer_mark(const struct wend_task *task)
{
    return task->defers;
}
void wend_defer_unwind(struct wend_task *task, struct wend_defer *mark);

/* Records the failure in the task and its trace and returns `code`. `text` is a literal or lives
 * in the arena; errno is taken along for E_IO and its kin. */
enum wend_code wend_fail_at(struct wend_task *task, enum wend_code code, struct wend_str subject,
                            const char *text, const char *file, int line);
#define wend_fail(task, code, subject, text)                                                       \
    wend_fail_at((task), (code), (subject), (text), __FILE__, __LINE__)

#endif
