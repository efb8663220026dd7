/* edge/upstream_relay.h - after 101 (Switching Protocols): bytes in both directions until one side
 * ends or nothing moved for the read timeout. Used for WebSocket and whatever else upgrades.
 *
 * Who owns what. Both connections stay their owners'; the client's is closed after it. */
#ifndef WEND_EDGE_UPSTREAM_RELAY_H
#define WEND_EDGE_UPSTREAM_RELAY_H

#include "http/h1_client.h"
#include "http/h1_server.h"

/* Suspends. x->response is the 101, not sent yet; `client` has read the server's. */
enum wend_code wend_upstream_relay(struct wend_exchange *x, struct wend_h1_client *client,
                                   int timeout_ms) WEND_MUST_CHECK;

#endif
