/* fiber/io.h - reading and writing descriptors from tasks.
 *
 * What it is for. recv, sendv, accept, connect, sendfile, splice, shaped like completions: the
 * call returns when it is done, failed, or out of time.
 *
 * Who owns what. wend_io_open() takes the descriptor; wend_io_close() closes it. The wend_io itself
 * is embedded in its owner's memory, which must outlive the turn (wend_loop_free_later()).
 *
 * What it promises. The descriptor is non-blocking, close-on-exec and registered once, edge-
 * triggered. Each call tries the system call first when the kernel may have something, and suspends
 * only on EAGAIN; after a short read it does not try again before the next edge. `timeout_ms` is
 * the longest time without progress (WEND_FOREVER: none); the task's deadline caps it. One reader
 * and one writer at a time.
 *
 * Parking. An io nobody reads may have an `on_ready` callback: it runs on the loop's own stack when
 * an edge arrives. That is how an idle connection costs no stack.
 *
 * Errors. WEND_E_CLOSED only from calls that need bytes; WEND_E_RESET, WEND_E_DEADLINE,
 * WEND_E_CANCELLED, WEND_E_IO with errno kept in io->error.
 */
#ifndef WEND_FIBER_IO_H
#define WEND_FIBER_IO_H

#include "fiber/task.h"

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#define WEND_FOREVER (-1)

struct wend_io {
    int fd;
    bool readable; /* an edge came and no short read or EAGAIN since */
    bool writable;
    bool hangup; /* the peer's end of stream (EPOLLRDHUP) or an error is pending */
    bool broken; /* reset, or closed in both directions (EPOLLERR, EPOLLHUP) */
    int error;   /* errno of the last failed call */
    /* Marks of the loop, for who must know how old what it received is. */
    uint64_t waiting;  /* the next byte was in the kernel's queue then; 0: not known */
    uint64_t received; /* all bytes received so far had come by then */
    struct wend_loop *loop;
    struct wend_task *reader, *writer;
    struct wend_task *watcher;            /* see wend_io_watch() */
    void (*on_ready)(struct wend_io *io); /* parked: called when readable becomes true */
};

/* Registers `fd`. `readable` says whether bytes may be there already (true is always safe). */
enum wend_code wend_io_open(struct wend_io *io, struct wend_loop *loop, int fd, bool readable);
/* A listener that several processes watch: level-triggered and exclusive, so that a connection
 * wakes one of them. on_ready runs as long as something waits in its queue. */
enum wend_code wend_io_open_listener(struct wend_io *io, struct wend_loop *loop, int fd);
/* Unregistered before close(2), so that a duplicate in another process cannot bring stale events.
 */
void wend_io_close(struct wend_io *io);
/* Unregisters and gives the descriptor to the caller. */
int wend_io_detach(struct wend_io *io);

/* Suspends. At least one byte, or *got == 0 at the end of the stream (WEND_OK both). */
enum wend_code wend_io_recv(struct wend_task *task, struct wend_io *io, void *into, size_t room,
                            int timeout_ms, size_t *got) WEND_MUST_CHECK;
/* Never suspends: >0 bytes, 0 end of stream, -1 with errno EAGAIN or an error. For callbacks. */
ssize_t wend_io_try_recv(struct wend_io *io, void *into, size_t room);

/* Never suspends: how many bytes the kernel took, -1 with errno EAGAIN or an error. */
ssize_t wend_io_try_send(struct wend_io *io, const void *bytes, size_t len);

/* Suspends until all of it is sent. Changes the vector. `more`: MSG_MORE, another part follows. */
enum wend_code wend_io_sendv(struct wend_task *task, struct wend_io *io, struct iovec *parts,
                             size_t count, bool more, int timeout_ms) WEND_MUST_CHECK;
enum wend_code wend_io_send(struct wend_task *task, struct wend_io *io, const void *bytes,
                            size_t len, int timeout_ms) WEND_MUST_CHECK;

/* Suspends until `len` bytes of `file` from *offset are sent; WEND_E_CLOSED when the file ends
 * before (it was truncated). In steps of at most WEND_SENDFILE_STEP, for fairness. */
#define WEND_SENDFILE_STEP (2u << 20)
enum wend_code wend_io_sendfile(struct wend_task *task, struct wend_io *io, int file, off_t *offset,
                                size_t len, int timeout_ms) WEND_MUST_CHECK;

/* While `task` waits for something else: when the peer hangs up (closed, stopped sending, or
 * reset), the task's wait ends with WEND_E_CANCELLED. False, and nothing is watched: it has
 * already. For waits that may be left at any time; one task at a time, until wend_io_unwatch(). */
static inline bool wend_io_watch(struct wend_task *task, struct wend_io *io)
{
    io->watcher = io->hangup ? NULL : task;
    return !io->hangup;
}
static inline void wend_io_unwatch(struct wend_io *io)
{
    io->watcher = NULL;
}

/* Suspends until the other side has something to say, or there is room to write. */
enum wend_code wend_io_wait_readable(struct wend_task *task, struct wend_io *io,
                                     int timeout_ms) WEND_MUST_CHECK;
/* Until one of both has something to say, or somebody calls wend_task_wake(). NULL: not that one.
 */
enum wend_code wend_io_wait_either(struct wend_task *task, struct wend_io *one,
                                   struct wend_io *other, int timeout_ms) WEND_MUST_CHECK;

/* Suspends. A non-blocking, close-on-exec descriptor and the peer's address. */
enum wend_code wend_io_accept(struct wend_task *task, struct wend_io *listener,
                              struct sockaddr_storage *peer, socklen_t *peer_len,
                              int *fd) WEND_MUST_CHECK;
/* Suspends. Opens `io` on a new socket connected to `address`. */
enum wend_code wend_io_connect(struct wend_task *task, struct wend_io *io,
                               const struct sockaddr *address, socklen_t len,
                               int timeout_ms) WEND_MUST_CHECK;

#endif
