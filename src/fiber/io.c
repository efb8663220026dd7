/* fiber/io.c - see fiber/io.h. Try, wait for the edge, try again. */
#include "fiber/io.h"

#include "base/assert.h"
#include "fiber/fiber.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <unistd.h>

static enum wend_code watch(struct wend_io *io, struct wend_loop *loop, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = io};

    *io = (struct wend_io){.fd = fd, .loop = loop};
    if (epoll_ctl(wend_loop_epoll(loop), EPOLL_CTL_ADD, fd, &event) == 0)
        return WEND_OK;
    io->error = errno;
    io->fd = -1;
    return errno == ENOSPC ? WEND_E_LIMIT : WEND_E_IO;
}

enum wend_code wend_io_open(struct wend_io *io, struct wend_loop *loop, int fd, bool readable)
{
    enum wend_code code = watch(io, loop, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);

    io->readable = readable;
    io->writable = true;
    return code;
}

enum wend_code wend_io_open_listener(struct wend_io *io, struct wend_loop *loop, int fd)
{
    return watch(io, loop, fd, EPOLLIN | EPOLLEXCLUSIVE);
}

void wend_io_ready(struct wend_task **waiter)
{
    struct wend_task *task = *waiter;

    *waiter = NULL;
    wend_fiber_resume(task, WEND_OK);
}

int wend_io_detach(struct wend_io *io)
{
    int fd = io->fd;

    if (fd < 0)
        return -1;
    (void)epoll_ctl(wend_loop_epoll(io->loop), EPOLL_CTL_DEL, fd, NULL);
    io->fd = -1;
    io->on_ready = NULL;
    if (io->reader != NULL)
        wend_task_wake(io->reader, WEND_E_CANCELLED);
    if (io->writer != NULL)
        wend_task_wake(io->writer, WEND_E_CANCELLED);
    return fd;
}

void wend_io_close(struct wend_io *io)
{
    int fd = wend_io_detach(io);

    if (fd >= 0)
        close(fd);
}

/* Suspends until *waiter's event, the timeout or the task's end. */
static enum wend_code wait_for(struct wend_task *task, struct wend_io *io,
                               struct wend_task **waiter, int timeout_ms)
{
    int64_t deadline_ns = WEND_NEVER;
    enum wend_code code;

    WEND_ASSERT(*waiter == NULL);
    if (timeout_ms >= 0)
        deadline_ns = wend_loop_now_ns(io->loop) + timeout_ms * WEND_NS_PER_MS;
    *waiter = task;
    code = wend_task_suspend(task, deadline_ns);
    *waiter = NULL;
    return code;
}

enum wend_code wend_io_wait_readable(struct wend_task *task, struct wend_io *io, int timeout_ms)
{
    return io->readable ? WEND_OK : wait_for(task, io, &io->reader, timeout_ms);
}

static void expect(struct wend_task *task, struct wend_io *io)
{
    WEND_ASSERT(io->reader == NULL);
    io->reader = task;
}

static void expect_no_more(struct wend_task *task, struct wend_io *io)
{
    if (io != NULL && io->reader == task)
        io->reader = NULL;
}

enum wend_code wend_io_wait_either(struct wend_task *task, struct wend_io *one,
                                   struct wend_io *other, int timeout_ms)
{
    int64_t deadline_ns = WEND_NEVER;
    enum wend_code code;

    if ((one != NULL && one->readable) || (other != NULL && other->readable))
        return WEND_OK;
    if (timeout_ms >= 0)
        deadline_ns = wend_loop_now_ns(task->loop) + timeout_ms * WEND_NS_PER_MS;
    if (one != NULL)
        expect(task, one);
    if (other != NULL)
        expect(task, other);
    code = wend_task_suspend(task, deadline_ns);
    expect_no_more(task, one);
    expect_no_more(task, other);
    return code;
}

/* After EAGAIN: the kernel has nothing, so only an edge makes it worth asking again. */
static enum wend_code wait_input(struct wend_task *task, struct wend_io *io, int timeout_ms)
{
    io->readable = false;
    return wait_for(task, io, &io->reader, timeout_ms);
}

static enum wend_code wait_output(struct wend_task *task, struct wend_io *io, int timeout_ms)
{
    io->writable = false;
    return wait_for(task, io, &io->writer, timeout_ms);
}

static enum wend_code failed(struct wend_io *io)
{
    io->error = errno;
    return wend_code_of_errno(errno);
}

ssize_t wend_io_try_recv(struct wend_io *io, void *into, size_t room)
{
    ssize_t got;

    if (io->fd < 0) {
        errno = EBADF;
        return -1;
    }
    do
        got = recv(io->fd, into, room, 0);
    while (got < 0 && errno == EINTR);
    io->waiting = 0;
    io->received = wend_loop_mark(io->loop);
    /* A short read drained it; with a hang-up pending the end is still to be read. */
    if (got < 0 || ((size_t)got < room && !io->hangup))
        io->readable = false;
    return got;
}

enum wend_code wend_io_recv(struct wend_task *task, struct wend_io *io, void *into, size_t room,
                            int timeout_ms, size_t *got)
{
    for (;;) {
        enum wend_code code = wend_io_wait_readable(task, io, timeout_ms);
        ssize_t count;

        if (code != WEND_OK)
            return code;
        count = wend_io_try_recv(io, into, room);
        if (count >= 0) {
            *got = (size_t)count;
            return WEND_OK;
        }
        if (errno != EAGAIN)
            return failed(io);
    }
}

/* Takes `sent` bytes off the front of the vector. */
static void advance(struct iovec **parts, size_t *count, size_t sent)
{
    while (*count != 0 && sent >= (*parts)->iov_len) {
        sent -= (*parts)->iov_len;
        (*parts)++;
        (*count)--;
    }
    if (*count != 0) {
        (*parts)->iov_base = (char *)(*parts)->iov_base + sent;
        (*parts)->iov_len -= sent;
    }
}

ssize_t wend_io_try_send(struct wend_io *io, const void *bytes, size_t len)
{
    ssize_t sent;

    if (io->fd < 0) {
        errno = EBADF;
        return -1;
    }
    do
        sent = send(io->fd, bytes, len, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent;
}

enum wend_code wend_io_sendv(struct wend_task *task, struct wend_io *io, struct iovec *parts,
                             size_t count, bool more, int timeout_ms)
{
    advance(&parts, &count, 0); /* an empty part in front would look like no progress */
    while (count != 0) {
        size_t now = count > IOV_MAX ? IOV_MAX : count;
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = now};
        int flags = MSG_NOSIGNAL | (more || now < count ? MSG_MORE : 0);
        ssize_t sent;

        if (io->fd < 0)
            return WEND_E_CANCELLED;
        /* The usual answer is one part: send() spares the kernel copying a message head. */
        sent = count == 1 ? send(io->fd, parts->iov_base, parts->iov_len, flags)
                          : sendmsg(io->fd, &message, flags);
        if (sent >= 0) {
            advance(&parts, &count, (size_t)sent);
            continue;
        }
        if (errno == EAGAIN) {
            enum wend_code code = wait_output(task, io, timeout_ms);

            if (code != WEND_OK)
                return code;
        } else if (errno != EINTR) {
            return failed(io);
        }
    }
    return WEND_OK;
}

enum wend_code wend_io_send(struct wend_task *task, struct wend_io *io, const void *bytes,
                            size_t len, int timeout_ms)
{
    struct iovec part = {(void *)(uintptr_t)bytes, len};

    return wend_io_sendv(task, io, &part, 1, false, timeout_ms);
}

enum wend_code wend_io_sendfile(struct wend_task *task, struct wend_io *io, int file, off_t *offset,
                                size_t len, int timeout_ms)
{
    while (len != 0) {
        enum wend_code code = WEND_OK;
        ssize_t sent;

        if (io->fd < 0)
            return WEND_E_CANCELLED;
        sent = sendfile(io->fd, file, offset, len < WEND_SENDFILE_STEP ? len : WEND_SENDFILE_STEP);
        if (sent == 0)
            return WEND_E_CLOSED;
        if (sent > 0) {
            len -= (size_t)sent;
            /* A fast reader must not keep the others waiting. */
            if (len != 0 && sent == (ssize_t)WEND_SENDFILE_STEP)
                code = wend_task_yield(task);
        } else if (errno == EAGAIN) {
            code = wait_output(task, io, timeout_ms);
        } else if (errno != EINTR) {
            return failed(io);
        }
        if (code != WEND_OK)
            return code;
    }
    return WEND_OK;
}

enum wend_code wend_io_accept(struct wend_task *task, struct wend_io *listener,
                              struct sockaddr_storage *peer, socklen_t *peer_len, int *fd)
{
    for (;;) {
        enum wend_code code;

        *peer_len = sizeof(*peer);
        *fd =
            accept4(listener->fd, (struct sockaddr *)peer, peer_len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (*fd >= 0)
            return WEND_OK;
        if (errno == EINTR || errno == ECONNABORTED)
            continue;
        if (errno != EAGAIN)
            return failed(listener);
        code = wait_input(task, listener, WEND_FOREVER);
        if (code != WEND_OK)
            return code;
    }
}

static enum wend_code finish_connect(struct wend_task *task, struct wend_io *io, int timeout_ms)
{
    enum wend_code code = wait_output(task, io, timeout_ms);
    int error = 0;
    socklen_t len = sizeof(error);

    if (code != WEND_OK)
        return code;
    if (getsockopt(io->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        error = errno;
    if (error == 0)
        return WEND_OK;
    errno = error;
    return failed(io);
}

enum wend_code wend_io_connect(struct wend_task *task, struct wend_io *io,
                               const struct sockaddr *address, socklen_t len, int timeout_ms)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    enum wend_code code;

    *io = (struct wend_io){.fd = -1, .loop = task->loop};
    if (fd < 0)
        return failed(io);
    if (connect(fd, address, len) != 0 && errno != EINPROGRESS) {
        code = failed(io);
        close(fd);
        /* A unix listener whose queue is full says EAGAIN: nobody is there to take the call. */
        return io->error == EAGAIN ? WEND_E_REFUSED : code;
    }
    code = wend_io_open(io, task->loop, fd, false);
    if (code != WEND_OK) {
        close(fd);
        return code;
    }
    io->writable = false;
    if (address->sa_family != AF_UNIX)
        code = finish_connect(task, io, timeout_ms);
    else
        io->writable = true; /* connected at once, or not at all */
    if (code != WEND_OK) {
        int error = io->error;

        wend_io_close(io);
        io->error = error;
        errno = error;
    }
    return code;
}
