/* net/conn.c - sending through a connection's filter, files included. */
#include "net/conn.h"

#include "fiber/offload.h"

#include <errno.h>
#include <unistd.h>

#define FILE_STEP (32u << 10) /* two TLS records */

enum wend_code wend_conn_sendv(struct wend_task *task, struct wend_conn *conn, struct iovec *parts,
                               size_t count, bool more, int timeout_ms)
{
    uint64_t bytes = 0;
    enum wend_code code;

    for (size_t i = 0; i < count; i++)
        bytes += parts[i].iov_len;
    if (conn->filter == NULL)
        code = wend_io_sendv(task, &conn->io, parts, count, more, timeout_ms);
    else
        code = conn->filter->sendv(task, conn, parts, count, more, timeout_ms);
    if (code == WEND_OK)
        conn->bytes_sent += bytes;
    return code;
}

struct file_read {
    int file;
    char *into;
    size_t len;
    off_t offset;
    ssize_t got;
    int error;
};

static enum wend_code read_cold(void *arg)
{
    struct file_read *job = arg;

    do
        job->got = pread(job->file, job->into, job->len, job->offset);
    while (job->got < 0 && errno == EINTR);
    job->error = errno;
    return WEND_OK;
}

/* What is in the page cache is read here; the rest would stall the loop, so a thread reads it. */
static enum wend_code read_file(struct wend_task *task, struct file_read *job)
{
    struct iovec part = {job->into, job->len};
    enum wend_code code;

    job->got = preadv2(job->file, &part, 1, job->offset, RWF_NOWAIT);
    job->error = errno;
    if (job->got < 0 && (job->error == EAGAIN || job->error == EOPNOTSUPP)) {
        code = wend_offload(task, read_cold, job);
        if (code != WEND_OK)
            return code;
    }
    if (job->got < 0)
        return wend_code_of_errno(job->error);
    return job->got == 0 ? WEND_E_CLOSED : WEND_OK; /* truncated meanwhile */
}

/* For filters that need the bytes in memory. */
static enum wend_code send_read_bytes(struct wend_task *task, struct wend_conn *conn, int file,
                                      off_t *offset, size_t len, int timeout_ms)
{
    char *buffer = wend_arena_alloc(&task->arena, FILE_STEP);

    if (buffer == NULL)
        return WEND_E_MEMORY;
    while (len > 0) {
        size_t step = len < FILE_STEP ? len : FILE_STEP;
        struct file_read job = {.file = file, .into = buffer, .len = step, .offset = *offset};
        enum wend_code code = read_file(task, &job);
        struct iovec part;

        if (code != WEND_OK)
            return code;
        part = (struct iovec){buffer, (size_t)job.got};
        len -= (size_t)job.got;
        code = wend_conn_sendv(task, conn, &part, 1, len > 0, timeout_ms);
        if (code != WEND_OK)
            return code;
        *offset += job.got;
    }
    return WEND_OK;
}

enum wend_code wend_conn_sendfile(struct wend_task *task, struct wend_conn *conn, int file,
                                  off_t *offset, size_t len, int timeout_ms)
{
    off_t from = *offset;
    enum wend_code code;

    if (conn->filter != NULL && conn->filter->sendfile == NULL) {
        struct wend_arena_mark mark = wend_arena_mark(&task->arena);

        code = send_read_bytes(task, conn, file, offset, len, timeout_ms);
        wend_arena_rewind(&task->arena, mark);
        return code;
    }
    if (conn->filter != NULL)
        code = conn->filter->sendfile(task, conn, file, offset, len, timeout_ms);
    else
        code = wend_io_sendfile(task, &conn->io, file, offset, len, timeout_ms);
    conn->bytes_sent += (uint64_t)(*offset - from);
    return code;
}

void wend_conn_close(struct wend_conn *conn)
{
    /* The filter first: it may still have a farewell to say (close_notify). */
    if (conn->filter != NULL && conn->filter->close != NULL)
        conn->filter->close(conn);
    conn->filter = NULL;
    wend_io_close(&conn->io);
}
