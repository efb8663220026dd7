/* app/queue.h - requests on their way from the loop to the threads that run them.
 *
 * What it is for. One producer, the loop's thread; several consumers. A consumer that is awake
 * takes its next request without sleeping; one that sleeps is woken only when nobody else would
 * come.
 *
 * How. An application's threads share one interpreter lock, so a second thread that computes gains
 * nothing and costs context switches at every moment the first one lets go of the lock: on a Django
 * page 13 % of all CPU time with eight threads. So the queue learns how many threads are wanted
 * awake. It starts with one. Every WEND_APP_NUDGE_MS that items wait, the owner calls
 * wend_app_queue_nudge(): one more is wanted when the interpreter was free (the awake ones wait for
 * a disk or a database) twice in a row, or when no item was taken since (they all are long at it);
 * one fewer after it was computing, or the items were short, WEND_APP_CALM times in a row. A thread
 * beyond the number goes to sleep before its next item.
 *
 *      push ─► ring ─► take (awake, and wanted)      call: fewer awake than wanted: wake one
 *                └───► sleep ─► woken ─► take         nudge after WEND_APP_NUDGE_MS: learn, and
 * call
 *
 * The sleeper that fell asleep last is woken first: its stack, its interpreter state and its
 * database connection are the warmest, and threads that are not needed are not touched.
 *
 * What it promises. At most `room` items; push says no beyond. No item is forgotten: a thread looks
 * once more, under the lock, before it sleeps.
 */
#ifndef WEND_APP_QUEUE_H
#define WEND_APP_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEND_APP_NUDGE_MS 4
#define WEND_APP_CALM 8
#define WEND_APP_SHORT 8 /* so many per thread and nudge are short: half a millisecond each */

struct wend_app_queue {
    pthread_mutex_t lock;
    void **ring;
    size_t room, first, count;
    unsigned awake; /* threads that will look again before they sleep */
    unsigned asleep;
    struct wend_app_sleeper *sleepers; /* the last to fall asleep first */
    unsigned wanted;     /* threads that shall be awake while items wait; at least 1 */
    unsigned calm, idle; /* nudges in a row that saw no need for another thread, that saw one */
    uint64_t taken, taken_before; /* items in all, now and at the last nudge */
    bool closed;
};

void wend_app_queue_init(struct wend_app_queue *queue, size_t room);
void wend_app_queue_release(struct wend_app_queue *queue);

/* How many wait; a glance without the lock, exact only when nobody else pushes and takes. */
size_t wend_app_queue_waiting(const struct wend_app_queue *queue);

/* False when it is full. Wakes nobody: the owner shall call wend_app_queue_call() soon, once for
 * all that it pushes in a row, and wend_app_queue_nudge() in WEND_APP_NUDGE_MS. */
bool wend_app_queue_push(struct wend_app_queue *queue, void *item);
/* Wakes as many sleepers as are wanted for what waits. */
void wend_app_queue_call(struct wend_app_queue *queue);
/* Learns, and wakes a sleeper if one more is wanted. `busy`: a thread computes right now. True:
 * call again later. */
bool wend_app_queue_nudge(struct wend_app_queue *queue, bool busy);

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
