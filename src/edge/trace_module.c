/* edge/trace_module.c - directives, variables, the Server-Timing filter, /traces and /status. */
#include "edge/trace_module.h"

#include "edge/request.h"
#include "edge/traces.h"
#include "edge/variable.h"
#include "edge/workers.h"
#include "http/timing.h"

#define ANSWER_BYTES_MAX (2u << 20)

enum told { TOLD_LOOPBACK, TOLD_OFF, TOLD_NETWORKS };

struct network {
    struct wend_address address;
    unsigned bits;
};

struct place {
    int told; /* enum told, or WEND_UNSET */
    struct network *networks;
    size_t network_count;
    int for_any; /* wend_traces or wend_status: access rules decide alone */
};

struct main_settings {
    int record;
};

/* --- directives ------------------------------------------------------------------------------- */

static const unsigned char *address_bytes(const struct wend_address *address, size_t *len)
{
    *len = address->family == AF_INET ? 4 : 16;
    return address->family == AF_INET ? (const unsigned char *)&address->in.sin_addr
                                      : (const unsigned char *)&address->in6.sin6_addr;
}

static bool parse_network(struct wend_str text, struct network *out)
{
    ptrdiff_t slash = wend_str_find_byte(text, '/');
    struct wend_str host = slash < 0 ? text : wend_str_slice(text, 0, (size_t)slash);
    uint64_t bits;
    size_t len;

    if (!wend_address_parse_host(host, 0, &out->address))
        return false;
    address_bytes(&out->address, &len);
    out->bits = (unsigned)len * 8;
    if (slash < 0)
        return true;
    if (!wend_str_to_u64(wend_str_from(text, (size_t)slash + 1), &bits) || bits > len * 8)
        return false;
    out->bits = (unsigned)bits;
    return true;
}

static enum wend_code set_details(struct wend_conf *conf, const struct wend_directive *row,
                                  void *slot)
{
    const struct wend_statement *at = conf->statement;
    struct place *place = slot;

    if (place->told != WEND_UNSET)
        return wend_conf_bad(conf, "\"%s\" directive is duplicate", row->name);
    if (at->count == 2 && wend_str_eq(at->args[1], WEND_STR("loopback"))) {
        place->told = TOLD_LOOPBACK;
        return WEND_OK;
    }
    if (at->count == 2 && wend_str_eq(at->args[1], WEND_STR("off"))) {
        place->told = TOLD_OFF;
        return WEND_OK;
    }
    if (at->count - 1 > WEND_TRACE_NETWORKS_MAX)
        return wend_conf_bad(conf, "too many networks in \"%s\"", row->name);
    place->told = TOLD_NETWORKS;
    place->networks = wend_arena_array(conf->arena, at->count - 1, sizeof *place->networks);
    if (place->networks == NULL)
        return WEND_E_MEMORY;
    for (unsigned i = 1; i < at->count; i++) {
        if (!parse_network(at->args[i], &place->networks[place->network_count++]))
            return wend_conf_bad(conf, "invalid parameter \"%.*s\"", WEND_STR_ARG(at->args[i]));
    }
    return WEND_OK;
}

static enum wend_code set_handler(struct wend_conf *conf, const struct wend_directive *row,
                                  void *slot)
{
    struct wend_edge_core_location *here =
        wend_edge_conf_at(conf, &wend_edge_core, WEND_LEVEL_LOCATION);
    const struct wend_statement *at = conf->statement;
    struct place *place = slot;

    if (here->handler != NULL)
        return wend_conf_bad(conf, "\"%s\" directive is duplicate", row->name);
    if (at->count == 2 && !wend_str_eq(at->args[1], WEND_STR("any")))
        return wend_conf_bad(conf, "invalid parameter \"%.*s\"", WEND_STR_ARG(at->args[1]));
    place->for_any = at->count == 2;
    here->handler = row->extra;
    return WEND_OK;
}

/* --- who is asking ---------------------------------------------------------------------------- */

static bool is_in(const struct network *network, const struct wend_address *peer)
{
    const unsigned char *wanted, *have;
    size_t len;
    unsigned whole = network->bits / 8, rest = network->bits % 8;

    if (peer->family != network->address.family)
        return false;
    wanted = address_bytes(&network->address, &len);
    have = address_bytes(peer, &len);
    if (memcmp(wanted, have, whole) != 0)
        return false;
    return rest == 0 || (wanted[whole] ^ have[whole]) >> (8 - rest) == 0;
}

static const struct place *place_of(const struct wend_exchange *x)
{
    return wend_edge_settings(x, &wend_edge_trace, WEND_LEVEL_LOCATION);
}

static bool may_be_told(const struct wend_exchange *x)
{
    const struct place *place = place_of(x);

    if (place->told == TOLD_OFF)
        return false;
    if (place->told == TOLD_LOOPBACK)
        return wend_timing_is_local(x);
    for (size_t i = 0; i < place->network_count; i++) {
        if (is_in(&place->networks[i], &x->conn->peer))
            return true;
    }
    return false;
}

/* --- Server-Timing ---------------------------------------------------------------------------- */

/* Whichever of us needs the id first. */
static enum wend_code join_early(struct wend_exchange *x)
{
    wend_timing_join(x);
    return WEND_DECLINED;
}

static bool tell_head(struct wend_exchange *x, void **state)
{
    return wend_timing_wanted(x) && may_be_told(x) && wend_timing_head(x, state);
}

const struct wend_filter wend_edge_trace_filter = {
    .name = "trace",
    .head = tell_head,
    .body = wend_timing_body,
};

/* --- /traces and /status ---------------------------------------------------------------------- */

/* A status other than 0 ends the request with it. */
static int refusal(struct wend_exchange *x)
{
    if (x->request.method != WEND_GET && x->request.method != WEND_HEAD)
        return 405;
    return place_of(x)->for_any == 1 || wend_timing_is_local(x) ? 0 : 403;
}

static enum wend_code send_json(struct wend_exchange *x, const struct wend_buffer *body)
{
    if (body->overflow)
        return WEND_E_LIMIT;
    if (wend_fields_set(&x->response.fields, &x->task->arena, WEND_FIELD_CACHE_CONTROL,
                        WEND_STR("no-store")) != WEND_OK)
        return WEND_E_MEMORY;
    return wend_respond_text(x, 200, WEND_STR("application/json"), wend_buffer_str(body));
}

/* What follows the location's name in the path: "/traces/12" -> "12". */
static struct wend_str tail_of(const struct wend_exchange *x)
{
    const struct wend_edge_request *r = wend_edge_of(x);
    struct wend_str tail = wend_str_from(r->uri, r->location->name.len);

    while (tail.len > 0 && tail.ptr[0] == '/')
        tail = wend_str_from(tail, 1);
    return tail;
}

/* ?n=COUNT */
static size_t count_asked(const struct wend_exchange *x)
{
    struct wend_str args = wend_edge_of(x)->args;
    uint64_t count;

    if (wend_str_starts(args, WEND_STR("n=")) && wend_str_to_u64(wend_str_from(args, 2), &count))
        return count < WEND_TRACES_KEPT ? (size_t)count : WEND_TRACES_KEPT;
    return WEND_TRACES_LISTED;
}

static enum wend_code serve_traces(const struct wend_handler *self, struct wend_exchange *x)
{
    int status = refusal(x);
    struct wend_str which;
    struct wend_buffer body;

    (void)self;
    if (status != 0)
        return wend_edge_finish(x, status);
    which = tail_of(x);
    wend_buffer_init_arena(&body, &x->task->arena, ANSWER_BYTES_MAX);
    if (which.len == 0)
        wend_traces_print(&body, count_asked(x));
    else if (wend_traces_print_one(&body, which) != WEND_OK)
        return wend_edge_finish(x, 404);
    return send_json(x, &body);
}

static enum wend_code serve_status(const struct wend_handler *self, struct wend_exchange *x)
{
    int status = refusal(x);
    struct wend_buffer body;

    (void)self;
    if (status != 0)
        return wend_edge_finish(x, status);
    wend_buffer_init_arena(&body, &x->task->arena, ANSWER_BYTES_MAX);
    wend_workers_print(&body);
    return send_json(x, &body);
}

static const struct wend_handler traces_handler = {"wend_traces", serve_traces};
static const struct wend_handler status_handler = {"wend_status", serve_status};

/* --- variables -------------------------------------------------------------------------------- */

static struct wend_value found(struct wend_str text)
{
    return (struct wend_value){text, text.ptr != NULL};
}

static struct wend_value get_id(struct wend_exchange *x, const struct wend_variable *variable)
{
    char *hex = wend_arena_alloc(&x->task->arena, 32);

    (void)variable;
    if (hex == NULL)
        return found(WEND_STR_NULL);
    wend_timing_join(x);
    wend_trace_identify(x->task->trace);
    wend_trace_write_hex(x->task->trace->id[0], hex);
    wend_trace_write_hex(x->task->trace->id[1], hex + 16);
    return found(wend_str_make(hex, 32));
}

static struct wend_value get_parent(struct wend_exchange *x, const struct wend_variable *variable)
{
    char *text = wend_arena_alloc(&x->task->arena, WEND_TRACEPARENT_LEN + 1);

    (void)variable;
    if (text == NULL)
        return found(WEND_STR_NULL);
    wend_timing_join(x);
    wend_trace_write_parent(x->task->trace, text);
    return found(wend_str_make(text, WEND_TRACEPARENT_LEN));
}

#define SPAN_PREFIX WEND_STR("trace_")
#define SPAN_SUFFIX WEND_STR("_ms")

/* "trace_route_ms" -> WEND_EV_ROUTE; WEND_EVENTS_COUNT when it names none. */
static enum wend_event event_of(struct wend_str name)
{
    if (!wend_str_starts(name, SPAN_PREFIX) || !wend_str_ends(name, SPAN_SUFFIX) ||
        name.len <= SPAN_PREFIX.len + SPAN_SUFFIX.len)
        return WEND_EVENTS_COUNT;
    name = wend_str_slice(name, SPAN_PREFIX.len, name.len - SPAN_SUFFIX.len);
    for (size_t i = 0; i < WEND_EVENTS_COUNT; i++) {
        if (wend_str_eq_nocase(name, wend_str_of(wend_events[i].name)))
            return (enum wend_event)i;
    }
    return WEND_EVENTS_COUNT;
}

/* The time in all spans of the event, open ones until now: "0.123". Not found without any. */
static struct wend_value get_span(struct wend_exchange *x, const struct wend_variable *variable)
{
    const struct wend_trace *trace = x->task->trace;
    enum wend_event event = event_of(variable->name);
    uint64_t ticks = 0, now = wend_clock_ticks();
    bool any = false;

    for (uint16_t i = 0; trace->enabled && i < trace->count; i++) {
        const struct wend_span *span = wend_trace_span(trace, i);

        if (span->event != event)
            continue;
        ticks += (span->end_ticks == 0 ? now : span->end_ticks) - span->start_ticks;
        any = true;
    }
    if (!any)
        return found(WEND_STR_NULL);
    return found(
        wend_arena_printf(&x->task->arena, "%.3f", (double)wend_clock_ticks_to_ns(ticks) / 1e6));
}

static const struct wend_variable_row variables[] = {
    {.name = "trace_id", .get = get_id, .help = "the trace's id: 32 hexadecimal digits"},
    {.name = "trace_parent",
     .get = get_parent,
     .help = "the traceparent field for a server that is asked for this request"},
    {.name = "trace_",
     .get = get_span,
     .flags = WEND_VAR_PREFIX | WEND_VAR_CHANGES,
     .help = "$trace_EVENT_ms: milliseconds in the spans of an event (docs/trace-events.md)"},
    {.name = NULL},
};

/* A prefix row takes every name; one that names no event is a mistake to be told now. What `set` or
 * a map defines is its owner's, and rows are found for the others only after this. */
static bool is_mistaken(const struct wend_variable *variable)
{
    return variable->get == NULL && (variable->flags & WEND_VAR_CHANGEABLE) == 0 &&
           wend_str_starts(variable->name, SPAN_PREFIX) &&
           wend_variable_find_row(variable->name)->get == get_span &&
           event_of(variable->name) == WEND_EVENTS_COUNT;
}

static enum wend_code check_variables(struct wend_conf *conf, const struct wend_edge *edge)
{
    for (size_t i = 0; i < edge->indexed_count; i++) {
        if (is_mistaken(edge->indexed[i]))
            return wend_conf_fail(conf->error, NULL, "unknown \"%.*s\" variable",
                                  WEND_STR_ARG(edge->indexed[i]->name));
    }
    return WEND_OK;
}

/* --- the module ------------------------------------------------------------------------------- */

static void init_main(void *settings)
{
    ((struct main_settings *)settings)->record = WEND_UNSET;
}

static void init_place(void *settings)
{
    struct place *place = settings;

    place->told = WEND_UNSET;
    place->for_any = WEND_UNSET;
}

static enum wend_code merge_place(struct wend_conf *conf, void *parent, void *child)
{
    struct place *above = parent, *here = child;

    (void)conf;
    if (here->told == WEND_UNSET && above->told != WEND_UNSET) {
        here->told = above->told;
        here->networks = above->networks;
        here->network_count = above->network_count;
    }
    WEND_MERGE(here->told, above->told, TOLD_LOOPBACK);
    return WEND_OK;
}

static enum wend_code finish(struct wend_conf *conf, struct wend_edge *edge)
{
    struct main_settings *settings =
        edge->http.at[WEND_LEVEL_MAIN] == NULL
            ? NULL
            : edge->http.at[WEND_LEVEL_MAIN][wend_edge_module_index(&wend_edge_trace)];
    enum wend_code code = check_variables(conf, edge);

    if (code != WEND_OK || edge->testing || settings == NULL)
        return code;
    wend_trace_on = settings->record != 0;
    if (wend_trace_on)
        code = wend_traces_open();
    if (code == WEND_OK)
        code = wend_workers_open();
    return code == WEND_OK ? WEND_OK
                           : wend_conf_fail(conf->error, NULL, "no shared memory for the trace");
}

static void keep_trace(struct wend_exchange *x)
{
    wend_traces_keep(x);
    wend_workers_request();
}

static enum wend_code start_worker(struct wend_edge *edge, struct wend_loop *loop)
{
    (void)edge;
    wend_workers_join(loop);
    return WEND_OK;
}

static void stop_worker(struct wend_edge *edge)
{
    (void)edge;
    wend_workers_leave();
}

static const struct wend_directive rows[] = {
    {.name = "wend_trace",
     .contexts = WEND_CTX_HTTP,
     .args_min = 1,
     .args_max = 1,
     .set = wend_set_flag,
     .level = WEND_LEVEL_MAIN,
     .offset = offsetof(struct main_settings, record),
     .fallback = "on",
     .help = "whether the spans of requests are recorded"},
    {.name = "wend_traces",
     .contexts = WEND_CTX_LOCATION,
     .args_min = 0,
     .args_max = 1,
     .set = set_handler,
     .level = WEND_LEVEL_LOCATION,
     .extra = &traces_handler,
     .help = "answers with recent traces as JSON, to local peers unless `any` is given"},
    {.name = "wend_status",
     .contexts = WEND_CTX_LOCATION,
     .args_min = 0,
     .args_max = 1,
     .set = set_handler,
     .level = WEND_LEVEL_LOCATION,
     .extra = &status_handler,
     .help = "answers with the workers' state as JSON, to local peers unless `any` is given"},
    {.name = "trace_details",
     .contexts = WEND_CTX_HTTP_ALL,
     .args_min = 1,
     .args_max = -1,
     .once_checked = true,
     .set = set_details,
     .level = WEND_LEVEL_LOCATION,
     .fallback = "loopback",
     .help = "who is told a request's spans in Server-Timing: loopback, off, or networks"},
};

const struct wend_edge_module wend_edge_trace = {
    .name = "trace",
    .rows = rows,
    .row_count = WEND_COUNT(rows),
    .sizes = {sizeof(struct main_settings), 0, sizeof(struct place)},
    .init = {init_main, NULL, init_place},
    .merge_location = merge_place,
    .finish = finish,
    .variables = variables,
    .preaccess = join_early,
    .log = keep_trace,
    .start_worker = start_worker,
    .stop_worker = stop_worker,
};
