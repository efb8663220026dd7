/* http/path.c - decoding and normalising paths, and the escapes back.
 *
 * The decision for one pass: a path without '%', "//" and "/." is returned as it is, found out by
 * one scan; only the others are rebuilt, in one buffer of their own length (the result is never
 * longer). */
#include "http/path.h"

#include "http/chars.h"

/* Whether the bytes at `at` are "%XX". */
static bool is_escape(struct wend_str s, size_t at)
{
    return s.len - at >= 3 && wend_char_is(s.ptr[at + 1], WEND_CHAR_HEX) &&
           wend_char_is(s.ptr[at + 2], WEND_CHAR_HEX);
}

static char escaped_byte(struct wend_str s, size_t at)
{
    return (char)(wend_char_hex(s.ptr[at + 1]) << 4 | wend_char_hex(s.ptr[at + 2]));
}

static bool is_normal(struct wend_str raw)
{
    for (size_t i = 0; i < raw.len; i++) {
        if (raw.ptr[i] == '%' || raw.ptr[i] == '\0')
            return false;
        if (raw.ptr[i] == '/' && i + 1 < raw.len &&
            (raw.ptr[i + 1] == '/' || raw.ptr[i + 1] == '.'))
            return false;
    }
    return true;
}

/* out[0 .. len) starts with '/' and ends with the segment after its last '/'. Applies that segment
 * if it is "." or "..", keeping the slash before it. */
enum dots { DOTS_NONE, DOTS_APPLIED, DOTS_ABOVE_ROOT };
static enum dots apply_dots(const char *out, size_t *len)
{
    size_t slash = *len;

    while (out[slash - 1] != '/')
        slash--;
    if (*len - slash == 1 && out[slash] == '.') {
        *len = slash;
        return DOTS_APPLIED;
    }
    if (*len - slash != 2 || out[slash] != '.' || out[slash + 1] != '.')
        return DOTS_NONE;
    if (slash == 1)
        return DOTS_ABOVE_ROOT;
    for (slash--; out[slash - 1] != '/';)
        slash--;
    *len = slash;
    return DOTS_APPLIED;
}

/* Appends one decoded byte. An escaped slash separates segments as a plain one does: whoever opens
 * the file sees no difference. */
static bool append(char *out, size_t *len, char c, bool merge_slashes)
{
    enum dots dots = DOTS_NONE;

    if (c == '\0')
        return false;
    if (c == '/' && *len > 0) {
        dots = apply_dots(out, len);
        if (dots == DOTS_ABOVE_ROOT)
            return false;
        if (dots == DOTS_APPLIED || (merge_slashes && out[*len - 1] == '/'))
            return true;
    }
    out[(*len)++] = c;
    return true;
}

enum wend_code wend_path_normalise(struct wend_arena *arena, struct wend_str raw,
                                   bool merge_slashes, struct wend_str *path)
{
    size_t len = 0;
    char *out;

    *path = raw;
    if (raw.len == 0 || raw.ptr[0] != '/')
        return WEND_E_SYNTAX;
    if (is_normal(raw))
        return WEND_OK;
    out = wend_arena_alloc(arena, raw.len);
    if (out == NULL)
        return WEND_E_MEMORY;
    for (size_t at = 0; at < raw.len; at++) {
        char c = raw.ptr[at];

        if (c == '%') {
            if (!is_escape(raw, at))
                return WEND_E_SYNTAX;
            c = escaped_byte(raw, at);
            at += 2;
        }
        if (!append(out, &len, c, merge_slashes))
            return WEND_E_SYNTAX;
    }
    if (apply_dots(out, &len) == DOTS_ABOVE_ROOT)
        return WEND_E_SYNTAX;
    *path = wend_str_make(out, len);
    return WEND_OK;
}

struct wend_str wend_percent_decode(struct wend_arena *arena, struct wend_str s)
{
    size_t len = 0;
    char *out;

    if (wend_str_find_byte(s, '%') < 0)
        return s;
    out = wend_arena_alloc(arena, s.len);
    if (out == NULL)
        return WEND_STR_NULL;
    for (size_t at = 0; at < s.len; at++) {
        bool escape = s.ptr[at] == '%' && is_escape(s, at);

        out[len++] = escape ? escaped_byte(s, at) : s.ptr[at];
        at += escape ? 2 : 0;
    }
    return wend_str_make(out, len);
}

/* Bytes a place cannot hold as they are. Controls, space and what is not ASCII never can. */
static bool needs_escape(char c, enum wend_escape how)
{
    uint8_t byte = (uint8_t)c;

    switch (how) {
    case WEND_ESCAPE_HTML:
        return c == '<' || c == '>' || c == '&' || c == '"';
    case WEND_ESCAPE_URI_COMPONENT:
        return !wend_char_is(c, WEND_CHAR_PLAIN_) && c != '.' && c != '~';
    case WEND_ESCAPE_ARGS:
        if (c == '&' || c == '+')
            return true;
        break;
    case WEND_ESCAPE_TARGET:
        return byte <= 0x20 || byte == 0x7f;
    case WEND_ESCAPE_URI:
        break;
    }
    return byte <= 0x20 || byte >= 0x7f || memchr("\"#%<>?\\^`{|}", byte, 12) != NULL;
}

static struct wend_str entity_of(char c)
{
    switch (c) {
    case '<':
        return WEND_STR("&lt;");
    case '>':
        return WEND_STR("&gt;");
    case '&':
        return WEND_STR("&amp;");
    default:
        return WEND_STR("&quot;");
    }
}

#define ESCAPED_BYTES_MAX 6 /* &quot; */

struct wend_str wend_escape(struct wend_arena *arena, struct wend_str s, enum wend_escape how)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t count = 0;
    char *out, *at;

    for (size_t i = 0; i < s.len; i++)
        count += needs_escape(s.ptr[i], how);
    if (count == 0)
        return s;
    out = at = wend_arena_alloc(arena, s.len + count * (ESCAPED_BYTES_MAX - 1));
    if (out == NULL)
        return WEND_STR_NULL;
    for (size_t i = 0; i < s.len; i++) {
        if (!needs_escape(s.ptr[i], how)) {
            *at++ = s.ptr[i];
        } else if (how == WEND_ESCAPE_HTML) {
            struct wend_str entity = entity_of(s.ptr[i]);

            memcpy(at, entity.ptr, entity.len);
            at += entity.len;
        } else {
            *at++ = '%';
            *at++ = hex[(uint8_t)s.ptr[i] >> 4];
            *at++ = hex[(uint8_t)s.ptr[i] & 0xf];
        }
    }
    return wend_str_make(out, (size_t)(at - out));
}
