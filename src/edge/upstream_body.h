/* edge/upstream_body.h - the request's body on its way to an upstream server.
 *
 * What it is for. Read first (proxy_request_buffering), it can be sent once more to the next
 * server; else it passes as it comes. A body too long for the socket's buffers is sent by a child
 * task, because a server may answer while it reads: who only sends would wait for it for ever.
 *
 * Who owns what. The sender is the caller's, zeroed, and lives until wend_upstream_body_stop().
 */
#ifndef WEND_EDGE_UPSTREAM_BODY_H
#define WEND_EDGE_UPSTREAM_BODY_H

#include "edge/upstream.h"

struct wend_upstream_sender {
    struct wend_h1_client *client;
    struct wend_piece piece;
    struct wend_task *task; /* NULL: no child sends */
};

/* Suspends. Decides how the body goes on, and reads it first where that is asked for. */
enum wend_code wend_upstream_body_prepare(struct wend_upstream *upstream) WEND_MUST_CHECK;

/* Suspends. Sends it behind the request's head, or starts the child that does. */
enum wend_code wend_upstream_body_send(struct wend_upstream *upstream,
                                       struct wend_h1_client *client,
                                       struct wend_upstream_sender *sender) WEND_MUST_CHECK;

/* Suspends until the child has ended; what it has not sent by now is not wanted any more. */
void wend_upstream_body_stop(struct wend_task *task, struct wend_upstream_sender *sender);

#endif
