/* base/buffer.c - growth by doubling, up to the maximum the buffer was born with. */
#include "base/buffer.h"

#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

#define ROOM_FIRST 256

void wend_buffer_init(struct wend_buffer *buffer, size_t max)
{
    *buffer = (struct wend_buffer){.max = max};
}

void wend_buffer_init_arena(struct wend_buffer *buffer, struct wend_arena *arena, size_t max)
{
    *buffer = (struct wend_buffer){.max = max, .arena = arena};
}

void wend_buffer_release(struct wend_buffer *buffer)
{
    if (buffer->arena == NULL)
        free(buffer->ptr);
    *buffer = (struct wend_buffer){.max = buffer->max, .arena = buffer->arena};
}

static bool grow_in_arena(struct wend_buffer *buffer, size_t room)
{
    struct wend_arena *arena = buffer->arena;
    size_t more = (room - buffer->room + 15) & ~(size_t)15;
    char *bigger;

    /* The newest allocation grows where it is. */
    if (buffer->ptr != NULL && buffer->ptr + buffer->room == arena->next &&
        more <= (size_t)(arena->end - arena->next)) {
        arena->next += more;
        buffer->room += more;
        return true;
    }
    room = (room + 15) & ~(size_t)15;
    bigger = wend_arena_alloc(arena, room);
    if (bigger == NULL)
        return false;
    if (buffer->ptr != NULL)
        memcpy(bigger, buffer->ptr, buffer->len);
    buffer->ptr = bigger;
    buffer->room = room;
    return true;
}

static bool grow(struct wend_buffer *buffer, size_t needed)
{
    size_t room = buffer->room == 0 ? ROOM_FIRST : buffer->room;

    while (room < needed)
        room = room > SIZE_MAX / 2 ? needed : room * 2;
    if (room > buffer->max)
        room = buffer->max;
    if (buffer->arena != NULL)
        return grow_in_arena(buffer, room);
    buffer->ptr = realloc(buffer->ptr, room);
    if (buffer->ptr == NULL)
        wend_die("no memory for a buffer");
    buffer->room = room;
    return true;
}

char *wend_buffer_reserve(struct wend_buffer *buffer, size_t more)
{
    WEND_ASSERT(buffer->len <= buffer->max);
    if (buffer->overflow || more > buffer->max - buffer->len) {
        buffer->overflow = true;
        return NULL;
    }
    if (more > buffer->room - buffer->len || buffer->ptr == NULL) {
        if (!grow(buffer, buffer->len + more)) {
            buffer->overflow = true;
            return NULL;
        }
    }
    return buffer->ptr + buffer->len;
}

void wend_buffer_add(struct wend_buffer *buffer, struct wend_str s)
{
    char *at;

    if (s.len == 0)
        return;
    at = wend_buffer_reserve(buffer, s.len);
    if (at == NULL)
        return;
    memcpy(at, s.ptr, s.len);
    buffer->len += s.len;
}

void wend_buffer_add_byte(struct wend_buffer *buffer, char byte)
{
    wend_buffer_add(buffer, wend_str_make(&byte, 1));
}

void wend_buffer_add_u64(struct wend_buffer *buffer, uint64_t value)
{
    char digits[20];

    wend_buffer_add(buffer, wend_str_make(digits, wend_str_from_u64(value, digits)));
}

void wend_buffer_printf(struct wend_buffer *buffer, const char *format, ...)
{
    va_list args, again;
    char *at;
    int len;

    va_start(args, format);
    va_copy(again, args);
    len = vsnprintf(NULL, 0, format, args);
    /* vsnprintf writes a NUL after the text: room for it is asked for, and not counted. A text that
     * ends exactly at the maximum goes through a copy of its own. */
    if (len >= 0 && (size_t)len == buffer->max - buffer->len) {
        char *text = NULL;

        if (vasprintf(&text, format, again) < 0)
            wend_die("no memory for a text");
        wend_buffer_add(buffer, wend_str_make(text, (size_t)len));
        free(text);
    } else if (len >= 0) {
        at = wend_buffer_reserve(buffer, (size_t)len + 1);
        if (at != NULL) {
            vsnprintf(at, (size_t)len + 1, format, again);
            buffer->len += (size_t)len;
        }
    }
    va_end(again);
    va_end(args);
}

static bool is_continuation(unsigned char byte)
{
    return (byte & 0xc0) == 0x80;
}

/* Bytes of the well-formed UTF-8 sequence at the start of `s` (Unicode 3.9, table 3-7); 0: none. */
static size_t utf8_sequence(struct wend_str s)
{
    const unsigned char *b = (const unsigned char *)s.ptr;
    unsigned char low = 0x80, high = 0xbf;
    size_t len;

    if (b[0] < 0x80)
        return 1;
    if (b[0] < 0xc2 || b[0] > 0xf4)
        return 0;
    len = b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : 4;
    if (s.len < len)
        return 0;
    if (b[0] == 0xe0)
        low = 0xa0; /* shorter forms exist */
    else if (b[0] == 0xed)
        high = 0x9f; /* surrogates */
    else if (b[0] == 0xf0)
        low = 0x90;
    else if (b[0] == 0xf4)
        high = 0x8f; /* beyond U+10FFFF */
    if (b[1] < low || b[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if (!is_continuation(b[i]))
            return 0;
    return len;
}

static const char json_short[256] = {['"'] = '"',  ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f',
                                     ['\n'] = 'n', ['\r'] = 'r',  ['\t'] = 't'};

/* The bytes at the start of `s` that JSON takes as they are. */
static size_t json_plain(struct wend_str s)
{
    size_t at = 0;

    while (at < s.len) {
        unsigned char byte = (unsigned char)s.ptr[at];
        size_t len;

        if (byte < 0x20 || byte == 0x7f || byte == '"' || byte == '\\')
            break;
        len = utf8_sequence(wend_str_from(s, at));
        if (len == 0)
            break;
        at += len;
    }
    return at;
}

void wend_buffer_add_json(struct wend_buffer *buffer, struct wend_str s)
{
    while (s.len > 0) {
        size_t plain = json_plain(s);
        unsigned char byte;

        wend_buffer_add(buffer, wend_str_slice(s, 0, plain));
        if (plain == s.len)
            return;
        byte = (unsigned char)s.ptr[plain];
        if (json_short[byte] != 0)
            wend_buffer_add(buffer, wend_str_make((char[]){'\\', json_short[byte]}, 2));
        else if (byte < 0x80)
            wend_buffer_printf(buffer, "\\u%04x", byte);
        else
            wend_buffer_add(buffer, WEND_STR("\xef\xbf\xbd"));
        s = wend_str_from(s, plain + 1);
    }
}

void wend_buffer_consume(struct wend_buffer *buffer, size_t count)
{
    if (count >= buffer->len) {
        buffer->len = 0;
        return;
    }
    memmove(buffer->ptr, buffer->ptr + count, buffer->len - count);
    buffer->len -= count;
}
