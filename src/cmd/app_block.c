/* cmd/app_block.c - see cmd/app_block.h. */
#include "cmd/app_block.h"

#include "base/log.h"
#include "cmd/app_provider.h"
#include "edge/request.h"
#include "gateway/pool_client.h"
#include "net/handover.h"
#include "net/process.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#define ZYGOTE_PROGRAM "wend-python3.11"
#define OPTIONS_MAX 512

static struct wend_app_block *block_of(const struct wend_edge_app *app)
{
    return app->settings;
}

/* --- words ------------------------------------------------------------------------------------ */

static bool set_mode(struct wend_edge_app *app, struct wend_str value)
{
    app->wants_pool = wend_str_eq(value, WEND_STR("pool"));
    app->wants_inline = wend_str_eq(value, WEND_STR("inline"));
    return app->wants_pool || app->wants_inline;
}

static bool set_isolate(struct wend_edge_app *app, struct wend_str value)
{
    app->wants_pool |= wend_str_eq(value, WEND_STR("on"));
    return wend_str_eq(value, WEND_STR("on")) || wend_str_eq(value, WEND_STR("off"));
}

static bool set_user(struct wend_edge_app *app, struct wend_str value)
{
    app->user = value;
    return getpwnam(value.ptr) != NULL;
}

static bool set_group(struct wend_edge_app *app, struct wend_str value)
{
    app->group = value;
    return getgrnam(value.ptr) != NULL;
}

/* The words that say where an application runs, and are nothing to the application. */
static const struct {
    struct wend_app_word is;
    bool (*set)(struct wend_edge_app *app, struct wend_str value);
    const char *problem;
} own_words[] = {
    {{WEND_STR_INIT("mode"), "inline; pool where there are several",
      "`inline`: in the edge's workers; `pool`: in processes of its own"},
     set_mode,
     "must be inline or pool"},
    {{WEND_STR_INIT("isolate"), "off", "on: the same as `mode pool`"},
     set_isolate,
     "must be on or off"},
    {{WEND_STR_INIT("user"), "the workers'", "of a pool: who its processes are"},
     set_user,
     "must be a user of this system"},
    {{WEND_STR_INIT("group"), "the user's", "of a pool: their group"},
     set_group,
     "must be a group of this system"},
};

bool wend_app_block_word(size_t index, struct wend_app_word *out)
{
    if (index >= WEND_COUNT(own_words))
        return wend_app_settings_word(index - WEND_COUNT(own_words), out);
    *out = own_words[index].is;
    return true;
}

static int own_word(struct wend_str word)
{
    for (size_t i = 0; i < WEND_COUNT(own_words); i++)
        if (wend_str_eq(own_words[i].is.word, word))
            return (int)i;
    return -1;
}

static enum wend_code set_word(struct wend_edge_app *app, struct wend_str word,
                               struct wend_str value, const char **problem)
{
    int own = own_word(word);

    if (own < 0)
        return wend_app_settings_set(&block_of(app)->settings, word, value, problem);
    *problem = own_words[own].problem;
    return own_words[own].set(app, value) ? WEND_OK : WEND_E_CONFIG;
}

static enum wend_code read_word(struct wend_conf *conf, const struct wend_statement *word,
                                struct wend_edge_app *app)
{
    const char *problem = NULL;
    struct wend_str value;
    enum wend_code code;

    if (word->has_block || word->count != 2)
        return wend_conf_fail(conf->error, word, "\"%.*s\" in an app takes one value",
                              WEND_STR_ARG(word->args[0]));
    value = wend_arena_keep(conf->arena, word->args[1]);
    code = set_word(app, word->args[0], value, &problem);
    if (code == WEND_E_NOT_FOUND)
        return wend_conf_fail(conf->error, word, "unknown word \"%.*s\" in an app",
                              WEND_STR_ARG(word->args[0]));
    if (code != WEND_OK)
        return wend_conf_fail(conf->error, word, "\"%.*s\" %s, not \"%.*s\"",
                              WEND_STR_ARG(word->args[0]), problem, WEND_STR_ARG(value));
    return WEND_OK;
}

enum wend_code wend_app_block_read(struct wend_conf *conf, struct wend_edge_app *app)
{
    struct wend_app_settings *settings = &block_of(app)->settings;
    enum wend_code code = WEND_OK;

    settings->name = app->name;
    for (const struct wend_statement *word = app->statement->children;
         word != NULL && code == WEND_OK; word = word->next)
        code = read_word(conf, word, app);
    if (code == WEND_OK && app->wants_pool && app->wants_inline)
        return wend_conf_fail(conf->error, app->statement,
                              "app \"%.*s\" cannot be both inline and isolated",
                              WEND_STR_ARG(app->name));
    if (code == WEND_OK &&
        settings->module.len + settings->wsgi_file.len + settings->project.len == 0)
        return wend_conf_fail(conf->error, app->statement,
                              "app \"%.*s\" needs a module, a wsgi_file or a project",
                              WEND_STR_ARG(app->name));
    return code;
}

/* What only a pool has. */
static enum wend_code settle_inline(struct wend_conf *conf, const struct wend_edge_app *app)
{
    const char *word = block_of(app)->settings.processes != 0 ? "processes"
                       : app->user.len != 0                   ? "user"
                       : app->group.len != 0                  ? "group"
                                                              : NULL;

    if (word == NULL)
        return WEND_OK;
    return wend_conf_fail(conf->error, app->statement,
                          "app \"%.*s\" runs inline, in the worker_processes: \"%s\" needs "
                          "\"mode pool\"",
                          WEND_STR_ARG(app->name), word);
}

enum wend_code wend_app_block_settle(struct wend_conf *conf, struct wend_edge_app *app)
{
    struct wend_app_settings *settings = &block_of(app)->settings;
    char path[4096];

    if (!app->pooled)
        return settle_inline(conf, app);
    if (settings->processes == 0)
        settings->processes = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    if (settings->processes > WEND_POOL_PROCESSES_MAX)
        return wend_conf_fail(conf->error, app->statement,
                              "app \"%.*s\" has more than %d processes", WEND_STR_ARG(app->name),
                              WEND_POOL_PROCESSES_MAX);
    if (app->user.len != 0 && geteuid() != 0)
        wend_log(wend_log_process, WEND_LOG_WARN, 0, 0,
                 "app %.*s: its user is ignored: this server does not run as root",
                 WEND_STR_ARG(app->name));
    if (!wend_app_find_worker("wend", path, sizeof(path)))
        return wend_conf_fail(conf->error, app->statement,
                              "\"app\" needs " ZYGOTE_PROGRAM " beside this program");
    app->processes = settings->processes;
    return WEND_OK;
}

/* --- a pool, in a worker ---------------------------------------------------------------------- */

/* As for an inline application: the path that was matched, not another reading of the line. */
static void find_place(struct wend_exchange *x, struct wend_pool_place *place)
{
    const struct wend_edge_request *r = wend_edge_of(x);

    place->path_info = r->uri;
    place->server_name = r->server->primary_name;
}

void wend_app_pool_start(struct wend_edge_app *app, struct wend_loop *loop, unsigned slot)
{
    struct wend_app_block *block = block_of(app);
    struct wend_pool_options options = {.name = app->name,
                                        .rendezvous = app->edge_ends,
                                        .count = app->processes,
                                        .first = slot,
                                        .body = wend_body_settings_default,
                                        .place = find_place};

    options.body.memory_bytes = block->settings.body_memory_bytes != 0
                                    ? block->settings.body_memory_bytes
                                    : WEND_APP_BODY_MEMORY;
    if (block->settings.body_directory != NULL)
        options.body.directory = block->settings.body_directory;
    block->pool = wend_pool_new(&options, loop);
    app->handler = wend_pool_handler(block->pool);
}

void wend_app_pool_stop(struct wend_edge_app *app)
{
    struct wend_app_block *block = block_of(app);

    if (block->pool != NULL)
        wend_pool_free(block->pool);
    block->pool = NULL;
}

/* --- a pool's zygote -------------------------------------------------------------------------- */

struct writing {
    struct wend_arena arena;
    struct wend_handover_option options[OPTIONS_MAX];
    struct wend_handover_listener ends[WEND_POOL_PROCESSES_MAX];
    struct wend_handover handover;
};

static void add(struct writing *writing, const char *key, struct wend_str value)
{
    if (writing->handover.option_count < OPTIONS_MAX)
        writing->options[writing->handover.option_count++] =
            (struct wend_handover_option){wend_str_of(key), value};
}

static void add_words(struct writing *writing, const struct wend_edge_app *app)
{
    for (const struct wend_statement *word = app->statement->children; word != NULL;
         word = word->next) {
        bool counted = wend_str_eq(word->args[0], WEND_STR("processes"));

        if (own_word(word->args[0]) < 0 && !counted)
            add(writing, wend_arena_cstr(&writing->arena, word->args[0]), word->args[1]);
    }
}

static void fill_handover(struct writing *writing, const struct wend_edge_app *app,
                          struct wend_str log, int log_level)
{
    char dialect[WEND_POOL_DIALECT_MAX];

    writing->handover.configuration = WEND_STR("");
    writing->handover.options = writing->options;
    writing->handover.listeners = writing->ends;
    writing->handover.listener_count = app->processes;
    add(writing, "zygote",
        wend_arena_keep(&writing->arena, wend_str_make(dialect, wend_pool_dialect(dialect))));
    add(writing, "log_level", wend_arena_printf(&writing->arena, "%d", log_level));
    if (log.len != 0)
        add(writing, "log", log);
    add(writing, "name", app->name);
    add(writing, "processes", wend_arena_printf(&writing->arena, "%u", app->processes));
    add_words(writing, app);
    for (unsigned i = 0; i < app->processes; i++)
        writing->ends[i] = (struct wend_handover_listener){
            app->pool_ends[i], wend_arena_printf(&writing->arena, "pool:%u", i)};
}

int wend_app_pool_execute(const struct wend_edge_app *app, struct wend_str log, int log_level)
{
    static struct writing writing;
    char path[4096], *argv[] = {ZYGOTE_PROGRAM, NULL};
    int memfd;

    wend_arena_init(&writing.arena, WEND_ARENA_UNLIMITED);
    fill_handover(&writing, app, log, log_level);
    if (!wend_app_find_worker("wend", path, sizeof(path)))
        return WEND_EXIT_FATAL;
    if (wend_handover_write(&writing.handover, &memfd) == WEND_OK &&
        wend_handover_export(&writing.handover, memfd) == WEND_OK)
        execv(path, argv);
    wend_log(wend_log_process, WEND_LOG_EMERG, 0, errno, "app %.*s: cannot execute %s",
             WEND_STR_ARG(app->name), path);
    return WEND_EXIT_FATAL;
}
