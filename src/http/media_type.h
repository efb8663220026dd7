/* http/media_type.h - from a file's name to its Content-Type.
 *
 * Two tables: the three types nginx knows when a configuration has no `types`, and the list of our
 * own that `wend serve` goes by, for a folder and for an application's static files. */
#ifndef WEND_HTTP_MEDIA_TYPE_H
#define WEND_HTTP_MEDIA_TYPE_H

#include "base/str.h"

struct wend_media_type {
    struct wend_str extension; /* lower case, without the dot */
    struct wend_str type;
};

/* text/html html, image/gif gif, image/jpeg jpg */
#define WEND_MEDIA_TYPES_NGINX 3
extern const struct wend_media_type wend_media_types_nginx[WEND_MEDIA_TYPES_NGINX];

/* The extension of a path's last segment, case kept; empty when there is none. A name that starts
 * with its only dot (".profile") has none. */
struct wend_str wend_media_extension(struct wend_str path);

/* The type of an extension (any case) in our own list; a null slice when it is not there. Texts
 * that people write say that they are UTF-8. */
struct wend_str wend_media_type_of(struct wend_str extension);
/* The rows of that list; NULL beyond the last. */
const struct wend_media_type *wend_media_type_at(size_t index);

#endif
