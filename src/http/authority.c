/* http/authority.c - host and port of a request. */
#include "http/authority.h"

#include "http/chars.h"

#include <arpa/inet.h>

/* The length of "[...]" if an IPv6 address is inside, else 0. */
static size_t address_length(struct wend_str text)
{
    char address[INET6_ADDRSTRLEN];
    struct in6_addr parsed;
    ptrdiff_t close = wend_str_find_byte(text, ']');

    if (close < 2 || (size_t)close > sizeof(address))
        return 0;
    memcpy(address, text.ptr + 1, (size_t)close - 1);
    address[close - 1] = '\0';
    if (memchr(address, '\0', (size_t)close - 1) != NULL)
        return 0;
    return inet_pton(AF_INET6, address, &parsed) == 1 ? (size_t)close + 1 : 0;
}

/* The length of the registered name or IPv4 address at the start; 0 when it is malformed. */
static size_t name_length(struct wend_str text)
{
    size_t at = 0;

    for (; at < text.len && text.ptr[at] != ':'; at++) {
        char c = text.ptr[at];

        if (c == '.' && at != 0 && text.ptr[at - 1] == '.')
            return 0;
        if (wend_char_is(c, WEND_CHAR_HOST))
            continue;
        if (c != '%' || text.len - at < 3 || !wend_char_is(text.ptr[at + 1], WEND_CHAR_HEX) ||
            !wend_char_is(text.ptr[at + 2], WEND_CHAR_HEX))
            return 0;
        at += 2;
    }
    return at;
}

static bool read_port(struct wend_str text, int *port)
{
    unsigned value = 0;

    *port = -1;
    if (text.len == 0)
        return true;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        value = value * 10 + (unsigned)(text.ptr[i] - '0');
        if (value > 65535)
            return false;
    }
    *port = (int)value;
    return value != 0;
}

static bool has_upper(struct wend_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] >= 'A' && text.ptr[i] <= 'Z')
            return true;
    }
    return false;
}

enum wend_code wend_authority_parse(struct wend_arena *arena, struct wend_str text,
                                    struct wend_str *host, int *port)
{
    size_t len;
    char *lower;

    *host = WEND_STR_NULL;
    *port = -1;
    if (text.len == 0)
        return WEND_E_SYNTAX;
    len = text.ptr[0] == '[' ? address_length(text) : name_length(text);
    if (len == 0)
        return WEND_E_SYNTAX;
    if (len < text.len && (text.ptr[len] != ':' || !read_port(wend_str_from(text, len + 1), port)))
        return WEND_E_SYNTAX;
    *host = wend_str_slice(text, 0, text.ptr[len - 1] == '.' ? len - 1 : len);
    if (host->len == 0)
        return WEND_E_SYNTAX;
    if (!has_upper(*host))
        return WEND_OK;
    lower = wend_arena_alloc(arena, host->len);
    if (lower == NULL)
        return WEND_E_MEMORY;
    for (size_t i = 0; i < host->len; i++)
        lower[i] = wend_lower(host->ptr[i]);
    host->ptr = lower;
    return WEND_OK;
}
