/* http/filter.h - what may change a response between its handler and its codec.
 *
 * What it is for. Conditional answers (304, 412), ranges (206, 416), added headers, later content
 * codings. Each is a row; the server gives an exchange its ordered table of rows and
 * wend_respond() walks it: first every `head` in order, then every piece through each `body`.
 *
 * The order of the house: conditional, range, coding, headers; framing is the codec's. A file piece
 * passes untouched through every filter that does not set `needs_bytes`, so sendfile survives.
 */
#ifndef WEND_HTTP_FILTER_H
#define WEND_HTTP_FILTER_H

#include "http/exchange.h"

struct wend_filter_link;

struct wend_filter {
    const char *name;
    bool needs_bytes; /* file pieces are read into memory for it */
    /* Looks at the head, may change it. Returns false when it has nothing to do with the body of
     * this response; then `body` is not called. May set x->header_only. *state is the filter's. */
    bool (*head)(struct wend_exchange *x, void **state);
    /* Passes pieces on with wend_filter_next(). NULL: head only. */
    enum wend_code (*body)(struct wend_exchange *x, struct wend_filter_link *link, void *state,
                           const struct wend_piece *pieces, size_t count, bool last);
};

/* The next filter in line, and at the end the codec. */
enum wend_code wend_filter_next(struct wend_exchange *x, struct wend_filter_link *link,
                                const struct wend_piece *pieces, size_t count, bool last);

/* The table an exchange goes through; NULL-terminated, static. Set before the response starts. */
typedef const struct wend_filter *const *wend_filter_table;

extern const struct wend_filter wend_filter_conditional; /* http/conditional.c */
extern const struct wend_filter wend_filter_range;       /* http/range.c */

#endif
