/* base/str.h - a view of bytes: a pointer and a length.
 *
 * What it is for. Every text wend handles (a field value, a path, a directive's argument) is a
 * slice of somebody else's bytes. A slice is passed by value, is never NUL-terminated and may
 * hold any byte, NUL included.
 *
 * Who owns what. A wend_str owns nothing. It lives as long as the bytes it points into; whoever
 * needs it longer copies it with wend_arena_keep().
 *
 * What it promises. No function here reads outside ptr[0 .. len). A null slice ({NULL, 0}) is a
 * valid empty slice; `ptr` tells "absent" from "empty" where a caller cares.
 */
#ifndef WEND_BASE_STR_H
#define WEND_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WEND_MUST_CHECK __attribute__((warn_unused_result))
#define WEND_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define WEND_LIKELY(x) __builtin_expect(!!(x), 1)
#define WEND_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define WEND_COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct wend_str {
    const char *ptr;
    size_t len;
};

/* A slice of a string literal, usable in initialisers. */
#define WEND_STR(literal) ((struct wend_str){"" literal, sizeof(literal) - 1})
#define WEND_STR_INIT(literal)                                                                     \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    }
#define WEND_STR_NULL ((struct wend_str){NULL, 0})

/* For printf-like functions: printf("%.*s", WEND_STR_ARG(s)). */
#define WEND_STR_ARG(s) (int)(s).len, (s).ptr

static inline struct wend_str wend_str_of(const char *cstr)
{
    return (struct wend_str){cstr, cstr == NULL ? 0 : strlen(cstr)};
}

static inline struct wend_str wend_str_make(const char *ptr, size_t len)
{
    return (struct wend_str){ptr, len};
}

/* The bytes from offset `from` (clamped) up to, not including, `to` (clamped). */
static inline struct wend_str wend_str_slice(struct wend_str s, size_t from, size_t to)
{
    if (to > s.len)
        to = s.len;
    if (from > to)
        from = to;
    /* NULL + 0 is undefined before C23, and an absent string is sliced too. */
    return (struct wend_str){from == 0 ? s.ptr : s.ptr + from, to - from};
}

static inline struct wend_str wend_str_from(struct wend_str s, size_t from)
{
    return wend_str_slice(s, from, s.len);
}

static inline bool wend_str_eq(struct wend_str a, struct wend_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* ASCII case folded; bytes above 127 compare as they are. */
bool wend_str_eq_nocase(struct wend_str a, struct wend_str b);

/* <0, 0, >0 as memcmp, the shorter one first when one starts the other. */
int wend_str_compare(struct wend_str a, struct wend_str b);
int wend_str_compare_nocase(struct wend_str a, struct wend_str b);

bool wend_str_starts(struct wend_str s, struct wend_str prefix);
bool wend_str_starts_nocase(struct wend_str s, struct wend_str prefix);
bool wend_str_ends(struct wend_str s, struct wend_str suffix);
bool wend_str_ends_nocase(struct wend_str s, struct wend_str suffix);

/* Offset of the first `byte` / `needle`, or -1. */
ptrdiff_t wend_str_find_byte(struct wend_str s, char byte);
ptrdiff_t wend_str_rfind_byte(struct wend_str s, char byte);
ptrdiff_t wend_str_find(struct wend_str s, struct wend_str needle);
ptrdiff_t wend_str_find_nocase(struct wend_str s, struct wend_str needle);

/* Without SP and HTAB at both ends (RFC 9110 5.6.3, OWS). */
struct wend_str wend_str_trim(struct wend_str s);

/* Takes the text before the next `separator` out of *rest. False when *rest.ptr is NULL, which
 * it becomes after the last part; so "a,,b" gives "a", "", "b" and "" gives one "". */
bool wend_str_split(struct wend_str *rest, char separator, struct wend_str *part);

/* The whole of `s` as a decimal (hexadecimal) number: digits only, no sign, no space, at least
 * one digit. False when it is none or does not fit. */
bool wend_str_to_u64(struct wend_str s, uint64_t *out) WEND_MUST_CHECK;
bool wend_str_hex_to_u64(struct wend_str s, uint64_t *out) WEND_MUST_CHECK;

/* Writes the decimal digits of `value` at `out` (room for 20 bytes), returns their count. */
size_t wend_str_from_u64(uint64_t value, char *out);

/* FNV-1a over the bytes. Not for hostile tables: those seed
 * base/map.h, which uses a keyed hash. */
uint32_t wend_str_hash(struct wend_str s);

static inline char wend_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

#endif
