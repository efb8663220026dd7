/* net/worker.c - a worker hears its master and the system's signals on its loop. */
#include "net/process.h"

#include "base/assert.h"
#include "net/channel.h"
#include "net/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const int caught[] = {SIGTERM, SIGINT, SIGQUIT, SIGUSR1, SIGHUP};

static void give(struct wend_worker *worker, enum wend_order order)
{
    /* An order can come by signal and by channel, or because the master died after giving it. */
    if (order != WEND_ORDER_REOPEN && (worker->given & 1u << order) != 0)
        return;
    worker->given |= 1u << order;
    if ((order == WEND_ORDER_DRAIN || order == WEND_ORDER_ORPHAN) && worker->name != NULL)
        wend_title_set("%s: %s is shutting down", worker->name, worker->title);
    worker->on_order(worker, order);
}

static void on_signal(struct wend_io *io)
{
    struct wend_worker *worker = WEND_OF(io, struct wend_worker, signal_io);

    for (int number = wend_signals_next(); number != 0; number = wend_signals_next()) {
        switch (number) {
        case SIGTERM:
        case SIGINT:
            give(worker, WEND_ORDER_STOP);
            break;
        case SIGQUIT:
            give(worker, WEND_ORDER_DRAIN);
            break;
        case SIGUSR1:
            give(worker, WEND_ORDER_REOPEN);
            break;
        default: /* HUP is the master's; a terminal that closes sends it to all of us */
            break;
        }
    }
    io->readable = false;
}

static void on_word(struct wend_worker *worker, enum wend_channel_kind kind)
{
    switch (kind) {
    case WEND_CHANNEL_DRAIN:
        give(worker, WEND_ORDER_DRAIN);
        break;
    case WEND_CHANNEL_STOP:
        give(worker, WEND_ORDER_STOP);
        break;
    case WEND_CHANNEL_REOPEN:
        give(worker, WEND_ORDER_REOPEN);
        break;
    default:
        break;
    }
}

static void on_channel(struct wend_io *io)
{
    struct wend_worker *worker = WEND_OF(io, struct wend_worker, channel_io);
    enum wend_channel_kind kind;
    enum wend_code code = WEND_OK;

    while (code == WEND_OK && io->fd >= 0) {
        code = wend_channel_recv(io->fd, &kind);
        if (code == WEND_OK)
            on_word(worker, kind);
    }
    io->readable = false;
    if (code != WEND_E_CLOSED)
        return;
    wend_io_close(io);
    worker->channel = -1;
    give(worker, WEND_ORDER_ORPHAN);
}

enum wend_code wend_worker_attach(struct wend_worker *worker, struct wend_loop *loop)
{
    enum wend_code code;

    WEND_ASSERT(worker->on_order != NULL);
    wend_signals_catch(caught, WEND_COUNT(caught));
    wend_signals_ignore((int[]){SIGPIPE}, 1);
    worker->channel_io.fd = -1;
    code = wend_io_open(&worker->signal_io, loop, wend_signals_fd(), false);
    worker->signal_io.on_ready = on_signal;
    if (code != WEND_OK || worker->channel < 0)
        return code;
    code = wend_io_open(&worker->channel_io, loop, worker->channel, false);
    worker->channel_io.on_ready = on_channel;
    return code;
}

void wend_worker_detach(struct wend_worker *worker)
{
    wend_io_detach(&worker->signal_io);
    if (worker->channel >= 0)
        wend_io_detach(&worker->channel_io);
}

static void tell(struct wend_worker *worker, enum wend_channel_kind kind)
{
    if (worker->channel < 0)
        return;
    if (wend_channel_send(worker->channel, kind) != WEND_OK)
        wend_log(wend_log_process, WEND_LOG_ALERT, 0, errno, "the master does not listen");
}

void wend_worker_ready(struct wend_worker *worker)
{
    tell(worker, WEND_CHANNEL_READY);
}

void wend_worker_ask_reload(struct wend_worker *worker)
{
    tell(worker, WEND_CHANNEL_RELOAD);
}

enum wend_code wend_worker_from_environment(struct wend_worker *worker)
{
    const char *text = getenv(WEND_WORKER_ENV);
    int channel, master, end = 0;
    unsigned group, slot, generation;

    if (text == NULL)
        return WEND_E_NOT_FOUND;
    if (sscanf(text, "%d,%u,%u,%u,%d%n", &channel, &group, &slot, &generation, &master, &end) !=
            5 ||
        text[end] != '\0')
        return WEND_E_PROTOCOL;
    if (channel < 0 || fcntl(channel, F_SETFD, FD_CLOEXEC) != 0)
        return WEND_E_PROTOCOL;
    *worker = (struct wend_worker){.channel = channel,
                                   .group = group,
                                   .slot = slot,
                                   .generation = generation,
                                   .master = (pid_t)master};
    unsetenv(WEND_WORKER_ENV); /* not for what the application executes */
    return WEND_OK;
}
