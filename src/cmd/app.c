/* cmd/app.c - uWSGI's and gunicorn's command lines, as far as they name what we have. Anything else
 * is an error that says which option it was: an option that is silently ignored is a site that
 * behaves differently and nobody knows why. */
#include "cmd/commands.h"
#include "cmd/launch.h"
#include "cmd/options.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct app {
    struct wend_launch launch;
    const char *module, *wsgi_file, *callable, *chdir, *home, *threads;
};

/* --- uWSGI ------------------------------------------------------------------------------------ */

static bool known_plugin(const char *names)
{
    static const char *const known[] = {"python", "python3", "python311", "http", "http-socket"};
    struct wend_str rest = wend_str_of(names), name;

    while (wend_str_split(&rest, ',', &name)) {
        bool found = false;

        for (size_t i = 0; i < WEND_COUNT(known); i++)
            found |= wend_str_eq(wend_str_trim(name), wend_str_of(known[i]));
        if (!found) {
            fprintf(stderr, "wend app: there is no plugin \"%.*s\"; python and http are built in\n",
                    WEND_STR_ARG(name));
            return false;
        }
    }
    return true;
}

static bool take_uwsgi(struct app *app, const struct wend_option *option, const char *value)
{
    struct wend_launch *launch = &app->launch;

    switch (option->id) {
    case WEND_OPT_SOCKET:
        return wend_launch_bind(launch, value, true);
    case WEND_OPT_HTTP_SOCKET:
        return wend_launch_bind(launch, value, false);
    case WEND_OPT_MODULE:
        app->module = value;
        return true;
    case WEND_OPT_WSGI_FILE:
        app->wsgi_file = value;
        return true;
    case WEND_OPT_CALLABLE:
        app->callable = value;
        return true;
    case WEND_OPT_PLUGIN:
        return known_plugin(value);
    case WEND_OPT_PROCESSES:
        launch->workers = wend_launch_number(launch, option->name, value, 1024);
        return launch->workers != 0;
    case WEND_OPT_THREADS:
        app->threads = value;
        return wend_launch_number(launch, option->name, value, 512) != 0;
    case WEND_OPT_CHDIR:
        app->chdir = value;
        return true;
    case WEND_OPT_HOME:
        app->home = value;
        return true;
    case WEND_OPT_LOGTO:
        launch->log_path = value;
        return true;
    case WEND_OPT_MASTER:
        return true;
    case WEND_OPT_OPERAND:
        if (wend_str_ends(wend_str_of(value), WEND_STR(".ini")))
            fprintf(stderr, "wend app: ini files are not read yet: \"%s\"; give the options here\n",
                    value);
        else
            fprintf(stderr, "wend app: \"%s\" is no option; a module is named with --module\n",
                    value);
        return false;
    default:
        fprintf(stderr, "wend app: -%s is not built\n", option->name);
        return false;
    }
}

static int run(struct app *app)
{
    struct wend_launch *launch = &app->launch;

    wend_launch_set(launch, "module", app->module);
    wend_launch_set(launch, "wsgi_file", app->wsgi_file);
    wend_launch_set(launch, "callable", app->callable);
    wend_launch_set(launch, "chdir", app->chdir);
    wend_launch_set(launch, "threads", app->threads != NULL ? app->threads : "1");
    wend_launch_home(launch, app->home, app->chdir != NULL ? app->chdir : ".");
    launch->what = app->module != NULL ? app->module : app->wsgi_file;
    wend_launch_set(launch, "name", launch->what);
    return wend_launch_run(launch);
}

/* Walks the options with `take`; -1: go on, else the exit status. */
static int walk_options(struct app *app, const char *command, int argc, char **argv,
                        bool (*take)(struct app *, const struct wend_option *, const char *))
{
    struct wend_option_walk walk = {
        wend_command_find(wend_str_of(command)), argc, argv, 0, NULL, 0, 0};
    struct wend_option option;
    const char *value;

    while (wend_options_next(&walk, &option, &value)) {
        if (option.id == WEND_OPT_HELP) {
            wend_command_print_help(walk.command, stdout);
            return 0;
        }
        if (!take(app, &option, value))
            return 2;
    }
    return walk.failed ? 2 : -1;
}

int wend_cmd_app(int argc, char **argv)
{
    static struct app app;
    int status;

    wend_launch_init(&app.launch, "wend");
    status = walk_options(&app, "app", argc, argv, take_uwsgi);
    if (status >= 0)
        return status;
    if (app.module == NULL && app.wsgi_file == NULL) {
        fputs("wend app: which application? --module MODULE:CALLABLE or --wsgi-file FILE\n",
              stderr);
        return 2;
    }
    if (app.launch.listener_count == 0) {
        fputs("wend app: where? --socket ADDRESS (for a web server) or --http-socket ADDRESS\n",
              stderr);
        return 2;
    }
    return run(&app);
}

/* --- gunicorn --------------------------------------------------------------------------------- */

static bool take_gunicorn(struct app *app, const struct wend_option *option, const char *value)
{
    struct wend_launch *launch = &app->launch;

    switch (option->id) {
    case 'b':
        return wend_launch_bind(launch, value, false);
    case 'w':
        launch->workers = wend_launch_number(launch, option->name, value, 1024);
        return launch->workers != 0;
    case WEND_OPT_THREADS:
        app->threads = value;
        return wend_launch_number(launch, option->name, value, 512) != 0;
    case WEND_OPT_OPERAND:
        if (app->module != NULL)
            fprintf(stderr, "gunicorn: one application at a time: \"%s\" or \"%s\"?\n", app->module,
                    value);
        if (app->module != NULL)
            return false;
        app->module = value;
        return true;
    default:
        fprintf(stderr, "gunicorn: --%s is not built\n", option->name);
        return false;
    }
}

int wend_cmd_gunicorn(int argc, char **argv)
{
    static struct app app;
    int status;

    wend_launch_init(&app.launch, "wend");
    status = walk_options(&app, "gunicorn", argc, argv, take_gunicorn);
    if (status >= 0)
        return status;
    if (app.module == NULL) {
        fputs("gunicorn: which application? MODULE:CALLABLE\n", stderr);
        return 2;
    }
    if (app.launch.listener_count == 0 && !wend_launch_bind(&app.launch, "127.0.0.1:8000", false))
        return 2;
    return run(&app);
}
