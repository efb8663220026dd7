/* http/h1_server.h - the serving side of HTTP/1: connections in, exchanges out.
 *
 * What it is for. Takes an accepted connection, reads heads, makes an exchange of each, has it
 * served on a task, keeps the connection alive, and closes it so that the client still reads the
 * last answer (lingering close).
 *
 * Who owns what. The connection belongs to this module from wend_h1_serve() until it is closed. The
 * wend_h1_server is the caller's and outlives every connection made with it: it is reference
 * counted by `ref`/`unref` (may be NULL) so that a reload can retire it.
 *
 * Parking. While a connection waits for a head or for the rest of one it is parked: no stack, no
 * task, no buffer beyond the bytes received.
 *
 * Draining. wend_h1_drain(): idle connections still get an answer to one more request, with
 * Connection: close; after `idle_ms` without one they are closed.
 *
 * Trace. accept, request, head, request body, respond.
 */
#ifndef WEND_HTTP_H1_SERVER_H
#define WEND_HTTP_H1_SERVER_H

#include "http/handler.h"
#include "http/h1_parse.h"

struct wend_h1_server {
    const struct wend_handler *handler;
    /* A head that cannot be served: x->response.status is the code, `error` says why. Sends the
     * error page. NULL: a plain one is sent. The connection closes afterwards. */
    enum wend_code (*reject)(const struct wend_h1_server *server, struct wend_exchange *x,
                             const struct wend_h1_error *error);
    /* Every exchange, after its response ended however it ended: logs, counters. May be NULL. */
    void (*finished)(const struct wend_h1_server *server, struct wend_exchange *x);
    /* A connection was opened (+1) or closed (-1), for counters and for accept limits. May be NULL.
     */
    void (*connections)(const struct wend_h1_server *server, int change);
    void (*unref)(const struct wend_h1_server *server); /* once per closed connection; NULL: none */
    enum wend_h1_policy policy;
    struct wend_h1_limits limits;
    const struct wend_exchange_policy *policy_default; /* until the request is routed */
    int head_timeout_ms; /* the whole head, from its first byte (the accept for the first):
                            WEND_H1_STRICT answers 408, WEND_H1_NGINX closes */
    bool untraced;       /* spans are not recorded: for measuring what they cost */
    int requests_max;    /* per connection; keepalive_requests */
    int64_t lifetime_ms; /* keepalive_time: after it the next answer closes */
    void *data;          /* the owner's */
};

/* Takes the descriptor (non-blocking) and parks it until its first head. `accept_ticks`: when it
 * was accepted. */
void wend_h1_serve(struct wend_loop *loop, const struct wend_h1_server *server, int fd,
                   const struct wend_address *peer, const struct wend_address *local,
                   uint64_t accept_ticks);

/* From now on every connection of this loop closes after its next answer; parked idle ones are
 * closed after idle_ms at the latest. */
void wend_h1_drain(struct wend_loop *loop, int idle_ms);

/* Live connections of this loop, and how many of them are parked between requests. */
void wend_h1_count(struct wend_loop *loop, size_t *live, size_t *idle);
/* Requests that connections of the calling thread have brought so far. */
uint64_t wend_h1_requests(void);

/* Closes the connection parked longest between requests, to make room; false when none is. */
bool wend_h1_close_idlest(struct wend_loop *loop);

/* Gives the calling thread's spare receive buffers back, after its loop has ended. */
void wend_h1_thread_release(void);

/* The bytes received behind the head (of a request that asked for a tunnel); taken once. */
struct wend_str wend_h1_take_input(struct wend_exchange *x);

/* --- answering from another thread -------------------------------------------------------------
 *
 * A handler whose work runs on a foreign thread lends it the exchange:
 *
 *     handler, on the task:              thread:
 *     code = wend_exchange_offer(x);
 *     queue the exchange for a thread
 *     code = wend_exchange_lend(x);      wend_body_read_from_thread(x, ...)
 *        (suspends; carries out what     wend_respond_from_thread(x, ...)
 *         the thread asks of the loop)   wend_exchange_return(x, code);
 *
 * While the exchange is lent, the thread alone touches it: request, response, arena and trace. On a
 * plain connection without byte filters wend_respond_from_thread() writes the socket itself;
 * otherwise the pieces go over to the task. All of it without the GIL. */

/* Prepares the loan; before the thread can see the exchange. WEND_E_MEMORY. */
enum wend_code wend_exchange_offer(struct wend_exchange *x) WEND_MUST_CHECK;
/* Suspends until the thread returned the exchange, whatever deadline the task has: the thread uses
 * its memory. Returns the thread's code. */
enum wend_code wend_exchange_lend(struct wend_exchange *x) WEND_MUST_CHECK;
void wend_exchange_return(struct wend_exchange *x, enum wend_code code);
/* The same for a caller that knows that the loop will turn within milliseconds: an answer that is
 * out, on a connection that stays open, or that is held, needs no turn of its own. */
void wend_exchange_return_quietly(struct wend_exchange *x, enum wend_code code);
/* The thread's, before it responds: a whole answer of up to WEND_LOAN_HELD_BYTES shall not be
 * written at once but go over with the return, because the loop will turn soon and write several in
 * a row. */
#define WEND_LOAN_HELD_BYTES (16u << 10)
void wend_exchange_hold(struct wend_exchange *x);

/* Block the calling thread until it is done or the policy's timeout passes. */
enum wend_code wend_respond_from_thread(struct wend_exchange *x, const struct wend_piece *pieces,
                                        size_t count, bool last) WEND_MUST_CHECK;
enum wend_code wend_body_read_from_thread(struct wend_exchange *x, void *into, size_t room,
                                          size_t *got) WEND_MUST_CHECK;

/* Whether the client is known to be gone: the connection was reset or closed in both directions. (A
 * client that only finished sending may still read.) Any thread. */
bool wend_exchange_client_gone(const struct wend_exchange *x);

#endif
