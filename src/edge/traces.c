/* edge/traces.c - a ring of records, and who gets into it. */
#include "edge/traces.h"

#include "trace/print.h"
#include "trace/record.h"
#include "zone/ring.h"

#define ZONE_VERSION 1

/* The process's: made in the master, inherited by its workers. */
static struct {
    struct wend_zone zone;
    struct wend_ring ring;
    bool open;
} kept;

enum wend_code wend_traces_open(void)
{
    wend_zone_offset at;
    enum wend_code code;

    if (kept.open)
        return WEND_OK;
    code = wend_zone_create(&kept.zone, WEND_STR("traces"),
                            wend_ring_zone_bytes(WEND_TRACES_KEPT, WEND_RECORD_MAX), ZONE_VERSION);
    if (code != WEND_OK)
        return code;
    code = wend_ring_create(&kept.ring, &kept.zone, WEND_TRACES_KEPT, WEND_RECORD_MAX, &at);
    if (code != WEND_OK) {
        wend_zone_detach(&kept.zone);
        return code;
    }
    wend_zone_set_root(&kept.zone, at);
    kept.open = true;
    return WEND_OK;
}

/* --- keeping ---------------------------------------------------------------------------------- */

/* A bucket of this worker: filled by time, emptied by traces. */
struct allowance {
    int64_t filled_ns; /* the time up to which it was filled; 0: never used */
    int64_t tokens;
};

static bool take_token(struct allowance *a, int64_t now_ns)
{
    const int64_t each_ns = WEND_NS_PER_S / WEND_TRACES_PER_SECOND;
    int64_t earned;

    if (a->filled_ns == 0) {
        a->filled_ns = now_ns;
        a->tokens = WEND_TRACES_BURST;
    }
    if (a->tokens < WEND_TRACES_BURST && now_ns - a->filled_ns >= each_ns) {
        earned = (now_ns - a->filled_ns) / each_ns;
        a->filled_ns += earned * each_ns;
        a->tokens += earned;
    }
    if (a->tokens >= WEND_TRACES_BURST) {
        a->tokens = WEND_TRACES_BURST;
        a->filled_ns = now_ns;
    }
    if (a->tokens == 0)
        return false;
    a->tokens--;
    return true;
}

static bool is_notable(const struct wend_exchange *x, int64_t now_ns)
{
    return x->response.status >= 500 ||
           now_ns - x->started_ns >= WEND_TRACES_SLOW_MS * WEND_NS_PER_MS;
}

void wend_traces_keep(const struct wend_exchange *x)
{
    static struct allowance ordinary, notable;
    int64_t now_ns = wend_loop_now_ns(x->task->loop);
    uint64_t ticket;
    char *slot;

    if (!kept.open || !x->task->trace->enabled)
        return;
    if (!take_token(is_notable(x, now_ns) ? &notable : &ordinary, now_ns))
        return;
    slot = wend_ring_begin(&kept.ring, &ticket);
    if (slot != NULL)
        wend_ring_end(&kept.ring, ticket, wend_record_write(x->task->trace, x->request.line, slot));
}

/* --- showing ---------------------------------------------------------------------------------- */

/* A view and the record its texts lie in: 10 KiB, which a fiber of 64 KiB has. */
struct shown {
    char record[WEND_RECORD_MAX];
    struct wend_view view;
};

static bool read_one(uint64_t ticket, struct shown *shown)
{
    size_t len;

    return wend_ring_read(&kept.ring, ticket, shown->record, sizeof shown->record, &len) &&
           wend_record_read(wend_str_make(shown->record, len), &shown->view) == WEND_OK;
}

static void print_entry(struct wend_buffer *out, uint64_t ticket, const struct shown *shown)
{
    wend_buffer_printf(out, "{\"number\":%llu,\"trace\":", (unsigned long long)ticket);
    wend_print_json(out, &shown->view);
    wend_buffer_add_byte(out, '}');
}

static uint64_t oldest_ticket(uint64_t next)
{
    return next > WEND_TRACES_KEPT ? next - WEND_TRACES_KEPT : 1;
}

void wend_traces_print(struct wend_buffer *out, size_t count)
{
    uint64_t next = kept.open ? wend_ring_next(&kept.ring) : 1, oldest = oldest_ticket(next);
    struct shown shown;
    size_t printed = 0;

    wend_buffer_add(out, WEND_STR("{\"traces\":["));
    for (uint64_t ticket = next; ticket-- > oldest && printed < count;) {
        size_t before = out->len;

        if (!read_one(ticket, &shown))
            continue;
        if (printed > 0)
            wend_buffer_add_byte(out, ',');
        print_entry(out, ticket, &shown);
        if (out->overflow || out->len + 3 > out->max) { /* the last one did not fit whole */
            out->len = before;
            out->overflow = false;
            break;
        }
        printed++;
    }
    wend_buffer_add(out, WEND_STR("]}\n"));
}

static bool read_id(struct wend_str which, uint64_t id[2])
{
    return which.len == 32 && wend_str_hex_to_u64(wend_str_slice(which, 0, 16), &id[0]) &&
           wend_str_hex_to_u64(wend_str_from(which, 16), &id[1]) && (id[0] != 0 || id[1] != 0);
}

static uint64_t find_id(const uint64_t id[2], struct shown *shown)
{
    uint64_t next = wend_ring_next(&kept.ring), oldest = oldest_ticket(next);

    for (uint64_t ticket = next; ticket-- > oldest;) {
        if (read_one(ticket, shown) && shown->view.id[0] == id[0] && shown->view.id[1] == id[1])
            return ticket;
    }
    return 0;
}

enum wend_code wend_traces_print_one(struct wend_buffer *out, struct wend_str which)
{
    struct shown shown;
    uint64_t ticket = 0, id[2];

    if (!kept.open)
        return WEND_E_NOT_FOUND;
    if (read_id(which, id))
        ticket = find_id(id, &shown);
    else if (wend_str_to_u64(which, &ticket) && ticket > 0 && !read_one(ticket, &shown))
        ticket = 0;
    if (ticket == 0)
        return WEND_E_NOT_FOUND;
    print_entry(out, ticket, &shown);
    wend_buffer_add_byte(out, '\n');
    return WEND_OK;
}
