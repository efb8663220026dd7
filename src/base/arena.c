/* base/arena.c - chunks, newest first.
 *
 *   arena.newest -> [chunk] -> [chunk] -> NULL
 *
 * Allocation goes on in the newest *regular* chunk, one of exactly WEND_ARENA_CHUNK bytes. A large
 * allocation puts a chunk of its own on top without ending the regular one below, so a big buffer
 * in the middle of a request wastes nothing. A mark is the newest chunk and the next free byte;
 * rewinding drops what lies above the chunk and finds the regular chunk again.
 *
 * Under AddressSanitizer every allocation is a chunk of its own from malloc, so that reading past
 * one, or after a rewind, is found to the byte. */
#include "base/arena.h"

#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#define ONE_CHUNK_EACH 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ONE_CHUNK_EACH 1
#endif
#endif
#ifndef ONE_CHUNK_EACH
#define ONE_CHUNK_EACH 0
#endif

struct wend_arena_chunk {
    struct wend_arena_chunk *older;
    size_t bytes; /* this header included */
    char memory[] __attribute__((aligned(16)));
};

static __thread struct wend_arena_chunk *spare;
static __thread size_t spare_count;

/* Where an arena without a regular chunk points: no room, yet not NULL, so that allocating zero
 * bytes does not look like a failure. */
static char no_room[16] __attribute__((aligned(16)));

static bool is_regular(const struct wend_arena_chunk *chunk)
{
    return chunk->bytes == WEND_ARENA_CHUNK && !ONE_CHUNK_EACH;
}

static struct wend_arena_chunk *take_chunk(size_t bytes)
{
    struct wend_arena_chunk *chunk = spare;

    if (bytes == WEND_ARENA_CHUNK && chunk != NULL && !ONE_CHUNK_EACH) {
        spare = chunk->older;
        spare_count--;
        return chunk;
    }
    chunk = malloc(bytes);
    if (chunk == NULL)
        wend_die("no memory for an arena");
    chunk->bytes = bytes;
    return chunk;
}

static void give_chunk(struct wend_arena_chunk *chunk)
{
    if (!is_regular(chunk) || spare_count >= WEND_ARENA_SPARE) {
        free(chunk);
        return;
    }
    chunk->older = spare;
    spare = chunk;
    spare_count++;
}

void wend_arena_thread_release(void)
{
    while (spare != NULL) {
        struct wend_arena_chunk *chunk = spare;

        spare = chunk->older;
        free(chunk);
    }
    spare_count = 0;
}

void wend_arena_init(struct wend_arena *arena, size_t bytes_max)
{
    *arena = (struct wend_arena){.next = no_room, .end = no_room, .bytes_max = bytes_max};
}

/* Drops all chunks above `keep`. */
static void drop_to(struct wend_arena *arena, struct wend_arena_chunk *keep)
{
    while (arena->newest != keep) {
        struct wend_arena_chunk *chunk = arena->newest;

        WEND_ASSERT(chunk != NULL);
        arena->newest = chunk->older;
        arena->bytes -= chunk->bytes;
        give_chunk(chunk);
    }
}

void wend_arena_release(struct wend_arena *arena)
{
    drop_to(arena, NULL);
    wend_arena_init(arena, arena->bytes_max);
}

static struct wend_arena_chunk *push_chunk(struct wend_arena *arena, size_t bytes)
{
    struct wend_arena_chunk *chunk;

    if (bytes > arena->bytes_max - arena->bytes)
        return NULL;
    chunk = take_chunk(bytes);
    chunk->older = arena->newest;
    arena->newest = chunk;
    arena->bytes += bytes;
    return chunk;
}

void *wend_arena_grow(struct wend_arena *arena, size_t size)
{
    const size_t head = sizeof(struct wend_arena_chunk);
    struct wend_arena_chunk *chunk = NULL;
    size_t rounded;

    if (size > SIZE_MAX / 2)
        return NULL;
    rounded = (size + 15) & ~(size_t)15;
    if (!ONE_CHUNK_EACH && rounded <= WEND_ARENA_CHUNK - head)
        chunk = push_chunk(arena, WEND_ARENA_CHUNK);
    if (chunk != NULL) {
        arena->next = chunk->memory + rounded;
        arena->end = (char *)chunk + WEND_ARENA_CHUNK;
        return chunk->memory;
    }
    /* Too large, or so near the maximum that a whole chunk does not fit any more. The exact size
     * lets the sanitizer see one byte too far. */
    chunk = push_chunk(arena, head + (ONE_CHUNK_EACH ? size : rounded));
    return chunk == NULL ? NULL : chunk->memory;
}

void *wend_arena_zalloc(struct wend_arena *arena, size_t size)
{
    void *memory = wend_arena_alloc(arena, size);

    return memory == NULL ? NULL : memset(memory, 0, size);
}

void *wend_arena_array(struct wend_arena *arena, size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL;
    return wend_arena_alloc(arena, bytes);
}

struct wend_str wend_arena_keep(struct wend_arena *arena, struct wend_str s)
{
    char *copy = s.len == SIZE_MAX ? NULL : wend_arena_alloc(arena, s.len + 1);

    if (copy == NULL)
        return WEND_STR_NULL;
    if (s.len > 0)
        memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return wend_str_make(copy, s.len);
}

char *wend_arena_cstr(struct wend_arena *arena, struct wend_str s)
{
    if (wend_str_find_byte(s, '\0') >= 0)
        return NULL;
    return (char *)wend_arena_keep(arena, s).ptr;
}

WEND_PRINTF(2, 0)
static struct wend_str print_into(struct wend_arena *arena, const char *format, va_list args)
{
    va_list again;
    size_t room = ONE_CHUNK_EACH ? 0 : (size_t)(arena->end - arena->next);
    char *at = arena->next;
    int len;

    va_copy(again, args);
    /* Straight into the free rest of the chunk; most texts fit at the first try. */
    len = vsnprintf(room == 0 ? NULL : at, room, format, args);
    if (len >= 0) {
        at = wend_arena_alloc(arena, (size_t)len + 1);
        if (at != NULL && (size_t)len >= room)
            vsnprintf(at, (size_t)len + 1, format, again);
    }
    va_end(again);
    if (len < 0 || at == NULL)
        return WEND_STR_NULL;
    return wend_str_make(at, (size_t)len);
}

struct wend_str wend_arena_printf(struct wend_arena *arena, const char *format, ...)
{
    struct wend_str text;
    va_list args;

    va_start(args, format);
    text = print_into(arena, format, args);
    va_end(args);
    return text;
}

struct wend_arena_mark wend_arena_mark(const struct wend_arena *arena)
{
    return (struct wend_arena_mark){.chunk = arena->newest, .next = arena->next};
}

void wend_arena_rewind(struct wend_arena *arena, struct wend_arena_mark mark)
{
    struct wend_arena_chunk *chunk;

    drop_to(arena, mark.chunk);
    for (chunk = arena->newest; chunk != NULL && !is_regular(chunk);)
        chunk = chunk->older;
    arena->next = mark.next;
    arena->end = chunk == NULL ? no_room : (char *)chunk + WEND_ARENA_CHUNK;
    WEND_ASSERT(arena->next <= arena->end);
}
