/* edge/app.c - app { } and app_pass; see edge/app.h. */
#include "edge/app.h"

#include "base/log.h"
#include "edge/request.h"

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

static enum wend_code finish(struct wend_conf *conf, struct wend_edge *edge)
{
    const struct apps *apps = edge->main[wend_edge_module_index(&wend_edge_app_module)];

    for (const struct pass *pass = apps->passes; pass != NULL; pass = pass->next) {
        pass->location->handler_data = find(apps, pass->name);
        if (pass->location->handler_data == NULL)
            return wend_conf_fail(conf->error, pass->statement, "there is no \"app %.*s { ... }\"",
                                  WEND_STR_ARG(pass->name));
    }
    /* What an if inherited was copied before the names were looked up; handler_data comes along. */
    return WEND_OK;
}

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
     .help = "an application: module, threads, chdir ..."},
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
