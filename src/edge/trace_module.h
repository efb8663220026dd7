/* edge/trace_module.h - the trace as the configuration sees it.
 *
 * Directives.
 *   wend_trace on | off            whether spans are recorded at all (http)
 *   wend_traces [any]              this location answers with the recent traces as JSON
 *   wend_status [any]              this location answers with the workers' state as JSON
 *   trace_details loopback | off | ADDRESS[/BITS] ...
 *                                  who is told the spans of his own request in Server-Timing
 *
 * Who may see. wend_traces and wend_status answer peers on loopback and unix sockets; `any` leaves
 * it to allow and deny. A request that another server passed on (it carries Forwarded, Via,
 * X-Forwarded-For or X-Real-IP, or came by uwsgi) is not a local peer's, whatever its address.
 * Networks are compared with the peer's address: name a proxy's only if all who come through it may
 * see. Server-Timing goes to trusted peers that sent traceparent: see http/timing.h.
 *
 * Variables. $trace_id, $trace_parent (what a server asked by us would get), $trace_EVENT_ms (time
 * in all spans of that event).
 */
#ifndef WEND_EDGE_TRACE_MODULE_H
#define WEND_EDGE_TRACE_MODULE_H

#include "edge/module.h"

/* Stands last in the list of modules: what it keeps includes the others' log spans. */
extern const struct wend_edge_module wend_edge_trace;
/* Stands behind all filters that change a response. */
extern const struct wend_filter wend_edge_trace_filter;

#define WEND_TRACE_NETWORKS_MAX 256 /* of one trace_details */

#endif
