/* client/server_timing.h - what a server says about its own time (Server-Timing, W3C). Pure.
 *
 *     Server-Timing: edge;dur=0.6;t=0.1, python;dur=20.8;t=1.2;desc="shop.views.cart"
 *
 * A metric has a name, a duration in milliseconds and a text; `t` is our servers' offset from the
 * request's first byte. Unknown parameters are skipped, broken metrics too: a server's wish to tell
 * must never fail a fetch.
 */
#ifndef WEND_CLIENT_SERVER_TIMING_H
#define WEND_CLIENT_SERVER_TIMING_H

#include "base/arena.h"

#define WEND_SERVER_TIMING_MAX 64 /* metrics of one answer */

struct wend_server_metric {
    struct wend_str name, text;
    int64_t duration_ns; /* -1: not said */
    int64_t offset_ns;   /* -1: not said */
};

/* The next metric of one field value; start with *rest = the value. Quoted texts are unescaped in
 * the arena. False at the end. */
bool wend_server_timing_next(struct wend_arena *arena, struct wend_str *rest,
                             struct wend_server_metric *metric);

#endif
