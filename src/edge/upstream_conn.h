/* edge/upstream_conn.h - connections to upstream servers, kept between requests.
 *
 * What it is for. A request takes an idle connection to its peer, or opens one; afterwards it gives
 * it back if it can carry another request.
 *
 * Who owns what. A taken connection belongs to the request's task and is closed when the task ends,
 * unless it was given back. Idle ones belong to the worker.
 *
 * What it promises. An idle connection on which anything happens (the server closed it, or said
 * something unasked) is closed at once and never handed out. Limits of number, age, requests and
 * idle time are the group's.
 */
#ifndef WEND_EDGE_UPSTREAM_CONN_H
#define WEND_EDGE_UPSTREAM_CONN_H

#include "edge/peer.h"
#include "net/conn.h"

struct wend_upstream_conn {
    struct wend_conn conn;
    struct wend_list idle; /* newest first, all groups of the worker */
    struct wend_timer timer;
    struct wend_upstream_conn **held; /* the holding task's cell; NULL: idle */
    struct wend_loop *loop;
    struct wend_peers *peers;
    struct wend_peer *peer;
    const void *place; /* only requests of the same place share it: protocol and TLS settings */
    unsigned requests; /* finished on it */
    int64_t opened_ns;
    bool reused; /* it was idle before: it may die as we write */
};

/* Suspends. An idle connection (unless `fresh`) or a new one, to be closed with the task. */
enum wend_code wend_upstream_conn_take(struct wend_task *task, struct wend_peers *peers,
                                       struct wend_peer *peer, const void *place, bool fresh,
                                       int timeout_ms,
                                       struct wend_upstream_conn **out) WEND_MUST_CHECK;
/* Gives it back to be kept, or closes it. The task forgets it. */
void wend_upstream_conn_give(struct wend_upstream_conn *upstream, bool reusable);

/* Closes every idle connection of the calling thread's loop: when a worker shuts down. */
void wend_upstream_conn_close_idle(void);

#endif
