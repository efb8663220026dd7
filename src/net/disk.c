/* net/disk.c - see net/disk.h.
 *
 * Not cachestat(2), which Debian 12's kernel lacks; not mincore(2), which tells nothing about the
 * files of others; not io_uring, whose use is a decision for the whole loop. */
#include "net/disk.h"

#include "base/assert.h"
#include "fiber/offload.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

/* --- what is known to be warm ----------------------------------------------------------------- */

#define KNOWN 256 /* descriptors; those that fall on one place push each other out */

/* A number may name another file a moment later: then one stall is the price. */
struct known {
    int64_t until_ns;
    int file;
    off_t from, to;
};
static _Thread_local struct known known[KNOWN];

static struct known *place_of(int file)
{
    return &known[(unsigned)file % KNOWN];
}

static bool is_known(int file, off_t from, off_t to, int64_t now_ns)
{
    const struct known *place = place_of(file);

    return place->file == file && now_ns < place->until_ns && place->from <= from &&
           to <= place->to;
}

/* Windows that touch grow together; the time is the first one's, so that nothing is believed for
 * longer than promised. */
static void note_known(int file, off_t from, off_t to, int64_t now_ns)
{
    struct known *place = place_of(file);

    if (place->file == file && now_ns < place->until_ns && from <= place->to && to >= place->from) {
        place->from = from < place->from ? from : place->from;
        place->to = to > place->to ? to : place->to;
        return;
    }
    *place = (struct known){now_ns + WEND_DISK_WARM_MS * WEND_NS_PER_MS, file, from, to};
}

/* --- reading ---------------------------------------------------------------------------------- */

struct reading {
    int file;
    void *into;
    size_t room;
    off_t offset;
    ssize_t got;
    int error;
};

static enum wend_code read_cold(void *arg)
{
    struct reading *job = arg;

    do
        job->got = pread(job->file, job->into, job->room, job->offset);
    while (job->got < 0 && errno == EINTR);
    job->error = errno;
    return WEND_OK;
}

static bool read_now(int file, void *into, size_t room, off_t offset, ssize_t *got)
{
    struct iovec part = {into, room};

    *got = preadv2(file, &part, 1, offset, RWF_NOWAIT);
    return *got >= 0 || (errno != EAGAIN && errno != EOPNOTSUPP);
}

enum wend_code wend_disk_read(struct wend_task *task, int file, void *into, size_t room,
                              off_t offset, size_t *got)
{
    struct reading job = {.file = file, .into = into, .room = room, .offset = offset};
    enum wend_code code = WEND_OK;

    *got = 0;
    if (wend_task_current() != task)
        code = read_cold(&job);
    else if (read_now(file, into, room, offset, &job.got))
        job.error = errno;
    else
        code = wend_offload(task, read_cold, &job);
    if (code != WEND_OK)
        return code;
    if (job.got < 0) {
        errno = job.error;
        return wend_code_of_errno(job.error);
    }
    *got = (size_t)job.got;
    return WEND_OK;
}

/* --- warming ---------------------------------------------------------------------------------- */

struct warming {
    int file;
    off_t from, to;
};

/* The window is read to be sure that it is there; the next one is asked for meanwhile. */
static enum wend_code warm_window(void *arg)
{
    const struct warming *job = arg;
    char scrap[32 << 10];
    off_t at = job->from;

    (void)posix_fadvise(job->file, job->from, 2 * (job->to - job->from), POSIX_FADV_WILLNEED);
    while (at < job->to) {
        size_t step = job->to - at < (off_t)sizeof(scrap) ? (size_t)(job->to - at) : sizeof(scrap);
        ssize_t got = pread(job->file, scrap, step, at);

        if (got <= 0) /* its end, or an error that sending it will meet again */
            break;
        at += got;
    }
    return WEND_OK;
}

static bool is_warm(int file, off_t from, off_t to)
{
    ssize_t got;
    char byte;

    for (off_t at = from; at < to; at += WEND_DISK_SAMPLE)
        if (!read_now(file, &byte, 1, at, &got))
            return false;
    return read_now(file, &byte, 1, to - 1, &got);
}

enum wend_code wend_disk_warm(struct wend_task *task, int file, off_t offset, size_t len)
{
    struct warming job = {file, offset, offset + (off_t)len};
    int64_t now_ns = wend_loop_now_ns(task->loop);
    enum wend_code code = WEND_OK;

    WEND_ASSERT(len <= WEND_DISK_WINDOW);
    if (len == 0 || is_known(file, job.from, job.to, now_ns))
        return WEND_OK;
    if (!is_warm(file, job.from, job.to))
        code = wend_offload(task, warm_window, &job);
    if (code == WEND_OK)
        note_known(file, job.from, job.to, wend_loop_now_ns(task->loop));
    return code;
}
