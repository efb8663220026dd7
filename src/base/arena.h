/* base/arena.h - memory that is given back all at once.
 *
 * What it is for. Everything a task or a configuration allocates. Allocation is a pointer
 * increment; there is no free. A mark remembers a point; rewinding to it gives back everything
 * allocated since, so that a long-lived loop can run each message in a scope of its own.
 *
 * Who owns what. The arena owns its chunks. Chunks of WEND_ARENA_CHUNK bytes come from and go
 * back to a per-thread free list (at most WEND_ARENA_SPARE kept), so a request's arena costs no
 * malloc in the steady state. Larger allocations get a chunk of their own.
 *
 * What it promises. Memory is aligned to 16 bytes and not zeroed (wend_arena_zalloc is). Out of
 * the machine's memory aborts; beyond `bytes_max` wend_arena_alloc returns NULL, and so do all
 * functions built on it.
 *
 * What it does not do. It is not thread-safe: one thread at a time.
 */
#ifndef WEND_BASE_ARENA_H
#define WEND_BASE_ARENA_H

#include "base/str.h"

#include <stdarg.h>

#define WEND_ARENA_CHUNK 4096
#define WEND_ARENA_SPARE 256
#define WEND_ARENA_UNLIMITED SIZE_MAX

struct wend_arena_chunk;

struct wend_arena {
    char *next;                      /* first free byte of the newest chunk */
    char *end;                       /* one past its last byte */
    struct wend_arena_chunk *newest; /* singly linked, newest first */
    size_t bytes;                    /* held in all chunks */
    size_t bytes_max;
};

struct wend_arena_mark {
    struct wend_arena_chunk *chunk;
    char *next;
};

void wend_arena_init(struct wend_arena *arena, size_t bytes_max);
void wend_arena_release(struct wend_arena *arena); /* ready for use again, same bytes_max */

/* The slow half of wend_arena_alloc: takes a new chunk. */
void *wend_arena_grow(struct wend_arena *arena, size_t size);

static inline void *wend_arena_alloc(struct wend_arena *arena, size_t size)
{
    char *at = arena->next;
    size_t room = (size_t)(arena->end - at);

    if (WEND_UNLIKELY(size > room || ((size + 15) & ~(size_t)15) > room || size > SIZE_MAX - 15))
        return wend_arena_grow(arena, size);
    arena->next = at + ((size + 15) & ~(size_t)15);
    return at;
}

void *wend_arena_zalloc(struct wend_arena *arena, size_t size);

/* count * size with an overflow check. */
void *wend_arena_array(struct wend_arena *arena, size_t count, size_t size);

#define WEND_NEW(arena, type) ((type *)wend_arena_zalloc((arena), sizeof(type)))

/* A copy of `s` that lives as long as the arena, with a NUL after it that len does not count. */
struct wend_str wend_arena_keep(struct wend_arena *arena, struct wend_str s);

/* The same as a C string; NULL when `s` holds a NUL byte. */
char *wend_arena_cstr(struct wend_arena *arena, struct wend_str s);

struct wend_str wend_arena_printf(struct wend_arena *arena, const char *format, ...)
    WEND_PRINTF(2, 3);

struct wend_arena_mark wend_arena_mark(const struct wend_arena *arena);
void wend_arena_rewind(struct wend_arena *arena, struct wend_arena_mark mark);

/* Gives the calling thread's spare chunks back to malloc (before a thread ends). */
void wend_arena_thread_release(void);

#endif
