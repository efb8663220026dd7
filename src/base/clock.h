/* base/clock.h - what time it is, in the three senses a server needs.
 *
 * monotonic  nanoseconds since some start; deadlines and timers.
 * wall       nanoseconds since 1970-01-01 UTC; logs, Date fields, cache ages.
 * ticks      the cheapest stamp there is, for spans: the CPU's invariant counter where the
 *            kernel itself trusts it, else CLOCK_MONOTONIC. Differences convert to nanoseconds.
 */
#ifndef WEND_BASE_CLOCK_H
#define WEND_BASE_CLOCK_H

#include "base/str.h"

#define WEND_NS_PER_MS INT64_C(1000000)
#define WEND_NS_PER_S INT64_C(1000000000)

int64_t wend_clock_monotonic_ns(void);
int64_t wend_clock_wall_ns(void);
uint64_t wend_clock_ticks(void);
int64_t wend_clock_ticks_to_ns(uint64_t ticks);

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 5.6.7), 29 bytes, no NUL counted. */
#define WEND_CLOCK_HTTP_LEN 29
void wend_clock_write_http(int64_t unix_s, char out[WEND_CLOCK_HTTP_LEN + 1]);

/* All three forms of RFC 9110 5.6.7. False when it is no date. */
bool wend_clock_parse_http(struct wend_str text, int64_t *unix_s) WEND_MUST_CHECK;

/* Texts of the current second, made once per second and thread. Valid until the next call. */
struct wend_str wend_clock_http_now(int64_t wall_ns);   /* Date: */
struct wend_str wend_clock_log_now(int64_t wall_ns);    /* 2026/11/21 04:18:56, local time */
struct wend_str wend_clock_common_now(int64_t wall_ns); /* 21/Nov/2026:04:18:56 +0000 */
struct wend_str wend_clock_iso_now(int64_t wall_ns);    /* 2026-11-21T04:18:56+00:00 */

#endif
