/* trace/view.c - ticks become nanoseconds, parents become depths. */
#include "trace/view.h"

void wend_view_start(struct wend_view *view, int64_t wall_ns)
{
    memset(view, 0, offsetof(struct wend_view, spans));
    view->wall_ns = wall_ns;
}

uint16_t wend_view_add(struct wend_view *view, enum wend_event event, uint16_t parent,
                       int64_t start_ns, int64_t end_ns)
{
    struct wend_view_span *span;

    if (view->count == WEND_VIEW_SPANS_MAX) {
        view->dropped++;
        return WEND_SPAN_NONE;
    }
    if (start_ns < 0)
        start_ns = 0;
    if (end_ns != WEND_VIEW_OPEN && end_ns < start_ns)
        end_ns = start_ns;
    span = &view->spans[view->count];
    *span = (struct wend_view_span){.start_ns = start_ns,
                                    .end_ns = end_ns,
                                    .event = (uint16_t)event,
                                    .parent = parent < view->count ? parent : WEND_SPAN_NONE};
    if (span->parent != WEND_SPAN_NONE)
        span->depth = view->spans[parent].depth + 1;
    if (event < WEND_EVENTS_COUNT)
        span->label = wend_str_of(wend_events[event].label);
    if (start_ns > view->duration_ns)
        view->duration_ns = start_ns;
    if (end_ns > view->duration_ns)
        view->duration_ns = end_ns;
    return view->count++;
}

/* A span may be stamped with a time before the trace's own start (its connection was accepted
 * earlier); it is shown from the start on. */
static int64_t since(const struct wend_trace *trace, uint64_t ticks)
{
    if (ticks <= trace->start_ticks)
        return 0;
    return wend_clock_ticks_to_ns(ticks - trace->start_ticks);
}

void wend_view_of_trace(struct wend_view *view, const struct wend_trace *trace)
{
    bool any_open = false;

    wend_view_start(view, trace->wall_ns);
    if (!trace->enabled)
        return;
    view->id[0] = trace->id[0];
    view->id[1] = trace->id[1];
    view->span_id = trace->span_id;
    view->parent_id = trace->parent_id;
    view->dropped = trace->dropped;
    for (uint16_t i = 0; i < trace->count; i++) {
        const struct wend_span *span = wend_trace_span(trace, i);
        int64_t end = span->end_ticks == 0 ? WEND_VIEW_OPEN : since(trace, span->end_ticks);

        wend_view_add(view, (enum wend_event)span->event, span->parent,
                      since(trace, span->start_ticks), end);
        view->spans[i].number = span->number;
        view->spans[i].note = span->note;
        any_open |= end == WEND_VIEW_OPEN;
    }
    if (any_open) /* what has not ended lasts until now */
        view->duration_ns = since(trace, wend_clock_ticks());
}
