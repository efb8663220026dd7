/* fiber/loop.c - epoll, timers, posts and the queue of woken tasks, one turn after the other.
 *
 * A turn: take posts, run woken tasks, sleep until the kernel or a timer has something, dispatch
 * events, advance timers, run what they woke, and last free what events of this turn might still
 * have pointed at.
 */
#include "fiber/loop.h"

#include "base/assert.h"
#include "fiber/fiber.h"
#include "fiber/io.h"
#include "fiber/wheel.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define CANCEL_AGAIN_MS 10

struct later {
    void (*fn)(void *);
    void *arg;
};

struct wend_loop {
    int epoll, wakeup;
    bool stopped;
    int64_t now_ns, wall_ns;
    struct wend_wheel wheel;
    struct wend_fibers fibers;
    struct wend_list runnable;
    size_t tasks; /* live ones: running, suspended or waiting for a stack */
    struct later *laters;
    size_t laters_count, laters_room;
    _Atomic(struct wend_post *) posts; /* newest first */
    atomic_bool asleep;
    bool (*computes)(void *arg); /* see wend_loop_drowse() */
    void *computes_arg;
    uint64_t mark, turn_mark;
    uint64_t turns, events, timers_fired, posts_taken;
};

static _Thread_local struct wend_loop *current_loop;

struct wend_loop *wend_loop_current(void)
{
    return current_loop;
}

struct wend_fibers *wend_loop_fibers(struct wend_loop *loop)
{
    return &loop->fibers;
}

int64_t wend_loop_now_ns(const struct wend_loop *loop)
{
    return __atomic_load_n(&loop->now_ns, __ATOMIC_RELAXED);
}

int64_t wend_loop_wall_ns(const struct wend_loop *loop)
{
    return __atomic_load_n(&loop->wall_ns, __ATOMIC_RELAXED);
}

uint64_t wend_loop_mark(struct wend_loop *loop)
{
    return ++loop->mark;
}

uint64_t wend_loop_turn_mark(const struct wend_loop *loop)
{
    return loop->turn_mark;
}

void wend_loop_add_live(struct wend_loop *loop, int change)
{
    loop->tasks += (size_t)change;
}

int wend_loop_epoll(const struct wend_loop *loop)
{
    return loop->epoll;
}

static void read_clocks(struct wend_loop *loop)
{
    /* Threads that an exchange is lent to look at the clocks, too. */
    __atomic_store_n(&loop->now_ns, wend_clock_monotonic_ns(), __ATOMIC_RELAXED);
    __atomic_store_n(&loop->wall_ns, wend_clock_wall_ns(), __ATOMIC_RELAXED);
}

struct wend_loop *wend_loop_new(size_t fibers_max)
{
    struct wend_loop *loop = calloc(1, sizeof(*loop));
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = NULL};

    if (loop == NULL)
        wend_die("calloc of a loop");
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    loop->wakeup = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (loop->epoll < 0 || loop->wakeup < 0)
        wend_die("epoll_create1() or eventfd()");
    if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->wakeup, &event) != 0)
        wend_die("epoll_ctl() of the loop's own eventfd");
    wend_list_init(&loop->runnable);
    read_clocks(loop);
    wend_wheel_init(&loop->wheel, loop->now_ns);
    wend_fibers_init(&loop->fibers, fibers_max);
    current_loop = loop;
    return loop;
}

static void run_laters(struct wend_loop *loop)
{
    /* A later may register another one: it runs in the same pass. */
    for (size_t i = 0; i < loop->laters_count; i++) {
        struct later later = loop->laters[i];

        later.fn(later.arg);
    }
    loop->laters_count = 0;
}

void wend_loop_free(struct wend_loop *loop)
{
    run_laters(loop);
    free(loop->laters);
    wend_fibers_release(&loop->fibers);
    close(loop->epoll);
    close(loop->wakeup);
    if (current_loop == loop)
        current_loop = NULL;
    free(loop);
}

void wend_loop_later(struct wend_loop *loop, void (*fn)(void *), void *arg)
{
    if (loop->laters_count == loop->laters_room) {
        size_t room = loop->laters_room == 0 ? 64 : loop->laters_room * 2;
        struct later *laters = realloc(loop->laters, room * sizeof(*laters));

        if (laters == NULL)
            wend_die("realloc of the loop's clean-ups");
        loop->laters = laters;
        loop->laters_room = room;
    }
    loop->laters[loop->laters_count++] = (struct later){fn, arg};
}

void wend_loop_free_later(struct wend_loop *loop, void *memory)
{
    wend_loop_later(loop, free, memory);
}

void wend_timer_start(struct wend_loop *loop, struct wend_timer *timer, int64_t at_ns)
{
    wend_wheel_start(&loop->wheel, timer, at_ns);
}

void wend_timer_stop(struct wend_loop *loop, struct wend_timer *timer)
{
    wend_wheel_stop(&loop->wheel, timer);
}

void wend_loop_make_runnable(struct wend_loop *loop, struct wend_list *node)
{
    wend_list_append(&loop->runnable, node);
}

void wend_loop_post_quietly(struct wend_loop *loop, struct wend_post *post)
{
    struct wend_post *first = atomic_load_explicit(&loop->posts, memory_order_relaxed);

    do
        post->next = first;
    while (!atomic_compare_exchange_weak(&loop->posts, &first, post));
}

void wend_loop_wake(struct wend_loop *loop)
{
    uint64_t one = 1;

    /* Only the first one to see the loop asleep pays for the system call. */
    if (atomic_load(&loop->asleep) && atomic_exchange(&loop->asleep, false))
        while (write(loop->wakeup, &one, sizeof(one)) < 0 && errno == EINTR)
            ;
}

void wend_loop_post(struct wend_loop *loop, struct wend_post *post)
{
    wend_loop_post_quietly(loop, post);
    wend_loop_wake(loop);
}

void wend_loop_drowse(struct wend_loop *loop, bool (*computes)(void *arg), void *arg)
{
    loop->computes = computes;
    loop->computes_arg = arg;
}

static void deliver_posts(struct wend_loop *loop)
{
    struct wend_post *newest = atomic_exchange(&loop->posts, NULL);
    struct wend_post *in_order = NULL;

    while (newest != NULL) {
        struct wend_post *next = newest->next;

        newest->next = in_order;
        in_order = newest;
        newest = next;
    }
    while (in_order != NULL) {
        struct wend_post *post = in_order;

        in_order = post->next; /* read first: deliver may post it again */
        loop->posts_taken++;
        post->deliver(post);
    }
}

/* Those that are woken while these run wait for the next pass, so that events get their turn. */
static void run_woken(struct wend_loop *loop)
{
    struct wend_list *last = loop->runnable.prev;

    while (!wend_list_empty(&loop->runnable)) {
        struct wend_list *node = loop->runnable.next;
        struct wend_fiber *fiber = WEND_OF(node, struct wend_fiber, runnable);
        bool end = node == last;

        wend_list_remove(node);
        wend_fiber_resume(&fiber->task, fiber->task.wake_code);
        if (end)
            break;
    }
}

static void dispatch(struct wend_io *io, uint32_t events)
{
    if (io->fd < 0)
        return; /* closed by an earlier event of this turn */
    /* No stale edge has EPOLLIN: the kernel looks at the socket's queue as it tells the event. */
    if ((events & EPOLLIN) != 0)
        io->waiting = io->loop->turn_mark;
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
        io->hangup = true;
        if (io->watcher != NULL)
            wend_task_wake(io->watcher, WEND_E_CANCELLED);
    }
    if ((events & (EPOLLHUP | EPOLLERR)) != 0)
        __atomic_store_n(&io->broken, true, __ATOMIC_RELAXED); /* threads look at it */
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
        io->readable = true;
        if (io->reader != NULL)
            wend_io_ready(&io->reader);
        else if (io->on_ready != NULL)
            io->on_ready(io);
    }
    if (io->fd >= 0 && (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) {
        io->writable = true;
        if (io->writer != NULL)
            wend_io_ready(&io->writer);
    }
}

static int sleep_ms(struct wend_loop *loop)
{
    int64_t next_ns, ms;

    if (!wend_list_empty(&loop->runnable))
        return 0;
    next_ns = wend_wheel_next_ns(&loop->wheel);
    if (next_ns == WEND_NEVER)
        return -1;
    /* Against the time this turn began: a timer may be late by the length of a turn anyway. */
    ms = (next_ns - loop->now_ns + WEND_NS_PER_MS - 1) / WEND_NS_PER_MS;
    return ms < 0 ? 0 : ms > 3600000 ? 3600000 : (int)ms;
}

/* Only what is written to the eventfd ends it early. That is never read elsewhere, so what was
 * written before counts too: the next one lasts. */
static void drowse(struct wend_loop *loop)
{
    struct pollfd wakeup = {.fd = loop->wakeup, .events = POLLIN};
    uint64_t count;

    if (poll(&wakeup, 1, WEND_LOOP_DROWSE_MS) > 0)
        (void)!read(loop->wakeup, &count, sizeof(count));
}

static int wait_for_events(struct wend_loop *loop, struct epoll_event *events)
{
    int ms = sleep_ms(loop);
    int count;

    if (ms != 0) {
        /* Posts that come after this store see it and write the eventfd; the ones before it are
         * seen by the load. */
        atomic_store(&loop->asleep, true);
        if (atomic_load(&loop->posts) != NULL)
            ms = 0;
    }
    if (ms != 0 && loop->computes != NULL && loop->computes(loop->computes_arg)) {
        drowse(loop);
        ms = 0;
    }
    count = epoll_wait(loop->epoll, events, WEND_LOOP_EVENTS, ms);
    atomic_store_explicit(&loop->asleep, false, memory_order_relaxed);
    if (count < 0 && errno != EINTR)
        wend_die("epoll_wait()");
    return count < 0 ? 0 : count;
}

static void turn(struct wend_loop *loop)
{
    struct epoll_event events[WEND_LOOP_EVENTS];
    int count = wait_for_events(loop, events);

    read_clocks(loop);
    loop->turn_mark = wend_loop_mark(loop);
    loop->turns++;
    loop->events += (uint64_t)count;
    if (atomic_load_explicit(&loop->posts, memory_order_relaxed) != NULL)
        deliver_posts(loop);
    for (int i = 0; i < count; i++) {
        /* The eventfd has no io; being edge-triggered it need never be read. */
        if (events[i].data.ptr != NULL)
            dispatch(events[i].data.ptr, events[i].events);
    }
    loop->timers_fired += wend_wheel_advance(&loop->wheel, loop->now_ns);
    run_woken(loop);
    if (loop->laters_count != 0)
        run_laters(loop);
}

void wend_loop_run(struct wend_loop *loop)
{
    loop->stopped = false;
    read_clocks(loop);
    while (!loop->stopped)
        turn(loop);
}

void wend_loop_run_until_idle(struct wend_loop *loop)
{
    loop->stopped = false;
    read_clocks(loop);
    while (!loop->stopped && loop->tasks != 0)
        turn(loop);
}

void wend_loop_stop(struct wend_loop *loop)
{
    loop->stopped = true;
}

struct ending {
    struct wend_timer again;
    struct wend_loop *loop;
    int64_t until_ns;
};

/* More than once: a task may start another in its last moments, and some waits set a cancellation
 * aside until they are over. */
static void cancel_all(struct wend_timer *timer)
{
    struct ending *ending = WEND_OF(timer, struct ending, again);
    int64_t now_ns = ending->loop->now_ns;

    wend_fibers_cancel(&ending->loop->fibers);
    if (now_ns >= ending->until_ns)
        wend_loop_stop(ending->loop);
    else
        wend_timer_start(ending->loop, timer, now_ns + CANCEL_AGAIN_MS * WEND_NS_PER_MS);
}

bool wend_loop_end_tasks(struct wend_loop *loop, int patience_ms)
{
    struct ending ending = {.again.fire = cancel_all, .loop = loop};

    read_clocks(loop);
    ending.until_ns = loop->now_ns + patience_ms * WEND_NS_PER_MS;
    cancel_all(&ending.again);
    wend_loop_run_until_idle(loop);
    wend_timer_stop(loop, &ending.again);
    return loop->tasks == 0;
}

void wend_loop_stats(struct wend_loop *loop, struct wend_loop_stats *out)
{
    *out = (struct wend_loop_stats){
        .turns = loop->turns,
        .events = loop->events,
        .timers_fired = loop->timers_fired,
        .posts = loop->posts_taken,
        .fibers_live = loop->fibers.live,
        .fibers_most = loop->fibers.most,
        .fibers_waiting = loop->fibers.waiting,
        .stack_most_bytes = wend_stacks_most(&loop->fibers.stacks),
    };
}
