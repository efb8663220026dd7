/* edge/static.h - a request answered with a file.
 *
 * What it is for. The last of the content handlers: a path on disk, and what nginx answers for
 * each thing that can be there. It needs no configuration, so that `wend serve FOLDER` uses it too.
 *
 * What it answers. Nothing there 404, no permission 403, a directory 301 to the same path with a
 * slash, something that is no regular file 404, any method but GET and HEAD on a file 405, failed
 * preconditions 412, ranges of nothing 416, a file whose reading fails 500. On all of these
 * x->response.status is set and nothing is sent: the server makes the page.
 *
 * Trace. static, with the file's size; the note is its path.
 */
#ifndef WEND_EDGE_STATIC_H
#define WEND_EDGE_STATIC_H

#include "base/log.h"
#include "edge/file_cache.h"
#include "http/conditional.h"
#include "http/handler.h"
#include "http/range.h"

struct wend_static_settings {
    struct wend_file_cache *cache; /* NULL: the worker's own */
    struct wend_str content_type;  /* null: no Content-Type */
    enum wend_if_modified_since if_modified_since;
    unsigned max_ranges; /* WEND_RANGES_UNLIMITED */
    struct wend_symlink_rule symlinks;
    bool etag;
    bool log_not_found;
    /* Writes one line about this exchange to the log of its place. May be NULL. */
    void (*log)(struct wend_exchange *x, enum wend_log_level level, int error, const char *text);
};

/* Suspends. `path` (NUL-terminated) is the file, `uri` the decoded path that led to it; both live
 * as long as the task. WEND_DECLINED for a uri that ends with '/'. */
enum wend_code wend_static_serve(struct wend_exchange *x,
                                 const struct wend_static_settings *settings, const char *path,
                                 struct wend_str uri) WEND_MUST_CHECK;

/* The status nginx gives the errno of a failed open() or stat(), and the level it logs it at. */
int wend_static_status_of(int error, enum wend_log_level *level);

#endif
