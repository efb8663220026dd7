/* edge/serving.c - see edge/serving.h. */
#include "edge/serving.h"

#include "base/assert.h"
#include "edge/error_log.h"
#include "edge/listeners.h"
#include "edge/log_file.h"
#include "edge/process_conf.h"
#include "edge/request.h"
#include "gateway/uwsgi_server.h"
#include "net/accept.h"

#include <stdlib.h>

#define END_MS 200 /* what was cut off has this long to give back what it holds */
/* Idle connections may ask once more before an old worker closes them. */
#define DRAIN_IDLE_MS 2000

struct serving {
    struct wend_edge *edge;
    struct wend_worker *worker;
    struct wend_loop *loop;
    struct wend_acceptor *acceptors;
    size_t acceptor_count;
    int64_t connections_max;
    size_t connections;
    bool draining, paused, full_said;
    struct wend_timer drained;
    void (*reopen_more)(void);
};

/* A worker process serves one configuration; the callbacks of connections find it here. */
static struct serving *serving;

static void pause_accepting(struct serving *s, bool pause)
{
    if (s->paused == pause || s->draining)
        return;
    s->paused = pause;
    for (size_t i = 0; i < s->acceptor_count; i++)
        (pause ? wend_accept_pause : wend_accept_resume)(&s->acceptors[i]);
}

static void connection_changed(const struct wend_h1_server *server, int change)
{
    struct serving *s = serving;

    (void)server;
    s->connections += (size_t)change;
    if ((int64_t)s->connections >= s->connections_max) {
        /* An idle connection is worth less than a new one. */
        if (!wend_h1_close_idlest(s->loop))
            pause_accepting(s, true);
        if (!s->full_said)
            wend_log(wend_log_process, WEND_LOG_WARN, 0, 0, "%lld worker_connections are in use%s",
                     (long long)s->connections_max, ", closing idle ones to make room");
        s->full_said = true;
    } else if (s->paused) {
        pause_accepting(s, false);
    }
}

static void take_connection(struct wend_acceptor *acceptor, int fd, const struct wend_address *peer,
                            const struct wend_address *local)
{
    struct wend_edge_listen *listen = acceptor->data;
    struct wend_address mine = *local;

    if (listen->any)
        wend_address_of_local(fd, &mine);
    wend_edge_serve_connection(serving->loop, listen, fd, peer, &mine);
}

static enum wend_code start_accepting(struct serving *s)
{
    size_t count = 0;

    for (struct wend_edge_listen *listen = s->edge->listens; listen != NULL; listen = listen->next)
        count += listen->listener.fd >= 0;
    s->acceptors = calloc(count + 1, sizeof(*s->acceptors));
    if (s->acceptors == NULL)
        wend_die("calloc of acceptors");
    for (struct wend_edge_listen *listen = s->edge->listens; listen != NULL;
         listen = listen->next) {
        struct wend_acceptor *acceptor = &s->acceptors[s->acceptor_count];

        if (listen->listener.fd < 0)
            continue;
        listen->h1.connections = connection_changed;
        acceptor->take = take_connection;
        acceptor->data = listen;
        s->acceptor_count++;
        if (wend_accept_start(acceptor, s->loop, listen->listener.fd) != WEND_OK)
            return WEND_E_IO;
    }
    return WEND_OK;
}

static void check_drained(struct wend_timer *timer)
{
    struct serving *s = WEND_OF(timer, struct serving, drained);

    if (s->connections == 0)
        wend_loop_stop(s->loop);
    else
        wend_timer_start(s->loop, timer, wend_loop_now_ns(s->loop) + 20 * WEND_NS_PER_MS);
}

static void stop_accepting(struct serving *s)
{
    for (size_t i = 0; i < s->acceptor_count; i++)
        wend_accept_stop(&s->acceptors[i]);
    s->acceptor_count = 0;
}

static void drain(struct serving *s)
{
    if (s->draining)
        return;
    s->draining = true;
    stop_accepting(s);
    /* When the master's copies are closed too, nobody connects to where nobody accepts. */
    wend_edge_listeners_close(s->edge, false);
    wend_h1_drain(s->loop, DRAIN_IDLE_MS);
    s->drained.fire = check_drained;
    check_drained(&s->drained);
}

void wend_edge_reopen_logs(struct wend_edge *edge, void (*reopen_more)(void))
{
    wend_log_files_reopen();
    if (reopen_more != NULL)
        reopen_more();
    for (size_t i = 0; wend_edge_modules[i] != NULL; i++)
        if (wend_edge_modules[i]->reopen != NULL)
            wend_edge_modules[i]->reopen(edge);
}

static void obey(struct wend_worker *worker, enum wend_order order)
{
    struct serving *s = worker->data;

    switch (order) {
    case WEND_ORDER_STOP:
        wend_loop_stop(s->loop);
        break;
    case WEND_ORDER_REOPEN:
        wend_edge_reopen_logs(s->edge, s->reopen_more);
        break;
    case WEND_ORDER_DRAIN:
    case WEND_ORDER_ORPHAN:
        drain(s);
        break;
    }
}

static enum wend_code start_modules(struct serving *s)
{
    for (size_t i = 0; wend_edge_modules[i] != NULL; i++) {
        enum wend_code code = WEND_OK;

        if (wend_edge_modules[i]->start_worker != NULL)
            code = wend_edge_modules[i]->start_worker(s->edge, s->loop);
        if (code != WEND_OK)
            return code;
    }
    return WEND_OK;
}

static void stop_modules(struct serving *s)
{
    for (size_t i = 0; wend_edge_modules[i] != NULL; i++)
        if (wend_edge_modules[i]->stop_worker != NULL)
            wend_edge_modules[i]->stop_worker(s->edge);
}

/* Whatever has not ended by now is cut off. Who still waits in the kernel's queue is left to other
 * workers. The loop's own memory and descriptors go with the process. */
static void finish(struct serving *s)
{
    pause_accepting(s, true);
    stop_accepting(s);
    while (wend_h1_close_idlest(s->loop))
        continue;
    (void)wend_loop_end_tasks(s->loop, END_MS);
    stop_modules(s);
    wend_h1_thread_release();
    free(s->acceptors);
}

int wend_edge_run_worker(struct wend_worker *worker, struct wend_edge *edge,
                         void (*reopen_more)(void))
{
    struct serving s = {
        .edge = edge, .worker = worker, .loop = wend_loop_new(0), .reopen_more = reopen_more};

    serving = &s;
    wend_edge_keep_own_logs(edge);
    wend_edge_apply_env(edge);
    s.connections_max = wend_edge_process_conf(edge)->connections;
    worker->data = &s;
    worker->on_order = obey;
    if (wend_worker_attach(worker, s.loop) != WEND_OK || start_modules(&s) != WEND_OK ||
        start_accepting(&s) != WEND_OK)
        return WEND_EXIT_FATAL;
    wend_worker_ready(worker);
    wend_loop_run(s.loop);
    finish(&s);
    return 0;
}

void wend_edge_serve_connection(struct wend_loop *loop, struct wend_edge_listen *listen, int fd,
                                const struct wend_address *peer, const struct wend_address *local)
{
    if (listen->uwsgi)
        wend_uwsgi_serve(loop, &listen->h1, fd, peer, local, wend_clock_ticks());
    else
        wend_h1_serve(loop, &listen->h1, fd, peer, local, wend_clock_ticks());
}
