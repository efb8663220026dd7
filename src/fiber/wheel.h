/* fiber/wheel.h - timers in a hierarchical wheel. Private to fiber/.
 *
 * Four levels of 64 slots; a slot of level n spans 64^n ticks of WEND_TIMER_TICK_MS. A timer goes
 * to the level its distance needs and moves down as its time comes near. A bitmap per level finds
 * the next occupied slot, so an idle loop sleeps exactly as long as it may.
 *
 *     level 0: 256 ms     level 1: 16 s     level 2: 17 min     level 3: 18.6 h, and later ones too
 *
 * A running timer that is started again for a later time keeps its place (slot_ns) and only changes
 * at_ns; when the slot comes up it is put where it belongs. That makes the per-request restart of a
 * connection's keep-alive timer two stores.
 */
#ifndef WEND_FIBER_WHEEL_H
#define WEND_FIBER_WHEEL_H

#include "fiber/loop.h"

#define WEND_WHEEL_LEVELS 4
#define WEND_WHEEL_SLOTS 64

struct wend_wheel {
    int64_t tick;                         /* the last one processed */
    uint64_t occupied[WEND_WHEEL_LEVELS]; /* may say yes for a slot that became empty */
    struct wend_list slots[WEND_WHEEL_LEVELS][WEND_WHEEL_SLOTS];
    size_t count;
};

void wend_wheel_init(struct wend_wheel *wheel, int64_t now_ns);
void wend_wheel_start(struct wend_wheel *wheel, struct wend_timer *timer, int64_t at_ns);
void wend_wheel_stop(struct wend_wheel *wheel, struct wend_timer *timer);

/* Fires every timer that is due at now_ns. Returns how many. */
size_t wend_wheel_advance(struct wend_wheel *wheel, int64_t now_ns);

/* When the wheel wants to be advanced next; WEND_NEVER when it is empty. */
int64_t wend_wheel_next_ns(const struct wend_wheel *wheel);

#endif
