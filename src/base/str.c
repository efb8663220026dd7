/* base/str.c - the slice functions that are more than a line.
 *
 * Searching goes through memchr, memrchr and memmem: libc's are vectorised, ours would not be. */
#include "base/str.h"

static int fold(char c)
{
    return (unsigned char)wend_lower(c);
}

static int compare_nocase(const char *a, const char *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        int difference = fold(a[i]) - fold(b[i]);

        if (difference != 0)
            return difference;
    }
    return 0;
}

bool wend_str_eq_nocase(struct wend_str a, struct wend_str b)
{
    return a.len == b.len && compare_nocase(a.ptr, b.ptr, a.len) == 0;
}

static int order_by_length(struct wend_str a, struct wend_str b)
{
    return (a.len > b.len) - (a.len < b.len);
}

int wend_str_compare(struct wend_str a, struct wend_str b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int difference = common == 0 ? 0 : memcmp(a.ptr, b.ptr, common);

    return difference != 0 ? difference : order_by_length(a, b);
}

int wend_str_compare_nocase(struct wend_str a, struct wend_str b)
{
    int difference = compare_nocase(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);

    return difference != 0 ? difference : order_by_length(a, b);
}

static struct wend_str tail(struct wend_str s, size_t len)
{
    return wend_str_make(len == 0 ? s.ptr : s.ptr + (s.len - len), len);
}

bool wend_str_starts(struct wend_str s, struct wend_str prefix)
{
    return s.len >= prefix.len && wend_str_eq(wend_str_make(s.ptr, prefix.len), prefix);
}

bool wend_str_starts_nocase(struct wend_str s, struct wend_str prefix)
{
    return s.len >= prefix.len && wend_str_eq_nocase(wend_str_make(s.ptr, prefix.len), prefix);
}

bool wend_str_ends(struct wend_str s, struct wend_str suffix)
{
    return s.len >= suffix.len && wend_str_eq(tail(s, suffix.len), suffix);
}

bool wend_str_ends_nocase(struct wend_str s, struct wend_str suffix)
{
    return s.len >= suffix.len && wend_str_eq_nocase(tail(s, suffix.len), suffix);
}

ptrdiff_t wend_str_find_byte(struct wend_str s, char byte)
{
    const char *at = s.len == 0 ? NULL : memchr(s.ptr, byte, s.len);

    return at == NULL ? -1 : at - s.ptr;
}

ptrdiff_t wend_str_rfind_byte(struct wend_str s, char byte)
{
    const char *at = s.len == 0 ? NULL : memrchr(s.ptr, byte, s.len);

    return at == NULL ? -1 : at - s.ptr;
}

ptrdiff_t wend_str_find(struct wend_str s, struct wend_str needle)
{
    const char *at;

    if (needle.len == 0)
        return 0;
    if (s.len < needle.len)
        return -1;
    at = memmem(s.ptr, s.len, needle.ptr, needle.len);
    return at == NULL ? -1 : at - s.ptr;
}

ptrdiff_t wend_str_find_nocase(struct wend_str s, struct wend_str needle)
{
    if (needle.len == 0)
        return 0;
    for (size_t i = 0; needle.len <= s.len && i <= s.len - needle.len; i++)
        if (fold(s.ptr[i]) == fold(needle.ptr[0]) &&
            compare_nocase(s.ptr + i, needle.ptr, needle.len) == 0)
            return (ptrdiff_t)i;
    return -1;
}

static bool is_ows(char c)
{
    return c == ' ' || c == '\t';
}

struct wend_str wend_str_trim(struct wend_str s)
{
    while (s.len > 0 && is_ows(s.ptr[s.len - 1]))
        s.len--;
    while (s.len > 0 && is_ows(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    return s;
}

bool wend_str_split(struct wend_str *rest, char separator, struct wend_str *part)
{
    ptrdiff_t at;

    if (rest->ptr == NULL)
        return false;
    at = wend_str_find_byte(*rest, separator);
    if (at < 0) {
        *part = *rest;
        *rest = WEND_STR_NULL;
    } else {
        *part = wend_str_slice(*rest, 0, (size_t)at);
        *rest = wend_str_from(*rest, (size_t)at + 1);
    }
    return true;
}

bool wend_str_to_u64(struct wend_str s, uint64_t *out)
{
    uint64_t value = 0;

    for (size_t i = 0; i < s.len; i++) {
        unsigned digit = (unsigned char)s.ptr[i] - (unsigned)'0';

        if (digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, digit, &value))
            return false;
    }
    *out = value;
    return s.len > 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = wend_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool wend_str_hex_to_u64(struct wend_str s, uint64_t *out)
{
    uint64_t value = 0;

    for (size_t i = 0; i < s.len; i++) {
        int digit = hex_digit(s.ptr[i]);

        if (digit < 0 || value >> 60 != 0)
            return false;
        value = value << 4 | (unsigned)digit;
    }
    *out = value;
    return s.len > 0;
}

size_t wend_str_from_u64(uint64_t value, char *out)
{
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    memcpy(out, digits + at, sizeof(digits) - at);
    return sizeof(digits) - at;
}

#define FNV_BASIS 2166136261u
#define FNV_PRIME 16777619u

uint32_t wend_str_hash(struct wend_str s)
{
    uint32_t hash = FNV_BASIS;

    for (size_t i = 0; i < s.len; i++)
        hash = (hash ^ (unsigned char)s.ptr[i]) * FNV_PRIME;
    return hash;
}
