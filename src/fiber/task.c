/* fiber/task.c - the life of tasks: start, suspend, wake, end.
 *
 * A task's stack is resumed in two ways: directly, by the loop's event dispatch (the hot path), and
 * through the loop's queue of woken tasks, by everybody else, so that wend_task_wake() never runs
 * another task in the middle of its caller.
 *
 * The alternative, a scheduler that every wake goes through, costs a queue operation per request
 * and gains nothing on one thread.
 */
#include "fiber/task.h"

#include "base/assert.h"
#include "base/log.h"
#include "fiber/fiber.h"
#include "fiber/switch.h"

#include <errno.h>
#include <stdlib.h>

#ifdef WEND_FIBER_ASAN
#include <pthread.h>
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef WEND_FIBER_TSAN
#include <sanitizer/tsan_interface.h>
#endif

/* --- what the sanitizers are told ------------------------------------------------------------- */

#ifdef WEND_FIBER_ASAN

/* Of an idle fiber nothing may be touched but what leads from one task to the next: the list it is
 * in, the saved registers, the empty arena, and the timer, which stays in the wheel. So a pointer
 * to a task or into its stack that outlives it is found at its first use. */
static void each_hidden(struct wend_fiber *fiber, void (*fn)(const volatile void *, size_t))
{
    struct wend_task *task = &fiber->task;
    char *defers = (char *)&task->defers, *timer = (char *)&task->timer;
    char *sp = fiber->context.sp == NULL ? (char *)fiber : fiber->context.sp;

    fn(defers, (size_t)(timer - defers));
    fn(&fiber->trace, sizeof(fiber->trace));
    fn(fiber->low, (size_t)(sp - fiber->low));
}

static void hide(struct wend_fiber *fiber)
{
    each_hidden(fiber, __asan_poison_memory_region);
}

static void show(struct wend_fiber *fiber)
{
    each_hidden(fiber, __asan_unpoison_memory_region);
}

/* Control has come back to `fibers` from whoever it was given to. */
static void hide_idle(struct wend_fibers *fibers)
{
    if (fibers->left != NULL)
        hide(fibers->left);
    fibers->left = NULL;
}

/* The stack is prepared anew: what lay on it is gone. */
static void stack_is_new(struct wend_fiber *fiber)
{
    fiber->context.stack_low = fiber->low;
    fiber->context.stack_bytes = (size_t)((char *)fiber - fiber->low);
    __asan_unpoison_memory_region(fiber->low, fiber->context.stack_bytes);
}

static void loop_stack_is(struct wend_context *context)
{
    pthread_attr_t attr;
    void *low = NULL;
    size_t bytes = 0;

    if (pthread_getattr_np(pthread_self(), &attr) == 0) {
        pthread_attr_getstack(&attr, &low, &bytes);
        pthread_attr_destroy(&attr);
    }
    context->stack_low = low;
    context->stack_bytes = bytes;
}

static void leaves(struct wend_context *from, const struct wend_context *to)
{
    __sanitizer_start_switch_fiber(&from->fake_stack, to->stack_low, to->stack_bytes);
}

/* A stack that starts anew goes on with the fake frames it had. */
static void arrives(struct wend_context *at)
{
    __sanitizer_finish_switch_fiber(at->fake_stack, NULL, NULL);
}

static void forget(struct wend_fiber *fiber)
{
    (void)fiber;
}

#else

static inline void show(struct wend_fiber *fiber)
{
    (void)fiber;
}

static inline void hide_idle(struct wend_fibers *fibers)
{
    (void)fibers;
}

static inline void arrives(struct wend_context *at)
{
    (void)at;
}

#ifdef WEND_FIBER_TSAN

static void stack_is_new(struct wend_fiber *fiber)
{
    if (fiber->context.tsan_fiber == NULL)
        fiber->context.tsan_fiber = __tsan_create_fiber(0);
}

static void loop_stack_is(struct wend_context *context)
{
    context->tsan_fiber = __tsan_get_current_fiber();
}

/* Fibers of one loop never run at once: each switch orders what was before it and what follows. */
static void leaves(struct wend_context *from, const struct wend_context *to)
{
    (void)from;
    __tsan_switch_to_fiber(to->tsan_fiber, 0);
}

static void forget(struct wend_fiber *fiber)
{
    __tsan_destroy_fiber(fiber->context.tsan_fiber);
}

#else

static inline void stack_is_new(struct wend_fiber *fiber)
{
    (void)fiber;
}

static inline void loop_stack_is(struct wend_context *context)
{
    (void)context;
}

static inline void leaves(struct wend_context *from, const struct wend_context *to)
{
    (void)from;
    (void)to;
}

static inline void forget(struct wend_fiber *fiber)
{
    (void)fiber;
}

#endif
#endif

/* --- fibers ----------------------------------------------------------------------------------- */

/* Leaves `from` for `to`; returns when somebody switches back. */
static void switch_to(struct wend_fibers *fibers, struct wend_context *from,
                      struct wend_context *to)
{
    fibers->current = to;
    leaves(from, to);
    wend_switch(&from->sp, to->sp);
    arrives(from);
}

static struct wend_fiber *fiber_of(struct wend_task *task)
{
    return task->fiber;
}

static struct wend_fibers *fibers_of(struct wend_task *task)
{
    return wend_loop_fibers(task->loop);
}

struct wend_task *wend_task_current(void)
{
    struct wend_loop *loop = wend_loop_current();

    return loop == NULL ? NULL : wend_loop_fibers(loop)->current_task;
}

static void end_children(struct wend_task *task)
{
    WEND_LIST_EACH(&task->children, node, after)
        wend_task_cancel(WEND_OF(node, struct wend_task, siblings));
    while (!wend_list_empty(&task->children))
        wend_task_join(task, WEND_OF(task->children.next, struct wend_task, siblings));
}

void wend_task_trim(struct wend_task *task)
{
    fibers_of(task)->to_trim = task->fiber;
}

/* Control has left the fiber: what lies below its saved stack pointer is of no use to anybody. */
static void trim(struct wend_fibers *fibers)
{
    struct wend_fiber *fiber = fibers->to_trim;
    char *sp = fiber->context.sp;

    fibers->to_trim = NULL;
    wend_stacks_cool(&fibers->stacks, fiber->low, (size_t)(sp - fiber->low));
}

/* Nothing runs on the stack of an idle fiber that will not be resumed: its pages go back to the
 * kernel, and its next start prepares the stack anew. */
static void cool(struct wend_fibers *fibers)
{
    struct wend_fiber *fiber = fibers->too_many;

    fibers->too_many = NULL;
    fiber->context.sp = NULL;
    wend_trace_release(&fiber->trace);
    wend_stacks_cool(&fibers->stacks, fiber->low, (size_t)((char *)fiber - fiber->low));
}

static void fiber_give(struct wend_fibers *fibers, struct wend_fiber *fiber)
{
    if (fibers->idle_count >= WEND_FIBERS_WARM)
        fibers->too_many = fiber; /* enter() cools it, once control has left its stack */
    if (fibers->to_trim == fiber)
        fibers->to_trim = NULL;
    fiber->next = fibers->idle;
    fibers->idle = fiber;
    fibers->idle_count++;
    fibers->live--;
#ifdef WEND_FIBER_ASAN
    fibers->left = fiber;
#endif
}

/* Everything the task holds is given back; a child keeps its fiber until it is joined. */
static void finish(struct wend_task *task)
{
    struct wend_fibers *fibers = fibers_of(task);

    end_children(task);
    wend_defer_unwind(task, NULL);
    wend_arena_release(&task->arena);
    task->done = true;
    task->timer.at_ns = WEND_NEVER;
    wend_loop_add_live(task->loop, -1);
    if (task->parent == NULL)
        fiber_give(fibers, fiber_of(task));
    else if (task->joiner != NULL)
        wend_task_wake(task->joiner, WEND_OK);
}

static void run_tasks(void *arg)
{
    struct wend_fiber *fiber = arg;
    struct wend_fibers *fibers = fibers_of(&fiber->task);

    arrives(&fiber->context);
    /* Each turn of this loop is one task's life; between two the fiber lies in the idle list. */
    for (;;) {
        fiber->task.entry(&fiber->task, fiber->task.arg);
        finish(&fiber->task);
        switch_to(fibers, &fiber->context, fiber->resumer);
    }
}

static struct wend_fiber *fiber_at(char *low)
{
    size_t bytes = (sizeof(struct wend_fiber) + 63) & ~(size_t)63;

    return (struct wend_fiber *)(void *)(low + WEND_STACK_USABLE - bytes);
}

static struct wend_fiber *fiber_make(struct wend_fibers *fibers)
{
    char *low = wend_stack_new(&fibers->stacks);
    struct wend_fiber *fiber;

    if (low == NULL)
        return NULL;
    fiber = fiber_at(low);
    memset(fiber, 0, sizeof(*fiber)); /* fresh pages are zero; a sanitizer's are not */
    fiber->low = low;
    wend_arena_init(&fiber->task.arena, WEND_TASK_ARENA_MAX);
    return fiber;
}

static struct wend_fiber *fiber_take(struct wend_fibers *fibers)
{
    struct wend_fiber *fiber = fibers->idle;

    if (fiber != NULL) {
        fibers->idle = fiber->next;
        fibers->idle_count--;
        show(fiber);
    } else {
        fiber = fiber_make(fibers);
        if (fiber == NULL)
            return NULL;
    }
    if (fiber->context.sp == NULL) {
        stack_is_new(fiber);
        fiber->context.sp = wend_switch_prepare(fiber, run_tasks, fiber);
    }
    fibers->live++;
    if (fibers->live > fibers->most)
        fibers->most = fibers->live;
    return fiber;
}

static void task_init(struct wend_fiber *fiber, struct wend_loop *loop, struct wend_task *parent,
                      void (*entry)(struct wend_task *, void *), void *arg)
{
    struct wend_task *task = &fiber->task;

    task->loop = loop;
    task->fiber = fiber;
    task->defers = NULL;
    task->deadline_ns = parent == NULL ? WEND_NEVER : parent->deadline_ns;
    task->failure.code = WEND_OK;
    task->trace = &fiber->trace;
    fiber->trace.enabled = false;
    fiber->trace.count = 0;
    fiber->trace.current = WEND_SPAN_NONE;
    task->cancelled = false;
    wend_list_init(&task->children);
    task->siblings.next = NULL;
    task->parent = parent;
    task->joiner = NULL;
    task->suspended = false;
    task->done = false;
    task->entry = entry;
    task->arg = arg;
}

/* Control goes to the fiber and comes back when it suspends or ends. */
static void enter(struct wend_fibers *fibers, struct wend_fiber *fiber)
{
    struct wend_context *from = fibers->current;
    struct wend_task *from_task = fibers->current_task;

    fiber->resumer = from;
    fibers->current_task = &fiber->task;
    switch_to(fibers, from, &fiber->context);
    fibers->current_task = from_task;
    if (WEND_UNLIKELY(fibers->too_many != NULL))
        cool(fibers);
    if (WEND_UNLIKELY(fibers->to_trim == fiber))
        trim(fibers);
    hide_idle(fibers);
}

/* Starts tasks that waited for a stack, as far as there are stacks. */
static void start_waiting(struct wend_loop *loop)
{
    struct wend_fibers *fibers = wend_loop_fibers(loop);

    while (fibers->first_start != NULL && wend_task_stack_free(loop)) {
        struct wend_start *start = fibers->first_start;
        struct wend_fiber *fiber = fiber_take(fibers);

        if (fiber == NULL)
            return;
        fibers->first_start = start->next;
        if (fibers->first_start == NULL)
            fibers->last_start = &fibers->first_start;
        fibers->waiting--;
        task_init(fiber, loop, NULL, start->entry, start->arg);
        free(start);
        enter(fibers, fiber);
    }
}

static void start_later(struct wend_fibers *fibers, void (*entry)(struct wend_task *, void *),
                        void *arg)
{
    struct wend_start *start = malloc(sizeof(*start));

    if (start == NULL)
        wend_die("malloc of a waiting task");
    *start = (struct wend_start){NULL, entry, arg};
    *fibers->last_start = start;
    fibers->last_start = &start->next;
    fibers->waiting++;
}

bool wend_task_stack_free(struct wend_loop *loop)
{
    const struct wend_fibers *fibers = wend_loop_fibers(loop);

    return fibers->idle != NULL || fibers->stacks.made < fibers->stacks.max;
}

void wend_task_start(struct wend_loop *loop, void (*entry)(struct wend_task *, void *), void *arg)
{
    struct wend_fibers *fibers = wend_loop_fibers(loop);
    struct wend_fiber *fiber = fibers->first_start == NULL ? fiber_take(fibers) : NULL;

    wend_loop_add_live(loop, 1);
    if (fiber == NULL) {
        start_later(fibers, entry, arg);
        return;
    }
    task_init(fiber, loop, NULL, entry, arg);
    enter(fibers, fiber);
    if (WEND_UNLIKELY(fibers->first_start != NULL) && fibers->current == &fibers->loop_context)
        start_waiting(loop);
}

void wend_task_spawn(struct wend_task *parent, void (*entry)(struct wend_task *, void *), void *arg,
                     struct wend_task **child)
{
    struct wend_fibers *fibers = fibers_of(parent);
    struct wend_fiber *fiber = fiber_take(fibers);

    *child = NULL;
    if (fiber == NULL)
        return;
    wend_loop_add_live(parent->loop, 1);
    task_init(fiber, parent->loop, parent, entry, arg);
    wend_list_append(&parent->children, &fiber->task.siblings);
    *child = &fiber->task;
    enter(fibers, fiber);
}

void wend_task_join(struct wend_task *task, struct wend_task *child)
{
    WEND_ASSERT(child->parent == task);
    while (!child->done) {
        bool cancelled = task->cancelled;
        int64_t deadline_ns = task->deadline_ns;

        /* A parent out of time still waits: its child uses its memory. */
        task->cancelled = false;
        task->deadline_ns = WEND_NEVER;
        child->joiner = task;
        (void)!wend_task_suspend(task, WEND_NEVER);
        child->joiner = NULL;
        if (task->cancelled && !child->done)
            wend_task_cancel(child);
        task->cancelled |= cancelled;
        task->deadline_ns = deadline_ns;
    }
    wend_list_remove(&child->siblings);
    fiber_give(fibers_of(task), fiber_of(child));
    if (fibers_of(task)->too_many != NULL)
        cool(fibers_of(task));
    hide_idle(fibers_of(task));
}

void wend_fiber_resume(struct wend_task *task, enum wend_code code)
{
    struct wend_fibers *fibers = fibers_of(task);

    WEND_ASSERT(task->suspended);
    task->suspended = false;
    wend_list_remove(&fiber_of(task)->runnable);
    task->wake_code = code;
    task->timer.at_ns = WEND_NEVER; /* where it is in the wheel does no harm; see fiber/loop.h */
    enter(fibers, fiber_of(task));
    if (WEND_UNLIKELY(fibers->first_start != NULL) && fibers->current == &fibers->loop_context)
        start_waiting(task->loop);
}

static void deadline_passed(struct wend_timer *timer)
{
    struct wend_task *task = WEND_OF(timer, struct wend_task, timer);

    if (task->suspended && !wend_list_linked(&fiber_of(task)->runnable))
        wend_fiber_resume(task, WEND_E_DEADLINE);
}

enum wend_code wend_task_suspend(struct wend_task *task, int64_t deadline_ns)
{
    struct wend_fibers *fibers = fibers_of(task);
    struct wend_fiber *fiber = fiber_of(task);

    WEND_ASSERT(fibers->current_task == task);
    if (task->cancelled)
        return WEND_E_CANCELLED;
    if (task->deadline_ns < deadline_ns)
        deadline_ns = task->deadline_ns;
    if (deadline_ns != WEND_NEVER) {
        if (deadline_ns <= wend_loop_now_ns(task->loop))
            return WEND_E_DEADLINE;
        task->timer.fire = deadline_passed;
        wend_timer_start(task->loop, &task->timer, deadline_ns);
    }
    task->suspended = true;
    switch_to(fibers, &fiber->context, fiber->resumer);
    return task->wake_code;
}

void wend_task_wake(struct wend_task *task, enum wend_code code)
{
    struct wend_fiber *fiber = fiber_of(task);

    WEND_ASSERT(task->suspended);
    if (wend_list_linked(&fiber->runnable))
        return; /* woken already; the first reason stands */
    task->wake_code = code;
    wend_loop_make_runnable(task->loop, &fiber->runnable);
}

void wend_task_cancel(struct wend_task *task)
{
    task->cancelled = true;
    if (task->suspended)
        wend_task_wake(task, WEND_E_CANCELLED);
}

static void cancel_at(char *low)
{
    struct wend_task *task = &fiber_at(low)->task;

    if (!task->done)
        wend_task_cancel(task);
}

void wend_fibers_cancel(struct wend_fibers *fibers)
{
    wend_stacks_each(&fibers->stacks, cancel_at);
}

enum wend_code wend_task_sleep(struct wend_task *task, int64_t duration_ms)
{
    int64_t until_ns = wend_loop_now_ns(task->loop) + duration_ms * WEND_NS_PER_MS;
    enum wend_code code = wend_task_suspend(task, until_ns);

    if (code == WEND_E_DEADLINE && task->deadline_ns > until_ns)
        return WEND_OK;
    return code;
}

enum wend_code wend_task_yield(struct wend_task *task)
{
    if (task->cancelled)
        return WEND_E_CANCELLED;
    wend_loop_make_runnable(task->loop, &fiber_of(task)->runnable);
    task->suspended = true;
    task->wake_code = WEND_OK;
    switch_to(fibers_of(task), &fiber_of(task)->context, fiber_of(task)->resumer);
    return task->wake_code;
}

void wend_defer(struct wend_task *task, void (*fn)(void *), void *arg)
{
    struct wend_defer *defer = wend_arena_alloc(&task->arena, sizeof(*defer));

    /* A clean-up that cannot be registered would be a leak later: the limit is the arena's, and
     * whoever fills 16 MiB of it has a bug that must not go on. */
    WEND_ASSERT(defer != NULL);
    *defer = (struct wend_defer){task->defers, fn, arg};
    task->defers = defer;
}

void wend_defer_unwind(struct wend_task *task, struct wend_defer *mark)
{
    while (task->defers != mark) {
        struct wend_defer *defer = task->defers;

        WEND_ASSERT(defer != NULL);
        task->defers = defer->below;
        defer->run(defer->arg);
    }
}

enum wend_code wend_fail_at(struct wend_task *task, enum wend_code code, struct wend_str subject,
                            const char *text, const char *file, int line)
{
    bool system = code == WEND_E_IO || code == WEND_E_RESET || code == WEND_E_REFUSED ||
                  code == WEND_E_UNREACHABLE || code == WEND_E_NOT_FOUND || code == WEND_E_DENIED;

    task->failure =
        (struct wend_failure){code, system ? errno : 0, file, line, subject, wend_str_of(text)};
    wend_span_point(task->trace, WEND_EV_FAIL, code, task->failure.text);
    return code;
}

void wend_fibers_init(struct wend_fibers *fibers, size_t max)
{
    memset(fibers, 0, sizeof(*fibers));
    wend_stacks_init(&fibers->stacks, max == 0 ? WEND_FIBERS_MAX : max);
    fibers->last_start = &fibers->first_start;
    fibers->current = &fibers->loop_context;
    loop_stack_is(&fibers->loop_context);
}

static void forget_at(char *low)
{
    struct wend_fiber *fiber = fiber_at(low);

    show(fiber);
    wend_trace_release(&fiber->trace);
    forget(fiber);
}

void wend_fibers_release(struct wend_fibers *fibers)
{
    while (fibers->first_start != NULL) {
        struct wend_start *start = fibers->first_start;

        fibers->first_start = start->next;
        free(start);
    }
    wend_stacks_each(&fibers->stacks, forget_at);
    wend_stacks_release(&fibers->stacks);
}
