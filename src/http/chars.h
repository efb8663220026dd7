/* http/chars.h - which bytes may stand where in HTTP/1: one table, a bit per class. */
#ifndef WEND_HTTP_CHARS_H
#define WEND_HTTP_CHARS_H

#include <stdbool.h>
#include <stdint.h>

enum wend_char {
    WEND_CHAR_TOKEN = 1,  /* tchar (RFC 9110 5.6.2) */
    WEND_CHAR_METHOD = 2, /* what nginx takes in a method: A-Z _ - */
    WEND_CHAR_PLAIN = 4,  /* what nginx takes in a field name: letters, digits, - */
    WEND_CHAR_PLAIN_ = 8, /* the same and _ */
    WEND_CHAR_HOST = 16,  /* reg-name but for %XX (RFC 3986 3.2.2) */
    WEND_CHAR_HEX = 32,
    WEND_CHAR_SCHEME = 64 /* after its first letter */
};

extern const uint8_t wend_http_chars[256];

static inline bool wend_char_is(char c, unsigned classes)
{
    return (wend_http_chars[(uint8_t)c] & classes) != 0;
}

/* The value of a hexadecimal digit. */
static inline unsigned wend_char_hex(char c)
{
    return ((uint8_t)c & 0xf) + (c > '9' ? 9 : 0);
}

#endif
