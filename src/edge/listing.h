/* edge/listing.h - what a directory holds, as a page or as data.
 *
 * The four shapes of autoindex (html, json, jsonp, xml), byte for byte nginx's, so that scripts
 * that read them go on working. Directories come first, then names in byte order; names that begin
 * with a dot are left out.
 *
 * Both functions block (on the disk, on the CPU): they are for an offload thread. At most
 * WEND_LISTING_ENTRIES_MAX entries and WEND_LISTING_BYTES_MAX bytes of text.
 */
#ifndef WEND_EDGE_LISTING_H
#define WEND_EDGE_LISTING_H

#include "base/buffer.h"
#include "base/code.h"

#define WEND_LISTING_ENTRIES_MAX 250000
#define WEND_LISTING_BYTES_MAX (64u << 20)

enum wend_listing_kind { WEND_LISTING_DIRECTORY, WEND_LISTING_FILE, WEND_LISTING_OTHER };
enum wend_listing_format {
    WEND_LISTING_HTML,
    WEND_LISTING_JSON,
    WEND_LISTING_JSONP,
    WEND_LISTING_XML
};

struct wend_listing_entry {
    char *name; /* heap */
    enum wend_listing_kind kind;
    int64_t size, mtime_s;
};

struct wend_listing {
    struct wend_listing_entry *entries; /* heap */
    size_t count, room;
    int error;        /* errno of `call` */
    const char *call; /* "opendir()", "stat()", ... for the log line */
};

struct wend_listing_style {
    enum wend_listing_format format;
    bool exact_size, local_time;
    struct wend_str callback; /* JSONP's; null: plain JSON */
};

/* Reads `directory`. WEND_E_IO with ->error set, WEND_E_LIMIT, WEND_E_MEMORY. Release it always. */
enum wend_code wend_listing_read(const char *directory, struct wend_listing *out) WEND_MUST_CHECK;
void wend_listing_release(struct wend_listing *listing);

/* `path` is the decoded path of the request, for title and heading. WEND_E_LIMIT. */
enum wend_code wend_listing_write(const struct wend_listing *listing,
                                  const struct wend_listing_style *style, struct wend_str path,
                                  struct wend_buffer *out) WEND_MUST_CHECK;

/* Whether `name` may stand before the parenthesis: letters, digits, '_', '.'. */
bool wend_listing_callback_valid(struct wend_str name);

#endif
