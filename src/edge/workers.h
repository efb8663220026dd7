/* edge/workers.h - what every worker is doing, in memory they share.
 *
 * What it is for. `wend_status;`: a worker that is asked tells about all of them.
 *
 * Who owns what. One page of slots for the life of the master. A worker takes a slot when it starts
 * and gives it back when it ends; the slot of one that was killed is found by its dead process.
 *
 * What it promises. Publishing is a few stores, no lock, no system call. Each worker writes its own
 * slot only. Numbers are of the moment of the worker's last published request or second.
 */
#ifndef WEND_EDGE_WORKERS_H
#define WEND_EDGE_WORKERS_H

#include "base/buffer.h"
#include "fiber/loop.h"

#define WEND_WORKERS_SHOWN 256 /* workers beyond have no slot and are not shown */

/* In the master, before it forks; does nothing when there is one already. */
enum wend_code wend_workers_open(void) WEND_MUST_CHECK;

/* In a worker: its slot, published every second and with every request. */
void wend_workers_join(struct wend_loop *loop);
void wend_workers_request(void); /* one more was served */
void wend_workers_leave(void);

/* {"version", "workers": [{"pid", "started", "requests", "connections", "idle", ...}],
 *  "requests", "connections"}. */
void wend_workers_print(struct wend_buffer *out);

#endif
