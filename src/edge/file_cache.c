/* edge/file_cache.c - from a path to an open file or its bytes; see edge/file_cache.h.
 *
 * Not an mmap of the file: a page that is cut off under our hands would be a SIGBUS. Not inotify:
 * it tells too late, and watches are scarce. One statx costs less than a microsecond.
 */
#include "edge/file_cache.h"

#include "base/assert.h"
#include "base/map.h"
#include "fiber/offload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define SWEEP_MS 1000

/* What makes a path's file the same file with the same content. */
struct identity {
    uint64_t device, inode, size;
    int64_t mtime_ns, ctime_ns;
    uint32_t mode;
};

struct entry {
    struct wend_list recent; /* in cache->recent, newest last; unlinked once evicted */
    struct wend_file_cache *cache;
    struct identity identity;
    struct wend_file file;
    uint64_t asked;     /* the loop's mark just before the kernel was last asked */
    int64_t checked_ns; /* monotonic: when the identity was last seen to hold */
    int64_t used_ns;
    unsigned uses;
    unsigned refs;                 /* exchanges that hold it, and one for the cache itself */
    bool opened;                   /* asked for its content, not only looked at */
    bool settled;                  /* no write could have hidden in the tick of its stamps */
    struct wend_symlink_rule rule; /* under which it was found */
    size_t path_len;
    char path[];
};

struct wend_file_cache {
    struct wend_file_cache_settings settings;
    struct wend_loop *loop;
    struct wend_map by_path;
    struct wend_list recent;
    struct wend_timer sweep;
    struct {
        size_t entries, bytes, descriptors; /* at most what the settings say */
        uint64_t hits, misses;
    } stats;
};

const struct wend_file_cache_settings wend_file_cache_default = {
    .entries_max = WEND_FILE_CACHE_ENTRIES,
    .bytes_max = WEND_FILE_CACHE_BYTES,
    .descriptors_max = WEND_FILE_CACHE_DESCRIPTORS,
    .inactive_ms = WEND_FILE_CACHE_INACTIVE_MS,
    .min_uses = 1,
};

/* --- entries --------------------------------------------------------------------------------- */

static void unref(void *arg)
{
    struct entry *entry = arg;

    if (--entry->refs > 0)
        return;
    if (entry->file.descriptor >= 0)
        close(entry->file.descriptor);
    free((char *)entry->file.bytes.ptr);
    free(entry);
}

static struct entry *new_entry(struct wend_file_cache *cache, const char *path)
{
    size_t len = strlen(path);
    struct entry *entry = calloc(1, sizeof(*entry) + len + 1);

    if (entry == NULL)
        return NULL;
    entry->cache = cache;
    entry->refs = 1;
    entry->file.descriptor = -1;
    entry->path_len = len;
    memcpy(entry->path, path, len + 1);
    return entry;
}

static void count(struct wend_file_cache *cache, const struct entry *entry, int sign)
{
    cache->stats.entries += (size_t)sign;
    cache->stats.bytes += (size_t)sign * entry->file.bytes.len;
    cache->stats.descriptors += (size_t)sign * (entry->file.descriptor >= 0);
}

static void evict(struct entry *entry)
{
    struct wend_file_cache *cache = entry->cache;

    WEND_ASSERT(wend_map_remove(&cache->by_path, wend_str_make(entry->path, entry->path_len)) ==
                entry);
    wend_list_remove(&entry->recent);
    count(cache, entry, -1);
    unref(entry);
}

static void sweep(struct wend_timer *timer)
{
    struct wend_file_cache *cache = WEND_OF(timer, struct wend_file_cache, sweep);
    int64_t now = wend_loop_now_ns(cache->loop);

    WEND_LIST_EACH(&cache->recent, node, after) {
        struct entry *entry = WEND_OF(node, struct entry, recent);

        if (now - entry->used_ns < cache->settings.inactive_ms * WEND_NS_PER_MS)
            break;
        evict(entry);
    }
    if (!wend_list_empty(&cache->recent))
        wend_timer_start(cache->loop, &cache->sweep, now + SWEEP_MS * WEND_NS_PER_MS);
}

static void make_room(struct wend_file_cache *cache, const struct entry *entry)
{
    const struct wend_file_cache_settings *most = &cache->settings;
    size_t descriptors = entry->file.descriptor >= 0;

    while (!wend_list_empty(&cache->recent) &&
           (cache->stats.entries >= most->entries_max ||
            cache->stats.bytes + entry->file.bytes.len > most->bytes_max ||
            cache->stats.descriptors + descriptors > most->descriptors_max))
        evict(WEND_OF(cache->recent.next, struct entry, recent));
}

/* The cache takes a reference of its own. */
static void keep(struct wend_file_cache *cache, struct entry *entry, int64_t now)
{
    make_room(cache, entry);
    if (wend_map_add(&cache->by_path, wend_str_make(entry->path, entry->path_len), entry) !=
        WEND_OK)
        return;
    entry->refs++;
    entry->used_ns = entry->checked_ns = now;
    wend_list_append(&cache->recent, &entry->recent);
    count(cache, entry, 1);
    if (!wend_list_linked(&cache->sweep.node))
        wend_timer_start(cache->loop, &cache->sweep, now + SWEEP_MS * WEND_NS_PER_MS);
}

struct wend_file_cache *wend_file_cache_new(struct wend_loop *loop,
                                            const struct wend_file_cache_settings *settings)
{
    struct wend_file_cache *cache = calloc(1, sizeof(*cache));

    if (cache == NULL)
        wend_die("a file cache");
    cache->settings = *settings;
    cache->loop = loop;
    cache->sweep.fire = sweep;
    wend_list_init(&cache->recent);
    wend_map_init(&cache->by_path, NULL, settings->entries_max + 1);
    return cache;
}

void wend_file_cache_free(struct wend_file_cache *cache)
{
    WEND_LIST_EACH(&cache->recent, node, after)
        evict(WEND_OF(node, struct entry, recent));
    wend_timer_stop(cache->loop, &cache->sweep);
    wend_map_release(&cache->by_path);
    free(cache);
}

struct wend_file_cache *wend_file_cache_worker(struct wend_loop *loop)
{
    static _Thread_local struct wend_file_cache *mine;

    if (mine == NULL)
        mine = wend_file_cache_new(loop, &wend_file_cache_default);
    return mine;
}

/* --- asking the kernel ----------------------------------------------------------------------- */

static int64_t stamp_ns(const struct statx_timestamp *stamp)
{
    return stamp->tv_sec * WEND_NS_PER_S + stamp->tv_nsec;
}

/* Of `path`, or of `descriptor` when path is empty. */
static bool identify(int descriptor, const char *path, struct identity *out)
{
    struct statx seen;
    int flags = AT_STATX_SYNC_AS_STAT | (path[0] == '\0' ? AT_EMPTY_PATH : 0);

    if (statx(descriptor, path, flags,
              STATX_TYPE | STATX_MODE | STATX_INO | STATX_SIZE | STATX_MTIME | STATX_CTIME,
              &seen) != 0)
        return false;
    out->device = (uint64_t)seen.stx_dev_major << 32 | seen.stx_dev_minor;
    out->inode = seen.stx_ino;
    out->size = seen.stx_size;
    out->mtime_ns = stamp_ns(&seen.stx_mtime);
    out->ctime_ns = stamp_ns(&seen.stx_ctime);
    out->mode = seen.stx_mode;
    return true;
}

static const struct wend_symlink_rule follow_links = {WEND_SYMLINKS_FOLLOW, 0};

static int open_path(const char *path, const struct wend_symlink_rule *rule, int flags)
{
    if (rule->mode == WEND_SYMLINKS_FOLLOW)
        return open(path, flags | O_CLOEXEC);
    return wend_symlinks_open(path, rule, flags);
}

/* 0, or errno. */
static int look_at(const char *path, const struct wend_symlink_rule *rule, struct identity *out)
{
    int descriptor, error;

    if (rule->mode == WEND_SYMLINKS_FOLLOW)
        return identify(AT_FDCWD, path, out) ? 0 : errno;
    descriptor = wend_symlinks_open(path, rule, O_PATH);
    if (descriptor < 0)
        return errno;
    error = identify(descriptor, "", out) ? 0 : errno;
    close(descriptor);
    return error;
}

static bool same_rule(const struct wend_symlink_rule *a, const struct wend_symlink_rule *b)
{
    return a->mode == b->mode && a->trusted == b->trusted;
}

static bool same(const struct identity *a, const struct identity *b)
{
    return a->inode == b->inode && a->device == b->device && a->size == b->size &&
           a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns && a->mode == b->mode;
}

static bool has_settled(const struct identity *identity, int64_t wall_ns)
{
    int64_t latest = wall_ns - WEND_FILE_SETTLED_MS * WEND_NS_PER_MS;

    return identity->mtime_ns <= latest && identity->ctime_ns <= latest;
}

static void describe(struct entry *entry)
{
    const struct identity *identity = &entry->identity;
    struct wend_file *file = &entry->file;

    file->kind = S_ISREG(identity->mode)   ? WEND_FILE_REGULAR
                 : S_ISDIR(identity->mode) ? WEND_FILE_DIRECTORY
                                           : WEND_FILE_OTHER;
    file->executable = (identity->mode & S_IXUSR) != 0;
    file->size = (int64_t)identity->size;
    file->mtime_s = identity->mtime_ns / WEND_NS_PER_S;
    if (identity->mtime_ns % WEND_NS_PER_S < 0)
        file->mtime_s--;
    file->etag = wend_str_make(file->etag_text,
                               wend_etag_write_file(file->mtime_s, file->size, file->etag_text));
}

static void note_error(struct entry *entry, const char *call)
{
    entry->file.error = errno;
    entry->file.call = call;
}

/* --- reading a small file -------------------------------------------------------------------- */

struct reading {
    int descriptor;
    char *into;
    size_t len;
    ssize_t got;
};

static enum wend_code read_cold(void *arg)
{
    struct reading *reading = arg;

    while ((size_t)reading->got < reading->len) {
        ssize_t n = pread(reading->descriptor, reading->into + reading->got,
                          reading->len - (size_t)reading->got, reading->got);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        reading->got += n;
    }
    return WEND_OK;
}

/* Leaves the descriptor in place when the file cannot be read in one go now: sending copes. */
static enum wend_code read_bytes(struct wend_task *task, struct entry *entry)
{
    struct wend_file *file = &entry->file;
    struct reading reading = {.descriptor = file->descriptor, .len = (size_t)file->size};
    struct iovec part;
    struct identity after;
    enum wend_code code = WEND_OK;

    reading.into = malloc(reading.len + 1);
    if (reading.into == NULL)
        return WEND_E_MEMORY;
    part = (struct iovec){reading.into, reading.len};
    reading.got = preadv2(file->descriptor, &part, 1, 0, RWF_NOWAIT);
    if (reading.got < 0)
        reading.got = 0;
    if ((size_t)reading.got < reading.len)
        code = wend_offload(task, read_cold, &reading);
    if (code != WEND_OK || (size_t)reading.got < reading.len ||
        !identify(file->descriptor, "", &after) || !same(&entry->identity, &after)) {
        free(reading.into);
        return code;
    }
    file->bytes = wend_str_make(reading.into, reading.len);
    close(file->descriptor);
    file->descriptor = -1;
    return WEND_OK;
}

/* --- the way in ------------------------------------------------------------------------------ */

/* A directory is opened only to learn whether it may be: nobody reads it from here. */
static void try_directory(struct entry *entry)
{
    int descriptor = open_path(entry->path, &entry->rule, O_RDONLY | O_DIRECTORY);

    if (descriptor < 0)
        note_error(entry, "open()");
    else
        close(descriptor);
}

/* Opens what `entry->identity` was seen to be. Another file may be there by now; then that one
 * counts. A FIFO or a device is never opened: it could block, or do things. */
static enum wend_code open_entry(struct wend_task *task, struct entry *entry)
{
    struct wend_file *file = &entry->file;

    entry->opened = true;
    if (S_ISDIR(entry->identity.mode))
        try_directory(entry);
    if (!S_ISREG(entry->identity.mode))
        return WEND_OK;
    file->descriptor = open_path(entry->path, &entry->rule, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (file->descriptor < 0 || !identify(file->descriptor, "", &entry->identity)) {
        note_error(entry, "open()");
        return WEND_OK;
    }
    describe(entry);
    entry->settled = has_settled(&entry->identity, wend_loop_wall_ns(entry->cache->loop));
    if (file->kind == WEND_FILE_REGULAR && file->size <= WEND_FILE_BYTES_MAX)
        return read_bytes(task, entry);
    return WEND_OK;
}

/* Equal stamps say that held bytes are still the file's; a descriptor reads what is there now. */
static bool lasting(const struct entry *entry)
{
    return entry->settled || entry->file.bytes.ptr == NULL;
}

static bool worth_keeping(const struct wend_file_cache *cache, const struct entry *entry,
                          enum wend_file_want want)
{
    const struct wend_file_cache_settings *settings = &cache->settings;

    if (entry->file.error != 0)
        return settings->errors && settings->valid_ms > 0;
    if (want == WEND_FILE_LOOK || entry->file.kind != WEND_FILE_REGULAR)
        return settings->valid_ms > 0;
    return lasting(entry) || settings->valid_ms > 0;
}

/* Below min_uses only the knowledge is kept, not the content: the entry loses it again when the
 * exchange that needed it ends. */
static bool content_earned(const struct wend_file_cache *cache, unsigned uses)
{
    return uses >= cache->settings.min_uses;
}

static void remember(struct wend_file_cache *cache, struct entry *entry, enum wend_file_want want)
{
    int64_t now = wend_loop_now_ns(cache->loop);
    struct wend_str path = wend_str_make(entry->path, entry->path_len);
    struct entry *old = wend_map_get(&cache->by_path, path);

    /* Another exchange may have filled it while this one waited for a thread. */
    if (old != NULL) {
        entry->uses = old->uses + 1;
        evict(old);
    }
    if (!worth_keeping(cache, entry, want))
        return;
    if (!content_earned(cache, entry->uses) && entry->opened && entry->file.error == 0) {
        struct entry *known = new_entry(cache, entry->path);

        if (known == NULL)
            return;
        known->identity = entry->identity;
        known->rule = entry->rule;
        known->uses = entry->uses;
        describe(known);
        keep(cache, known, now);
        unref(known);
        return;
    }
    keep(cache, entry, now);
}

static bool usable(const struct entry *entry, enum wend_file_want want)
{
    return want == WEND_FILE_LOOK || entry->opened || entry->file.error != 0 ||
           entry->file.kind != WEND_FILE_REGULAR;
}

static void touch(struct wend_file_cache *cache, struct entry *entry)
{
    entry->used_ns = wend_loop_now_ns(cache->loop);
    entry->uses++;
    wend_list_remove(&entry->recent);
    wend_list_append(&cache->recent, &entry->recent);
}

static enum wend_code hand_out(struct wend_task *task, struct entry *entry,
                               const struct wend_file **out)
{
    wend_defer(task, unref, entry);
    *out = &entry->file;
    return WEND_OK;
}

static enum wend_code fill(struct wend_task *task, struct wend_file_cache *cache, const char *path,
                           const struct wend_symlink_rule *rule, enum wend_file_want want,
                           uint64_t asked, const struct identity *seen, int error,
                           const struct wend_file **out)
{
    struct entry *entry = new_entry(cache, path);
    enum wend_code code = WEND_OK;

    if (entry == NULL)
        return WEND_E_MEMORY;
    entry->uses = 1;
    entry->rule = *rule;
    entry->asked = asked;
    cache->stats.misses++;
    if (error != 0) {
        errno = error;
        note_error(entry, want == WEND_FILE_OPEN ? "open()" : "stat()");
    } else {
        entry->identity = *seen;
        describe(entry);
        if (want == WEND_FILE_OPEN)
            code = open_entry(task, entry);
    }
    if (code != WEND_OK) {
        unref(entry);
        return code;
    }
    remember(cache, entry, want);
    return hand_out(task, entry, out);
}

static enum wend_code hit(struct wend_task *task, struct wend_file_cache *cache,
                          struct entry *entry, const struct wend_file **out)
{
    touch(cache, entry);
    cache->stats.hits++;
    entry->refs++;
    return hand_out(task, entry, out);
}

/* Whether what was learned about the entry holds for a request without asking the kernel: it was
 * asked after the request had arrived, or open_file_cache_valid says so. */
static bool believed(const struct wend_file_cache *cache, const struct entry *entry,
                     uint64_t arrived)
{
    if (arrived != 0 && entry->asked > arrived && lasting(entry))
        return true;
    return wend_loop_now_ns(cache->loop) - entry->checked_ns <
           cache->settings.valid_ms * WEND_NS_PER_MS;
}

enum wend_code wend_file_open(struct wend_task *task, struct wend_file_cache *cache,
                              uint64_t arrived, const char *path,
                              const struct wend_symlink_rule *rule, enum wend_file_want want,
                              const struct wend_file **out)
{
    struct entry *entry = wend_map_get(&cache->by_path, wend_str_of(path));
    struct identity seen = {0};
    uint64_t asked;
    int error;

    if (rule == NULL)
        rule = &follow_links;
    if (entry != NULL && !usable(entry, want))
        entry = NULL;
    if (entry != NULL && same_rule(&entry->rule, rule) && believed(cache, entry, arrived))
        return hit(task, cache, entry, out);
    asked = wend_loop_mark(cache->loop);
    error = look_at(path, rule, &seen);
    if (entry != NULL && error == 0 && entry->file.error == 0 && lasting(entry) &&
        same(&entry->identity, &seen)) {
        entry->asked = asked;
        entry->checked_ns = wend_loop_now_ns(cache->loop);
        entry->rule = *rule;
        return hit(task, cache, entry, out);
    }
    return fill(task, cache, path, rule, want, asked, &seen, error, out);
}
