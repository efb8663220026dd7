/* edge/modules.c - everything the edge is made of: the one list of modules, the one order of
 * filters. */
#include "edge/access.h"
#include "edge/app.h"
#include "edge/content.h"
#include "edge/location.h"
#include "edge/map.h"
#include "edge/process_conf.h"
#include "edge/proxy.h"
#include "edge/request.h"
#include "edge/rewrite.h"
#include "edge/trace_module.h"
#include "edge/upstream_settings.h"
#include "edge/uwsgi.h"

/* Content modules are asked in this order; the trace is last, so that what it keeps is complete. */
const struct wend_edge_module *const wend_edge_modules[] = {
    &wend_edge_core,       &wend_edge_process,    &wend_edge_blocks,
    &wend_edge_listening,  &wend_edge_rewrite,    &wend_edge_map,
    &wend_edge_access,     &wend_edge_upstream,   &wend_edge_proxy,
    &wend_edge_uwsgi,      &wend_edge_app_module, &wend_edge_index,
    &wend_edge_autoindex,  &wend_edge_static,     &wend_edge_headers,
    &wend_edge_access_log, &wend_edge_trace,      NULL,
};

/* From the handler to the codec. The status comes first because the others look at it. */
/* clang-format off */
const struct wend_filter *const wend_edge_filters[] = {
    &wend_edge_status_filter,
    &wend_edge_filter_conditional,
    &wend_edge_filter_headers,
    &wend_edge_filter_range,
    &wend_edge_filter_trailers,
    &wend_edge_trace_filter,
    &wend_edge_filter_rate,
    NULL,
};
/* clang-format on */
