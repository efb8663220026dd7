/* trace/trace.h - the one list of spans that every layer writes.
 *
 * What it is for. A trace is the life of one exchange: nested spans with start and end. It is
 * always on; printers (terminal, Server-Timing, JSON, log variables) are views of it.
 *
 * Who owns what. The trace is part of the task's memory, with room for as many spans as nearly
 * every life has. The first span beyond them takes memory for the others, which the trace keeps for
 * its next lives until wend_trace_release(). A span's note is kept as a slice: its bytes must live
 * as long as the task (arena, literal, configuration).
 *
 * What it promises. Beginning or ending a span costs one clock stamp and a few stores. Beyond
 * WEND_SPANS_MAX spans, further ones are counted in `dropped`.
 *
 * What it does not do. It does not decide who may see a trace: printers' callers do.
 */
#ifndef WEND_TRACE_TRACE_H
#define WEND_TRACE_TRACE_H

#include "base/clock.h"
#include "base/str.h"

#define WEND_SPANS_MAX 48
#define WEND_SPANS_NEAR 16 /* of them, in the trace itself */
#define WEND_SPAN_NONE UINT16_MAX

enum wend_event {
#define WEND_EVENT(name, layer, label, number, help) WEND_EV_##name,
#include "trace/events.def"
#undef WEND_EVENT
    WEND_EVENTS_COUNT
};

struct wend_event_info {
    const char *name, *layer, *label, *number, *help;
};
extern const struct wend_event_info wend_events[WEND_EVENTS_COUNT];

struct wend_span {
    uint64_t start_ticks, end_ticks; /* end 0: still open */
    uint16_t event;                  /* enum wend_event */
    uint16_t parent;                 /* index, or WEND_SPAN_NONE */
    int32_t status;                  /* reserved for printers: 0 */
    int64_t number;                  /* what events.def says */
    struct wend_str note;
};

struct wend_trace {
    uint64_t id[2];     /* W3C trace-id, made lazily: 0,0 until asked for */
    uint64_t span_id;   /* ours, made lazily */
    uint64_t parent_id; /* the caller's span, from traceparent; 0: none */
    int64_t wall_ns;    /* wall clock at start_ticks */
    uint64_t start_ticks;
    uint16_t count;
    uint16_t current; /* innermost open span, or WEND_SPAN_NONE */
    uint16_t dropped;
    bool enabled; /* false: begin and end do nothing; see wend_trace_on */
    bool sampled; /* traceparent's flag */
    struct wend_span near[WEND_SPANS_NEAR];
    struct wend_span *far; /* the ones behind them; NULL until needed */
};

/* Whether traces started from now on record anything; true unless somebody measures what tracing
 * costs. Set before the first request of the process. */
extern bool wend_trace_on;

/* Resets `trace`; at_ticks is when the life began (0: now). */
void wend_trace_start(struct wend_trace *trace, uint64_t at_ticks, int64_t wall_ns);
void wend_trace_release(struct wend_trace *trace);

static inline struct wend_span *wend_trace_span(const struct wend_trace *trace, uint16_t index)
{
    return index < WEND_SPANS_NEAR ? (struct wend_span *)&trace->near[index]
                                   : &trace->far[index - WEND_SPANS_NEAR];
}

/* The slow half of wend_trace_has_room. */
bool wend_trace_grow(struct wend_trace *trace);

/* Whether one more span fits. */
static inline bool wend_trace_has_room(struct wend_trace *trace)
{
    return WEND_LIKELY(trace->count < WEND_SPANS_NEAR) || wend_trace_grow(trace);
}

/* Begins a span inside the current one and makes it current. Returns its index. */
static inline uint16_t wend_span_begin_at(struct wend_trace *trace, enum wend_event event,
                                          uint64_t ticks)
{
    struct wend_span *span;

    if (!trace->enabled)
        return WEND_SPAN_NONE;
    if (!wend_trace_has_room(trace)) {
        trace->dropped++;
        return WEND_SPAN_NONE;
    }
    span = wend_trace_span(trace, trace->count);
    span->start_ticks = ticks;
    span->end_ticks = 0;
    span->event = (uint16_t)event;
    span->parent = trace->current;
    span->status = 0;
    span->number = 0;
    span->note = WEND_STR_NULL;
    trace->current = trace->count;
    return trace->count++;
}

static inline uint16_t wend_span_begin(struct wend_trace *trace, enum wend_event event)
{
    return trace->enabled ? wend_span_begin_at(trace, event, wend_clock_ticks()) : WEND_SPAN_NONE;
}

/* Ends span `index` and every span still open inside it. `number` as events.def says. */
static inline void wend_span_end_at(struct wend_trace *trace, uint16_t index, int64_t number,
                                    uint64_t ticks)
{
    struct wend_span *span;

    if (index == WEND_SPAN_NONE)
        return;
    while (trace->current != index && trace->current != WEND_SPAN_NONE) {
        span = wend_trace_span(trace, trace->current);
        span->end_ticks = ticks;
        trace->current = span->parent;
    }
    span = wend_trace_span(trace, index);
    span->end_ticks = ticks;
    span->number = number;
    trace->current = span->parent;
}

static inline void wend_span_end(struct wend_trace *trace, uint16_t index, int64_t number)
{
    if (index != WEND_SPAN_NONE)
        wend_span_end_at(trace, index, number, wend_clock_ticks());
}

static inline void wend_span_note(struct wend_trace *trace, uint16_t index, struct wend_str note)
{
    if (index != WEND_SPAN_NONE)
        wend_trace_span(trace, index)->note = note;
}

/* A span of no length: something happened. */
void wend_span_point(struct wend_trace *trace, enum wend_event event, int64_t number,
                     struct wend_str note);

/* Makes the ids if there are none yet. */
void wend_trace_identify(struct wend_trace *trace);

/* `traceparent` (W3C Trace Context level 1): "00-<32 hex>-<16 hex>-<2 hex>". A wrong value is
 * ignored, as the standard asks. */
bool wend_trace_join(struct wend_trace *trace, struct wend_str traceparent);
#define WEND_TRACEPARENT_LEN 55
void wend_trace_write_parent(struct wend_trace *trace, char out[WEND_TRACEPARENT_LEN + 1]);

/* 16 lower-case hexadecimal digits at `out`; no NUL. */
void wend_trace_write_hex(uint64_t value, char *out);

#endif
