/* net/accept.c - the acceptor's few states.
 *
 *   watching ── pause ──► paused ── resume ──► watching
 *      └── no descriptor left ──► resting ── WEND_ACCEPT_REST_MS ──► watching
 *
 * The listener is watched level-triggered, so what a bounded batch leaves in the queue brings the
 * next event by itself; for the same reason a paused or resting one is not watched at all. */
#include "net/accept.h"

#include "base/assert.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static struct wend_log *log_of(const struct wend_acceptor *acceptor)
{
    return acceptor->log != NULL ? acceptor->log : wend_log_process;
}

static void watch(struct wend_acceptor *acceptor);

static void rest_over(struct wend_timer *timer)
{
    struct wend_acceptor *acceptor = WEND_OF(timer, struct wend_acceptor, rest);

    acceptor->resting = false;
    watch(acceptor);
}

static void rest(struct wend_acceptor *acceptor)
{
    acceptor->resting = true;
    wend_io_detach(&acceptor->io);
    wend_timer_start(acceptor->loop, &acceptor->rest,
                     wend_loop_now_ns(acceptor->loop) + WEND_ACCEPT_REST_MS * WEND_NS_PER_MS);
}

static bool is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* Errors of the connection that was being accepted, not of the listener (accept(2), Linux). */
static bool is_peers_fault(int error)
{
    return error == EINTR || error == ECONNABORTED || error == EPROTO || error == ENETDOWN ||
           error == ENOPROTOOPT || error == EHOSTDOWN || error == ENONET || error == EHOSTUNREACH ||
           error == EOPNOTSUPP || error == ENETUNREACH || error == EPERM;
}

/* Takes one connection. False: nothing more for this turn. */
static bool take_one(struct wend_acceptor *acceptor)
{
    struct sockaddr_storage from;
    socklen_t len = sizeof(from);
    struct wend_address peer;
    int fd;

    from.ss_family = acceptor->local.family; /* a unix peer without a name fills in nothing */
    fd = accept4(acceptor->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        if (len < sizeof(from.ss_family))
            from.ss_family = acceptor->local.family;
        wend_address_from_sockaddr(&peer, (const struct sockaddr *)&from);
        acceptor->said_full = false;
        acceptor->accepted++;
        acceptor->take(acceptor, fd, &peer, &acceptor->local);
        return true;
    }
    if (is_peers_fault(errno))
        return true;
    if (errno == EAGAIN)
        return false;
    if (!acceptor->said_full || !is_shortage(errno))
        wend_log(log_of(acceptor), is_shortage(errno) ? WEND_LOG_CRIT : WEND_LOG_ALERT, 0, errno,
                 "accept4() failed");
    acceptor->said_full = true;
    if (acceptor->running)
        rest(acceptor);
    return false;
}

static bool may_accept(const struct wend_acceptor *acceptor)
{
    return acceptor->running && !acceptor->paused && !acceptor->resting;
}

static void on_ready(struct wend_io *io)
{
    struct wend_acceptor *acceptor = WEND_OF(io, struct wend_acceptor, io);

    for (unsigned i = 0; i < acceptor->batch && may_accept(acceptor); i++)
        if (!take_one(acceptor))
            break;
}

static void watch(struct wend_acceptor *acceptor)
{
    if (!may_accept(acceptor) || acceptor->io.fd >= 0)
        return;
    if (wend_io_open_listener(&acceptor->io, acceptor->loop, acceptor->fd) != WEND_OK) {
        wend_log(log_of(acceptor), WEND_LOG_ALERT, 0, acceptor->io.error,
                 "a listening socket cannot be watched");
        acceptor->io.loop = acceptor->loop;
        rest(acceptor);
        return;
    }
    acceptor->io.on_ready = on_ready;
}

enum wend_code wend_accept_start(struct wend_acceptor *acceptor, struct wend_loop *loop, int fd)
{
    enum wend_code code;

    WEND_ASSERT(acceptor->take != NULL && !acceptor->running);
    acceptor->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (acceptor->fd < 0)
        return wend_code_of_errno(errno);
    if (acceptor->batch == 0)
        acceptor->batch = WEND_ACCEPT_BATCH;
    wend_address_of_local(acceptor->fd, &acceptor->local);
    acceptor->loop = loop;
    acceptor->rest = (struct wend_timer){.fire = rest_over};
    code = wend_io_open_listener(&acceptor->io, loop, acceptor->fd);
    if (code != WEND_OK) {
        close(acceptor->fd);
        acceptor->fd = -1;
        return code;
    }
    acceptor->io.on_ready = on_ready;
    acceptor->paused = acceptor->resting = acceptor->said_full = false;
    acceptor->running = true;
    return WEND_OK;
}

void wend_accept_pause(struct wend_acceptor *acceptor)
{
    if (!acceptor->running || acceptor->paused)
        return;
    acceptor->paused = true;
    wend_io_detach(&acceptor->io);
}

void wend_accept_resume(struct wend_acceptor *acceptor)
{
    if (!acceptor->running || !acceptor->paused)
        return;
    acceptor->paused = false;
    watch(acceptor);
}

void wend_accept_stop(struct wend_acceptor *acceptor)
{
    bool take_rest = may_accept(acceptor);

    if (!acceptor->running)
        return;
    acceptor->running = false;
    wend_timer_stop(acceptor->loop, &acceptor->rest);
    wend_io_detach(&acceptor->io);
    for (unsigned i = 0; take_rest && i < WEND_ACCEPT_LAST; i++)
        take_rest = take_one(acceptor);
    close(acceptor->fd);
    acceptor->fd = -1;
}
