/* http/h1_scan.c - the wide scans and their plain twin.
 *
 * The choice is made once, before main(): a function pointer costs one predictable indirect call,
 * and, unlike an ifunc, works with every linker and sanitizer. */
#include "http/h1_scan.h"

const char *wend_h1_scan_value_plain(const char *at, const char *end)
{
    while (at < end && !wend_h1_is_control(*at))
        at++;
    return at;
}

#ifdef __SSE2__
#include <immintrin.h>

static const char *scan_value_sse2(const char *at, const char *end)
{
    for (; end - at >= 16; at += 16) {
        unsigned found = wend_h1_controls16(at);

        if (found != 0)
            return at + __builtin_ctz(found);
    }
    return wend_h1_scan_value_plain(at, end);
}

__attribute__((target("avx2"))) static const char *scan_value_avx2(const char *at, const char *end)
{
    const __m256i last = _mm256_set1_epi8(0x1f);
    const __m256i tab = _mm256_set1_epi8('\t');
    const __m256i del = _mm256_set1_epi8(0x7f);

    for (; end - at >= 32; at += 32) {
        __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)at);
        __m256i low = _mm256_cmpeq_epi8(_mm256_min_epu8(v, last), v);
        __m256i bad = _mm256_or_si256(_mm256_andnot_si256(_mm256_cmpeq_epi8(v, tab), low),
                                      _mm256_cmpeq_epi8(v, del));
        unsigned found = (unsigned)_mm256_movemask_epi8(bad);

        if (found != 0)
            return at + __builtin_ctz(found);
    }
    return scan_value_sse2(at, end);
}

const char *(*wend_h1_scan_value)(const char *at, const char *end) = scan_value_sse2;

__attribute__((constructor)) static void choose_scan(void)
{
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2"))
        wend_h1_scan_value = scan_value_avx2;
}

#elif defined(__aarch64__)
#include <arm_neon.h>

static const char *scan_value_neon(const char *at, const char *end)
{
    for (; end - at >= 16; at += 16) {
        uint8x16_t v = vld1q_u8((const uint8_t *)at);
        uint8x16_t low =
            vandq_u8(vcltq_u8(v, vdupq_n_u8(0x20)), vmvnq_u8(vceqq_u8(v, vdupq_n_u8('\t'))));
        uint8x16_t bad = vorrq_u8(low, vceqq_u8(v, vdupq_n_u8(0x7f)));

        if (vmaxvq_u8(bad) != 0)
            break;
    }
    return wend_h1_scan_value_plain(at, end);
}

const char *(*wend_h1_scan_value)(const char *at, const char *end) = scan_value_neon;

#else
const char *(*wend_h1_scan_value)(const char *at, const char *end) = wend_h1_scan_value_plain;
#endif
