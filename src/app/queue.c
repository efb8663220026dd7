/* app/queue.c - a ring under a lock that is held for a few instructions; see app/queue.h. */
#include "app/queue.h"

#include "base/assert.h"

#include <stdlib.h>

/* On the stack of a thread that sleeps. */
struct wend_app_sleeper {
    struct wend_app_sleeper *next;
    pthread_cond_t woken;
    bool called;
};

void wend_app_queue_init(struct wend_app_queue *queue, size_t room)
{
    *queue = (struct wend_app_queue){.room = room, .wanted = 1};
    queue->ring = calloc(room, sizeof(*queue->ring));
    if (queue->ring == NULL)
        wend_die("calloc of an application's queue");
    pthread_mutex_init(&queue->lock, NULL);
}

void wend_app_queue_release(struct wend_app_queue *queue)
{
    WEND_ASSERT(queue->awake == 0 && queue->asleep == 0);
    pthread_mutex_destroy(&queue->lock);
    free(queue->ring);
    queue->ring = NULL;
}

size_t wend_app_queue_waiting(const struct wend_app_queue *queue)
{
    return __atomic_load_n(&queue->count, __ATOMIC_RELAXED);
}

/* A called sleeper counts as awake from now on: it will look. */
static void call_one(struct wend_app_queue *queue)
{
    struct wend_app_sleeper *sleeper = queue->sleepers;

    queue->sleepers = sleeper->next;
    queue->asleep--;
    queue->awake++;
    sleeper->called = true;
    pthread_cond_signal(&sleeper->woken);
}

/* Until it is called. */
static void sleep_here(struct wend_app_queue *queue)
{
    struct wend_app_sleeper me = {.next = queue->sleepers};

    pthread_cond_init(&me.woken, NULL);
    queue->sleepers = &me;
    queue->awake--;
    queue->asleep++;
    while (!me.called)
        pthread_cond_wait(&me.woken, &queue->lock);
    pthread_cond_destroy(&me.woken);
}

bool wend_app_queue_push(struct wend_app_queue *queue, void *item)
{
    bool pushed;

    pthread_mutex_lock(&queue->lock);
    pushed = queue->count < queue->room;
    if (pushed) {
        queue->ring[(queue->first + queue->count) % queue->room] = item;
        __atomic_store_n(&queue->count, queue->count + 1, __ATOMIC_RELAXED);
    }
    pthread_mutex_unlock(&queue->lock);
    return pushed;
}

void wend_app_queue_call(struct wend_app_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    for (size_t i = 0; i < queue->count && queue->asleep != 0 && queue->awake < queue->wanted; i++)
        call_one(queue);
    pthread_mutex_unlock(&queue->lock);
}

/* Items wait: were they too few who take them, or too many? When each awake thread took many since
 * the last nudge, its items are short, and a second thread would cost more than it brings. */
static void learn(struct wend_app_queue *queue, bool busy)
{
    uint64_t taken = queue->taken - queue->taken_before;
    bool calm = busy || taken >= (uint64_t)queue->awake * WEND_APP_SHORT;

    queue->taken_before = queue->taken;
    queue->calm = calm ? queue->calm + 1 : 0;
    queue->idle = calm ? 0 : queue->idle + 1;
    if (taken == 0 || queue->idle >= 2) {
        if (queue->wanted < queue->awake + queue->asleep)
            queue->wanted++;
        queue->idle = queue->calm = 0;
    } else if (queue->calm >= WEND_APP_CALM) {
        if (queue->wanted > 1)
            queue->wanted--;
        queue->calm = 0;
    }
}

bool wend_app_queue_nudge(struct wend_app_queue *queue, bool busy)
{
    bool again;

    pthread_mutex_lock(&queue->lock);
    again = queue->count != 0;
    if (again)
        learn(queue, busy);
    if (again && queue->asleep != 0 && queue->awake < queue->wanted)
        call_one(queue);
    pthread_mutex_unlock(&queue->lock);
    return again;
}

void wend_app_queue_join(struct wend_app_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->awake++;
    pthread_mutex_unlock(&queue->lock);
}

void wend_app_queue_leave(struct wend_app_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->awake--;
    pthread_mutex_unlock(&queue->lock);
}

static void *pop(struct wend_app_queue *queue)
{
    void *item;

    if (queue->count == 0)
        return NULL;
    item = queue->ring[queue->first];
    queue->first = (queue->first + 1) % queue->room;
    __atomic_store_n(&queue->count, queue->count - 1, __ATOMIC_RELAXED);
    queue->taken++;
    return item;
}

/* Whether the calling thread, which is awake, is one too many. */
static bool is_spare(const struct wend_app_queue *queue)
{
    return queue->awake > queue->wanted && !queue->closed;
}

void *wend_app_queue_try(struct wend_app_queue *queue)
{
    void *item;

    if (wend_app_queue_waiting(queue) == 0)
        return NULL;
    pthread_mutex_lock(&queue->lock);
    item = is_spare(queue) ? NULL : pop(queue);
    pthread_mutex_unlock(&queue->lock);
    return item;
}

void *wend_app_queue_take(struct wend_app_queue *queue)
{
    void *item;

    pthread_mutex_lock(&queue->lock);
    item = is_spare(queue) ? NULL : pop(queue);
    while (item == NULL && !queue->closed) {
        sleep_here(queue);
        item = pop(queue);
    }
    pthread_mutex_unlock(&queue->lock);
    return item;
}

void wend_app_queue_close(struct wend_app_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    while (queue->asleep != 0)
        call_one(queue);
    pthread_mutex_unlock(&queue->lock);
}
