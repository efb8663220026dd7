/* client/server_spans.c - a walk over our spans; after each wait come the server's. */
#include "client/server_spans.h"

/* From the metrics' zero to the last end among them. */
static int64_t length_of(const struct wend_server_told *told)
{
    int64_t longest = 0;

    for (size_t i = 0; i < told->count; i++) {
        const struct wend_server_metric *metric = &told->metrics[i];
        int64_t end = (metric->offset_ns > 0 ? metric->offset_ns : 0) +
                      (metric->duration_ns > 0 ? metric->duration_ns : 0);

        longest = end > longest ? end : longest;
    }
    return longest;
}

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* How far a child may seem to outlast its parent: spans still open when the server told of them
 * were measured one after the other, and times are rounded to microseconds. */
static int64_t slack(const struct wend_view_span *parent)
{
    return (parent->end_ns - parent->start_ns) / 50 + 2000;
}

/* The innermost span since `first` that contains [start, end], else the wait itself. */
static uint16_t find_parent(const struct wend_view *view, uint16_t first, uint16_t wait,
                            int64_t start, int64_t end)
{
    for (uint16_t i = view->count; i > first; i--)
        if (view->spans[i - 1].start_ns <= start && view->spans[i - 1].end_ns > start &&
            view->spans[i - 1].end_ns + slack(&view->spans[i - 1]) >= end)
            return (uint16_t)(i - 1);
    return wait;
}

static void add_told(struct wend_view *out, uint16_t wait, const struct wend_server_told *told)
{
    int64_t low = out->spans[wait].start_ns, high = out->spans[wait].end_ns;
    int64_t length = length_of(told), zero;
    uint16_t first = out->count;

    if (high == WEND_VIEW_OPEN)
        return;
    if (length > high - low && out->spans[wait].parent != WEND_SPAN_NONE) {
        /* It began before we waited: with the connection, or while we still sent. */
        wait = out->spans[wait].parent;
        low = out->spans[wait].start_ns;
        zero = length > high - low ? low : high - length;
    } else {
        zero = low + (high - low > length ? (high - low - length) / 2 : 0);
    }
    for (size_t i = 0; i < told->count; i++) {
        const struct wend_server_metric *metric = &told->metrics[i];
        int64_t start, end;
        uint16_t parent, index;

        if (metric->duration_ns < 0)
            continue; /* a remark, not a time */
        start = clamp(zero + (metric->offset_ns > 0 ? metric->offset_ns : 0), low, high);
        end = clamp(start + metric->duration_ns, start, high);
        parent = find_parent(out, first, wait, start, end);
        end = clamp(end, start, out->spans[parent].end_ns);
        index = wend_view_add(out, WEND_EVENTS_COUNT, parent, start, end);
        if (index == WEND_SPAN_NONE)
            return;
        out->spans[index].label = metric->name;
        out->spans[index].note = metric->text;
        out->spans[index].remote = true;
    }
}

void wend_server_spans_merge(const struct wend_trace *trace, const struct wend_server_told *told,
                             size_t told_count, struct wend_view *out)
{
    struct wend_view own;
    uint16_t moved[WEND_SPANS_MAX];

    wend_view_of_trace(&own, trace);
    wend_view_start(out, own.wall_ns);
    out->id[0] = own.id[0];
    out->id[1] = own.id[1];
    out->span_id = own.span_id;
    out->parent_id = own.parent_id;
    out->dropped = own.dropped;
    for (uint16_t i = 0; i < own.count; i++) {
        const struct wend_view_span *span = &own.spans[i];
        uint16_t parent = span->parent == WEND_SPAN_NONE ? WEND_SPAN_NONE : moved[span->parent];

        moved[i] = wend_view_add(out, span->event, parent, span->start_ns, span->end_ns);
        if (moved[i] == WEND_SPAN_NONE)
            continue;
        out->spans[moved[i]].number = span->number;
        out->spans[moved[i]].note = span->note;
        for (size_t j = 0; j < told_count; j++)
            if (told[j].wait_span == i)
                add_told(out, moved[i], &told[j]);
    }
    out->duration_ns = own.duration_ns;
}
