/* edge/content.h - the modules of static content, and of what surrounds every response.
 *
 *     module       directives                                              takes part as
 *     index        index                                                   content, first
 *     autoindex    autoindex autoindex_exact_size autoindex_format         content
 *                  autoindex_localtime
 *     static       open_file_cache open_file_cache_valid _min_uses         content, last
 *                  _errors disable_symlinks
 *     headers      add_header add_trailer expires add_header_inherit       response filter
 *                  add_trailer_inherit
 *     access_log   log_format access_log open_log_file_cache               log
 *
 * Filters run in the order conditional, headers, range, trailers: what add_header says about the
 * validators counts for If-Range, a 304 gets its fields, and a range knows the length that a
 * response with trailers does not tell. limit_rate is the last: it paces what the others made.
 */
#ifndef WEND_EDGE_CONTENT_H
#define WEND_EDGE_CONTENT_H

#include "edge/file_cache.h"
#include "edge/module.h"

extern const struct wend_edge_module wend_edge_index;
extern const struct wend_edge_module wend_edge_autoindex;
extern const struct wend_edge_module wend_edge_static;
extern const struct wend_edge_module wend_edge_headers;
extern const struct wend_edge_module wend_edge_access_log;

extern const struct wend_filter wend_edge_filter_conditional;
extern const struct wend_filter wend_edge_filter_headers;
extern const struct wend_filter wend_edge_filter_range;
extern const struct wend_filter wend_edge_filter_trailers;
extern const struct wend_filter wend_edge_filter_rate; /* edge/limit_rate.c */

/* wend_file_open() with that cache, under the place's disable_symlinks. */
enum wend_code wend_edge_file_open(struct wend_exchange *x, const char *path,
                                   enum wend_file_want want,
                                   const struct wend_file **out) WEND_MUST_CHECK;
/* What `path` (NUL-terminated) leads to; NULL when nothing is there. A failure other than that is
 * logged. */
const struct wend_file *wend_edge_look(struct wend_exchange *x, struct wend_str path);

#endif
