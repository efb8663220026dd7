/* base/map.h - from a text to a pointer.
 *
 * What it is for. Names the configuration or a peer chose: variables, directives, servers, open
 * files. Keys are hashed with SipHash-1-3 under a per-process random key, so a peer that picks
 * the keys cannot pick the collisions.
 *
 * Who owns what. The map owns its table (heap, or the arena it was born in) but neither keys nor
 * values: a key's bytes must outlive its entry.
 *
 * What it promises. At most `entries_max` entries; lookup and insertion in constant expected time.
 */
#ifndef WEND_BASE_MAP_H
#define WEND_BASE_MAP_H

#include "base/arena.h"
#include "base/code.h"

struct wend_map_entry {
    struct wend_str key;
    void *value; /* never NULL in a live entry */
    uint64_t hash;
};

struct wend_map {
    struct wend_map_entry *entries; /* open addressing, power of two */
    size_t room, count, entries_max;
    struct wend_arena *arena; /* NULL: heap */
    bool nocase;              /* ASCII letters compare equal */
};

void wend_map_init(struct wend_map *map, struct wend_arena *arena, size_t entries_max);
void wend_map_init_nocase(struct wend_map *map, struct wend_arena *arena, size_t entries_max);
void wend_map_release(struct wend_map *map);

void *wend_map_get(const struct wend_map *map, struct wend_str key); /* NULL: not there */

/* WEND_E_EXISTS leaves the old value; WEND_E_LIMIT beyond entries_max. */
enum wend_code wend_map_add(struct wend_map *map, struct wend_str key, void *value) WEND_MUST_CHECK;

/* Adds or replaces. */
enum wend_code wend_map_put(struct wend_map *map, struct wend_str key, void *value) WEND_MUST_CHECK;

/* The removed value, or NULL. */
void *wend_map_remove(struct wend_map *map, struct wend_str key);

#endif
