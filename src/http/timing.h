/* http/timing.h - telling a client the spans of its own request (Server-Timing, W3C).
 *
 * What it is for. `wend trace` and a browser's developer tools show the server's half of a request.
 * The head has the spans so far, those that are still open up to now; when the body is chunked and
 * the client takes trailers (TE), a trailer has them all again, as they ended.
 *
 * Who is told. Only who sent traceparent, and only whom the server trusts: wend_filter_timing tells
 * local peers, the edge has a row of its own that asks the configuration (trace_details).
 *
 * What it does not do. It measures nothing; it prints the trace the layers wrote.
 */
#ifndef WEND_HTTP_TIMING_H
#define WEND_HTTP_TIMING_H

#include "http/filter.h"

/* Loopback or a unix socket, and not passed on by another server: behind a proxy on the same
 * machine everybody has its address. */
bool wend_timing_is_local(const struct wend_exchange *x);

/* The caller's trace goes on here; does nothing when there is none or it was joined already. */
void wend_timing_join(struct wend_exchange *x);

/* The two halves of a filter row; `head` also when the peer was found worth telling. */
bool wend_timing_wanted(struct wend_exchange *x);
bool wend_timing_head(struct wend_exchange *x, void **state);
enum wend_code wend_timing_body(struct wend_exchange *x, struct wend_filter_link *link, void *state,
                                const struct wend_piece *pieces, size_t count, bool last);

extern const struct wend_filter wend_filter_timing;

#endif
