/* cmd/app_provider.c - `app NAME { ... }` becomes a Python application in each of the edge's
 * workers, or in a pool of its own.
 *
 * The block's words are those of cmd/app_block.h and app/app.h:
 *     app shop { module shop.wsgi; threads 8; home /srv/shop/venv; chdir /srv/shop; }
 */
#include "cmd/app_provider.h"

#include "app/host.h"
#include "app/python/engine.h"
#include "app/static_map.h"
#include "base/log.h"
#include "cmd/app_block.h"
#include "edge/process_conf.h"
#include "edge/request.h"
#include "gateway/uwsgi_server.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#define STOP_MS 3000

struct provided {
    struct wend_app_block block; /* first: cmd/app_block.c knows it alone */
    struct wend_app_host *host;
    struct wend_static_map files;
};

/* The edge has looked at the path already: the application sees the one that was matched, not
 * another reading of the request line. */
static void find_place(struct wend_exchange *x, struct wend_app_place *place)
{
    const struct wend_edge_request *r = wend_edge_of(x);

    if (wend_uwsgi_exchange(x))
        return; /* the front server has said where the application is */
    place->path_info = r->uri;
    place->server_name = r->server->primary_name;
}

static enum wend_code check(struct wend_conf *conf, struct wend_edge_app *app)
{
    struct provided *provided = WEND_NEW(conf->arena, struct provided);

    provided->block.settings.place = find_place;
    app->settings = provided;
    return wend_app_block_read(conf, app);
}

static void add_folder(void *arg, struct wend_str prefix, struct wend_str folder)
{
    struct provided *provided = arg;

    if (wend_static_map_add(&provided->files, prefix, folder) != WEND_OK)
        wend_log(wend_log_process, WEND_LOG_WARN, 0, errno,
                 "static files in \"%.*s\" are not served: has manage.py collectstatic run?",
                 WEND_STR_ARG(folder));
}

/* From the watching thread. */
static void file_changed(void *arg, const char *path)
{
    (void)arg;
    wend_log(wend_log_process, WEND_LOG_NOTICE, 0, 0, "%s has changed: loading again", path);
    kill(getppid(), SIGHUP);
}

static enum wend_code start(struct wend_edge *edge, struct wend_edge_app *app,
                            struct wend_loop *loop)
{
    const struct wend_process_conf *process = wend_edge_process_conf(edge);
    struct provided *provided = app->settings;
    enum wend_code code;

    if (app->pooled) {
        wend_app_pool_start(app, loop, (unsigned)getpid());
        return WEND_OK;
    }
    /* wsgi.multiprocess: whether another process may run the same application at the same time. */
    provided->block.settings.processes = process->master == 0 ? 1 : (unsigned)process->workers;
    code =
        wend_app_host_start(&provided->block.settings, &wend_python_engine, loop, &provided->host);
    if (code != WEND_OK)
        return code;
    app->handler = wend_app_host_handler(provided->host);
    wend_static_map_init(&provided->files, app->handler);
    if (provided->block.settings.static_files)
        wend_python_static_folders(provided->block.settings.development, add_folder, provided);
    if (provided->files.count != 0)
        app->handler = &provided->files.handler;
    if (provided->block.settings.reload)
        wend_python_watch(file_changed, NULL);
    return WEND_OK;
}

static void stop(struct wend_edge_app *app)
{
    struct provided *provided = app->settings;

    if (provided->host != NULL)
        (void)wend_app_host_stop(provided->host, STOP_MS);
    provided->host = NULL;
    wend_static_map_release(&provided->files);
    wend_app_pool_stop(app);
}

const struct wend_edge_app_provider wend_app_provider_python = {
    .name = "python",
    .check = check,
    .settle = wend_app_block_settle,
    .execute = wend_app_pool_execute,
    .start = start,
    .stop = stop,
};
