/* base/buffer.h - bytes that grow up to a named maximum.
 *
 * What it is for. Building a head, a log line, a packet, whenever the size is not known before.
 *
 * Who owns what. A buffer on the heap owns its bytes until wend_buffer_release(). A buffer in an
 * arena grows inside it and needs no release.
 *
 * What it promises. It never holds more than `max` bytes. An append that would exceed it appends
 * nothing and sets `overflow`, which stays set: a writer may append many times and check once.
 */
#ifndef WEND_BASE_BUFFER_H
#define WEND_BASE_BUFFER_H

#include "base/arena.h"

struct wend_buffer {
    char *ptr;
    size_t len;
    size_t room; /* bytes allocated */
    size_t max;
    struct wend_arena *arena; /* NULL: heap */
    bool overflow;
};

void wend_buffer_init(struct wend_buffer *buffer, size_t max);
void wend_buffer_init_arena(struct wend_buffer *buffer, struct wend_arena *arena, size_t max);
void wend_buffer_release(struct wend_buffer *buffer);
static inline void wend_buffer_clear(struct wend_buffer *buffer)
{
    buffer->len = 0;
    buffer->overflow = false;
}

/* Makes room for `more` bytes after len and returns where they go, or NULL with overflow set.
 * The caller writes there and adds to len. */
char *wend_buffer_reserve(struct wend_buffer *buffer, size_t more);

void wend_buffer_add(struct wend_buffer *buffer, struct wend_str s);
void wend_buffer_add_byte(struct wend_buffer *buffer, char byte);
void wend_buffer_add_u64(struct wend_buffer *buffer, uint64_t value);
void wend_buffer_printf(struct wend_buffer *buffer, const char *format, ...) WEND_PRINTF(2, 3);

/* JSON string content (RFC 8259 7): quotes, backslash and control bytes escaped, bytes that are
 * not UTF-8 replaced by U+FFFD; the quotes around it are the caller's. */
void wend_buffer_add_json(struct wend_buffer *buffer, struct wend_str s);

/* Drops the first `count` bytes, moving the rest to the front. */
void wend_buffer_consume(struct wend_buffer *buffer, size_t count);

static inline struct wend_str wend_buffer_str(const struct wend_buffer *buffer)
{
    return (struct wend_str){buffer->ptr, buffer->len};
}

#endif
