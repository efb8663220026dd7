/* http/timing.c - spans so far in the head, all of them in a trailer. */
#include "http/timing.h"

#include "trace/print.h"

bool wend_timing_is_local(const struct wend_exchange *x)
{
    const struct wend_fields *fields = &x->request.fields;

    return wend_address_loopback(&x->conn->peer) &&
           strcmp(x->codec->name, "uwsgi") != 0 && /* its peer is always a web server */
           wend_fields_get(fields, WEND_FIELD_FORWARDED) == NULL &&
           wend_fields_get(fields, WEND_FIELD_VIA) == NULL &&
           wend_fields_get(fields, WEND_FIELD_X_FORWARDED_FOR) == NULL &&
           wend_fields_get(fields, WEND_FIELD_X_REAL_IP) == NULL;
}

void wend_timing_join(struct wend_exchange *x)
{
    struct wend_trace *trace = x->task->trace;
    const struct wend_field *field;

    if (trace->id[0] != 0 || trace->id[1] != 0)
        return;
    field = wend_fields_get(&x->request.fields, WEND_FIELD_TRACEPARENT);
    if (field != NULL)
        (void)wend_trace_join(trace, field->value);
}

bool wend_timing_wanted(struct wend_exchange *x)
{
    if (!x->task->trace->enabled ||
        wend_fields_get(&x->request.fields, WEND_FIELD_TRACEPARENT) == NULL)
        return false;
    wend_timing_join(x);
    return x->task->trace->parent_id != 0;
}

/* The field's value in the request's arena; null when there is none. */
static struct wend_str timing_value(struct wend_exchange *x)
{
    struct wend_view *view = WEND_NEW(&x->task->arena, struct wend_view);
    struct wend_buffer value;

    if (view == NULL)
        return WEND_STR_NULL;
    wend_view_of_trace(view, x->task->trace);
    wend_buffer_init_arena(&value, &x->task->arena, WEND_SERVER_TIMING_BYTES_MAX);
    wend_print_server_timing(&value, view, 0, true, WEND_SERVER_TIMING_BYTES_MAX);
    return value.len == 0 || value.overflow ? WEND_STR_NULL : wend_buffer_str(&value);
}

static void add_value(struct wend_exchange *x, struct wend_fields *fields)
{
    struct wend_str value = timing_value(x);

    if (value.ptr != NULL) /* without room the client is not told: no reason to fail the request */
        (void)wend_fields_add(fields, &x->task->arena, WEND_FIELD_SERVER_TIMING, value);
}

static bool takes_trailers(const struct wend_exchange *x)
{
    return wend_field_list_has(wend_fields_value(&x->request.fields, WEND_FIELD_TE),
                               WEND_STR("trailers"));
}

bool wend_timing_head(struct wend_exchange *x, void **state)
{
    (void)state;
    add_value(x, &x->response.fields);
    return x->response.content_length < 0 && takes_trailers(x);
}

enum wend_code wend_timing_body(struct wend_exchange *x, struct wend_filter_link *link, void *state,
                                const struct wend_piece *pieces, size_t count, bool last)
{
    (void)state;
    if (last)
        add_value(x, &x->response.trailers);
    return wend_filter_next(x, link, pieces, count, last);
}

static bool tell_local(struct wend_exchange *x, void **state)
{
    return wend_timing_wanted(x) && wend_timing_is_local(x) && wend_timing_head(x, state);
}

const struct wend_filter wend_filter_timing = {
    .name = "timing",
    .head = tell_local,
    .body = wend_timing_body,
};
