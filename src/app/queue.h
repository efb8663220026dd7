/* app/queue.h - requests on their way from the loop to the threads that run them.
 *
 * What it is for. One producer, the loop's thread; several consumers. A consumer that is awake takes
 * its next request without sleeping; one that sleeps is woken only when nobody else would come.
 *
 * How. An application's threads share one interpreter lock, so waking a second thread while the
 * first one computes gains nothing and costs two context switches. push() wakes a sleeper when all
 * awake threads are known to be off the interpreter (in a system call, waiting for a database);
 * otherwise the item waits for the thread that is busy, and wend_app_queue_nudge(), called a moment
 * later by the owner's timer, wakes a sleeper if it still waits.
 *
 *      push ─► ring ─► take (awake)            busy() false or nobody awake: wake one now
 *                └───► sleep ─► woken ─► take  busy() true: nudge after WEND_APP_NUDGE_MS
 *
 * What it promises. At most `room` items; push says no beyond. No item is forgotten: a thread looks
 * once more, under the lock, before it sleeps.
 */
#ifndef WEND_APP_QUEUE_H
#define WEND_APP_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#define WEND_APP_NUDGE_MS 4

struct wend_app_queue {
    pthread_mutex_t lock;
    pthread_cond_t woken;
    void **ring;
    size_t room, first, count;
    unsigned awake;   /* threads that will look again before they sleep */
    unsigned asleep;
    unsigned calls;   /* sleepers that were called and did not get up yet */
    bool closed;
};

void wend_app_queue_init(struct wend_app_queue *queue, size_t room);
void wend_app_queue_release(struct wend_app_queue *queue);

/* How many wait; a glance without the lock, exact only when nobody else pushes and takes. */
size_t wend_app_queue_waiting(const struct wend_app_queue *queue);

/* False when it is full. `busy`: a thread that is awake computes right now. *nudge is set when the
 * owner shall call wend_app_queue_nudge() in WEND_APP_NUDGE_MS. */
bool wend_app_queue_push(struct wend_app_queue *queue, void *item, bool busy, bool *nudge);
/* Wakes a sleeper if items still wait. True: call again later. */
bool wend_app_queue_nudge(struct wend_app_queue *queue);

/* The consumers' side. join/leave: a thread begins and ends. */
void wend_app_queue_join(struct wend_app_queue *queue);
void wend_app_queue_leave(struct wend_app_queue *queue);
/* NULL: nothing there now. */
void *wend_app_queue_try(struct wend_app_queue *queue);
/* Sleeps until there is an item; NULL when the queue was closed and is empty. */
void *wend_app_queue_take(struct wend_app_queue *queue);

/* Nothing more is pushed; sleepers wake and leave once it is empty. */
void wend_app_queue_close(struct wend_app_queue *queue);

#endif
