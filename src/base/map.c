/* base/map.c - open addressing with linear probing.
 *
 *   hash & (room - 1) -> the first slot to try; then the next one, round the end.
 *
 * At most three quarters of the slots are taken. Removal moves later entries of the run back, so
 * there are no tombstones and a lookup ends at the first free slot. */
#include "base/map.h"

#include "base/assert.h"

#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

#define ROOM_FIRST 8

static uint64_t sip_key[2];
static pthread_once_t sip_key_once = PTHREAD_ONCE_INIT;

static void make_sip_key(void)
{
    ssize_t got;

    do {
        got = getrandom(sip_key, sizeof(sip_key), 0);
    } while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof(sip_key))
        wend_die("getrandom() gave no key");
}

static inline uint64_t rotate(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

struct sip {
    uint64_t v0, v1, v2, v3;
};

static inline void sip_round(struct sip *s)
{
    s->v0 += s->v1;
    s->v2 += s->v3;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 = rotate(s->v0, 32);
    s->v2 += s->v1;
    s->v0 += s->v3;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v2 = rotate(s->v2, 32);
}

static inline void sip_word(struct sip *s, uint64_t word)
{
    s->v3 ^= word;
    sip_round(s);
    s->v0 ^= word;
}

/* Up to 8 bytes, little-endian whatever the machine is; `fold` makes ASCII letters small. */
static inline uint64_t read_word(const char *at, size_t len, bool fold)
{
    uint64_t word = 0;

    if (len == 8 && !fold) {
        memcpy(&word, at, 8);
        return le64toh(word);
    }
    for (size_t i = 0; i < len; i++)
        word |= (uint64_t)(unsigned char)(fold ? wend_lower(at[i]) : at[i]) << (8 * i);
    return word;
}

/* SipHash with one round per word and three at the end (Aumasson, Bernstein 2012). */
static uint64_t siphash13(const uint64_t key[2], struct wend_str s, bool fold)
{
    struct sip state = {key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
                        key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573};
    size_t whole = s.len & ~(size_t)7;

    for (size_t at = 0; at < whole; at += 8)
        sip_word(&state, read_word(s.ptr + at, 8, fold));
    sip_word(&state,
             (uint64_t)s.len << 56 | read_word(wend_str_from(s, whole).ptr, s.len - whole, fold));
    state.v2 ^= 0xff;
    sip_round(&state);
    sip_round(&state);
    sip_round(&state);
    return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

static uint64_t hash_key(const struct wend_map *map, struct wend_str key)
{
    return siphash13(sip_key, key, map->nocase);
}

static bool same_key(const struct wend_map *map, const struct wend_map_entry *entry,
                     struct wend_str key, uint64_t hash)
{
    if (entry->hash != hash)
        return false;
    return map->nocase ? wend_str_eq_nocase(entry->key, key) : wend_str_eq(entry->key, key);
}

void wend_map_init(struct wend_map *map, struct wend_arena *arena, size_t entries_max)
{
    pthread_once(&sip_key_once, make_sip_key);
    *map = (struct wend_map){.arena = arena, .entries_max = entries_max};
}

void wend_map_init_nocase(struct wend_map *map, struct wend_arena *arena, size_t entries_max)
{
    wend_map_init(map, arena, entries_max);
    map->nocase = true;
}

void wend_map_release(struct wend_map *map)
{
    if (map->arena == NULL)
        free(map->entries);
    map->entries = NULL;
    map->room = map->count = 0;
}

/* The entry of `key`, or the free slot where it would go. Needs a table with a free slot. */
static struct wend_map_entry *find_slot(const struct wend_map *map, struct wend_str key,
                                        uint64_t hash)
{
    size_t at = hash & (map->room - 1);

    while (map->entries[at].value != NULL && !same_key(map, &map->entries[at], key, hash))
        at = (at + 1) & (map->room - 1);
    return &map->entries[at];
}

static enum wend_code grow(struct wend_map *map)
{
    struct wend_map bigger = *map;

    bigger.room = map->room == 0 ? ROOM_FIRST : map->room * 2;
    if (map->arena != NULL) {
        bigger.entries = wend_arena_array(map->arena, bigger.room, sizeof(*bigger.entries));
        if (bigger.entries == NULL)
            return WEND_E_MEMORY;
        memset(bigger.entries, 0, bigger.room * sizeof(*bigger.entries));
    } else {
        bigger.entries = calloc(bigger.room, sizeof(*bigger.entries));
        if (bigger.entries == NULL)
            wend_die("no memory for a map");
    }
    for (size_t i = 0; i < map->room; i++)
        if (map->entries[i].value != NULL)
            *find_slot(&bigger, map->entries[i].key, map->entries[i].hash) = map->entries[i];
    if (map->arena == NULL)
        free(map->entries);
    *map = bigger;
    return WEND_OK;
}

void *wend_map_get(const struct wend_map *map, struct wend_str key)
{
    if (map->count == 0)
        return NULL;
    return find_slot(map, key, hash_key(map, key))->value;
}

static enum wend_code insert(struct wend_map *map, struct wend_str key, void *value, bool replace)
{
    uint64_t hash = hash_key(map, key);
    struct wend_map_entry *slot = map->room == 0 ? NULL : find_slot(map, key, hash);

    WEND_ASSERT(value != NULL);
    if (slot != NULL && slot->value != NULL) {
        if (!replace)
            return WEND_E_EXISTS;
        slot->key = key;
        slot->value = value;
        return WEND_OK;
    }
    if (map->count >= map->entries_max)
        return WEND_E_LIMIT;
    if (slot == NULL || (map->count + 1) * 4 > map->room * 3) {
        enum wend_code code = grow(map);

        if (code != WEND_OK)
            return code;
        slot = find_slot(map, key, hash);
    }
    *slot = (struct wend_map_entry){.key = key, .value = value, .hash = hash};
    map->count++;
    return WEND_OK;
}

enum wend_code wend_map_add(struct wend_map *map, struct wend_str key, void *value)
{
    return insert(map, key, value, false);
}

enum wend_code wend_map_put(struct wend_map *map, struct wend_str key, void *value)
{
    return insert(map, key, value, true);
}

/* Closes the gap at `hole`: an entry further on in the run moves back when its first slot does not
 * lie between the hole and itself. */
static void close_gap(struct wend_map *map, size_t hole)
{
    size_t mask = map->room - 1;
    size_t at = hole;

    for (;;) {
        size_t first;

        map->entries[hole].value = NULL;
        do {
            at = (at + 1) & mask;
            if (map->entries[at].value == NULL)
                return;
            first = map->entries[at].hash & mask;
        } while (((at - first) & mask) < ((at - hole) & mask));
        map->entries[hole] = map->entries[at];
        hole = at;
    }
}

void *wend_map_remove(struct wend_map *map, struct wend_str key)
{
    struct wend_map_entry *slot;
    void *value;

    if (map->count == 0)
        return NULL;
    slot = find_slot(map, key, hash_key(map, key));
    value = slot->value;
    if (value == NULL)
        return NULL;
    close_gap(map, (size_t)(slot - map->entries));
    map->count--;
    return value;
}
