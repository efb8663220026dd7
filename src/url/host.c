/* url/host.c - parsing hosts. */
#include "url/host.h"

#include <arpa/inet.h>
#include <stdio.h>

#define NUMBER_INVALID UINT64_MAX
#define IPV4_PARTS_MAX 4

static enum wend_code refuse(size_t *why_offset, const char **why, size_t offset, const char *text)
{
    *why_offset = offset;
    *why = text;
    return WEND_E_URL;
}

/* "10", "012" (octal), "0xa"; "0x" is 0. NUMBER_INVALID for anything else; huge ones saturate. */
static uint64_t ipv4_number(struct wend_str part)
{
    unsigned base = 10;
    uint64_t value = 0;

    if (part.len == 0)
        return NUMBER_INVALID;
    if (part.len >= 2 && part.ptr[0] == '0' && wend_lower(part.ptr[1]) == 'x') {
        base = 16;
        part = wend_str_from(part, 2);
    } else if (part.len >= 2 && part.ptr[0] == '0') {
        base = 8;
        part = wend_str_from(part, 1);
    }
    for (size_t i = 0; i < part.len; i++) {
        char c = wend_lower(part.ptr[i]);
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                                                : 16;

        if (digit >= base)
            return NUMBER_INVALID;
        value = value * base + digit;
        if (value > UINT32_MAX)
            value = (uint64_t)UINT32_MAX + 1;
    }
    return value;
}

/* Without one final dot. */
static struct wend_str without_dot(struct wend_str host)
{
    return host.len > 1 && host.ptr[host.len - 1] == '.' ? wend_str_slice(host, 0, host.len - 1)
                                                         : host;
}

/* Whether the last label is a number: then the whole must be an IPv4 address. */
static bool ends_in_number(struct wend_str host)
{
    struct wend_str last = without_dot(host);
    ptrdiff_t dot = wend_str_rfind_byte(last, '.');
    bool digits = true;

    last = wend_str_from(last, (size_t)(dot + 1));
    for (size_t i = 0; i < last.len; i++)
        digits = digits && last.ptr[i] >= '0' && last.ptr[i] <= '9';
    return last.len > 0 && (digits || ipv4_number(last) != NUMBER_INVALID);
}

/* One to four numbers, the last one filling the bytes that are left. */
static bool parse_ipv4(struct wend_str host, uint32_t *address)
{
    uint64_t numbers[IPV4_PARTS_MAX], last;
    struct wend_str rest = without_dot(host), part;
    size_t count = 0;

    while (wend_str_split(&rest, '.', &part)) {
        if (count == IPV4_PARTS_MAX)
            return false;
        numbers[count] = ipv4_number(part);
        if (numbers[count] == NUMBER_INVALID)
            return false;
        count++;
    }
    if (count == 0)
        return false;
    last = numbers[--count];
    if (last >= UINT64_C(1) << (8 * (IPV4_PARTS_MAX - count)))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (numbers[i] > 255)
            return false;
        last |= numbers[i] << (8 * (3 - i));
    }
    *address = (uint32_t)last;
    return true;
}

/* The longest run of two or more zero pieces (the first of equals): start and length. */
static void longest_zeros(const uint16_t pieces[8], int *start, int *length)
{
    *start = -1;
    *length = 1;
    for (int i = 0; i < 8; i++) {
        int end = i;

        while (end < 8 && pieces[end] == 0)
            end++;
        if (end - i > *length) {
            *start = i;
            *length = end - i;
        }
        i = end > i ? end : i;
    }
}

/* RFC 5952's form but for embedded IPv4, which URLs write in hexadecimal too. */
static struct wend_str write_ipv6(struct wend_arena *arena, const struct in6_addr *address)
{
    char text[64];
    uint16_t pieces[8];
    int start, length, len = 1;

    for (int i = 0; i < 8; i++)
        pieces[i] = (uint16_t)(address->s6_addr[2 * i] << 8 | address->s6_addr[2 * i + 1]);
    longest_zeros(pieces, &start, &length);
    text[0] = '[';
    for (int i = 0; i < 8; i++) {
        if (i == start) {
            len += snprintf(text + len, sizeof(text) - (size_t)len, i == 0 ? "::" : ":");
            i += length - 1;
            continue;
        }
        len += snprintf(text + len, sizeof(text) - (size_t)len, i < 7 ? "%x:" : "%x", pieces[i]);
    }
    text[len++] = ']';
    return wend_arena_keep(arena, wend_str_make(text, (size_t)len));
}

/* inet_pton takes what the standard's parser takes: no zones, no leading zeros in embedded IPv4. */
static bool parse_ipv6(struct wend_str inside, struct in6_addr *address)
{
    char text[INET6_ADDRSTRLEN];

    if (inside.len >= sizeof(text) || wend_str_find_byte(inside, '\0') >= 0)
        return false;
    memcpy(text, inside.ptr, inside.len);
    text[inside.len] = '\0';
    return inet_pton(AF_INET6, text, address) == 1;
}

static int hex_value(char c)
{
    c = wend_lower(c);
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_forbidden(char c)
{
    return (uint8_t)c <= 0x20 || c == 0x7f || memchr("#%/:<>?@[\\]^|", c, 13) != NULL;
}

/* Decodes %XX and folds case; `out` has room for text.len bytes. */
static enum wend_code read_name(struct wend_str text, char *out, size_t *len, size_t *why_offset,
                                const char **why)
{
    *len = 0;
    for (size_t i = 0; i < text.len; i++) {
        size_t from = i;
        char c = text.ptr[i];

        if (c == '%' && text.len - i >= 3 && hex_value(text.ptr[i + 1]) >= 0 &&
            hex_value(text.ptr[i + 2]) >= 0) {
            c = (char)(hex_value(text.ptr[i + 1]) << 4 | hex_value(text.ptr[i + 2]));
            i += 2;
        }
        if ((uint8_t)c >= 0x80) {
            (void)refuse(why_offset, why, from,
                         "the host has letters beyond ASCII: write it in its xn-- form");
            return WEND_E_UNSUPPORTED;
        }
        if (is_forbidden(c))
            return refuse(why_offset, why, from, "a character that no host has");
        out[(*len)++] = wend_lower(c);
    }
    return WEND_OK;
}

enum wend_code wend_url_host_parse(struct wend_arena *arena, struct wend_str text,
                                   struct wend_str *host, size_t *why_offset, const char **why)
{
    struct in6_addr ipv6;
    uint32_t ipv4;
    size_t len;
    char *out;
    enum wend_code code;

    *host = WEND_STR_NULL;
    if (text.len == 0)
        return refuse(why_offset, why, 0, "no host");
    if (text.ptr[0] == '[') {
        if (text.ptr[text.len - 1] != ']' ||
            !parse_ipv6(wend_str_slice(text, 1, text.len - 1), &ipv6))
            return refuse(why_offset, why, 0, "not an IPv6 address");
        *host = write_ipv6(arena, &ipv6);
        return host->ptr == NULL ? WEND_E_MEMORY : WEND_OK;
    }
    out = wend_arena_alloc(arena, text.len);
    if (out == NULL)
        return WEND_E_MEMORY;
    code = read_name(text, out, &len, why_offset, why);
    if (code != WEND_OK)
        return code;
    *host = wend_str_make(out, len);
    if (!ends_in_number(*host))
        return WEND_OK;
    if (!parse_ipv4(*host, &ipv4))
        return refuse(why_offset, why, 0, "the host ends in a number but is no IPv4 address");
    *host = wend_arena_printf(arena, "%u.%u.%u.%u", ipv4 >> 24, ipv4 >> 16 & 255, ipv4 >> 8 & 255,
                              ipv4 & 255);
    return host->ptr == NULL ? WEND_E_MEMORY : WEND_OK;
}
