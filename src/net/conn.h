/* net/conn.h - a connection: a descriptor, two addresses and, above it, filters.
 *
 * What it is for. Everything that speaks a protocol reads and writes a wend_conn. A filter (TLS,
 * the PROXY protocol) takes the place of the bare calls; `filter == NULL` is the plain socket and
 * costs no indirection.
 *
 * Who owns what. Whoever embeds the conn closes it; its memory outlives the loop's turn.
 */
#ifndef WEND_NET_CONN_H
#define WEND_NET_CONN_H

#include "fiber/io.h"
#include "net/address.h"

struct wend_conn;

struct wend_conn_filter {
    const char *name;
    enum wend_code (*recv)(struct wend_task *, struct wend_conn *, void *, size_t room,
                           int timeout_ms, size_t *got);
    enum wend_code (*sendv)(struct wend_task *, struct wend_conn *, struct iovec *, size_t count,
                            bool more, int timeout_ms);
    /* NULL: the caller reads the file and uses sendv. */
    enum wend_code (*sendfile)(struct wend_task *, struct wend_conn *, int file, off_t *offset,
                               size_t len, int timeout_ms);
    ssize_t (*try_recv)(struct wend_conn *, void *, size_t room); /* as wend_io_try_recv */
    /* Releases the state; the descriptor is closed afterwards. May be NULL. */
    void (*close)(struct wend_conn *);
};

struct wend_conn {
    struct wend_io io;
    const struct wend_conn_filter *filter;
    void *filter_state;
    struct wend_address peer, local;
    uint64_t number;     /* counts connections of this process, from 1 */
    uint64_t bytes_sent; /* by this side, before any filter */
    uint64_t requests;   /* the current one included */
    int64_t opened_ns;   /* monotonic */
    bool secure;         /* TLS ends here */
};

static inline enum wend_code wend_conn_recv(struct wend_task *task, struct wend_conn *conn,
                                            void *into, size_t room, int timeout_ms, size_t *got)
{
    return conn->filter == NULL ? wend_io_recv(task, &conn->io, into, room, timeout_ms, got)
                                : conn->filter->recv(task, conn, into, room, timeout_ms, got);
}

static inline ssize_t wend_conn_try_recv(struct wend_conn *conn, void *into, size_t room)
{
    return conn->filter == NULL ? wend_io_try_recv(&conn->io, into, room)
                                : conn->filter->try_recv(conn, into, room);
}

enum wend_code wend_conn_sendv(struct wend_task *task, struct wend_conn *conn, struct iovec *parts,
                               size_t count, bool more, int timeout_ms) WEND_MUST_CHECK;
/* sendfile where it can be, else read (from a thread where the page cache has it not) and sendv.
 * WEND_E_CLOSED: the file ended before `len` bytes; *offset says how far it came. */
enum wend_code wend_conn_sendfile(struct wend_task *task, struct wend_conn *conn, int file,
                                  off_t *offset, size_t len, int timeout_ms) WEND_MUST_CHECK;
void wend_conn_close(struct wend_conn *conn);

#endif
