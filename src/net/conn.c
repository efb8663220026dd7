/* net/conn.c - sending through a connection's filter, files included. */
#include "net/conn.h"

#include "net/disk.h"

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

/* For filters that need the bytes in memory. */
static enum wend_code send_read_bytes(struct wend_task *task, struct wend_conn *conn, int file,
                                      off_t *offset, size_t len, int timeout_ms)
{
    char *buffer = wend_arena_alloc(&task->arena, FILE_STEP);

    if (buffer == NULL)
        return WEND_E_MEMORY;
    while (len > 0) {
        size_t step = len < FILE_STEP ? len : FILE_STEP, got = 0;
        enum wend_code code = wend_disk_read(task, file, buffer, step, *offset, &got);
        struct iovec part;

        if (code == WEND_OK && got == 0)
            return WEND_E_CLOSED; /* truncated meanwhile */
        if (code != WEND_OK)
            return code;
        part = (struct iovec){buffer, got};
        len -= got;
        code = wend_conn_sendv(task, conn, &part, 1, len > 0, timeout_ms);
        if (code != WEND_OK)
            return code;
        *offset += (off_t)got;
    }
    return WEND_OK;
}

/* Window by window, each of them warm before the kernel is asked to send it. */
static enum wend_code send_windows(struct wend_task *task, struct wend_conn *conn, int file,
                                   off_t *offset, size_t len, int timeout_ms)
{
    size_t since_yield = 0;
    enum wend_code code = WEND_OK;

    while (len > 0 && code == WEND_OK) {
        size_t window = len < WEND_DISK_WINDOW ? len : WEND_DISK_WINDOW;

        code = wend_disk_warm(task, file, *offset, window);
        if (code == WEND_OK)
            code = wend_io_sendfile(task, &conn->io, file, offset, window, timeout_ms);
        len -= window;
        since_yield += window;
        /* A fast reader must not keep the others waiting. */
        if (code == WEND_OK && len > 0 && since_yield >= WEND_SENDFILE_STEP) {
            since_yield = 0;
            code = wend_task_yield(task);
        }
    }
    return code;
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
        code = send_windows(task, conn, file, offset, len, timeout_ms);
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
