/* http/path.h - from a request target to a path: decoding and dot segments (nginx's rules).
 *
 * wend_path_normalise decodes %XX, resolves "." and ".." segments, merges "//" when asked, and
 * refuses NUL, a bad escape, and ".." above the root. The result lives in the arena (or is a slice
 * of the input when nothing had to change).
 */
#ifndef WEND_HTTP_PATH_H
#define WEND_HTTP_PATH_H

#include "base/arena.h"
#include "base/code.h"

/* WEND_E_SYNTAX: 400. */
enum wend_code wend_path_normalise(struct wend_arena *arena, struct wend_str raw,
                                   bool merge_slashes, struct wend_str *path) WEND_MUST_CHECK;

/* %XX decoding alone ('+' stays). A bad escape is kept as it is. */
struct wend_str wend_percent_decode(struct wend_arena *arena, struct wend_str s);

/* Escapes as nginx does for each place; returns `s` itself when nothing needs it. */
enum wend_escape {
    WEND_ESCAPE_URI,  /* a path for a Location field or an upstream */
    WEND_ESCAPE_ARGS, /* a value in a query */
    WEND_ESCAPE_URI_COMPONENT,
    WEND_ESCAPE_TARGET, /* a whole target: only what would end it on the request line */
    WEND_ESCAPE_HTML
};
struct wend_str wend_escape(struct wend_arena *arena, struct wend_str s, enum wend_escape how);

#endif
