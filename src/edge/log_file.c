/* edge/log_file.c - the files that log lines go to; see edge/log_file.h. */
#include "edge/log_file.h"

#include "base/assert.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define GZIP_FORMAT 16 /* zlib: a gzip head and tail */
#define GZIP_MEMORY_LEVEL 8
#define COMPLAIN_EVERY_NS (60 * WEND_NS_PER_S)

struct wend_log_file {
    struct wend_list node;
    unsigned refs;
    int descriptor;
    size_t path_len;
    char *path;
    struct wend_buffer lines; /* max 0: none */
    int64_t flush_ms;
    int gzip_level;         /* 0: not compressed */
    struct wend_loop *loop; /* where the timer runs */
    struct wend_timer timer;
    int64_t full_until_ns, complained_ns;
    uint64_t configuration; /* whose buffering is in force */
};

static struct wend_list files = {&files, &files};
static size_t files_count;
static uid_t files_owner = (uid_t)-1;
static gid_t files_group = (gid_t)-1;

static int open_path(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644);
}

static struct wend_str path_of(const struct wend_log_file *file)
{
    return wend_str_make(file->path, file->path_len);
}

static struct wend_log_file *find(struct wend_str path)
{
    WEND_LIST_EACH(&files, node, after) {
        struct wend_log_file *file = WEND_OF(node, struct wend_log_file, node);

        if (wend_str_eq(path, path_of(file)))
            return file;
    }
    return NULL;
}

/* --- writing --------------------------------------------------------------------------------- */

static void complain(struct wend_log_file *file, int error, int64_t now)
{
    if (error == ENOSPC)
        file->full_until_ns = (now / WEND_NS_PER_S + 1) * WEND_NS_PER_S;
    if (file->complained_ns != 0 && now - file->complained_ns < COMPLAIN_EVERY_NS)
        return;
    file->complained_ns = now;
    wend_log(wend_log_process, WEND_LOG_ALERT, 0, error, "write() to \"%s\" failed", file->path);
}

static void write_now(struct wend_log_file *file, struct wend_str bytes)
{
    ssize_t n;

    if (bytes.len == 0 ||
        (file->full_until_ns != 0 && wend_clock_monotonic_ns() < file->full_until_ns))
        return;
    do
        n = write(file->descriptor, bytes.ptr, bytes.len);
    while (n < 0 && errno == EINTR);
    if (WEND_LIKELY(n == (ssize_t)bytes.len))
        return;
    /* A part of it was written: the disk is as good as full. The rest of the line is lost. */
    complain(file, n < 0 ? errno : ENOSPC, wend_clock_monotonic_ns());
}

/* One write per member, so that members of several workers do not mix. */
static void write_compressed(struct wend_log_file *file, struct wend_str lines)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)lines.ptr, .avail_in = (uInt)lines.len};
    Bytef *out;
    uLong room;

    if (deflateInit2(&z, file->gzip_level, Z_DEFLATED, MAX_WBITS + GZIP_FORMAT, GZIP_MEMORY_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        wend_die("no memory to compress a log");
    room = deflateBound(&z, z.avail_in);
    out = malloc(room);
    if (out == NULL)
        wend_die("no memory to compress a log");
    z.next_out = out;
    z.avail_out = (uInt)room;
    WEND_ASSERT(deflate(&z, Z_FINISH) == Z_STREAM_END);
    write_now(file, wend_str_make((char *)out, z.total_out));
    deflateEnd(&z);
    free(out);
}

static void write_out(struct wend_log_file *file, struct wend_str lines)
{
    if (file->gzip_level != 0 && lines.len != 0)
        write_compressed(file, lines);
    else
        write_now(file, lines);
}

static void flush(struct wend_log_file *file)
{
    write_out(file, wend_buffer_str(&file->lines));
    wend_buffer_clear(&file->lines);
    if (file->loop != NULL)
        wend_timer_stop(file->loop, &file->timer);
}

static void on_timer(struct wend_timer *timer)
{
    flush(WEND_OF(timer, struct wend_log_file, timer));
}

static void start_timer(struct wend_log_file *file, struct wend_loop *loop)
{
    if (file->flush_ms == 0 || loop == NULL || wend_list_linked(&file->timer.node))
        return;
    file->loop = loop;
    file->timer.fire = on_timer;
    wend_timer_start(loop, &file->timer, wend_loop_now_ns(loop) + file->flush_ms * WEND_NS_PER_MS);
}

void wend_log_file_write(struct wend_log_file *file, struct wend_loop *loop, struct wend_str line)
{
    if (file->lines.len + line.len > file->lines.max)
        flush(file);
    if (line.len > file->lines.max) {
        write_out(file, line);
        return;
    }
    wend_buffer_add(&file->lines, line);
    start_timer(file, loop);
}

void wend_log_files_flush(void)
{
    WEND_LIST_EACH(&files, node, after)
        flush(WEND_OF(node, struct wend_log_file, node));
}

/* --- opening --------------------------------------------------------------------------------- */

enum wend_code wend_log_file_open(struct wend_str path, struct wend_log_file **out)
{
    struct wend_log_file *file = find(path);

    if (file == NULL) {
        if (files_count == WEND_LOG_FILES_MAX) {
            errno = EMFILE;
            return WEND_E_LIMIT;
        }
        file = calloc(1, sizeof(*file));
        if (file == NULL)
            return WEND_E_MEMORY;
        file->path = strndup(path.ptr, path.len);
        file->path_len = path.len;
        file->descriptor = file->path == NULL ? -1 : open_path(file->path);
        if (file->descriptor < 0) {
            free(file->path);
            free(file);
            return WEND_E_IO;
        }
        wend_buffer_init(&file->lines, 0);
        wend_list_append(&files, &file->node);
        files_count++;
    }
    file->refs++;
    *out = file;
    return WEND_OK;
}

static void close_file(struct wend_log_file *file)
{
    flush(file);
    wend_list_remove(&file->node);
    files_count--;
    wend_buffer_release(&file->lines);
    close(file->descriptor);
    free(file->path);
    free(file);
}

void wend_log_file_unref(struct wend_log_file *file)
{
    if (--file->refs == 0)
        close_file(file);
}

enum wend_code wend_log_file_hold(struct wend_arena *arena, struct wend_log_file_hold **held,
                                  struct wend_str path, struct wend_log_file **out)
{
    struct wend_log_file_hold *hold = WEND_NEW(arena, struct wend_log_file_hold);
    enum wend_code code = hold == NULL ? WEND_E_MEMORY : wend_log_file_open(path, out);

    if (code != WEND_OK)
        return code;
    *hold = (struct wend_log_file_hold){*out, *held};
    *held = hold;
    return WEND_OK;
}

void wend_log_files_release(struct wend_log_file_hold *held)
{
    for (; held != NULL; held = held->next)
        wend_log_file_unref(held->file);
}

static bool holds(const struct wend_log_file_hold *held, const struct wend_log_file *file)
{
    for (; held != NULL; held = held->next)
        if (held->file == file)
            return true;
    return false;
}

void wend_log_files_close_others(const struct wend_log_file_hold *held,
                                 const struct wend_log_file_hold *also)
{
    WEND_LIST_EACH(&files, node, after) {
        struct wend_log_file *file = WEND_OF(node, struct wend_log_file, node);

        if (!holds(also, file) && !holds(held, file))
            close_file(file);
    }
}

int wend_log_file_descriptor(const struct wend_log_file *file)
{
    return file->descriptor;
}

void wend_log_file_claim(struct wend_log_file *file, uint64_t configuration)
{
    if (file->configuration == configuration)
        return;
    flush(file);
    wend_buffer_release(&file->lines);
    wend_buffer_init(&file->lines, 0);
    file->flush_ms = 0;
    file->gzip_level = 0;
    file->configuration = configuration;
}

enum wend_code wend_log_file_buffer(struct wend_log_file *file, size_t bytes, int64_t flush_ms,
                                    int gzip_level)
{
    if (bytes > WEND_LOG_BUFFER_MAX)
        return WEND_E_LIMIT;
    if (file->lines.max != 0 &&
        (file->lines.max != bytes || file->flush_ms != flush_ms || file->gzip_level != gzip_level))
        return WEND_E_STATE;
    if (file->lines.max == 0)
        wend_buffer_init(&file->lines, bytes);
    file->flush_ms = flush_ms;
    file->gzip_level = gzip_level;
    return WEND_OK;
}

void wend_log_files_belong_to(uid_t owner, gid_t group)
{
    files_owner = owner;
    files_group = group;
}

static void give_away(const struct wend_log_file *file, int descriptor)
{
    struct stat seen;

    if (files_owner == (uid_t)-1 || geteuid() != 0 || fstat(descriptor, &seen) != 0 ||
        !S_ISREG(seen.st_mode) || seen.st_uid == files_owner)
        return;
    if (fchown(descriptor, files_owner, files_group) != 0)
        wend_log(wend_log_process, WEND_LOG_EMERG, 0, errno, "chown(\"%s\", %u) failed", file->path,
                 (unsigned)files_owner);
}

void wend_log_files_reopen(void)
{
    wend_log_files_flush();
    WEND_LIST_EACH(&files, node, after) {
        struct wend_log_file *file = WEND_OF(node, struct wend_log_file, node);
        int descriptor = open_path(file->path);

        if (descriptor < 0) {
            wend_log(wend_log_process, WEND_LOG_EMERG, 0, errno, "open() \"%s\" failed",
                     file->path);
            continue;
        }
        give_away(file, descriptor);
        if (dup3(descriptor, file->descriptor, O_CLOEXEC) < 0)
            wend_log(wend_log_process, WEND_LOG_ALERT, 0, errno, "dup3() for \"%s\" failed",
                     file->path);
        close(descriptor);
    }
}
