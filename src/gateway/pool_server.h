/* gateway/pool_server.h - a pool process's side: streams in, exchanges out.
 *
 * What it is for. Takes the connections that edge workers send through the rendezvous
 * (gateway/pool_client.h), makes an exchange of each request on them and has it served.
 *
 * Who owns what. The struct is the caller's and outlives the loop's run; connections and streams
 * belong to this module. The rendezvous stays the caller's.
 *
 * What it promises. One exchange per stream, each on its own task. An answer waits for its stream's
 * window alone. A stream that is cancelled, or whose edge worker died, counts as a client that
 * left: sending and reading fail with WEND_E_CLOSED, wend_exchange_client_gone() is true. A child
 * that the application forks keeps no connection open.
 *
 * Trace. The handler's spans, which travel back with the answer; this module records none.
 */
#ifndef WEND_GATEWAY_POOL_SERVER_H
#define WEND_GATEWAY_POOL_SERVER_H

#include "gateway/pool.h"
#include "http/handler.h"

#define WEND_POOL_LAST_MS 30000

struct wend_pool_server {
    /* set before start */
    struct wend_loop *loop;
    const struct wend_handler *handler;
    const struct wend_exchange_policy *policy;
    struct wend_str name; /* in logs */
    int rendezvous;       /* the pool's end */
    /* No edge worker can come any more, none is connected, and nothing runs or what runs has had
     * WEND_POOL_LAST_MS to notice that nobody wants it: time to end. */
    void (*deserted)(struct wend_pool_server *server);
    /* its own */
    struct wend_io door;
    struct wend_list members;
    size_t streams; /* whose tasks have not ended */
    struct wend_timer last;
    bool alone; /* the rendezvous has no other side any more */
};

enum wend_code wend_pool_server_start(struct wend_pool_server *server) WEND_MUST_CHECK;
/* Takes no more connections and asks those there are to end when their requests have: another
 * process takes this one's place. `deserted` follows. */
void wend_pool_server_leave(struct wend_pool_server *server);

/* Where the edge says the request is; NULL: `x` did not come through a pool. */
const struct wend_pool_place *wend_pool_exchange_place(const struct wend_exchange *x);

#endif
