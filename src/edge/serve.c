/* edge/serve.c - the policy of the master: what a generation is, who runs it, as whom. */
#include "edge/serve.h"

#include "base/assert.h"
#include "edge/app.h"
#include "edge/location.h"
#include "edge/error_log.h"
#include "edge/listeners.h"
#include "edge/log_file.h"
#include "edge/process_conf.h"
#include "edge/serving.h"
#include "net/upgrade.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CONF_ARENA_MAX ((size_t)1 << 30)

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

/* --- the master ------------------------------------------------------------------------------- */

static int run_worker(struct wend_worker *worker, void *config)
{
    struct site *site = config;

    wend_edge_apps_keep_ours(site->edge);
    return wend_edge_run_worker(worker, site->edge, site->options->reopen);
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
        wend_edge_listeners_open(options, site->edge, before == NULL ? NULL : before->edge) !=
            WEND_OK) {
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
        wend_edge_listeners_close(site->edge, true);
        current = NULL;
    } else if (site == opened && current != NULL) {
        wend_edge_listeners_close_unused(site->edge, current->edge); /* it never came to serve */
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
        wend_edge_listeners_close_unused(current->edge, site->edge);
    else if (options->announce != NULL)
        options->announce(site->edge);
    current = site;
}

/* For the other executable (USR2). */
static void give(void *data)
{
    const struct site *site = opened != NULL ? opened : current;

    (void)data;
    wend_edge_listeners_give(site->edge);
}

static void reopen(void *data)
{
    const struct wend_edge_server_options *options = data;

    if (current != NULL)
        wend_edge_reopen_logs(current->edge, options->reopen);
}

/* The workers keep theirs until they have drained; after them the kernel refuses connections. */
static void leaving(void *data)
{
    (void)data;
    if (current != NULL && opened != NULL && opened != current)
        wend_edge_listeners_close_unused(current->edge, opened->edge);
    if (opened != NULL)
        wend_edge_listeners_close(opened->edge, true);
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
    wend_edge_free(first->edge);
    wend_arena_release(&first->arena);
    free(first);
    status = wend_master_run(&policy, &how);
    leaving(NULL); /* where it ends without a signal */
    return status;
}
