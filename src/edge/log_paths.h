/* edge/log_paths.h - log files whose names are made per request: access_log with variables.
 *
 * Without a cache such a file is opened, written and closed for every line. With one
 * (open_log_file_cache) descriptors are kept: at most entries_max of them, each until it was unused
 * for inactive_ms; after valid_ms a name is opened anew, so that a rotation is followed.
 *
 * Who owns what. One cache per open_log_file_cache and process.
 */
#ifndef WEND_EDGE_LOG_PATHS_H
#define WEND_EDGE_LOG_PATHS_H

#include "base/code.h"
#include "base/str.h"

#define WEND_LOG_PATHS_MAX 65536

struct wend_log_paths_settings {
    size_t entries_max;
    int64_t inactive_ms, valid_ms;
    unsigned min_uses; /* from this use within inactive_ms on the file stays open */
};

struct wend_log_paths;

struct wend_log_paths *wend_log_paths_new(const struct wend_log_paths_settings *settings);
void wend_log_paths_free(struct wend_log_paths *paths);

/* Appends `line` to the file at `path` (NUL-terminated, no NUL inside). `paths` may be NULL: no
 * cache. WEND_E_IO with errno. */
enum wend_code wend_log_paths_write(struct wend_log_paths *paths, struct wend_str path,
                                    struct wend_str line, int64_t now_ns);

#endif
