/* edge/serve.c - see edge/serve.h. */
#include "edge/serve.h"

#include "base/assert.h"
#include "edge/app.h"
#include "edge/location.h"
#include "edge/error_log.h"
#include "edge/log_file.h"
#include "edge/process_conf.h"
#include "edge/request.h"
#include "fiber/offload.h"
#include "gateway/uwsgi_server.h"
#include "net/accept.h"
#include "net/handover.h"
#include "net/upgrade.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define CONF_ARENA_MAX ((size_t)1 << 30)
#define END_MS 200 /* what was cut off has this long to give back what it holds */
#define DRAIN_IDLE_MS                                                                              \
    2000 /* idle connections may ask once more before an old worker closes them                    \
          */

/* --- the configuration of a generation -------------------------------------------------------- */

struct site {
    struct wend_arena arena;
    struct wend_edge *edge;
    const struct wend_edge_server_options *options;
};

static enum wend_code read_site(const struct wend_edge_server_options *options, struct site **out)
{
    struct site *site = calloc(1, sizeof(*site));
    struct wend_conf_error error = {""};
    enum wend_code code;

    if (site == NULL)
        wend_die("calloc of a configuration");
    wend_arena_init(&site->arena, CONF_ARENA_MAX);
    site->options = options;
    if (options->conf_text.ptr != NULL)
        code = wend_edge_parse(&site->arena, &options->edge, options->edge.conf_path,
                               options->conf_text, &site->edge, &error);
    else
        code = wend_edge_read(&site->arena, &options->edge, &site->edge, &error);
    if (code != WEND_OK) {
        wend_edge_emerg(&options->edge, error.text);
        wend_edge_free(site->edge);
        wend_arena_release(&site->arena);
        free(site);
        return code;
    }
    *out = site;
    return WEND_OK;
}

static enum wend_code open_logs(const struct wend_edge_server_options *options,
                                const struct wend_edge *edge)
{
    const struct wend_error_log *logs = wend_edge_process_conf(edge)->error_logs;
    struct wend_error_log own = {.where = options->error_log, .level = WEND_LOG_ERROR};
    char text[4400];

    if (wend_edge_open_error_logs(logs != NULL ? logs : &own) == WEND_OK)
        return WEND_OK;
    snprintf(text, sizeof(text), "open() \"%.*s\" failed (%d: %s)",
             WEND_STR_ARG((logs != NULL ? logs : &own)->where), errno, strerror(errno));
    wend_edge_emerg(&options->edge, text);
    return WEND_E_CONFIG;
}

/* --- listeners -------------------------------------------------------------------------------- */

static struct wend_edge_listen *same_listen(const struct wend_edge *edge,
                                            const struct wend_edge_listen *wanted)
{
    struct wend_edge_listen *listen = edge == NULL ? NULL : edge->listens;

    for (; listen != NULL; listen = listen->next)
        if (listen->listener.fd >= 0 && wend_listen_same(&listen->listener, &wanted->listener))
            return listen;
    return NULL;
}

/* One that was open already, here or in the process before an upgrade. */
static bool keep_open(struct wend_edge_listen *listen, const struct wend_edge *old)
{
    struct wend_edge_listen *before = same_listen(old, listen);

    if (before == NULL)
        return wend_upgrade_inherited() && wend_upgrade_take(&listen->listener);
    listen->listener.fd = before->listener.fd;
    wend_listen_apply(&listen->listener);
    return true;
}

/* WEND_E_EXISTS: nothing is wrong but addresses that somebody else listens on. */
static enum wend_code open_all(const struct wend_edge_server_options *options,
                               struct wend_edge *edge, const struct wend_edge *old)
{
    enum wend_code result = WEND_OK;

    for (struct wend_edge_listen *listen = edge->listens; listen != NULL; listen = listen->next) {
        char message[WEND_LISTEN_MESSAGE_MAX];
        enum wend_code code;

        if (listen->covered_by != NULL || listen->listener.fd >= 0 || keep_open(listen, old))
            continue;
        code = wend_listen_open(&listen->listener, message);
        if (code == WEND_OK)
            continue;
        wend_edge_emerg(&options->edge, message);
        if (code != WEND_E_EXISTS)
            return WEND_E_CONFIG;
        result = code;
    }
    return result;
}

/* Opens what is new and keeps what is open; on failure nothing of the old is touched. Whoever has
 * an address may be about to leave it: a server that is being replaced, a test that has just ended.
 */
static enum wend_code open_listeners(const struct wend_edge_server_options *options,
                                     struct wend_edge *edge, const struct wend_edge *old)
{
    const struct timespec pause = {.tv_nsec = WEND_BIND_PAUSE_MS * WEND_NS_PER_MS};
    enum wend_code code = open_all(options, edge, old);

    for (unsigned tries = 1; code == WEND_E_EXISTS && tries < options->bind_tries; tries++) {
        wend_log(wend_log_process, WEND_LOG_NOTICE, 0, 0, "try again to bind() after %dms",
                 WEND_BIND_PAUSE_MS);
        nanosleep(&pause, NULL);
        code = open_all(options, edge, old);
    }
    if (code == WEND_E_EXISTS && options->bind_tries > 1)
        wend_edge_emerg(&options->edge, "still could not bind()");
    return code == WEND_OK ? WEND_OK : WEND_E_CONFIG;
}

static void close_listeners(struct wend_edge *edge, bool remove_paths)
{
    for (struct wend_edge_listen *listen = edge->listens; listen != NULL; listen = listen->next) {
        if (listen->listener.fd >= 0)
            wend_listen_close(&listen->listener, remove_paths && !wend_upgrade_shares());
        listen->listener.fd = -1;
    }
}

static void close_unused(struct wend_edge *old, const struct wend_edge *edge)
{
    for (struct wend_edge_listen *listen = old->listens; listen != NULL; listen = listen->next) {
        if (listen->listener.fd >= 0 && same_listen(edge, listen) == NULL)
            wend_listen_close(&listen->listener, !wend_upgrade_shares());
        listen->listener.fd = -1;
    }
}

/* --- a worker --------------------------------------------------------------------------------- */

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
    close_listeners(s->edge, false);
    wend_h1_drain(s->loop, DRAIN_IDLE_MS);
    s->drained.fire = check_drained;
    check_drained(&s->drained);
}

/* Beside the logs, what whoever started this server keeps open. */
static void (*reopen_more)(void);

static void reopen_logs(struct wend_edge *edge)
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
        reopen_logs(s->edge);
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

static int serve_as_worker(struct wend_worker *worker, struct wend_edge *edge)
{
    struct serving s = {.edge = edge, .worker = worker, .loop = wend_loop_new(0)};

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

/* --- the master ------------------------------------------------------------------------------- */

static int run_worker(struct wend_worker *worker, void *config)
{
    struct site *site = config;

    wend_edge_apps_keep_ours(site->edge);
    return serve_as_worker(worker, site->edge);
}

/* Groups from 1 on are the pools, in the order of their blocks. */
static const struct wend_edge_app *pool_of_group(const struct wend_edge *edge, unsigned group)
{
    const struct wend_edge_app *app = wend_edge_apps(edge);

    for (; app != NULL; app = app->next)
        if (app->pooled && --group == 0)
            break;
    return app;
}

static int execute_pool(struct wend_worker *worker, void *config)
{
    const struct site *site = config;
    const struct wend_process_conf *process = wend_edge_process_conf(site->edge);
    const struct wend_error_log *log = process->error_logs;
    struct wend_str path = site->options->error_log;
    enum wend_log_level level = WEND_LOG_ERROR;

    /* A pool has one stderr: the first log that is no syslog's. */
    while (log != NULL && wend_str_starts(log->where, WEND_STR("syslog:")))
        log = log->next;
    if (log != NULL) {
        path = log->where;
        level = log->level;
    }
    wend_edge_apply_env(site->edge);
    (void)dup2(wend_edge_error_log_descriptor(), STDERR_FILENO);
    if (wend_str_eq(path, WEND_STR("stderr")))
        path = WEND_STR_NULL;
    return wend_edge_app_execute(pool_of_group(site->edge, worker->group), path, (int)level);
}

static void prepare_worker(struct wend_worker *worker, void *config, struct wend_identity *identity)
{
    const struct site *site = config;
    struct wend_process_conf *process = wend_edge_process_conf(site->edge);
    static cpu_set_t own;

    if (process->cpu_count != 0) {
        size_t slot = worker->slot < process->cpu_count ? worker->slot : process->cpu_count - 1;

        identity->cpus = &process->cpus[slot];
    } else if (process->cpu_auto) {
        CPU_ZERO(&own);
        CPU_SET(worker->slot % (unsigned)sysconf(_SC_NPROCESSORS_ONLN), &own);
        identity->cpus = &own;
    }
}

static void fill_identity(const struct wend_process_conf *process, struct wend_identity *identity)
{
    const struct passwd *user =
        process->user.ptr == NULL || geteuid() != 0 ? NULL : getpwnam(process->user.ptr);
    const struct group *group = user == NULL ? NULL : getgrnam(process->group.ptr);

    *identity = WEND_IDENTITY_NONE;
    identity->nofile_max = process->nofile;
    identity->core_bytes_max = process->core_bytes;
    identity->priority = (int)process->priority;
    identity->working_directory = process->working_directory.ptr;
    if (user != NULL) {
        identity->user = process->user.ptr;
        identity->uid = user->pw_uid;
        identity->gid = group != NULL ? group->gr_gid : user->pw_gid;
    }
}

/* A pool's own user, or else the workers'. */
static void fill_pool_identity(const struct wend_process_conf *process,
                               const struct wend_edge_app *app, struct wend_identity *identity)
{
    const struct passwd *user;
    const struct group *group;

    fill_identity(process, identity);
    user = app->user.len == 0 || geteuid() != 0 ? NULL : getpwnam(app->user.ptr);
    if (user == NULL)
        return;
    group = app->group.len == 0 ? NULL : getgrnam(app->group.ptr);
    identity->user = app->user.ptr;
    identity->uid = user->pw_uid;
    identity->gid = group != NULL ? group->gr_gid : user->pw_gid;
}

static enum wend_code add_pools(struct site *site, struct wend_generation *out)
{
    const struct wend_process_conf *process = wend_edge_process_conf(site->edge);

    for (const struct wend_edge_app *app = wend_edge_apps(site->edge); app != NULL;
         app = app->next) {
        struct wend_worker_group *group = &out->groups[out->group_count];
        const char *problem =
            out->group_count == WEND_GROUPS_MAX ? "there are too many applications in pools"
            : process->master == 0 ? "an application in a pool needs \"master_process on\""
                                   : NULL;

        if (!app->pooled)
            continue;
        if (problem != NULL) {
            wend_edge_emerg(&site->options->edge, problem);
            return WEND_E_CONFIG;
        }
        *group = (struct wend_worker_group){
            .title =
                wend_arena_printf(&site->arena, "zygote of app %.*s", WEND_STR_ARG(app->name)).ptr,
            .count = 1,
            .exec = execute_pool};
        fill_pool_identity(process, app, &group->identity);
        out->group_count++;
    }
    if (wend_edge_apps_open(site->edge) == WEND_OK)
        return WEND_OK;
    wend_edge_emerg(&site->options->edge, "the sockets of an application's pool cannot be made");
    return WEND_E_CONFIG;
}

/* The configuration that serves, and the last one whose listeners were opened: they differ while a
 * generation is starting. */
static struct site *current, *opened;

static enum wend_code load(void *data, const struct wend_generation *old,
                           struct wend_generation *out)
{
    const struct wend_edge_server_options *options = data;
    const struct site *before = old == NULL ? NULL : old->config;
    const struct wend_process_conf *process;
    struct wend_worker_group *group = &out->groups[0];
    struct site *site;

    if (read_site(options, &site) != WEND_OK)
        return WEND_E_CONFIG;
    out->group_count = 1;
    if (open_logs(options, site->edge) != WEND_OK || add_pools(site, out) != WEND_OK ||
        open_listeners(options, site->edge, before == NULL ? NULL : before->edge) != WEND_OK) {
        wend_edge_apps_close(site->edge);
        wend_edge_free(site->edge);
        wend_arena_release(&site->arena);
        free(site);
        return WEND_E_CONFIG;
    }
    wend_upgrade_close_rest();
    process = wend_edge_process_conf(site->edge);
    opened = site;
    out->config = site;
    out->pid_file = process->pid.ptr != NULL ? process->pid.ptr : options->pid_path;
    out->drain_timeout_ms = process->shutdown_timeout_ms > 0 ? process->shutdown_timeout_ms : 0;
    *group = (struct wend_worker_group){.title = "worker process",
                                        .count = (unsigned)process->workers,
                                        .run = run_worker,
                                        .prepare = prepare_worker};
    fill_identity(process, &group->identity);
    if (group->identity.user != NULL)
        wend_log_files_belong_to(group->identity.uid, group->identity.gid);
    return WEND_OK;
}

static void retired(void *data, struct wend_generation *generation)
{
    const struct site *site = generation->config;

    (void)data;
    wend_edge_apps_close(site->edge);
}

/* The current one is given back last: then the master ends, and its listeners with it. */
static void discard(void *data, struct wend_generation *generation)
{
    struct site *site = generation->config;

    (void)data;
    if (site == current) {
        close_listeners(site->edge, true);
        current = NULL;
    } else if (site == opened && current != NULL) {
        close_unused(site->edge, current->edge); /* it never came to serve */
    }
    if (site == opened)
        opened = current;
    wend_edge_apps_close(site->edge);
    wend_edge_free(site->edge);
    wend_arena_release(&site->arena);
    free(site);
}

static void started(void *data, struct wend_generation *generation)
{
    const struct wend_edge_server_options *options = data;
    struct site *site = generation->config;

    if (current != NULL)
        close_unused(current->edge, site->edge);
    else if (options->announce != NULL)
        options->announce(site->edge);
    current = site;
}

/* For the other executable (USR2). */
static void give(void *data)
{
    const struct site *site = opened != NULL ? opened : current;

    (void)data;
    for (const struct wend_edge_listen *listen = site->edge->listens; listen != NULL;
         listen = listen->next)
        if (listen->listener.fd >= 0)
            wend_upgrade_give(listen->listener.fd);
}

static void reopen(void *data)
{
    (void)data;
    if (current != NULL)
        reopen_logs(current->edge);
}

/* The workers keep theirs until they have drained; after them the kernel refuses connections. */
static void leaving(void *data)
{
    (void)data;
    if (current != NULL && opened != NULL && opened != current)
        close_unused(current->edge, opened->edge);
    if (opened != NULL)
        close_listeners(opened->edge, true);
}

int wend_edge_serve(const struct wend_edge_server_options *options)
{
    struct wend_master_policy policy = {.data = (void *)(uintptr_t)options,
                                        .name = options->edge.as_nginx ? "nginx" : "wend",
                                        .load = load,
                                        .discard = discard,
                                        .started = started,
                                        .retired = retired,
                                        .reopen = reopen,
                                        .give = give,
                                        .leaving = leaving};
    struct wend_master_options how = {.watch_parent = options->watch_parent};
    const struct wend_process_conf *process;
    struct site *first;
    int status;

    /* Read once beforehand: whether to leave the terminal is known only from the file. */
    if (read_site(options, &first) != WEND_OK)
        return 1;
    process = wend_edge_process_conf(first->edge);
    how.daemonize = process->daemon != 0;
    how.single = process->master == 0;
    how.keep_stderr = false;
    how.term_drains = options->term_drains;
    reopen_more = options->reopen;
    wend_edge_free(first->edge);
    wend_arena_release(&first->arena);
    free(first);
    status = wend_master_run(&policy, &how);
    leaving(NULL); /* where it ends without a signal */
    return status;
}
