/* client/server_spans.h - the client's own spans and what the servers told, as one view.
 *
 * What it is for. `wend trace`: the time a client waits is the time a server works. A server's
 * metrics (Server-Timing) become spans inside the `wait` of the request they answer.
 *
 * What it promises. Clocks of two machines do not agree, so the server's first moment is placed
 * such that what is left of the wait (the network) is the same before and after. A server that
 * worked longer than we waited began before: with the connection, or while we sent; then its spans
 * end with the wait and belong to what surrounds it. Metrics without an offset start with it.
 * Nesting follows from the intervals.
 */
#ifndef WEND_CLIENT_SERVER_SPANS_H
#define WEND_CLIENT_SERVER_SPANS_H

#include "client/server_timing.h"
#include "trace/view.h"

/* What one answer told. */
struct wend_server_told {
    uint16_t wait_span; /* index in the client's trace */
    size_t count;
    struct wend_server_metric metrics[WEND_SERVER_TIMING_MAX];
};

/* *out: the spans of `trace`, with each entry of `told` inside its wait. */
void wend_server_spans_merge(const struct wend_trace *trace, const struct wend_server_told *told,
                             size_t told_count, struct wend_view *out);

#endif
