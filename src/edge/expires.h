/* edge/expires.h - Expires and Cache-Control from one setting: the `expires` directive.
 *
 *   off               nothing is touched
 *   epoch             long ago; "no-cache"
 *   max               2037; ten years
 *   [modified] TIME   from now, or from the file's date; a negative one means "no-cache"
 *   @TIME             the next time the local clock shows it
 */
#ifndef WEND_EDGE_EXPIRES_H
#define WEND_EDGE_EXPIRES_H

#include "http/exchange.h"

enum wend_expires_kind {
    WEND_EXPIRES_OFF,
    WEND_EXPIRES_EPOCH,
    WEND_EXPIRES_MAX,
    WEND_EXPIRES_ACCESS,
    WEND_EXPIRES_MODIFIED,
    WEND_EXPIRES_DAILY
};

struct wend_expires {
    enum wend_expires_kind kind;
    int64_t seconds; /* an offset; of the day for DAILY */
};

/* "epoch", "max", "off", "1h30m", "-1", "@15h30m". False when it is none of them. */
bool wend_expires_parse(struct wend_str text, bool modified, struct wend_expires *out);

/* Replaces Expires and Cache-Control of the response. `now_s`: unix time. WEND_E_MEMORY. */
enum wend_code wend_expires_apply(struct wend_exchange *x, const struct wend_expires *expires,
                                  int64_t now_s) WEND_MUST_CHECK;

/* Whether fields are added to a response of this status without `always`. */
bool wend_status_takes_fields(int status);

#endif
