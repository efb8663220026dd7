/* net/accept.h - new connections, from a listening socket to a callback.
 *
 * What it is for. One wend_acceptor per listening socket and worker. It runs on the loop's own
 * stack, so waiting for connections costs no fiber.
 *
 * Who owns what. The descriptor stays the caller's: a worker's copy of the master's listener. The
 * accepted descriptor belongs to the callback.
 *
 * What it promises. A connection wakes one worker, not all of them. At most `batch` connections per
 * turn, so that a flood of new ones does not
 * starve those that are served. Out of descriptors (EMFILE, ENFILE, ENOBUFS, ENOMEM): accepting
 * rests for WEND_ACCEPT_REST_MS, and says so once until it works again. A connection that was gone
 * before it was accepted is skipped.
 *
 * What it does not do. It does not count connections: whoever does, pauses it.
 */
#ifndef WEND_NET_ACCEPT_H
#define WEND_NET_ACCEPT_H

#include "base/log.h"
#include "fiber/io.h"
#include "net/address.h"

#define WEND_ACCEPT_BATCH 16
#define WEND_ACCEPT_REST_MS 500

struct wend_acceptor;

/* `local` is the listener's own address: when wend_address_is_any(), ask wend_address_of_local(fd).
 * May pause or stop the acceptor. */
typedef void (*wend_accept_take)(struct wend_acceptor *acceptor, int fd,
                                 const struct wend_address *peer, const struct wend_address *local);

struct wend_acceptor {
    /* set before start */
    wend_accept_take take;
    void *data;           /* the callback's */
    unsigned batch;       /* 0: WEND_ACCEPT_BATCH */
    struct wend_log *log; /* NULL: the process's */
    /* its own */
    struct wend_io io;
    struct wend_timer rest;
    struct wend_address local;
    struct wend_loop *loop;
    int fd;
    bool running, paused, resting, said_full;
    uint64_t accepted;
};

/* The descriptor is duplicated, so that stopping here closes nothing of the caller's. */
enum wend_code wend_accept_start(struct wend_acceptor *acceptor, struct wend_loop *loop,
                                 int fd) WEND_MUST_CHECK;
/* Nothing is accepted until resumed; the kernel queues. Both may be called at any time. */
void wend_accept_pause(struct wend_acceptor *acceptor);
void wend_accept_resume(struct wend_acceptor *acceptor);
/* Takes what waits in the queue now, at most WEND_ACCEPT_LAST and unless paused, and then no more:
 * the kernel wakes one worker per connection, and nobody else would look at those this one was
 * woken for. The acceptor's memory must outlive the loop's turn. */
#define WEND_ACCEPT_LAST 1024
void wend_accept_stop(struct wend_acceptor *acceptor);

#endif
