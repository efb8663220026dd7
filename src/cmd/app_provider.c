/* cmd/app_provider.c - `app NAME { ... }` becomes a Python application in each of the edge's
 * workers.
 *
 * The block's words are those of app/app.h:
 *     app shop { module shop.wsgi; threads 8; home /srv/shop/venv; chdir /srv/shop; env KEY=VALUE;
 * }
 */
#include "cmd/app_provider.h"

#include "app/host.h"
#include "app/python/engine.h"
#include "app/static_map.h"
#include "base/log.h"
#include "edge/request.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#define STOP_MS 3000

struct provided {
    struct wend_app_settings settings;
    struct wend_app_host *host;
    struct wend_static_map files;
};

/* The edge has looked at the path already: the application sees the one that was matched, not
 * another reading of the request line. */
static void find_place(struct wend_exchange *x, struct wend_app_place *place)
{
    const struct wend_edge_request *r = wend_edge_of(x);

    place->path_info = r->uri;
    place->server_name = r->server->primary_name;
}

static enum wend_code read_block(struct wend_conf *conf, const struct wend_statement *block,
                                 struct wend_app_settings *settings)
{
    for (const struct wend_statement *word = block->children; word != NULL; word = word->next) {
        const char *problem = NULL;
        struct wend_str value;
        enum wend_code code;

        if (word->has_block || word->count != 2)
            return wend_conf_fail(conf->error, word, "\"%.*s\" in an app takes one value",
                                  WEND_STR_ARG(word->args[0]));
        value = wend_arena_keep(conf->arena, word->args[1]);
        code = wend_app_settings_set(settings, word->args[0], value, &problem);
        if (code == WEND_E_NOT_FOUND)
            return wend_conf_fail(conf->error, word, "unknown word \"%.*s\" in an app",
                                  WEND_STR_ARG(word->args[0]));
        if (code != WEND_OK)
            return wend_conf_fail(conf->error, word, "\"%.*s\" %s, not \"%.*s\"",
                                  WEND_STR_ARG(word->args[0]), problem, WEND_STR_ARG(value));
    }
    return WEND_OK;
}

static enum wend_code check(struct wend_conf *conf, struct wend_edge_app *app)
{
    struct provided *provided = WEND_NEW(conf->arena, struct provided);
    struct wend_app_settings *settings = &provided->settings;
    enum wend_code code;

    settings->name = app->name;
    settings->place = find_place;
    settings->processes = 2; /* how many there will be is not known here; more than one may be */
    app->settings = provided;
    code = read_block(conf, app->statement, settings);
    if (code == WEND_OK &&
        settings->module.len + settings->wsgi_file.len + settings->project.len == 0)
        return wend_conf_fail(conf->error, app->statement,
                              "app \"%.*s\" needs a module, a wsgi_file or a project",
                              WEND_STR_ARG(app->name));
    return code;
}

static void add_folder(void *arg, struct wend_str prefix, struct wend_str folder)
{
    struct provided *provided = arg;

    if (wend_static_map_add(&provided->files, prefix, folder) != WEND_OK)
        wend_log(wend_log_process, WEND_LOG_WARN, 0, errno,
                 "static files in \"%.*s\" are not served", WEND_STR_ARG(folder));
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
    struct provided *provided = app->settings;
    enum wend_code code;

    (void)edge;
    code = wend_app_host_start(&provided->settings, &wend_python_engine, loop, &provided->host);
    if (code != WEND_OK)
        return code;
    app->handler = wend_app_host_handler(provided->host);
    wend_static_map_init(&provided->files, app->handler);
    if (provided->settings.static_files)
        wend_python_static_folders(provided->settings.development, add_folder, provided);
    if (provided->files.count != 0)
        app->handler = &provided->files.handler;
    if (provided->settings.reload)
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
}

const struct wend_edge_app_provider wend_app_provider_python = {"python", check, start, stop};
