/* trace/record.c - spans to bytes and back. */
#include "trace/record.h"

#define RECORD_VERSION 1
#define VARINT_MAX 10                 /* bytes of a 64-bit number */
#define TIME_MAX (INT64_MAX / 4)      /* so that no sum of two times overflows */
#define SPAN_MAX (5 * VARINT_MAX + 1) /* a span without its note's bytes */

/* The writer has checked the room before: every function here only appends. */
struct writer {
    char *at, *end;
};

static size_t room(const struct writer *w)
{
    return (size_t)(w->end - w->at);
}

static void put_fixed(struct writer *w, uint64_t value)
{
    memcpy(w->at, &value, sizeof value);
    w->at += sizeof value;
}

static void put_number(struct writer *w, uint64_t value)
{
    while (value > 0x7f) {
        *w->at++ = (char)(value | 0x80);
        value >>= 7;
    }
    *w->at++ = (char)value;
}

static void put_text(struct writer *w, struct wend_str text, size_t max)
{
    size_t spare = room(w) > VARINT_MAX ? room(w) - VARINT_MAX : 0;

    text = wend_str_slice(text, 0, max < spare ? max : spare);
    put_number(w, text.len);
    if (text.len > 0)
        memcpy(w->at, text.ptr, text.len);
    w->at += text.len;
}

static uint64_t zigzag(int64_t value)
{
    return (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
}

static int64_t unzigzag(uint64_t value)
{
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

static int64_t since(uint64_t from, uint64_t to)
{
    int64_t ns = to <= from ? 0 : wend_clock_ticks_to_ns(to - from);

    return ns < TIME_MAX ? ns : TIME_MAX - 1;
}

/* `later`: how many spans follow, each of which shall still find room without its note. */
static void put_span(struct writer *w, const struct wend_trace *trace, const struct wend_span *span,
                     size_t later)
{
    size_t reserved = later * SPAN_MAX / 3; /* what a span takes in practice */
    size_t spare;

    put_number(w, span->event);
    put_number(w, span->parent == WEND_SPAN_NONE ? 0 : (uint64_t)span->parent + 1);
    put_number(w, (uint64_t)since(trace->start_ticks, span->start_ticks));
    put_number(w,
               span->end_ticks == 0 ? 0 : (uint64_t)since(span->start_ticks, span->end_ticks) + 1);
    put_number(w, zigzag(span->number));
    spare = room(w) > reserved ? room(w) - reserved : 0;
    put_text(w, span->note, spare < WEND_RECORD_NOTE_MAX ? spare : WEND_RECORD_NOTE_MAX);
}

size_t wend_record_write(const struct wend_trace *trace, struct wend_str subject,
                         char out[WEND_RECORD_MAX])
{
    struct writer w = {out, out + WEND_RECORD_MAX};
    char *count_at;
    uint16_t written = 0, dropped;

    *w.at++ = RECORD_VERSION;
    put_fixed(&w, trace->id[0]);
    put_fixed(&w, trace->id[1]);
    put_fixed(&w, trace->span_id);
    put_fixed(&w, trace->parent_id);
    put_fixed(&w, (uint64_t)trace->wall_ns);
    count_at = w.at; /* count and dropped are known at the end: fixed width */
    w.at += 4;
    put_text(&w, subject, WEND_RECORD_SUBJECT_MAX);
    while (written < trace->count && room(&w) >= SPAN_MAX + 1) {
        put_span(&w, trace, wend_trace_span(trace, written), (size_t)(trace->count - written - 1));
        written++;
    }
    dropped = (uint16_t)(trace->dropped + (trace->count - written));
    memcpy(count_at, &written, 2);
    memcpy(count_at + 2, &dropped, 2);
    return (size_t)(w.at - out);
}

/* --- reading ------------------------------------------------------------------------------ */

struct reader {
    const char *at, *end;
    bool failed;
};

static void take_bytes(struct reader *r, void *into, size_t len)
{
    memset(into, 0, len);
    if ((size_t)(r->end - r->at) < len) {
        r->failed = true;
        return;
    }
    memcpy(into, r->at, len);
    r->at += len;
}

static uint64_t take_number(struct reader *r)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        unsigned char byte;

        if (r->at == r->end)
            break;
        byte = (unsigned char)*r->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0)
            return value;
    }
    r->failed = true;
    return 0;
}

static struct wend_str take_text(struct reader *r, size_t max)
{
    uint64_t len = take_number(r);
    struct wend_str text;

    if (r->failed || len > max || len > (uint64_t)(r->end - r->at)) {
        r->failed = true;
        return WEND_STR_NULL;
    }
    text = wend_str_make(r->at, (size_t)len);
    r->at += len;
    return len == 0 ? WEND_STR_NULL : text;
}

static void take_span(struct reader *r, struct wend_view *view)
{
    uint64_t event = take_number(r), parent = take_number(r);
    uint64_t start = take_number(r), length = take_number(r);
    int64_t number = unzigzag(take_number(r));
    struct wend_str note = take_text(r, WEND_RECORD_NOTE_MAX);
    int64_t end = WEND_VIEW_OPEN;
    uint16_t index;

    if (r->failed || event >= WEND_EVENTS_COUNT || parent > view->count || start > TIME_MAX ||
        length > TIME_MAX) {
        r->failed = true;
        return;
    }
    if (length > 0)
        end = (int64_t)(start + length - 1);
    index =
        wend_view_add(view, (enum wend_event)event,
                      parent == 0 ? WEND_SPAN_NONE : (uint16_t)(parent - 1), (int64_t)start, end);
    view->spans[index].number = number;
    view->spans[index].note = note;
}

enum wend_code wend_record_read(struct wend_str record, struct wend_view *view)
{
    struct reader r = {record.ptr, record.ptr + record.len, false};
    char version;
    int64_t wall;
    uint16_t count;

    wend_view_start(view, 0);
    take_bytes(&r, &version, 1);
    if (r.failed || version != RECORD_VERSION)
        return WEND_E_SYNTAX;
    take_bytes(&r, &view->id[0], 8);
    take_bytes(&r, &view->id[1], 8);
    take_bytes(&r, &view->span_id, 8);
    take_bytes(&r, &view->parent_id, 8);
    take_bytes(&r, &wall, 8);
    take_bytes(&r, &count, 2);
    take_bytes(&r, &view->dropped, 2);
    view->wall_ns = wall;
    view->subject = take_text(&r, WEND_RECORD_SUBJECT_MAX);
    if (count > WEND_SPANS_MAX)
        return WEND_E_SYNTAX;
    for (uint16_t i = 0; i < count && !r.failed; i++)
        take_span(&r, view);
    return r.failed || r.at != r.end ? WEND_E_SYNTAX : WEND_OK;
}
