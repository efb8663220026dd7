/* zone/ring.c - one word per slot says who may touch it.
 *
 *   63            23 22         1   0
 *   | lap + 1       | pid        | w |     w = 1: process pid writes the record of that lap
 *                                          w = 0, pid = 0: the record is whole; 0: never written
 *
 * Lap, not ticket, so that 41 bits last (with 64 slots and a million records a second: 4 years;
 * with 4,096: 285). The pid is in the same word, so that there is no moment in which a slot is
 * taken and nobody knows by whom: whoever comes a lap later and finds w = 1 asks the kernel
 * whether that process still lives, and takes the slot only when it does not. A dead writer
 * cannot write any more, so no record is ever torn by a takeover. */
#include "zone/ring.h"

#include "base/assert.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#define PID_SHIFT 1
#define LAP_SHIFT 23
#define PID_MASK ((UINT64_C(1) << (LAP_SHIFT - PID_SHIFT)) - 1)
#define WRITING UINT64_C(1)
#define RING_MAGIC UINT64_C(0x31676e6972646e77) /* "wndring1" */

struct wend_ring_head {
    uint64_t magic;
    uint64_t slots, record_max, stride;
    uint64_t first; /* offset of slot 0 */
    uint64_t next __attribute__((aligned(64)));
    uint64_t dropped __attribute__((aligned(64)));
};

struct slot {
    uint64_t word;
    uint64_t len;
    char bytes[];
};

/* getpid() is a system call; the writers' hot path uses this copy. */
static uint64_t own_pid;

static void learn_pid(void)
{
    own_pid = (uint64_t)getpid();
}

static void learn_pid_once(void)
{
    learn_pid();
    pthread_atfork(NULL, NULL, learn_pid);
}

static size_t stride_of(size_t record_max)
{
    return (sizeof(struct slot) + record_max + 63) & ~(size_t)63;
}

static size_t round_slots(size_t slots)
{
    size_t rounded = WEND_RING_SLOTS_MIN;

    while (rounded < slots)
        rounded *= 2;
    return rounded;
}

/* The head, slots from a multiple of 64, and what that alignment may cost. */
static size_t block_bytes(size_t slots, size_t record_max)
{
    return sizeof(struct wend_ring_head) + 64 + 64 + round_slots(slots) * stride_of(record_max);
}

size_t wend_ring_zone_bytes(size_t slots, size_t record_max)
{
    size_t bytes = block_bytes(slots, record_max);

    return bytes + bytes / 4 + WEND_ZONE_BYTES_MIN;
}

static enum wend_code view(struct wend_ring *ring, struct wend_zone *zone,
                           struct wend_ring_head *head)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    char *slots;

    if (head->magic != RING_MAGIC || head->slots < WEND_RING_SLOTS_MIN ||
        head->slots > WEND_RING_SLOTS_MAX || (head->slots & (head->slots - 1)) != 0 ||
        head->record_max > WEND_RING_RECORD_MAX || head->stride != stride_of(head->record_max))
        return WEND_E_PROTOCOL;
    slots = wend_zone_at(zone, head->first, head->slots * head->stride);
    if (slots == NULL || (uintptr_t)slots % 64 != 0)
        return WEND_E_PROTOCOL;
    pthread_once(&once, learn_pid_once);
    *ring = (struct wend_ring){.head = head,
                               .slots = slots,
                               .stride = head->stride,
                               .record_max = head->record_max,
                               .mask = head->slots - 1,
                               .lap_shift = (unsigned)__builtin_ctzll(head->slots)};
    return WEND_OK;
}

enum wend_code wend_ring_create(struct wend_ring *ring, struct wend_zone *zone, size_t slots,
                                size_t record_max, wend_zone_offset *at)
{
    struct wend_ring_head *head;
    wend_zone_offset block, start;

    if (slots > WEND_RING_SLOTS_MAX || record_max == 0 || record_max > WEND_RING_RECORD_MAX)
        return WEND_E_LIMIT;
    block = wend_zone_alloc(zone, NULL, block_bytes(slots, record_max));
    if (block == 0)
        return WEND_E_MEMORY;
    start = (block + 63) & ~(uint64_t)63;
    head = wend_zone_at(zone, start, sizeof(*head));
    head->slots = round_slots(slots);
    head->record_max = record_max;
    head->stride = stride_of(record_max);
    head->first = (start + sizeof(*head) + 63) & ~(uint64_t)63;
    head->next = head->slots; /* lap 1, so that a word is never 0 and tickets are not either */
    head->magic = RING_MAGIC;
    *at = start;
    return view(ring, zone, head);
}

enum wend_code wend_ring_attach(struct wend_ring *ring, struct wend_zone *zone, wend_zone_offset at)
{
    struct wend_ring_head *head = wend_zone_at(zone, at, sizeof(*head));

    return head == NULL || at % 64 != 0 ? WEND_E_PROTOCOL : view(ring, zone, head);
}

static struct slot *slot_of(const struct wend_ring *ring, uint64_t ticket)
{
    return (struct slot *)(ring->slots + (ticket & ring->mask) * ring->stride);
}

/* The word of a slot that holds the whole record `ticket`. */
static uint64_t done_word(const struct wend_ring *ring, uint64_t ticket)
{
    return (ticket >> ring->lap_shift) << LAP_SHIFT;
}

static bool writer_is_dead(uint64_t word)
{
    return kill((pid_t)(word >> PID_SHIFT & PID_MASK), 0) != 0 && errno == ESRCH;
}

void *wend_ring_begin(struct wend_ring *ring, uint64_t *ticket)
{
    uint64_t mine = __atomic_fetch_add(&ring->head->next, 1, __ATOMIC_RELAXED);
    struct slot *slot = slot_of(ring, mine);
    uint64_t done = done_word(ring, mine);
    uint64_t before = __atomic_load_n(&slot->word, __ATOMIC_RELAXED);
    bool free_now = before < done && ((before & WRITING) == 0 || writer_is_dead(before));

    if (WEND_UNLIKELY(!free_now || !__atomic_compare_exchange_n(
                                       &slot->word, &before, done | own_pid << PID_SHIFT | WRITING,
                                       false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))) {
        __atomic_fetch_add(&ring->head->dropped, 1, __ATOMIC_RELAXED);
        return NULL;
    }
    /* A reader that sees a byte of the new record must see the word of before it, too. */
    __atomic_thread_fence(__ATOMIC_RELEASE);
    *ticket = mine;
    return slot->bytes;
}

void wend_ring_end(struct wend_ring *ring, uint64_t ticket, size_t len)
{
    struct slot *slot = slot_of(ring, ticket);

    WEND_ASSERT(len <= ring->record_max);
    slot->len = len;
    __atomic_store_n(&slot->word, done_word(ring, ticket), __ATOMIC_RELEASE);
}

bool wend_ring_write(struct wend_ring *ring, const void *record, size_t len)
{
    uint64_t ticket;
    void *into;

    if (len > ring->record_max)
        return false;
    into = wend_ring_begin(ring, &ticket);
    if (into == NULL)
        return false;
    memcpy(into, record, len);
    wend_ring_end(ring, ticket, len);
    return true;
}

/* Of the very first record there was. */
static uint64_t first_ticket(const struct wend_ring *ring)
{
    return ring->mask + 1;
}

uint64_t wend_ring_next(const struct wend_ring *ring)
{
    return __atomic_load_n(&ring->head->next, __ATOMIC_RELAXED);
}

bool wend_ring_read(const struct wend_ring *ring, uint64_t ticket, void *into, size_t room,
                    size_t *len)
{
    const struct slot *slot = slot_of(ring, ticket);
    uint64_t whole = done_word(ring, ticket);
    uint64_t bytes;

    if (ticket < first_ticket(ring) || __atomic_load_n(&slot->word, __ATOMIC_ACQUIRE) != whole)
        return false;
    bytes = slot->len;
    if (bytes > ring->record_max || bytes > room)
        return false;
    memcpy(into, slot->bytes, bytes);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    *len = bytes;
    return __atomic_load_n(&slot->word, __ATOMIC_RELAXED) == whole;
}

uint64_t wend_ring_dropped(const struct wend_ring *ring)
{
    return __atomic_load_n(&ring->head->dropped, __ATOMIC_RELAXED);
}
