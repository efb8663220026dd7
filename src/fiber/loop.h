/* fiber/loop.h - one thread's wait for the kernel: descriptors, timers, calls from other threads.
 *
 * What it is for. Each edge worker runs one loop. It is the one place with callbacks and the
 * only folder that knows epoll; everything above reads as straight-line code on fibers.
 *
 * Who owns what. The loop owns its epoll descriptor, its timer wheel and its pool of stacks. A
 * wend_io, a wend_timer and a wend_post are owned by whoever embeds them; they must be closed,
 * stopped or delivered before their memory goes. Memory that a pending event of this turn may
 * still point at is freed through wend_loop_free_later().
 *
 * What it promises. Descriptors are watched edge-triggered, registered once. Timers are O(1) to
 * start, move and stop, never early, late by at most WEND_TIMER_TICK_MS plus the turn's length.
 * Starting a running timer with a later time touches no list.
 *
 * What it does not do. It never runs a callback from inside one of its own functions except in
 * wend_loop_run().
 */
#ifndef WEND_FIBER_LOOP_H
#define WEND_FIBER_LOOP_H

#include "base/clock.h"
#include "base/code.h"
#include "base/list.h"

#define WEND_TIMER_TICK_MS 4
#define WEND_LOOP_EVENTS 256 /* taken from the kernel per turn */
#define WEND_NEVER INT64_MAX /* a deadline that does not come */

struct wend_loop;
struct wend_io;

/* The loop of the calling thread; NULL on a thread that has none. */
struct wend_loop *wend_loop_current(void);

/* `fibers_max`: stacks at most (0: WEND_FIBERS_MAX). The loop becomes the thread's current one. */
struct wend_loop *wend_loop_new(size_t fibers_max);
/* No thread is inside wend_loop_post() any more: a post may be delivered before the call that
 * brought it returns, so what was offloaded has ended only after wend_offload_stop(). */
void wend_loop_free(struct wend_loop *loop);

/* Until wend_loop_stop(), or until nothing is left to wait for when `until_idle`. */
void wend_loop_run(struct wend_loop *loop);
void wend_loop_run_until_idle(struct wend_loop *loop);
void wend_loop_stop(struct wend_loop *loop);
/* For the end of a process: cancels every task and runs the loop until all have given back what
 * they hold, or for patience_ms. Whether none is left; one may wait for a foreign thread. */
bool wend_loop_end_tasks(struct wend_loop *loop, int patience_ms);

/* The monotonic and wall time read at the start of this turn. Any thread. */
int64_t wend_loop_now_ns(const struct wend_loop *loop);
int64_t wend_loop_wall_ns(const struct wend_loop *loop);

/* What happened before what, without a clock. Each call gives a larger mark than the one before. A
 * mark taken after something happened and before a question was asked proves that the answer knows
 * of it: so requests can share answers (edge/file_cache.h). Never 0. */
uint64_t wend_loop_mark(struct wend_loop *loop);
/* The mark taken as the kernel had told this turn's events. */
uint64_t wend_loop_turn_mark(const struct wend_loop *loop);

/* A timer. Zero it once; then start and stop it as often as you like. */
struct wend_timer {
    struct wend_list node;
    int64_t at_ns;   /* when it shall fire */
    int64_t slot_ns; /* where the wheel has it now; at_ns may be later */
    void (*fire)(struct wend_timer *timer);
};
void wend_timer_start(struct wend_loop *loop, struct wend_timer *timer, int64_t at_ns);
void wend_timer_stop(struct wend_loop *loop, struct wend_timer *timer);

/* A call from any thread to the loop's thread. Delivered in order, at most once per post; the
 * post may be reused from inside `deliver`. Wakes the loop only when it sleeps. */
struct wend_post {
    struct wend_post *next;
    void (*deliver)(struct wend_post *post);
};
void wend_loop_post(struct wend_loop *loop, struct wend_post *post);
/* The same, but a sleeping loop sleeps on: for what may wait until something else wakes it. */
void wend_loop_post_quietly(struct wend_loop *loop, struct wend_post *post);

/* For who computes on the loop's core for long, in threads of this process: each packet that wakes
 * the loop takes the core away from them and leaves cold caches. While `computes(arg)` says so,
 * asked before each sleep, the loop listens only to posts and wend_loop_wake() for
 * WEND_LOOP_DROWSE_MS, and then takes all that came in one turn; a timer may be late by that much.
 * NULL: it always listens. */
#define WEND_LOOP_DROWSE_MS 4
void wend_loop_drowse(struct wend_loop *loop, bool (*computes)(void *arg), void *arg);
/* From any thread: a sleeping loop turns now. */
void wend_loop_wake(struct wend_loop *loop);

/* Runs `fn(arg)` at the end of this turn, after all of its events. */
void wend_loop_later(struct wend_loop *loop, void (*fn)(void *), void *arg);
void wend_loop_free_later(struct wend_loop *loop, void *memory);

/* How the loop is doing; for status pages and tests. */
struct wend_loop_stats {
    uint64_t turns, events, timers_fired, posts;
    size_t fibers_live, fibers_most, fibers_waiting; /* tasks that wait for a free stack */
    size_t stack_most_bytes;                         /* deepest stack seen, see fiber/stack.h */
};
void wend_loop_stats(struct wend_loop *loop, struct wend_loop_stats *out);

#endif
