/* http/h1_scan.h - finding the byte that ends a field value or a request target.
 *
 * Heads are short: most values end within 16 bytes, so the first 16 are looked at in place, with
 * what every x86-64 has, and only longer ones pay for the call through wend_h1_scan_value, which
 * uses the widest registers of this CPU. Private to the HTTP/1 parsers. */
#ifndef WEND_HTTP_H1_SCAN_H
#define WEND_HTTP_H1_SCAN_H

#include "http/h1_parse.h"

#ifdef __SSE2__
#include <emmintrin.h>

/* A bit per byte that is a control but HTAB, or DEL. */
static inline unsigned wend_h1_controls16(const char *at)
{
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)at);
    __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1f)), v);
    __m128i tab = _mm_cmpeq_epi8(v, _mm_set1_epi8('\t'));
    __m128i del = _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f));

    return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, low), del));
}

/* A bit per byte that is a control, a space or DEL. */
static inline unsigned wend_h1_blanks16(const char *at)
{
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)at);
    __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x20)), v);
    __m128i del = _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f));

    return (unsigned)_mm_movemask_epi8(_mm_or_si128(low, del));
}
#endif

static inline bool wend_h1_is_control(char c)
{
    return ((uint8_t)c < 0x20 && c != '\t') || c == 0x7f;
}

static inline const char *wend_h1_find_control(const char *at, const char *end)
{
#ifdef __SSE2__
    if (WEND_LIKELY(end - at >= 16)) {
        unsigned found = wend_h1_controls16(at);

        if (found != 0)
            return at + __builtin_ctz(found);
        return wend_h1_scan_value(at + 16, end);
    }
#endif
    while (at < end && !wend_h1_is_control(*at))
        at++;
    return at;
}

/* The first control, space or DEL: where a request target ends. */
static inline const char *wend_h1_find_blank(const char *at, const char *end)
{
#ifdef __SSE2__
    for (; end - at >= 16; at += 16) {
        unsigned found = wend_h1_blanks16(at);

        if (found != 0)
            return at + __builtin_ctz(found);
    }
#endif
    while (at < end && (uint8_t)*at > 0x20 && *at != 0x7f)
        at++;
    return at;
}

#endif
