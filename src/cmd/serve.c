/* cmd/serve.c - `wend serve TARGET`: looks at what the target is and starts what serves it. */
#include "cmd/commands.h"
#include "cmd/launch.h"
#include "cmd/options.h"
#include "edge/serve.h"
#include "http/media_type.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct serve {
    struct wend_launch launch;
    const char *target, *home;
    const char *threads;
    bool bound, workers_set, reload, development, production;
    bool configured_here; /* any option besides the target was given */
    bool tracebacks;      /* what came out of the last two */
};

enum target {
    TARGET_APPLICATION,
    TARGET_PROJECT,
    TARGET_FOLDER,
    TARGET_NGINX,
    TARGET_UWSGI,
    TARGET_WRONG
};

static bool ends_with(const char *text, const char *end)
{
    return wend_str_ends(wend_str_of(text), wend_str_of(end));
}

static enum target look_at(const char *target)
{
    char manage[PATH_MAX];
    struct stat status;

    if (stat(target, &status) == 0 && S_ISDIR(status.st_mode)) {
        snprintf(manage, sizeof(manage), "%s/manage.py", target);
        return access(manage, R_OK) == 0 ? TARGET_PROJECT : TARGET_FOLDER;
    }
    if ((ends_with(target, ".ini") || ends_with(target, ".conf")) && access(target, R_OK) != 0) {
        fprintf(stderr, "wend serve: cannot read \"%s\": %s\n", target, strerror(errno));
        return TARGET_WRONG;
    }
    if (ends_with(target, ".ini"))
        return TARGET_UWSGI;
    if (ends_with(target, ".conf"))
        return TARGET_NGINX;
    if (strchr(target, '/') != NULL && !ends_with(target, ".py")) {
        fprintf(stderr, "wend serve: there is no \"%s\": %s\n", target, strerror(errno));
        return TARGET_WRONG;
    }
    return TARGET_APPLICATION;
}

/* A folder is served as files when it has no manage.py: what somebody may have meant instead. */
static void hint_at_folder(const char *folder, struct wend_arena *arena, const char **notes)
{
    DIR *entries = opendir(folder);
    const struct dirent *entry;
    bool empty = true, sources = false, page = false;
    char manage[PATH_MAX];

    *notes = NULL;
    if (entries == NULL)
        return;
    for (entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        if (entry->d_name[0] == '.')
            continue;
        empty = false;
        sources |= ends_with(entry->d_name, ".py");
        page |= strcmp(entry->d_name, "index.html") == 0 || strcmp(entry->d_name, "index.htm") == 0;
        snprintf(manage, sizeof(manage), "%s/%s/manage.py", folder, entry->d_name);
        if (access(manage, R_OK) == 0)
            *notes = wend_arena_printf(arena,
                                       "\n  there is a manage.py in %s: `wend serve %s/%s` serves "
                                       "that project",
                                       entry->d_name, folder, entry->d_name)
                         .ptr;
    }
    closedir(entries);
    if (empty)
        *notes = "\n  the folder is empty";
    else if (*notes == NULL && sources && !page)
        *notes = "\n  no manage.py is here: files are served as they are, the .py files too; an "
                 "application is named module:callable";
}

/* False ends the walk with exit status 2; a message was printed. */
static bool take(struct serve *serve, const struct wend_option *option, const char *value)
{
    struct wend_launch *launch = &serve->launch;

    switch (option->id) {
    case WEND_OPT_OPERAND:
        if (serve->target != NULL)
            fprintf(stderr, "wend serve: one TARGET at a time: \"%s\" or \"%s\"?\n", serve->target,
                    value);
        if (serve->target != NULL)
            return false;
        serve->target = value;
        return true;
    case 'b':
        serve->bound = true;
        return wend_launch_bind(launch, value, false);
    case 'w':
        serve->workers_set = true;
        launch->workers = wend_launch_number(launch, option->name, value, 1024);
        return launch->workers != 0;
    case WEND_OPT_THREADS:
        serve->threads = value;
        return wend_launch_number(launch, option->name, value, 512) != 0;
    case WEND_OPT_RELOAD:
        serve->reload = true;
        return true;
    case WEND_OPT_ACCESS_LOG:
        launch->access_log = value;
        return true;
    case WEND_OPT_ADMIN:
        return wend_launch_bind_admin(launch, value);
    case WEND_OPT_HOME:
        serve->home = value;
        return true;
    case WEND_OPT_ENV:
        wend_launch_set(launch, "env", value);
        return true;
    case WEND_OPT_TRUST:
        wend_launch_set(launch, "trust", value);
        return true;
    case WEND_OPT_DEVELOPMENT:
        serve->development = true;
        return true;
    default:
        serve->production = true;
        return true;
    }
}

/* Traceback pages show secrets: without being asked only to somebody who sits at a terminal and
 * whom nobody else can reach. */
static bool is_development(const struct serve *serve)
{
    if (serve->development || serve->production)
        return serve->development;
    return isatty(STDOUT_FILENO) && wend_launch_is_local(&serve->launch);
}

/* --- what is common to all -------------------------------------------------------------------- */

static struct serve *announcing;

static void announce_conf(const struct wend_edge *edge)
{
    printf("wend %s serves %s\n", WEND_VERSION, announcing->target);
    for (const struct wend_edge_listen *listen = edge->listens; listen != NULL;
         listen = listen->next) {
        char text[WEND_LISTEN_TEXT_MAX];

        printf("  on %.*s for %.*s\n", (int)wend_listen_write(&listen->listener, text), text,
               WEND_STR_ARG(listen->default_server->primary_name.len != 0
                                ? listen->default_server->primary_name
                                : WEND_STR("every name")));
    }
    fflush(stdout);
}

/* --- an application --------------------------------------------------------------------------- */

static void set_notes(struct serve *serve)
{
    if (serve->tracebacks && !wend_launch_is_local(&serve->launch))
        fputs("wend serve: --development shows tracebacks, with what is in their variables, to "
              "everybody "
              "who can reach this address\n",
              stderr);
    serve->launch.notes =
        wend_arena_printf(&serve->launch.arena, "%s%s",
                          serve->tracebacks
                              ? "; development: traceback pages, static files of the applications"
                              : "",
                          serve->reload ? "; starts anew when a source file changes" : "")
            .ptr;
}

static void set_words(struct serve *serve, enum target kind, const char *project)
{
    struct wend_launch *launch = &serve->launch;

    if (kind == TARGET_PROJECT) {
        wend_launch_set(launch, "project", project);
        wend_launch_set(launch, "chdir", project);
        launch->what = wend_arena_printf(&launch->arena, "the Django project %s", project).ptr;
    } else {
        wend_launch_set(launch, ends_with(serve->target, ".py") ? "wsgi_file" : "module",
                        serve->target);
        launch->what = serve->target;
    }
    serve->tracebacks = is_development(serve);
    wend_launch_set(launch, "threads", serve->threads);
    wend_launch_set(launch, "development", serve->tracebacks ? "on" : "off");
    wend_launch_set(launch, "static", "on");
    wend_launch_set(launch, "reload", serve->reload ? "on" : "off");
    wend_launch_home(launch, serve->home, kind == TARGET_PROJECT ? project : ".");
}

static int serve_python(struct serve *serve, enum target kind)
{
    const char *folder = kind == TARGET_PROJECT ? serve->target : ".";
    char project[PATH_MAX];

    if (realpath(folder, project) == NULL) {
        fprintf(stderr, "wend serve: cannot find \"%s\": %s\n", folder, strerror(errno));
        return 1;
    }
    set_words(serve, kind, project);
    set_notes(serve);
    serve->launch.prefix = project;
    return wend_launch_run_python(&serve->launch);
}

/* --- files ------------------------------------------------------------------------------------ */

static void write_types(struct wend_buffer *conf)
{
    const struct wend_media_type *row = wend_media_type_at(0);

    wend_buffer_add(conf, WEND_STR("  default_type application/octet-stream;\n  types {\n"));
    for (size_t i = 1; row != NULL; row = wend_media_type_at(i++))
        wend_buffer_printf(conf, "    \"%.*s\" %.*s;\n", WEND_STR_ARG(row->type),
                           WEND_STR_ARG(row->extension));
    wend_buffer_add(conf, WEND_STR("  }\n"));
}

static int serve_folder(struct serve *serve)
{
    struct wend_launch *launch = &serve->launch;
    struct wend_buffer conf;
    char folder[PATH_MAX];

    if (realpath(serve->target, folder) == NULL) {
        fprintf(stderr, "wend serve: cannot find \"%s\": %s\n", serve->target, strerror(errno));
        return 1;
    }
    launch->what = wend_arena_printf(&launch->arena, "the files in %s", folder).ptr;
    launch->prefix = folder;
    hint_at_folder(serve->target, &launch->arena, &launch->notes);
    wend_buffer_init(&conf, WEND_LAUNCH_CONF_MAX);
    wend_launch_write_head(launch, &conf);
    write_types(&conf);
    wend_buffer_add(&conf, WEND_STR("  server {\n    http_policy strict;\n"));
    wend_launch_write_listens(launch, &conf);
    wend_buffer_add(&conf, WEND_STR("    root "));
    wend_launch_write_quoted(&conf, wend_str_of(folder));
    /* What begins with a dot was not meant for others: .git, .env. */
    wend_buffer_add(&conf, WEND_STR(";\n    index index.html index.htm;\n    autoindex on;\n"
                                    "    location ~ /[.] { return 404; }\n  }\n"));
    wend_launch_write_end(launch, &conf);
    return wend_launch_run_conf(launch, &conf);
}

static int serve_nginx(struct serve *serve)
{
    struct wend_edge_server_options options = {.announce = announce_conf};
    struct wend_arena *arena = &serve->launch.arena, trial;
    struct wend_conf_error error;
    struct wend_edge *edge;
    char path[PATH_MAX];

    if (serve->bound || serve->workers_set) {
        fputs("wend serve: with an nginx.conf, -b and -w are the file's `listen` and "
              "`worker_processes`\n",
              stderr);
        return 2;
    }
    if (realpath(serve->target, path) == NULL) {
        fprintf(stderr, "wend serve: there is no \"%s\": %s\n", serve->target, strerror(errno));
        return 1;
    }
    options.edge.conf_path = wend_arena_keep(arena, wend_str_of(path));
    *(strrchr(path, '/') + 1) = '\0';
    options.edge.prefix = wend_arena_keep(arena, wend_str_of(path));
    options.edge.globals = WEND_STR("daemon off;");
    wend_arena_init(&trial, WEND_ARENA_UNLIMITED);
    /* A file that says itself whether to leave the terminal is obeyed. */
    if (wend_edge_read(&trial, &options.edge, &edge, &error) != WEND_OK)
        options.edge.globals = WEND_STR_NULL;
    wend_edge_free(edge);
    wend_arena_release(&trial);
    options.error_log = WEND_STR("/dev/stderr");
    announcing = serve;
    return wend_edge_serve(&options);
}

static int serve_uwsgi(struct serve *serve)
{
    if (!serve->configured_here)
        return wend_cmd_app_ini(serve->target);
    fputs("wend serve: with a uwsgi.ini, the options are the file's; its names are those of "
          "`wend help app`\n",
          stderr);
    return 2;
}

int wend_cmd_serve(int argc, char **argv)
{
    static struct serve serve;
    struct wend_option_walk walk = {
        wend_command_find(WEND_STR("serve")), argc, argv, 0, NULL, 0, 0};
    struct wend_option option;
    const char *value;
    enum target kind;

    wend_launch_init(&serve.launch, "wend serve");
    while (wend_options_next(&walk, &option, &value)) {
        if (option.id == WEND_OPT_HELP) {
            wend_command_print_help(walk.command, stdout);
            return 0;
        }
        serve.configured_here |= option.id != WEND_OPT_OPERAND;
        if (!take(&serve, &option, value))
            return 2;
    }
    if (walk.failed)
        return 2;
    if (serve.target == NULL) {
        fputs("wend serve: say what: module:app, a Django project's folder, a folder of files, an "
              "nginx.conf or a uwsgi.ini; `wend help serve` has examples\n",
              stderr);
        return 2;
    }
    if (serve.launch.listener_count == 0 &&
        !wend_launch_bind(&serve.launch, "127.0.0.1:8000", false))
        return 2;
    if (!serve.workers_set && !serve.reload)
        serve.launch.workers = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    kind = look_at(serve.target);
    switch (kind) {
    case TARGET_APPLICATION:
    case TARGET_PROJECT:
        return serve_python(&serve, kind);
    case TARGET_UWSGI:
        return serve_uwsgi(&serve);
    case TARGET_WRONG:
        return 2;
    case TARGET_NGINX:
        return serve_nginx(&serve);
    default:
        return serve_folder(&serve);
    }
}
