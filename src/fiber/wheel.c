/* fiber/wheel.c - see fiber/wheel.h. */
#include "fiber/wheel.h"

#include "base/assert.h"

#define TICK_NS (WEND_TIMER_TICK_MS * WEND_NS_PER_MS)
#define FARTHEST                                                                                   \
    ((INT64_C(1) << 24) - 1) /* ticks level 3 can hold; later ones are put there again */

/* The first tick at or after a time, so that no timer fires early. */
static int64_t tick_of(int64_t ns)
{
    return ns / TICK_NS + (ns % TICK_NS != 0);
}

void wend_wheel_init(struct wend_wheel *wheel, int64_t now_ns)
{
    wheel->tick = now_ns / TICK_NS;
    wheel->count = 0;
    for (int level = 0; level < WEND_WHEEL_LEVELS; level++) {
        wheel->occupied[level] = 0;
        for (int slot = 0; slot < WEND_WHEEL_SLOTS; slot++)
            wend_list_init(&wheel->slots[level][slot]);
    }
}

static void place(struct wend_wheel *wheel, struct wend_timer *timer)
{
    int64_t at = tick_of(timer->at_ns);
    int64_t distance;
    int level = 0;
    unsigned slot;

    if (at <= wheel->tick)
        at = wheel->tick + 1;
    distance = at - wheel->tick;
    if (distance > FARTHEST) {
        distance = FARTHEST;
        at = wheel->tick + FARTHEST;
    }
    while (distance >= (INT64_C(1) << (6 * (level + 1))))
        level++;
    slot = (unsigned)(at >> (6 * level)) & 63;
    timer->slot_ns = at * TICK_NS;
    wend_list_append(&wheel->slots[level][slot], &timer->node);
    wheel->occupied[level] |= UINT64_C(1) << slot;
}

void wend_wheel_start(struct wend_wheel *wheel, struct wend_timer *timer, int64_t at_ns)
{
    timer->at_ns = at_ns;
    if (wend_list_linked(&timer->node)) {
        if (at_ns >= timer->slot_ns)
            return;
        wend_list_remove(&timer->node);
        wheel->count--;
    }
    if (at_ns == WEND_NEVER)
        return;
    wheel->count++;
    place(wheel, timer);
}

void wend_wheel_stop(struct wend_wheel *wheel, struct wend_timer *timer)
{
    timer->at_ns = WEND_NEVER;
    if (!wend_list_linked(&timer->node))
        return;
    wend_list_remove(&timer->node);
    wheel->count--;
}

/* Takes a slot's timers off and puts each where it belongs now. */
static void cascade(struct wend_wheel *wheel, int level, unsigned slot)
{
    struct wend_list *head = &wheel->slots[level][slot];
    struct wend_list moving;

    wheel->occupied[level] &= ~(UINT64_C(1) << slot);
    if (wend_list_empty(head))
        return;
    moving = *head;
    moving.next->prev = moving.prev->next = &moving;
    wend_list_init(head);
    while (!wend_list_empty(&moving)) {
        struct wend_timer *timer = WEND_OF(moving.next, struct wend_timer, node);

        wend_list_remove(&timer->node);
        if (timer->at_ns == WEND_NEVER) {
            wheel->count--;
            continue;
        }
        /* place() may choose this very tick's slot only through "at least the next one"; a timer
         * due at the tick being processed must not wait a whole tick more. */
        if (tick_of(timer->at_ns) <= wheel->tick) {
            timer->slot_ns = wheel->tick * TICK_NS;
            wend_list_append(&wheel->slots[0][wheel->tick & 63], &timer->node);
            wheel->occupied[0] |= UINT64_C(1) << (wheel->tick & 63);
        } else {
            place(wheel, timer);
        }
    }
}

static size_t fire_slot(struct wend_wheel *wheel)
{
    unsigned slot = (unsigned)wheel->tick & 63;
    struct wend_list *head = &wheel->slots[0][slot];
    size_t fired = 0;

    wheel->occupied[0] &= ~(UINT64_C(1) << slot);
    while (!wend_list_empty(head)) {
        struct wend_timer *timer = WEND_OF(head->next, struct wend_timer, node);

        wend_list_remove(&timer->node);
        if (timer->at_ns == WEND_NEVER) {
            wheel->count--;
        } else if (tick_of(timer->at_ns) > wheel->tick) {
            place(wheel, timer); /* it was moved to a later time meanwhile */
        } else {
            wheel->count--;
            fired++;
            timer->at_ns = WEND_NEVER;
            timer->fire(timer);
        }
    }
    return fired;
}

/* The next tick at which there is something to do, at most `limit`. */
static int64_t next_tick(const struct wend_wheel *wheel, int64_t limit)
{
    unsigned from = (unsigned)(wheel->tick + 1) & 63;
    uint64_t near = wheel->occupied[0];
    int64_t next = limit;

    near = from == 0 ? near : (near >> from) | (near << (64 - from));
    if (near != 0 && wheel->tick + 1 + __builtin_ctzll(near) < next)
        next = wheel->tick + 1 + __builtin_ctzll(near);
    /* A higher level comes down when the level below it has gone round. */
    for (int level = 1; level < WEND_WHEEL_LEVELS; level++) {
        int64_t turn = wheel->tick >> (6 * level);
        unsigned first = (unsigned)(turn + 1) & 63;
        uint64_t far = wheel->occupied[level];

        if (far == 0)
            continue;
        far = first == 0 ? far : (far >> first) | (far << (64 - first));
        turn = (turn + 1 + __builtin_ctzll(far)) << (6 * level);
        next = turn < next ? turn : next;
    }
    return next;
}

size_t wend_wheel_advance(struct wend_wheel *wheel, int64_t now_ns)
{
    int64_t now = now_ns / TICK_NS;
    size_t fired = 0;

    while (wheel->tick < now) {
        int64_t next = next_tick(wheel, now);

        wheel->tick = next;
        for (int level = WEND_WHEEL_LEVELS - 1; level > 0; level--)
            if ((next & ((INT64_C(1) << (6 * level)) - 1)) == 0)
                cascade(wheel, level, (unsigned)(next >> (6 * level)) & 63);
        fired += fire_slot(wheel);
    }
    return fired;
}

int64_t wend_wheel_next_ns(const struct wend_wheel *wheel)
{
    if (wheel->count == 0)
        return WEND_NEVER;
    return next_tick(wheel, wheel->tick + FARTHEST) * TICK_NS;
}
