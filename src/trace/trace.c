/* trace/trace.c - starting a trace, its ids, and the traceparent field.
 *
 * Ids are made only when somebody asks: most requests are answered before anyone needs to name
 * them. They come from a generator per thread, seeded by the kernel, because a system call for
 * each id would cost more than all spans of a request together. Ids are names, not secrets.
 */
#include "trace/trace.h"

#include "base/assert.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/random.h>

const struct wend_event_info wend_events[WEND_EVENTS_COUNT] = {
#define WEND_EVENT(name, layer, label, number, help) {#name, #layer, label, number, help},
#include "trace/events.def"
#undef WEND_EVENT
};

bool wend_trace_on = true;

void wend_trace_start(struct wend_trace *trace, uint64_t at_ticks, int64_t wall_ns)
{
    trace->id[0] = trace->id[1] = 0;
    trace->span_id = 0;
    trace->parent_id = 0;
    trace->wall_ns = wall_ns;
    trace->start_ticks = at_ticks != 0 ? at_ticks : wend_clock_ticks();
    trace->count = 0;
    trace->current = WEND_SPAN_NONE;
    trace->dropped = 0;
    trace->enabled = wend_trace_on;
    trace->sampled = true;
}

void wend_trace_release(struct wend_trace *trace)
{
    free(trace->far);
    trace->far = NULL;
}

bool wend_trace_grow(struct wend_trace *trace)
{
    if (trace->count == WEND_SPANS_MAX)
        return false;
    if (trace->far == NULL)
        trace->far = calloc(WEND_SPANS_MAX - WEND_SPANS_NEAR, sizeof(*trace->far));
    return trace->far != NULL;
}

void wend_span_point(struct wend_trace *trace, enum wend_event event, int64_t number,
                     struct wend_str note)
{
    uint64_t now;
    uint16_t span;

    if (!trace->enabled)
        return;
    now = wend_clock_ticks();
    span = wend_span_begin_at(trace, event, now);
    wend_span_note(trace, span, note);
    wend_span_end_at(trace, span, number, now);
}

/* --- ids ---------------------------------------------------------------------------------- */

/* xoshiro256**, one per thread. A fork would give parent and child the same future, so the child
 * counts itself and every thread whose count is behind seeds anew. */
static _Thread_local struct {
    uint64_t s[4];
    unsigned seeded_at; /* the value of `forks` then; 0: never */
} generator;

static atomic_uint forks = 1;
static pthread_once_t fork_watch = PTHREAD_ONCE_INIT;

static void count_fork(void)
{
    atomic_fetch_add(&forks, 1);
}

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, count_fork);
}

static void seed(void)
{
    pthread_once(&fork_watch, watch_forks);
    if (getrandom(generator.s, sizeof generator.s, 0) != (ssize_t)sizeof generator.s)
        wend_die("getrandom");
    generator.s[0] |= 1; /* all zero is the generator's one fixed point */
    generator.seeded_at = atomic_load(&forks);
}

static uint64_t rotate(uint64_t x, int by)
{
    return (x << by) | (x >> (64 - by));
}

static uint64_t random_id(void)
{
    uint64_t *s = generator.s;
    uint64_t out, t;

    do {
        out = rotate(s[1] * 5, 7) * 9;
        t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = rotate(s[3], 45);
    } while (out == 0); /* zero means "no id" here and in the standard */
    return out;
}

void wend_trace_identify(struct wend_trace *trace)
{
    bool named = trace->id[0] != 0 || trace->id[1] != 0;

    if (named && trace->span_id != 0)
        return;
    if (generator.seeded_at != atomic_load_explicit(&forks, memory_order_relaxed))
        seed();
    if (!named) {
        trace->id[0] = random_id();
        trace->id[1] = random_id();
    }
    if (trace->span_id == 0)
        trace->span_id = random_id();
}

/* --- traceparent -------------------------------------------------------------------------- */

/* Lower-case digits only: the standard calls upper case invalid. */
static bool read_hex(const char *at, size_t digits, uint64_t *out)
{
    uint64_t value = 0;

    for (size_t i = 0; i < digits; i++) {
        char c = at[i];

        if (c >= '0' && c <= '9')
            value = value << 4 | (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            value = value << 4 | (uint64_t)(c - 'a' + 10);
        else
            return false;
    }
    *out = value;
    return true;
}

/* A later version may be longer, but only after another '-' (W3C Trace Context 4.3). */
static bool length_fits(struct wend_str text, uint64_t version)
{
    if (version == 0)
        return text.len == WEND_TRACEPARENT_LEN;
    return text.len == WEND_TRACEPARENT_LEN || text.ptr[WEND_TRACEPARENT_LEN] == '-';
}

bool wend_trace_join(struct wend_trace *trace, struct wend_str traceparent)
{
    const char *at = traceparent.ptr;
    uint64_t version, id[2], parent, flags;

    if (traceparent.len < WEND_TRACEPARENT_LEN)
        return false;
    if (at[2] != '-' || at[35] != '-' || at[52] != '-')
        return false;
    if (!read_hex(at, 2, &version) || !read_hex(at + 3, 16, &id[0]) ||
        !read_hex(at + 19, 16, &id[1]) || !read_hex(at + 36, 16, &parent) ||
        !read_hex(at + 53, 2, &flags))
        return false;
    if (version == 0xff || !length_fits(traceparent, version))
        return false;
    if ((id[0] == 0 && id[1] == 0) || parent == 0)
        return false;
    trace->id[0] = id[0];
    trace->id[1] = id[1];
    trace->parent_id = parent;
    trace->sampled = (flags & 1) != 0;
    return true;
}

void wend_trace_write_hex(uint64_t value, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (int i = 0; i < 16; i++)
        out[i] = digits[value >> (60 - 4 * i) & 15];
}

void wend_trace_write_parent(struct wend_trace *trace, char out[WEND_TRACEPARENT_LEN + 1])
{
    wend_trace_identify(trace);
    memcpy(out, "00-", 3);
    wend_trace_write_hex(trace->id[0], out + 3);
    wend_trace_write_hex(trace->id[1], out + 19);
    out[35] = '-';
    wend_trace_write_hex(trace->span_id, out + 36);
    memcpy(out + 52, trace->sampled ? "-01" : "-00", 4);
}
