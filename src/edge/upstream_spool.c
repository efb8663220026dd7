/* edge/upstream_spool.c - one task fills, one empties. */
#include "edge/upstream_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define FILE_STEP_BYTES (1u << 20) /* of the file, in one call */

struct spool {
    struct wend_exchange *x;
    struct wend_h1_client *client;
    const struct wend_upstream_spool_settings *settings;
    struct wend_task *reader, *writer; /* set while they wait for each other */
    char *ring;
    size_t start, held;    /* bytes[start .. start + held) modulo its size */
    int file;              /* -1: not made yet */
    int64_t written, sent; /* of the file */
    enum wend_code reading;
    bool done;
};

static void wake(struct wend_task **waiting)
{
    struct wend_task *task = *waiting;

    *waiting = NULL;
    if (task != NULL)
        wend_task_wake(task, WEND_OK);
}

static enum wend_code wait_for_other(struct wend_task *task, struct wend_task **waiting)
{
    enum wend_code code;

    *waiting = task;
    code = wend_task_suspend(task, WEND_NEVER);
    *waiting = NULL;
    return code;
}

/* --- the filling task ------------------------------------------------------------------------- */

static size_t fill_ring(struct spool *spool, struct wend_str data)
{
    size_t size = spool->settings->memory_bytes;
    size_t room = size - spool->held;
    size_t at = (spool->start + spool->held) % size;
    size_t len = data.len < room ? data.len : room;
    size_t first = len < size - at ? len : size - at;

    memcpy(spool->ring + at, data.ptr, first);
    memcpy(spool->ring, data.ptr + first, len - first);
    spool->held += len;
    return len;
}

static bool have_file(struct spool *spool)
{
    if (spool->file < 0 && spool->settings->file_bytes_max > 0)
        spool->file = open(spool->settings->directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    return spool->file >= 0;
}

/* As many bytes as the file takes; 0: it takes none. */
static size_t fill_file(struct spool *spool, struct wend_str data)
{
    int64_t room = spool->settings->file_bytes_max - spool->written;
    size_t len = (int64_t)data.len < room ? data.len : (size_t)(room > 0 ? room : 0);
    ssize_t wrote;

    if (len == 0 || !have_file(spool))
        return 0;
    do
        wrote = pwrite(spool->file, data.ptr, len, spool->written);
    while (wrote < 0 && errno == EINTR);
    if (wrote <= 0)
        return 0; /* a full disk: the upstream waits for the client */
    spool->written += wrote;
    return (size_t)wrote;
}

static enum wend_code store(struct wend_task *task, struct spool *spool, struct wend_str data)
{
    while (data.len > 0) {
        size_t len = 0;
        enum wend_code code;

        if (spool->written == spool->sent)
            len = fill_ring(spool, data);
        if (len == 0)
            len = fill_file(spool, data);
        if (len > 0) {
            data = wend_str_from(data, len);
            wake(&spool->writer);
            continue;
        }
        code = wait_for_other(task, &spool->reader);
        if (code != WEND_OK)
            return code;
    }
    return WEND_OK;
}

static void fill(struct wend_task *task, void *arg)
{
    struct spool *spool = arg;
    struct wend_str data;

    do {
        spool->reading = wend_h1_client_read(task, spool->client, &data);
        if (spool->reading == WEND_OK && data.len > 0)
            spool->reading = store(task, spool, data);
    } while (spool->reading == WEND_OK && data.len > 0);
    spool->done = true;
    wake(&spool->writer);
}

/* --- the emptying task ------------------------------------------------------------------------ */

static struct wend_piece next_piece(const struct spool *spool)
{
    size_t to_end = spool->settings->memory_bytes - spool->start;
    int64_t in_file = spool->written - spool->sent;

    if (spool->held > 0)
        return wend_piece_of(
            wend_str_make(spool->ring + spool->start, spool->held < to_end ? spool->held : to_end));
    return (struct wend_piece){
        .kind = WEND_PIECE_FILE,
        .file = spool->file,
        .offset = spool->sent,
        .len = in_file < FILE_STEP_BYTES ? (size_t)in_file : FILE_STEP_BYTES,
    };
}

static void drop(struct spool *spool, const struct wend_piece *piece)
{
    if (piece->kind == WEND_PIECE_MEMORY) {
        spool->start = (spool->start + piece->len) % spool->settings->memory_bytes;
        spool->held -= piece->len;
    } else {
        spool->sent += (int64_t)piece->len;
        if (spool->sent == spool->written) {
            spool->sent = spool->written = 0;
            (void)!ftruncate(spool->file, 0); /* only disk space is at stake */
        }
    }
    wake(&spool->reader);
}

static enum wend_code empty(struct wend_task *task, struct spool *spool)
{
    enum wend_code code = WEND_OK;

    while (code == WEND_OK && spool->x->state != WEND_X_DONE) {
        bool pending = spool->held > 0 || spool->written > spool->sent;
        struct wend_piece piece;

        if (!pending && !spool->done) {
            code = wait_for_other(task, &spool->writer);
        } else if (!pending) {
            if (spool->reading != WEND_OK)
                break;
            code = wend_respond(spool->x, NULL, 0, true);
        } else {
            piece = next_piece(spool);
            code = wend_respond(spool->x, &piece, 1, false);
            drop(spool, &piece);
        }
    }
    return code;
}

static void close_file(void *arg)
{
    struct spool *spool = arg;

    if (spool->file >= 0)
        close(spool->file);
}

enum wend_code wend_upstream_spool(struct wend_exchange *x, struct wend_h1_client *client,
                                   const struct wend_upstream_spool_settings *settings,
                                   enum wend_code *reading)
{
    struct wend_task *task = x->task, *child;
    struct spool *spool = WEND_NEW(&task->arena, struct spool);
    enum wend_code code;

    *reading = WEND_OK;
    if (spool == NULL)
        return WEND_E_MEMORY;
    *spool = (struct spool){.x = x, .client = client, .settings = settings, .file = -1};
    spool->ring = wend_arena_alloc(&task->arena, settings->memory_bytes);
    if (spool->ring == NULL)
        return WEND_E_MEMORY;
    wend_defer(task, close_file, spool);
    wend_task_spawn(task, fill, spool, &child);
    code = empty(task, spool);
    if (!spool->done)
        wend_task_cancel(child);
    wend_task_join(task, child);
    *reading = spool->reading;
    return code;
}
