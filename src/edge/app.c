/* edge/app.c - app { } and app_pass; see edge/app.h. */
#include "edge/app.h"

#include "base/log.h"
#include "edge/request.h"
#include "gateway/pool_client.h"
#include "gateway/rendezvous.h"

#include <unistd.h>

struct apps {
    struct wend_edge_app *first, **last;
    struct pass *passes;
};

/* app_pass may come before its app. */
struct pass {
    struct pass *next;
    struct wend_str name;
    struct wend_edge_core_location *location;
    const struct wend_statement *statement;
};

static const struct wend_edge_app_provider *provider;

void wend_edge_provide_apps(const struct wend_edge_app_provider *mine)
{
    provider = mine;
}

static struct apps *apps_at(struct wend_conf *conf)
{
    return wend_edge_conf_at(conf, &wend_edge_app_module, WEND_LEVEL_MAIN);
}

struct wend_edge_app *wend_edge_apps(const struct wend_edge *edge)
{
    const struct apps *apps = edge->main[wend_edge_module_index(&wend_edge_app_module)];

    return apps->first;
}

static struct wend_edge_app *find(const struct apps *apps, struct wend_str name)
{
    struct wend_edge_app *app = apps->first;

    while (app != NULL && !wend_str_eq(app->name, name))
        app = app->next;
    return app;
}

static enum wend_code set_app(struct wend_conf *conf, const struct wend_directive *row, void *slot)
{
    struct apps *apps = apps_at(conf);
    struct wend_edge_app *app;

    (void)row;
    (void)slot;
    if (provider == NULL)
        return wend_conf_bad(
            conf, "\"app\" needs an executable with an application host, such as wend-python3.11");
    if (find(apps, conf->statement->args[1]) != NULL)
        return wend_conf_bad(conf, "the application \"%.*s\" is there already",
                             WEND_STR_ARG(conf->statement->args[1]));
    app = WEND_NEW(conf->arena, struct wend_edge_app);
    app->name = wend_arena_keep(conf->arena, conf->statement->args[1]);
    app->statement = conf->statement;
    if (apps->last == NULL)
        apps->last = &apps->first;
    *apps->last = app;
    apps->last = &app->next;
    return provider->check(conf, app);
}

/* The location's handler: the application behind it, which each worker has started. */
static enum wend_code serve(const struct wend_handler *self, struct wend_exchange *x)
{
    const struct wend_edge_app *app = wend_edge_of(x)->location->handler_data;

    (void)self;
    if (app->handler == NULL)
        return wend_edge_finish(x, 503);
    return wend_serve(app->handler, x);
}

static const struct wend_handler pass_handler = {"app_pass", serve};

static enum wend_code set_app_pass(struct wend_conf *conf, const struct wend_directive *row,
                                   void *slot)
{
    struct wend_edge_core_location *here = wend_edge_core_at(conf);
    struct pass *pass = WEND_NEW(conf->arena, struct pass);
    struct apps *apps = apps_at(conf);

    (void)row;
    (void)slot;
    if (here->handler != NULL)
        return wend_conf_bad(conf, "\"app_pass\" directive is duplicate");
    here->handler = &pass_handler;
    *pass = (struct pass){apps->passes, conf->statement->args[1], here, conf->statement};
    apps->passes = pass;
    return WEND_OK;
}

/* One application lives in the workers unless its block says otherwise; several do not share their
 * processes, nor their crashes. */
static enum wend_code decide(struct wend_conf *conf, const struct apps *apps)
{
    bool several = apps->first != NULL && apps->first->next != NULL;
    enum wend_code code = WEND_OK;

    for (struct wend_edge_app *app = apps->first; app != NULL && code == WEND_OK; app = app->next) {
        app->pooled = app->wants_pool || (several && !app->wants_inline);
        code = provider->settle(conf, app);
    }
    return code;
}

static enum wend_code finish(struct wend_conf *conf, struct wend_edge *edge)
{
    const struct apps *apps = edge->main[wend_edge_module_index(&wend_edge_app_module)];
    enum wend_code code = decide(conf, apps);

    if (code != WEND_OK)
        return code;
    for (const struct pass *pass = apps->passes; pass != NULL; pass = pass->next) {
        pass->location->handler_data = find(apps, pass->name);
        if (pass->location->handler_data == NULL)
            return wend_conf_fail(conf->error, pass->statement, "there is no \"app %.*s { ... }\"",
                                  WEND_STR_ARG(pass->name));
    }
    /* What an if inherited was copied before the names were looked up; handler_data comes along. */
    return WEND_OK;
}

/* --- pools ------------------------------------------------------------------------------------ */

/* All with open rendezvous, of every generation: a child must let go of those that are not its own,
 * or a pool would wait for a worker that never comes. */
static struct wend_edge_app *open_apps;

static void close_ends(int *ends, unsigned count)
{
    for (unsigned i = 0; ends != NULL && i < count; i++) {
        if (ends[i] >= 0)
            close(ends[i]);
        ends[i] = -1;
    }
}

static enum wend_code open_pool(struct wend_edge *edge, struct wend_edge_app *app)
{
    int *ends = wend_arena_array(edge->arena, 2 * (size_t)app->processes, sizeof(*ends));

    if (ends == NULL)
        return WEND_E_MEMORY;
    app->edge_ends = ends;
    app->pool_ends = ends + app->processes;
    for (unsigned i = 0; i < 2 * app->processes; i++)
        ends[i] = -1;
    app->open_next = open_apps;
    open_apps = app;
    for (unsigned i = 0; i < app->processes; i++)
        if (wend_rendezvous_open(&app->edge_ends[i], &app->pool_ends[i]) != WEND_OK)
            return WEND_E_LIMIT;
    return WEND_OK;
}

enum wend_code wend_edge_apps_open(struct wend_edge *edge)
{
    enum wend_code code = WEND_OK;

    for (struct wend_edge_app *app = wend_edge_apps(edge); app != NULL; app = app->next)
        if (app->pooled && code == WEND_OK)
            code = open_pool(edge, app);
    if (code != WEND_OK)
        wend_edge_apps_close(edge);
    return code;
}

void wend_edge_apps_close(struct wend_edge *edge)
{
    for (struct wend_edge_app *app = wend_edge_apps(edge); app != NULL; app = app->next) {
        struct wend_edge_app **at = &open_apps;

        while (*at != NULL && *at != app)
            at = &(*at)->open_next;
        if (*at != NULL)
            *at = app->open_next;
        close_ends(app->edge_ends, app->processes);
        close_ends(app->pool_ends, app->processes);
    }
}

static bool is_of(const struct wend_edge *edge, const struct wend_edge_app *wanted)
{
    const struct wend_edge_app *app = wend_edge_apps(edge);

    while (app != NULL && app != wanted)
        app = app->next;
    return app != NULL;
}

void wend_edge_apps_keep_ours(struct wend_edge *edge)
{
    for (struct wend_edge_app *app = open_apps; app != NULL; app = app->open_next) {
        close_ends(app->pool_ends, app->processes);
        if (!is_of(edge, app))
            close_ends(app->edge_ends, app->processes);
    }
}

int wend_edge_app_execute(const struct wend_edge_app *app, struct wend_str log, int log_level)
{
    return provider->execute(app, log, log_level);
}

/* --- workers ---------------------------------------------------------------------------------- */

static enum wend_code start_worker(struct wend_edge *edge, struct wend_loop *loop)
{
    for (struct wend_edge_app *app = wend_edge_apps(edge); app != NULL; app = app->next) {
        enum wend_code code = provider->start(edge, app, loop);

        if (code != WEND_OK)
            return code;
    }
    return WEND_OK;
}

static void stop_worker(struct wend_edge *edge)
{
    for (struct wend_edge_app *app = wend_edge_apps(edge); app != NULL; app = app->next)
        provider->stop(app);
}

static const struct wend_directive rows[] = {
    {"app", WEND_CTX_HTTP, 1, 1, true, .set = set_app,
     .help = "an application: module, threads, mode, processes ..."},
    {"app_pass", WEND_CTX_LOCATION | WEND_CTX_IF_LOCATION | WEND_CTX_LIMIT_EXCEPT, 1, 1,
     .set = set_app_pass, .help = "an application of that name serves this location"},
};

const struct wend_edge_module wend_edge_app_module = {
    .name = "wend_app",
    .rows = rows,
    .row_count = WEND_COUNT(rows),
    .sizes = {sizeof(struct apps), 0, 0},
    .finish = finish,
    .start_worker = start_worker,
    .stop_worker = stop_worker,
};
