/* fiber/offload.h - work that would stall the loop, done on threads.
 *
 * What it is for. Cold file reads, password hashing, name service switches: calls that block in
 * the kernel or burn CPU. The task suspends; a thread runs `work`; the task goes on.
 *
 * What it promises. At most WEND_OFFLOAD_THREADS threads per process and WEND_OFFLOAD_QUEUE waiting
 * jobs (WEND_E_LIMIT beyond). A running job cannot be cancelled: the task waits for its end even
 * when its deadline passed, so `work` may use the task's memory, but never its suspending calls.
 */
#ifndef WEND_FIBER_OFFLOAD_H
#define WEND_FIBER_OFFLOAD_H

#include "fiber/task.h"

#define WEND_OFFLOAD_THREADS 8
#define WEND_OFFLOAD_QUEUE 65536

/* Suspends until work(arg) has run on another thread. Returns what it returned. */
enum wend_code wend_offload(struct wend_task *task, enum wend_code (*work)(void *arg),
                            void *arg) WEND_MUST_CHECK;

/* Stops and joins the threads; before the process ends or forks. */
void wend_offload_stop(void);

#endif
