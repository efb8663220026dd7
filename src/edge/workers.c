/* edge/workers.c - a slot of counters per worker. */
#include "edge/workers.h"

#include "http/h1_server.h"
#include "zone/zone.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#define ZONE_VERSION 1

/* Each on lines of its own: a worker's stores must not slow another's. */
struct slot {
    _Alignas(128) _Atomic(int64_t) pid; /* 0: free */
    _Atomic(int64_t) started_s;
    _Atomic(uint64_t) requests, connections, idle;
    _Atomic(uint64_t) fibers, fibers_most, stack_most_bytes;
};

static struct {
    struct wend_zone zone;
    struct slot *slots; /* NULL: not open */
} shared;

static struct {
    struct slot *slot; /* NULL: none */
    struct wend_loop *loop;
    struct wend_timer timer;
} mine;

enum wend_code wend_workers_open(void)
{
    wend_zone_offset at;
    enum wend_code code;

    if (shared.slots != NULL)
        return WEND_OK;
    code = wend_zone_create(&shared.zone, WEND_STR("workers"),
                            (WEND_WORKERS_SHOWN + 1) * sizeof(struct slot) + WEND_ZONE_BYTES_MIN,
                            ZONE_VERSION);
    if (code != WEND_OK)
        return code;
    at = wend_zone_alloc(&shared.zone, NULL, (WEND_WORKERS_SHOWN + 1) * sizeof(struct slot));
    if (at == 0) {
        wend_zone_detach(&shared.zone);
        return WEND_E_MEMORY;
    }
    at = (at + _Alignof(struct slot) - 1) / _Alignof(struct slot) * _Alignof(struct slot);
    shared.slots = wend_zone_at(&shared.zone, at, WEND_WORKERS_SHOWN * sizeof(struct slot));
    return WEND_OK;
}

/* --- a worker's own --------------------------------------------------------------------------- */

static bool is_gone(int64_t pid)
{
    return pid == 0 || (kill((pid_t)pid, 0) != 0 && errno == ESRCH);
}

static struct slot *take_slot(void)
{
    int64_t self = getpid();

    for (size_t i = 0; shared.slots != NULL && i < WEND_WORKERS_SHOWN; i++) {
        struct slot *slot = &shared.slots[i];
        int64_t owner = atomic_load(&slot->pid);

        if (is_gone(owner) && atomic_compare_exchange_strong(&slot->pid, &owner, self))
            return slot;
    }
    return NULL;
}

static void store(_Atomic(uint64_t) *to, uint64_t value)
{
    atomic_store_explicit(to, value, memory_order_relaxed);
}

static void publish(void)
{
    struct wend_loop_stats stats;
    size_t live, idle;

    wend_h1_count(mine.loop, &live, &idle);
    wend_loop_stats(mine.loop, &stats);
    store(&mine.slot->connections, live);
    store(&mine.slot->idle, idle);
    store(&mine.slot->fibers, stats.fibers_live);
    store(&mine.slot->fibers_most, stats.fibers_most);
    store(&mine.slot->stack_most_bytes, stats.stack_most_bytes);
}

static void publish_every_second(struct wend_timer *timer)
{
    publish();
    wend_timer_start(mine.loop, timer, wend_loop_now_ns(mine.loop) + WEND_NS_PER_S);
}

void wend_workers_join(struct wend_loop *loop)
{
    mine.slot = take_slot();
    if (mine.slot == NULL)
        return;
    mine.loop = loop;
    store(&mine.slot->requests, 0);
    atomic_store(&mine.slot->started_s, wend_loop_wall_ns(loop) / WEND_NS_PER_S);
    mine.timer.fire = publish_every_second;
    publish_every_second(&mine.timer);
}

void wend_workers_request(void)
{
    if (mine.slot != NULL) /* one writer: no read-modify-write is needed */
        store(&mine.slot->requests,
              atomic_load_explicit(&mine.slot->requests, memory_order_relaxed) + 1);
}

void wend_workers_leave(void)
{
    if (mine.slot == NULL)
        return;
    wend_timer_stop(mine.loop, &mine.timer);
    atomic_store(&mine.slot->pid, 0);
    mine.slot = NULL;
}

/* --- telling ---------------------------------------------------------------------------------- */

static void print_worker(struct wend_buffer *out, const struct slot *slot, int64_t pid)
{
    static const struct {
        const char *name;
        size_t offset;
    } members[] = {
        {"requests", offsetof(struct slot, requests)},
        {"connections", offsetof(struct slot, connections)},
        {"idle", offsetof(struct slot, idle)},
        {"fibers", offsetof(struct slot, fibers)},
        {"fibers_most", offsetof(struct slot, fibers_most)},
        {"stack_most_bytes", offsetof(struct slot, stack_most_bytes)},
    };

    wend_buffer_printf(out, "{\"pid\":%lld,\"started\":%lld", (long long)pid,
                       (long long)slot->started_s);
    for (size_t i = 0; i < WEND_COUNT(members); i++) {
        const _Atomic(uint64_t) *value = (const void *)((const char *)slot + members[i].offset);

        wend_buffer_printf(out, ",\"%s\":%llu", members[i].name,
                           (unsigned long long)atomic_load(value));
    }
    wend_buffer_add_byte(out, '}');
}

void wend_workers_print(struct wend_buffer *out)
{
    uint64_t requests = 0, connections = 0;
    bool first = true;

    if (mine.slot != NULL)
        publish();
    wend_buffer_add(out, WEND_STR("{\"version\":\"" WEND_VERSION "\",\"workers\":["));
    for (size_t i = 0; shared.slots != NULL && i < WEND_WORKERS_SHOWN; i++) {
        const struct slot *slot = &shared.slots[i];
        int64_t pid = atomic_load(&slot->pid);

        if (is_gone(pid))
            continue;
        if (!first)
            wend_buffer_add_byte(out, ',');
        first = false;
        print_worker(out, slot, pid);
        requests += slot->requests;
        connections += slot->connections;
    }
    wend_buffer_printf(out, "],\"requests\":%llu,\"connections\":%llu}\n",
                       (unsigned long long)requests, (unsigned long long)connections);
}
