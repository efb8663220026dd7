/* edge/file_cache.h - from a path to an open file or its bytes, without asking the disk twice.
 *
 * What it is for. A file of 1 KiB should cost one statx and one write. The cache of a worker holds
 * the bytes of small files and the descriptors of large ones.
 *
 * When an entry is used. With valid_ms == 0 (the cache every worker has) a statx is made for every
 * request, and an entry counts only while device, inode, size, mtime and ctime, to the nanosecond,
 * are those it was filled with, and only files whose mtime and ctime were at least
 * WEND_FILE_SETTLED_MS old then are held: a second write within one tick of the kernel's clock
 * cannot hide. With valid_ms > 0 (open_file_cache) the statx is skipped for that long, as nginx's
 * users asked for. Requests that had arrived before a statx share its answer: whoever changed the
 * file before sending one of them did so before that statx (docs/decisions/0020). What no server
 * can see: stores through a shared mapping that the kernel has not yet dated.
 *
 * Who owns what. A struct wend_file handed out lives until the exchange's task ends, evicted or
 * not; the task gives it back by itself. Entries belong to the cache, the cache to its worker's
 * thread.
 *
 * What it promises. At most entries_max entries, bytes_max bytes of content, descriptors_max open
 * files, in the order of their last use; and nothing unused for inactive_ms is kept, so that a
 * deleted file's blocks come free.
 */
#ifndef WEND_EDGE_FILE_CACHE_H
#define WEND_EDGE_FILE_CACHE_H

#include "edge/symlinks.h"
#include "fiber/task.h"
#include "http/etag.h"

#define WEND_FILE_BYTES_MAX (64u << 10) /* larger files are sent from their descriptor */
#define WEND_FILE_SETTLED_MS 2000
#define WEND_FILE_CACHE_ENTRIES 1024
#define WEND_FILE_CACHE_BYTES (16u << 20)
#define WEND_FILE_CACHE_DESCRIPTORS 256
#define WEND_FILE_CACHE_INACTIVE_MS 20000

enum wend_file_kind { WEND_FILE_REGULAR, WEND_FILE_DIRECTORY, WEND_FILE_OTHER };

struct wend_file {
    int error;        /* errno of the call that failed; 0: found */
    const char *call; /* "open()" or "stat()", for the log line */
    enum wend_file_kind kind;
    bool executable; /* by its owner */
    int64_t size, mtime_s;
    int descriptor;        /* -1: none; `bytes` has it all, or the path was only looked at */
    struct wend_str bytes; /* ptr NULL: read from the descriptor */
    struct wend_str etag;  /* of a regular file that was opened */
    char etag_text[WEND_ETAG_FILE_MAX];
};

struct wend_file_cache_settings {
    size_t entries_max, bytes_max, descriptors_max;
    int64_t inactive_ms;
    int64_t valid_ms;  /* how long an entry is believed without a statx */
    unsigned min_uses; /* content is kept from this use within inactive_ms on */
    bool errors;       /* failures are remembered as well; needs valid_ms */
};
extern const struct wend_file_cache_settings wend_file_cache_default;

struct wend_file_cache;

struct wend_file_cache *wend_file_cache_new(struct wend_loop *loop,
                                            const struct wend_file_cache_settings *settings);
void wend_file_cache_free(struct wend_file_cache *cache); /* no file of it may be in use */

/* The calling worker's own cache, with the default settings; made on first use. */
struct wend_file_cache *wend_file_cache_worker(struct wend_loop *loop);

enum wend_file_want {
    WEND_FILE_LOOK, /* does it exist, what is it? */
    WEND_FILE_OPEN  /* and its content */
};

/* May suspend (a cold small file is read on a thread). `path` is NUL-terminated and needs to live
 * only during the call. `arrived` is the exchange's. `rule` says what becomes of symbolic links on
 * its way; NULL: they are followed. An entry found under one rule is believed under another only
 * after a look of its own. WEND_OK         *out says what was found, or (->error) why not
 *   WEND_E_MEMORY, WEND_E_LIMIT, WEND_E_CANCELLED */
enum wend_code wend_file_open(struct wend_task *task, struct wend_file_cache *cache,
                              uint64_t arrived, const char *path,
                              const struct wend_symlink_rule *rule, enum wend_file_want want,
                              const struct wend_file **out) WEND_MUST_CHECK;

#endif
