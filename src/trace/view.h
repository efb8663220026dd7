/* trace/view.h - a trace in the form its readers want: nanoseconds instead of ticks.
 *
 * What it is for. What printers print. It comes from a live trace, from a record of a finished one
 * (trace/record.h), or is composed by hand: the client adds what the server told about itself.
 *
 * Who owns what. A view is a plain value. Labels and notes are slices of whatever it was made from,
 * and live as long as that does.
 *
 * What it promises. Spans are in the order they began, a parent before its children, no time is
 * negative, and no span ends before it starts.
 */
#ifndef WEND_TRACE_VIEW_H
#define WEND_TRACE_VIEW_H

#include "trace/trace.h"

#define WEND_VIEW_SPANS_MAX (2 * WEND_SPANS_MAX) /* ours and what the other side told */
#define WEND_VIEW_OPEN (-1)

struct wend_view_span {
    int64_t start_ns; /* since the view's start */
    int64_t end_ns;   /* WEND_VIEW_OPEN: it has not ended */
    int64_t number;   /* what events.def says of the event */
    uint16_t event;   /* enum wend_event; WEND_EVENTS_COUNT: somebody else's, see label */
    uint16_t parent;  /* index, or WEND_SPAN_NONE */
    uint16_t depth;   /* 0: nothing around it */
    bool remote;      /* the other side's clock and words */
    struct wend_str label;
    struct wend_str note;
};

struct wend_view {
    uint64_t id[2], span_id, parent_id; /* 0: none was made */
    int64_t wall_ns;
    int64_t duration_ns; /* to the last end there is; to the moment it was made of a live trace */
    uint16_t count, dropped;
    struct wend_str subject; /* the request line or URL; null: none */
    struct wend_view_span spans[WEND_VIEW_SPANS_MAX];
};

/* Empty when the trace is switched off. Spans that are open last until now. */
void wend_view_of_trace(struct wend_view *view, const struct wend_trace *trace);

/* An empty view that starts at `wall_ns`. */
void wend_view_start(struct wend_view *view, int64_t wall_ns);

/* Appends a span inside `parent` (WEND_SPAN_NONE, or the index of an earlier one) and returns its
 * index, or WEND_SPAN_NONE (and counts it as dropped) when the view is full. Label and depth are
 * filled in; a label of the caller's replaces the event's. */
uint16_t wend_view_add(struct wend_view *view, enum wend_event event, uint16_t parent,
                       int64_t start_ns, int64_t end_ns);

static inline int64_t wend_view_length(const struct wend_view *view,
                                       const struct wend_view_span *span)
{
    return (span->end_ns == WEND_VIEW_OPEN ? view->duration_ns : span->end_ns) - span->start_ns;
}

#endif
