/* edge/log_paths.c - log files whose names are made per request; see edge/log_paths.h. */
#include "edge/log_paths.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct entry {
    struct wend_list recent; /* newest last */
    int descriptor;          /* -1: not used often enough yet */
    unsigned uses;
    int64_t opened_ns, used_ns;
    size_t path_len;
    char path[];
};

struct wend_log_paths {
    struct wend_log_paths_settings settings;
    struct wend_map by_path;
    struct wend_list recent;
};

struct wend_log_paths *wend_log_paths_new(const struct wend_log_paths_settings *settings)
{
    struct wend_log_paths *paths = calloc(1, sizeof(*paths));

    if (paths == NULL)
        wend_die("a cache of log files");
    paths->settings = *settings;
    wend_list_init(&paths->recent);
    wend_map_init(&paths->by_path, NULL, settings->entries_max + 1);
    return paths;
}

static void evict(struct wend_log_paths *paths, struct entry *entry)
{
    wend_map_remove(&paths->by_path, wend_str_make(entry->path, entry->path_len));
    wend_list_remove(&entry->recent);
    if (entry->descriptor >= 0)
        close(entry->descriptor);
    free(entry);
}

static void forget_all(struct wend_log_paths *paths)
{
    while (!wend_list_empty(&paths->recent))
        evict(paths, WEND_OF(paths->recent.next, struct entry, recent));
}

void wend_log_paths_free(struct wend_log_paths *paths)
{
    forget_all(paths);
    wend_map_release(&paths->by_path);
    free(paths);
}

static int open_path(struct wend_str path)
{
    return open(path.ptr, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644);
}

static enum wend_code write_line(int descriptor, struct wend_str line)
{
    ssize_t n;

    do
        n = write(descriptor, line.ptr, line.len);
    while (n < 0 && errno == EINTR);
    if (n == (ssize_t)line.len)
        return WEND_OK;
    if (n >= 0)
        errno = ENOSPC;
    return WEND_E_IO;
}

static enum wend_code write_once(struct wend_str path, struct wend_str line)
{
    int descriptor = open_path(path);
    enum wend_code code;
    int error;

    if (descriptor < 0)
        return WEND_E_IO;
    code = write_line(descriptor, line);
    error = errno;
    close(descriptor);
    errno = error;
    return code;
}

static void drop_unused(struct wend_log_paths *paths, int64_t now_ns)
{
    WEND_LIST_EACH(&paths->recent, node, after) {
        struct entry *entry = WEND_OF(node, struct entry, recent);

        if (now_ns - entry->used_ns < paths->settings.inactive_ms * WEND_NS_PER_MS)
            return;
        evict(paths, entry);
    }
}

static struct entry *add(struct wend_log_paths *paths, struct wend_str path)
{
    struct entry *entry;

    while (paths->by_path.count >= paths->settings.entries_max && !wend_list_empty(&paths->recent))
        evict(paths, WEND_OF(paths->recent.next, struct entry, recent));
    entry = calloc(1, sizeof(*entry) + path.len + 1);
    if (entry == NULL)
        return NULL;
    entry->descriptor = -1;
    entry->path_len = path.len;
    memcpy(entry->path, path.ptr, path.len);
    if (wend_map_add(&paths->by_path, wend_str_make(entry->path, path.len), entry) != WEND_OK) {
        free(entry);
        return NULL;
    }
    wend_list_append(&paths->recent, &entry->recent);
    return entry;
}

enum wend_code wend_log_paths_write(struct wend_log_paths *paths, struct wend_str path,
                                    struct wend_str line, int64_t now_ns)
{
    struct entry *entry;

    if (paths == NULL)
        return write_once(path, line);
    drop_unused(paths, now_ns);
    entry = wend_map_get(&paths->by_path, path);
    if (entry == NULL)
        entry = add(paths, path);
    if (entry == NULL)
        return write_once(path, line);
    wend_list_remove(&entry->recent);
    wend_list_append(&paths->recent, &entry->recent);
    entry->used_ns = now_ns;
    if (++entry->uses < paths->settings.min_uses)
        return write_once(path, line);
    if (entry->descriptor >= 0 &&
        now_ns - entry->opened_ns >= paths->settings.valid_ms * WEND_NS_PER_MS) {
        close(entry->descriptor);
        entry->descriptor = -1;
    }
    if (entry->descriptor < 0) {
        entry->descriptor = open_path(path);
        entry->opened_ns = now_ns;
    }
    return entry->descriptor < 0 ? WEND_E_IO : write_line(entry->descriptor, line);
}
