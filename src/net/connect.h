/* net/connect.h - from addresses to a connection.
 *
 * What it is for. The client and the proxy open their connections here: TCP over IPv4 and IPv6, and
 * unix sockets by path.
 *
 * Who owns what. The conn is the caller's memory; on WEND_OK it holds a descriptor that
 * wend_conn_close() gives back. On failure nothing is left open.
 *
 * What it promises. Addresses are tried in order, each for at most its share of the time, so that
 * one that swallows packets leaves time for the next. The first that answers is taken; the failure
 * of the last one is returned.
 *
 * What it does not do. No races (RFC 8305) yet; no name service: see dns/resolve.h.
 *
 * Trace. connect, one per attempt.
 */
#ifndef WEND_NET_CONNECT_H
#define WEND_NET_CONNECT_H

#include "net/conn.h"

/* Suspends. `timeout_ms` for all attempts together. WEND_E_REFUSED, WEND_E_UNREACHABLE,
 * WEND_E_DEADLINE, WEND_E_CANCELLED, ... of the last attempt; conn->peer is then its address and
 * conn->io.error its errno. */
enum wend_code wend_net_connect(struct wend_task *task, const struct wend_address *addresses,
                                size_t count, int timeout_ms,
                                struct wend_conn *conn) WEND_MUST_CHECK;

/* Suspends. WEND_E_LIMIT: the path does not fit a socket's address (107 bytes). */
enum wend_code wend_net_connect_unix(struct wend_task *task, struct wend_str path, int timeout_ms,
                                     struct wend_conn *conn) WEND_MUST_CHECK;

#endif
