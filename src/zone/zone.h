/* zone/zone.h - memory that workers share.
 *
 * What it is for. State of more than one process: limits, peers' health, the cache's index,
 * metrics, recent traces. A zone is a memfd mapped shared; whoever has the descriptor can attach.
 *
 *   | head: magic, layout, version, size, name | allocator | root | blocks ...           |
 *   0                                          base + offset = address, in each process
 *
 * Who owns what. A struct wend_zone owns its mapping and its descriptor. What lies in the zone is
 * owned by no process: it lives until the last descriptor and mapping are gone. Inside a zone there
 * are offsets, never pointers; 0 is none.
 *
 * What it promises. A process killed at any instruction, lock held or not, loses nothing and breaks
 * nothing: what is done through wend_zone_set(), _alloc() and _free() under a lock is either all
 * there or, when the holder died before wend_zone_unlock(), undone by the next one who locks. The
 * size is sealed, so a mapping never raises SIGBUS. A zone is attached only when magic, layout,
 * size, name and version fit.
 *
 * What it does not do. No lock is held across a suspend; a lock is for a few hundred instructions.
 */
#ifndef WEND_ZONE_ZONE_H
#define WEND_ZONE_ZONE_H

#include "base/code.h"
#include "base/str.h"

#include <pthread.h>

#define WEND_ZONE_NAME_MAX 64
#define WEND_ZONE_BYTES_MIN (64u << 10)
#define WEND_ZONE_BYTES_MAX (UINT64_C(1) << 38)
#define WEND_ZONE_UNDO_MAX 60 /* changes between one lock and its unlock */
#define WEND_ZONE_FREES_MAX 8 /* blocks given back between one lock and its unlock */
#define WEND_ZONES_MAX 64     /* in one set */

typedef uint64_t wend_zone_offset;
struct wend_zone_head;

struct wend_zone {
    int fd;
    size_t size;
    char *base; /* NULL: not attached */
    struct wend_zone_head *head;
};

/* A new zone, all zero, of at least `size` bytes (whole pages). `version` says what the caller
 * keeps in it; change it whenever that changes.
 *   WEND_E_LIMIT  size or name out of bounds;  WEND_E_IO  the kernel gave none (errno) */
enum wend_code wend_zone_create(struct wend_zone *zone, struct wend_str name, size_t size,
                                uint32_t version) WEND_MUST_CHECK;

/* Maps the zone behind `fd` and takes the descriptor over, on success only. `name` and `version`
 * must be the ones it was created with: WEND_E_PROTOCOL when anything does not fit. */
enum wend_code wend_zone_attach(struct wend_zone *zone, int fd, struct wend_str name,
                                uint32_t version) WEND_MUST_CHECK;
void wend_zone_detach(struct wend_zone *zone);

uint32_t wend_zone_version(const struct wend_zone *zone);

/* The address of `len` bytes at `offset`; NULL when they are not all inside the zone. */
void *wend_zone_at(const struct wend_zone *zone, wend_zone_offset offset, size_t len);
wend_zone_offset wend_zone_offset_of(const struct wend_zone *zone, const void *at);

/* The one offset from which everything else is found. Set once, by whoever fills the zone. */
wend_zone_offset wend_zone_root(const struct wend_zone *zone);
void wend_zone_set_root(struct wend_zone *zone, wend_zone_offset root);

/* A lock, itself inside a zone. Everything done under it, changes of words, blocks taken and blocks
 * given back, is one step: it happened, or it did not. */
struct wend_zone_lock {
    pthread_mutex_t mutex;
    uint64_t undo_count, free_count;
    struct {
        uint64_t what, old;
    } undo[WEND_ZONE_UNDO_MAX];
    struct {
        wend_zone_offset block;
        uint64_t size;
    } frees[WEND_ZONE_FREES_MAX];
};

void wend_zone_lock_init(struct wend_zone_lock *lock);
/* True: the last holder died inside; what it did is undone (or, when it died after the decision in
 * wend_zone_unlock(), finished). What it changed without wend_zone_set() is the caller's to repair.
 */
bool wend_zone_lock(struct wend_zone *zone, struct wend_zone_lock *lock);
void wend_zone_unlock(struct wend_zone *zone, struct wend_zone_lock *lock);
/* Changes one aligned word of the zone under `lock`, remembering the old value for the undo. */
void wend_zone_set(struct wend_zone *zone, struct wend_zone_lock *lock, uint64_t *word,
                   uint64_t value);

/* A zeroed block, aligned to 16 bytes; 0 when none is left. Sizes are rounded up by at most a
 * quarter; a freed block is used again for its rounded size. With `lock` (held) the block is given
 * back when its holder dies before unlocking; with NULL it is the caller's at once. */
wend_zone_offset wend_zone_alloc(struct wend_zone *zone, struct wend_zone_lock *lock, size_t size);
/* Gives a block of `size` back; with `lock` (held) that happens at wend_zone_unlock(). */
void wend_zone_free(struct wend_zone *zone, struct wend_zone_lock *lock, wend_zone_offset block,
                    size_t size);
size_t wend_zone_bytes_unused(const struct wend_zone *zone); /* never handed out yet */

/* The zones of one configuration, by name. A reload makes a new set and takes over from the old one
 * every zone that still fits. */
struct wend_zone_set {
    struct wend_zone *zones[WEND_ZONES_MAX];
    size_t count;
};

/* Finds the zone in `set`, or moves it over from `old` (may be NULL), or creates it. `*fresh` says
 * that it is new and empty. WEND_E_EXISTS: `set` has the name with another size or version. */
enum wend_code wend_zone_set_need(struct wend_zone_set *set, const struct wend_zone_set *old,
                                  struct wend_str name, size_t size, uint32_t version,
                                  struct wend_zone **zone, bool *fresh) WEND_MUST_CHECK;
/* Detaches those of `set` that are not also in `but` (may be NULL), and empties `set`. */
void wend_zone_set_release(struct wend_zone_set *set, const struct wend_zone_set *but);

#endif
