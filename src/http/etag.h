/* http/etag.h - entity tags (RFC 9110 8.8.3): made, compared, found in lists. Pure.
 *
 * A file's tag is what nginx makes: "MTIME-SIZE", both in lower-case hexadecimal, so that a fleet
 * that mixes the two servers agrees about one file.
 */
#ifndef WEND_HTTP_ETAG_H
#define WEND_HTTP_ETAG_H

#include "base/str.h"

#define WEND_ETAG_FILE_MAX 36 /* two quotes, a dash, two 64-bit numbers, NUL */

/* Writes the tag with its quotes, returns its length. */
size_t wend_etag_write_file(int64_t mtime_s, int64_t size, char out[WEND_ETAG_FILE_MAX]);

static inline bool wend_etag_weak(struct wend_str tag)
{
    return tag.len > 2 && tag.ptr[0] == 'W' && tag.ptr[1] == '/';
}

/* Whether `tag` (null: the resource has none) is in the value of an If-Match (strong) or
 * If-None-Match (weak) field. "*" matches always, as nginx has it: even without a tag. */
bool wend_etag_in_list(struct wend_str list, struct wend_str tag, bool weak);

#endif
