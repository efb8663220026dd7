/* http/chars.c - the table of http/chars.h. */
#include "http/chars.h"

#define T WEND_CHAR_TOKEN
#define M WEND_CHAR_METHOD
#define P (WEND_CHAR_PLAIN | WEND_CHAR_PLAIN_)
#define U WEND_CHAR_PLAIN_
#define H WEND_CHAR_HOST
#define X WEND_CHAR_HEX
#define S WEND_CHAR_SCHEME

const uint8_t wend_http_chars[256] = {
    ['!'] = T | H,
    ['#'] = T,
    ['$'] = T | H,
    ['%'] = T,
    ['&'] = T | H,
    ['\''] = T | H,
    ['('] = H,
    [')'] = H,
    ['*'] = T | H,
    ['+'] = T | H | S,
    [','] = H,
    ['-'] = T | M | P | H | S,
    ['.'] = T | H | S,
    ['0' ... '9'] = T | P | H | X | S,
    [';'] = H,
    ['='] = H,
    ['A' ... 'F'] = T | M | P | H | X | S,
    ['G' ... 'Z'] = T | M | P | H | S,
    ['^'] = T,
    ['_'] = T | M | U | H,
    ['`'] = T,
    ['a' ... 'f'] = T | P | H | X | S,
    ['g' ... 'z'] = T | P | H | S,
    ['|'] = T,
    ['~'] = T | H,
};
