/* http/range.h - parts of a response (RFC 9110 14).
 *
 * What it is for. Range and If-Range on a response that has allow_ranges and a known length:
 * one range becomes a 206 with Content-Range, several become multipart/byteranges.
 *
 * Policy (nginx's). Units other than bytes are ignored. A range set that is malformed or that
 * selects nothing is a 416. One whose parts together are longer than the body, or that has more
 * than `max` parts, is answered with the whole: overlaps that only cost are not served, small ones
 * are. If-Range with a weak tag never matches (RFC 9110 13.1.5).
 *
 * Streams. Ranges in ascending order are cut from any stream of pieces. Ranges out of order need
 * the body as one piece in one call (`one_piece`: the caller vouches for it); without that they are
 * answered with the whole.
 */
#ifndef WEND_HTTP_RANGE_H
#define WEND_HTTP_RANGE_H

#include "http/filter.h"

#define WEND_RANGES_UNLIMITED UINT32_MAX

struct wend_range {
    int64_t from, to; /* [from, to), never empty */
};

struct wend_ranges {
    struct wend_range *at; /* in the arena */
    unsigned count;
    bool ascending; /* in order and without overlap */
};

/* Reads a Range value for a body of `length` bytes.
 *   206  *out holds at least one range
 *   200  the field is to be ignored
 *   416  nothing of it can be satisfied */
int wend_range_parse(struct wend_arena *arena, struct wend_str value, int64_t length, unsigned max,
                     struct wend_ranges *out);

/* Whether the response as it stands would be a 416: for a handler that can still answer with an
 * error page. Adds Content-Range: bytes * / N to the response when it would. */
bool wend_range_refused(struct wend_exchange *x, unsigned max);

/* A filter's `head` with settings; its `body` is wend_filter_range.body. */
bool wend_range_head(struct wend_exchange *x, void **state, unsigned max, bool one_piece);

#endif
