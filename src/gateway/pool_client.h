/* gateway/pool_client.h - the edge's side of a pool: an application in other processes as a
 * handler.
 *
 * What it is for. A pool has a fixed number of slots; in each lives one process. An edge worker
 * holds at most one connection to each, opened when it is first needed, and sends a request to the
 * slot where it has the fewest under way.
 *
 * How a connection is made. There is no address: see gateway/rendezvous.h.
 *
 * Who owns what. The pool owns its links; descriptors of the rendezvous stay the caller's. A
 * request's stream lives on its task's stack.
 *
 * What it promises. The request body is collected before a process is chosen. No answer begins
 * twice: when a process dies, its requests get 502 (or a torn answer when some of it was sent) and
 * nothing is asked again, since nobody knows what was done. A connection that no process takes for
 * WEND_POOL_WAIT_MS is given up: 504. When every slot has as many streams as fit: 503 with
 * Retry-After. A client that leaves is noticed within WEND_POOL_LOOK_MS, and the process is told.
 *
 * What it does not do. It does not start processes, and does not limit how long an application
 * thinks.
 *
 * Parking. A request that waits for its answer keeps its task, as one that waits for a thread does.
 *
 * Trace. pool; inside it what the other process recorded.
 */
#ifndef WEND_GATEWAY_POOL_CLIENT_H
#define WEND_GATEWAY_POOL_CLIENT_H

#include "gateway/pool.h"
#include "http/body_buffer.h"
#include "http/handler.h"

#define WEND_POOL_PROCESSES_MAX 256 /* slots of one pool */
#define WEND_POOL_WAIT_MS 30000     /* until a process takes a new connection */
#define WEND_POOL_LOOK_MS 1000      /* between two looks whether the client is still there */
#define WEND_POOL_RETRY_AFTER "1"   /* seconds, with a 503 */

struct wend_pool;

struct wend_pool_options {
    struct wend_str name;  /* the application's, in logs and traces */
    const int *rendezvous; /* one per slot; our ends */
    unsigned count;
    unsigned first; /* where this worker begins: not all at slot 0 */
    struct wend_body_settings body;
    void (*place)(struct wend_exchange *x,
                  struct wend_pool_place *out); /* NULL: nothing is known */
};

struct wend_pool *wend_pool_new(const struct wend_pool_options *options, struct wend_loop *loop);
/* Closes every connection; requests under way fail. */
void wend_pool_free(struct wend_pool *pool);
const struct wend_handler *wend_pool_handler(const struct wend_pool *pool);

#endif
