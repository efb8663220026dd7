/* cmd/serve.c - `wend serve TARGET`: looks at what the target is and starts what serves it. */
#include "cmd/commands.h"
#include "cmd/launch.h"
#include "cmd/options.h"

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
    bool workers_set, development, production;
};

enum target { TARGET_APPLICATION, TARGET_PROJECT, TARGET_FOLDER, TARGET_NGINX, TARGET_UWSGI, TARGET_WRONG };

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

/* False ends the walk with exit status 2; a message was printed. */
static bool take(struct serve *serve, const struct wend_option *option, const char *value)
{
    struct wend_launch *launch = &serve->launch;

    switch (option->id) {
    case WEND_OPT_OPERAND:
        if (serve->target != NULL)
            fprintf(stderr, "wend serve: one TARGET at a time: \"%s\" or \"%s\"?\n", serve->target, value);
        if (serve->target != NULL)
            return false;
        serve->target = value;
        return true;
    case 'b':
        return wend_launch_bind(launch, value, false);
    case 'w':
        serve->workers_set = true;
        launch->workers = wend_launch_number(launch, option->name, value, 1024);
        return launch->workers != 0;
    case WEND_OPT_THREADS:
        serve->threads = value;
        return wend_launch_number(launch, option->name, value, 512) != 0;
    case WEND_OPT_RELOAD:
        launch->reload = true;
        return true;
    case WEND_OPT_ACCESS_LOG:
        wend_launch_set(launch, "access_log", value);
        return true;
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

/* Traceback pages show secrets: without being asked only to somebody who sits at a terminal and whom
 * nobody else can reach. */
static bool is_development(const struct serve *serve)
{
    if (serve->development || serve->production)
        return serve->development;
    return isatty(STDOUT_FILENO) && wend_launch_is_local(&serve->launch);
}

static int serve_python(struct serve *serve, enum target kind)
{
    struct wend_launch *launch = &serve->launch;
    char folder[PATH_MAX];

    if (kind == TARGET_PROJECT) {
        if (realpath(serve->target, folder) == NULL)
            return 1;
        wend_launch_set(launch, "project", folder);
        wend_launch_set(launch, "chdir", folder);
        launch->what = wend_arena_printf(&launch->arena, "the Django project %s", folder).ptr;
    } else {
        wend_launch_set(launch, ends_with(serve->target, ".py") ? "wsgi_file" : "module", serve->target);
        launch->what = serve->target;
    }
    wend_launch_set(launch, "name", serve->target);
    wend_launch_set(launch, "threads", serve->threads);
    wend_launch_home(launch, serve->home, kind == TARGET_PROJECT ? serve->target : ".");
    launch->development = is_development(serve);
    return wend_launch_run(launch);
}

int wend_cmd_serve(int argc, char **argv)
{
    static struct serve serve;
    struct wend_option_walk walk = {wend_command_find(WEND_STR("serve")), argc, argv, 0, NULL, 0, 0};
    struct wend_option option;
    const char *value;
    enum target kind;

    wend_launch_init(&serve.launch, "wend");
    while (wend_options_next(&walk, &option, &value)) {
        if (option.id == WEND_OPT_HELP) {
            wend_command_print_help(walk.command, stdout);
            return 0;
        }
        if (!take(&serve, &option, value))
            return 2;
    }
    if (walk.failed)
        return 2;
    if (serve.target == NULL) {
        fputs("wend serve: say what: module:app, a Django project's folder, a folder of files, or an "
              "nginx.conf\n", stderr);
        return 2;
    }
    if (serve.launch.listener_count == 0 && !wend_launch_bind(&serve.launch, "127.0.0.1:8000", false))
        return 2;
    if (!serve.workers_set && !serve.launch.reload)
        serve.launch.workers = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    kind = look_at(serve.target);
    switch (kind) {
    case TARGET_APPLICATION:
    case TARGET_PROJECT:
        return serve_python(&serve, kind);
    case TARGET_UWSGI:
        fputs("wend serve: uwsgi.ini files are not read yet; give their options to `wend app`, which "
              "knows uWSGI's flags\n", stderr);
        return 2;
    case TARGET_WRONG:
        return 2;
    default:
        fprintf(stderr, "wend serve: \"%s\" needs the edge, which this build does not have\n",
                serve.target);
        return 2;
    }
}
