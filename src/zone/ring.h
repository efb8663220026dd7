/* zone/ring.h - the latest N records of all workers, the oldest one overwritten.
 *
 * What it is for. Recent traces and events, written on the hot path by every worker and read now
 * and then by whoever asks for them.
 *
 * Who owns what. The ring lies in a zone's block; a struct wend_ring is one process's view of it.
 *
 * What it promises. Writing takes one fetch_add and one compare-and-swap, no lock, and never waits.
 * A reader gets a whole record or none. Each record has a ticket, counting up; record t is
 * there until record t + slots begins. A writer killed midway costs
 * its own record only: its slot is used again as soon as its process is gone.
 *
 * What it does not do. When a writer is so slow that all others went once round the ring meanwhile,
 * the newcomer's record is dropped (counted), not the slot torn.
 *
 *   slot:  | lap, writer's pid, writing? : one word | len | bytes ... |
 */
#ifndef WEND_ZONE_RING_H
#define WEND_ZONE_RING_H

#include "zone/zone.h"

#define WEND_RING_SLOTS_MIN 64
#define WEND_RING_SLOTS_MAX (1u << 20)
#define WEND_RING_RECORD_MAX (64u << 10)

struct wend_ring_head;

struct wend_ring {
    struct wend_ring_head *head;
    char *slots;
    size_t stride;     /* bytes from slot to slot */
    size_t record_max; /* bytes of a record at most */
    uint64_t mask;
    unsigned lap_shift; /* ticket >> lap_shift: how often it went round */
};

/* A new ring in `zone` for `slots` records (rounded up to a power of two) of at most `record_max`
 * bytes each. *at is what wend_ring_attach() needs. WEND_E_LIMIT, WEND_E_MEMORY. */
enum wend_code wend_ring_create(struct wend_ring *ring, struct wend_zone *zone, size_t slots,
                                size_t record_max, wend_zone_offset *at) WEND_MUST_CHECK;
enum wend_code wend_ring_attach(struct wend_ring *ring, struct wend_zone *zone,
                                wend_zone_offset at) WEND_MUST_CHECK;
/* The size of a zone that has room for such a ring and little else. */
size_t wend_ring_zone_bytes(size_t slots, size_t record_max);

/* Where to write up to record_max bytes; NULL: dropped. Between begin and end nothing suspends. */
void *wend_ring_begin(struct wend_ring *ring, uint64_t *ticket);
void wend_ring_end(struct wend_ring *ring, uint64_t ticket, size_t len);
/* begin, copy, end. False: dropped or too long. */
bool wend_ring_write(struct wend_ring *ring, const void *record, size_t len);

/* The ticket the next record will get. The latest one written is next - 1, the oldest that can
 * still be there next - slots. */
uint64_t wend_ring_next(const struct wend_ring *ring);
/* Copies record `ticket`. False: not there (overwritten, being written, dropped, not yet begun). */
bool wend_ring_read(const struct wend_ring *ring, uint64_t ticket, void *into, size_t room,
                    size_t *len);
uint64_t wend_ring_dropped(const struct wend_ring *ring);

#endif
