/* cmd/app.c - uWSGI's and gunicorn's command lines and uWSGI's ini files, as far as they name what
 * we have. Anything else is an error that says which option it was: an option that is silently
 * ignored is a site that behaves differently and nobody knows why.
 *
 * Both end in a struct wend_launch. Relative paths mean what they mean there: uWSGI's sockets are
 * relative to chdir, its pid and log files to where it was started (measured with 2.0.21).
 */
#include "cmd/commands.h"
#include "cmd/launch.h"
#include "cmd/options.h"
#include "cmd/uwsgi_ini.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UWSGI_NO_APPLICATION 22 /* exit statuses people's scripts may know */
#define GUNICORN_NO_BOOT 3

struct socket {
    const char *address, *where;
    bool uwsgi;
};

struct app {
    struct wend_launch launch;
    const struct wend_command *command;
    const char *own_name; /* of the launch, when no ini file is read */
    const char *module, *wsgi_file, *callable, *chdir, *home, *threads;
    struct socket sockets[WEND_LAUNCH_LISTENERS_MAX];
    size_t socket_count;
    unsigned socket_mode;
    char here[PATH_MAX], there[PATH_MAX]; /* where it was started; chdir */
};

typedef bool take_option(struct app *app, const struct wend_option *option, const char *value);

/* --- what both know --------------------------------------------------------------------------- */

WEND_PRINTF(2, 3)
static bool refuse(const struct app *app, const char *format, ...)
{
    va_list args;

    fprintf(stderr, "%s: ", app->launch.name);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return false;
}

static const char *absolute(struct app *app, const char *base, const char *path)
{
    return path[0] == '/' ? path : wend_arena_printf(&app->launch.arena, "%s/%s", base, path).ptr;
}

static bool take_number(const struct app *app, const struct wend_option *option, const char *value,
                        unsigned most, unsigned *out)
{
    *out = wend_launch_number(&app->launch, option->name, value, most);
    return *out != 0;
}

/* "a,b" as the words "a" and "b". */
static void set_each(struct app *app, const char *word, const char *list)
{
    struct wend_str rest = wend_str_of(list), part;

    while (wend_str_split(&rest, ',', &part)) {
        part = wend_str_trim(part);
        if (part.len != 0)
            wend_launch_set(&app->launch, word, wend_arena_cstr(&app->launch.arena, part));
    }
}

static bool take_socket(struct app *app, const char *address, bool uwsgi)
{
    if (app->socket_count == WEND_COUNT(app->sockets))
        return refuse(app, "at most %d addresses to listen on", WEND_LAUNCH_LISTENERS_MAX);
    app->sockets[app->socket_count++] = (struct socket){address, app->launch.name, uwsgi};
    return true;
}

/* Options that mean the same to both programs. */
static bool take_common(struct app *app, const struct wend_option *option, const char *value)
{
    struct wend_launch *launch = &app->launch;
    unsigned number;

    switch (option->id) {
    case WEND_OPT_THREADS:
        app->threads = value;
        return take_number(app, option, value, 512, &number);
    case WEND_OPT_CHDIR:
        app->chdir = value;
        return true;
    case WEND_OPT_ENV:
        if (strchr(value, '=') == NULL)
            return refuse(app, "--env takes KEY=VALUE, not \"%s\"", value);
        wend_launch_set(launch, "env", value);
        return true;
    case WEND_OPT_PIDFILE:
        launch->pid_path = absolute(app, app->here, value);
        return true;
    case WEND_OPT_LOGTO:
        launch->log_path = strcmp(value, "-") == 0 ? NULL : absolute(app, app->here, value);
        return true;
    case WEND_OPT_ACCESS_LOG:
        launch->access_log = strcmp(value, "-") == 0 ? value : absolute(app, app->here, value);
        return true;
    case WEND_OPT_MERCY:
        return take_number(app, option, value, 86400, &launch->drain_s);
    case WEND_OPT_BACKLOG:
        return take_number(app, option, value, 65535, &launch->backlog);
    case WEND_OPT_ADMIN:
        return wend_launch_bind_admin(launch, value);
    default:
        return refuse(app, "\"%s\" is not built", option->name);
    }
}

/* --- uWSGI ------------------------------------------------------------------------------------ */

static bool known_plugin(const struct app *app, const char *names)
{
    static const char *const known[] = {"python", "python3", "python311", "http", "http-socket"};
    struct wend_str rest = wend_str_of(names), name;

    while (wend_str_split(&rest, ',', &name)) {
        bool found = false;

        for (size_t i = 0; i < WEND_COUNT(known); i++)
            found |= wend_str_eq(wend_str_trim(name), wend_str_of(known[i]));
        if (!found)
            return refuse(app, "there is no plugin \"%.*s\"; python and http are built in",
                          WEND_STR_ARG(name));
    }
    return true;
}

/* uWSGI takes three octal digits; the zero that people write in front of them is no harm. */
static bool take_mode(struct app *app, const char *value)
{
    char *end;
    unsigned long mode = strtoul(value, &end, 8);

    if (end == value || *end != '\0' || mode == 0 || mode > 0777)
        return refuse(app, "chmod-socket takes octal digits such as 660, not \"%s\"", value);
    app->socket_mode = (unsigned)mode;
    return true;
}

static bool take_ini(struct app *app, const char *value);

/* uwsgi.ini, or uwsgi.ini:section. */
static bool take_operand(struct app *app, const char *value)
{
    struct wend_str text = wend_str_of(value), file = text;
    ptrdiff_t colon = wend_str_rfind_byte(text, ':');

    if (colon >= 0)
        file = wend_str_slice(text, 0, (size_t)colon);
    if (wend_str_ends(text, WEND_STR(".ini")) || wend_str_ends(file, WEND_STR(".ini")))
        return take_ini(app, value);
    if (wend_str_ends(text, WEND_STR(".py")) || wend_str_ends(text, WEND_STR(".wsgi")))
        return refuse(app, "\"%s\" is no option; did you mean --wsgi-file %s?", value, value);
    return refuse(app, "\"%s\" is no option; a module is named with --module", value);
}

static bool take_uwsgi(struct app *app, const struct wend_option *option, const char *value)
{
    struct wend_launch *launch = &app->launch;

    switch (option->id) {
    case WEND_OPT_INI:
        return take_ini(app, value);
    case WEND_OPT_SOCKET:
        return take_socket(app, value, true);
    case WEND_OPT_HTTP_SOCKET:
        return take_socket(app, value, false);
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
        return known_plugin(app, value);
    case WEND_OPT_PROCESSES:
        return take_number(app, option, value, 1024, &launch->workers);
    case WEND_OPT_HOME:
        app->home = value;
        return true;
    case WEND_OPT_PYTHONPATH:
        wend_launch_set(launch, "pythonpath", value);
        return true;
    case WEND_OPT_CHMOD:
        return take_mode(app, value);
    case WEND_OPT_RELOAD:
        wend_launch_set(launch, "reload", strcmp(value, "0") == 0 ? "off" : "on");
        return true;
    case WEND_OPT_PLACEHOLDER:
        return refuse(app, "placeholders are for ini files: set-placeholder = NAME=VALUE");
    case WEND_OPT_INERT:
    case WEND_OPT_ALWAYS:
    case WEND_OPT_LOGGING:
        return true;
    case WEND_OPT_OPERAND:
        return take_operand(app, value);
    default:
        return take_common(app, option, value);
    }
}

/* --- ini files -------------------------------------------------------------------------------- */

static bool take_switch(struct app *app, const struct wend_option *option, struct wend_str value)
{
    bool on = wend_uwsgi_ini_is_true(value);

    if (option->id == WEND_OPT_ALWAYS && !on)
        return refuse(app, "\"%s\" cannot be turned off: %s", option->name, option->help);
    if (option->id == WEND_OPT_LOGGING)
        app->launch.access_log = on ? NULL : "-";
    return true;
}

static const char *environment(const char *name)
{
    return getenv(name);
}

static bool take_ini_option(struct app *app, const struct wend_uwsgi_ini_option *line)
{
    struct wend_option option;
    const char *nearest;

    if (!wend_command_option(app->command, line->key, &option) || option.id == WEND_OPT_HELP) {
        if (line->placeholder)
            return true;
        nearest = wend_command_nearest(app->command, line->key);
        return refuse(app, "unknown option \"%.*s\"%s%s%s", WEND_STR_ARG(line->key),
                      nearest != NULL ? "; did you mean \"" : "", nearest != NULL ? nearest : "",
                      nearest != NULL ? "\"?" : "; `wend help app` lists what there is");
    }
    if (option.id == WEND_OPT_PLACEHOLDER)
        return true;
    if (option.id == WEND_OPT_INI)
        return refuse(app, "an ini file cannot include another: name both on the command line");
    if (option.argument == NULL)
        return take_switch(app, &option, line->value);
    if (line->value.len == 0)
        return refuse(app, "\"%s\" needs a value: %s", option.name, option.argument);
    return take_uwsgi(app, &option, wend_arena_cstr(&app->launch.arena, line->value));
}

static bool read_file(struct app *app, const char *path, struct wend_buffer *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char block[16384];
    ssize_t got = 1;

    wend_buffer_init(out, WEND_UWSGI_INI_BYTES_MAX + 1);
    while (fd >= 0 && got > 0 && !out->overflow) {
        got = read(fd, block, sizeof(block));
        if (got > 0)
            wend_buffer_add(out, wend_str_make(block, (size_t)got));
    }
    if (fd < 0 || got < 0)
        refuse(app, "cannot read \"%s\": %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return fd >= 0 && got >= 0;
}

static bool take_ini_lines(struct app *app, const char *path, const struct wend_uwsgi_ini *ini)
{
    bool taken = true;

    for (size_t i = 0; taken && i < ini->count; i++) {
        const struct wend_uwsgi_ini_option *line = &ini->options[i];

        /* Whatever finds fault with the option names its place. */
        app->launch.name =
            wend_arena_printf(&app->launch.arena, "%s: %s:%u", app->own_name, path, line->line).ptr;
        taken = take_ini_option(app, line);
    }
    app->launch.name = app->own_name;
    return taken;
}

/* FILE or FILE:SECTION. */
static bool take_ini(struct app *app, const char *value)
{
    struct wend_arena *arena = &app->launch.arena;
    struct wend_str text = wend_str_of(value);
    struct wend_uwsgi_ini_place place = {.env = environment};
    struct wend_uwsgi_ini ini;
    struct wend_buffer bytes;
    char path[PATH_MAX];
    ptrdiff_t colon = wend_str_rfind_byte(text, ':');
    bool taken = false;

    if (colon >= 0) {
        place.section = wend_str_from(text, (size_t)colon + 1);
        text = wend_str_slice(text, 0, (size_t)colon);
    }
    value = wend_arena_cstr(arena, text);
    if (realpath(value, path) == NULL)
        return refuse(app, "cannot read \"%s\": %s", value, strerror(errno));
    place.path = wend_str_of(path);
    if (!read_file(app, path, &bytes)) {
        wend_buffer_release(&bytes);
        return false;
    }
    /* The options are slices of the text: it stays. */
    if (wend_uwsgi_ini_parse(arena, wend_arena_keep(arena, wend_buffer_str(&bytes)), &place,
                             &ini) == WEND_OK)
        taken = take_ini_lines(app, value, &ini);
    else if (ini.error_line != 0)
        refuse(app, "%s:%u: %s", value, ini.error_line, ini.error);
    else
        refuse(app, "%s: %s", value, ini.error);
    wend_buffer_release(&bytes);
    return taken;
}

/* --- running ---------------------------------------------------------------------------------- */

/* uWSGI takes what has no colon for a path; a bare port is ours. */
static const char *address_of(struct app *app, const struct socket *socket)
{
    struct wend_str text = wend_str_of(socket->address);
    uint64_t port;

    if (wend_str_find_byte(text, ':') >= 0 || wend_str_to_u64(text, &port) || text.ptr[0] == '@')
        return socket->address;
    return absolute(app, app->there, socket->address);
}

static bool bind_sockets(struct app *app)
{
    struct wend_launch *launch = &app->launch;

    for (size_t i = 0; i < app->socket_count; i++) {
        const struct socket *socket = &app->sockets[i];
        bool bound;

        launch->name = socket->where;
        bound = wend_launch_bind(launch, address_of(app, socket), socket->uwsgi);
        launch->name = app->own_name;
        if (!bound)
            return false;
    }
    for (size_t i = 0; i < launch->listener_count; i++)
        if (launch->listeners[i].address.family == AF_UNIX)
            launch->listeners[i].options.mode = app->socket_mode;
    return true;
}

static int run(struct app *app)
{
    struct wend_launch *launch = &app->launch;

    if (realpath(app->chdir != NULL ? app->chdir : ".", app->there) == NULL) {
        refuse(app, "cannot go to \"%s\": %s", app->chdir, strerror(errno));
        return 1;
    }
    if (!bind_sockets(app))
        return 2;
    wend_launch_set(launch, "module", app->module);
    wend_launch_set(launch, "wsgi_file", app->wsgi_file);
    wend_launch_set(launch, "callable", app->callable);
    wend_launch_set(launch, "chdir", app->there);
    wend_launch_set(launch, "threads", app->threads != NULL ? app->threads : "1");
    wend_launch_home(launch, app->home, app->there);
    launch->what = app->module != NULL ? app->module : app->wsgi_file;
    launch->prefix = app->there;
    return wend_launch_run_python(launch);
}

static void init(struct app *app, const char *command, const char *name)
{
    wend_launch_init(&app->launch, name);
    app->own_name = name;
    app->command = wend_command_find(wend_str_of(command));
    app->launch.term_drains = true;
    if (getcwd(app->here, sizeof(app->here)) == NULL)
        strcpy(app->here, ".");
}

/* Walks the options with `take`; -1: go on, else the exit status. */
static int walk_options(struct app *app, int argc, char **argv, take_option *take)
{
    struct wend_option_walk walk = {app->command, argc, argv, 0, NULL, 0, 0};
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

static int run_uwsgi(struct app *app)
{
    if (app->module == NULL && app->wsgi_file == NULL) {
        refuse(app, "which application? --module MODULE:CALLABLE or --wsgi-file FILE");
        return 2;
    }
    if (app->socket_count == 0) {
        refuse(app, "where? --socket ADDRESS (for a web server) or --http-socket ADDRESS");
        return 2;
    }
    app->launch.failed_status = UWSGI_NO_APPLICATION;
    app->launch.bind_hint = "--http-socket";
    return run(app);
}

int wend_cmd_app(int argc, char **argv)
{
    static struct app app;
    int status;

    init(&app, "app", "wend app");
    status = walk_options(&app, argc, argv, take_uwsgi);
    return status >= 0 ? status : run_uwsgi(&app);
}

int wend_cmd_app_ini(const char *path)
{
    static struct app app;

    init(&app, "app", "wend serve");
    return take_ini(&app, path) ? run_uwsgi(&app) : 2;
}

/* --- gunicorn --------------------------------------------------------------------------------- */

static bool take_log_level(struct app *app, const char *value)
{
    static const char *const levels[][2] = {{"debug", "debug"},
                                            {"info", "notice"},
                                            {"warning", "warn"},
                                            {"error", "error"},
                                            {"critical", "crit"}};

    for (size_t i = 0; i < WEND_COUNT(levels); i++) {
        if (strcmp(value, levels[i][0]) != 0)
            continue;
        app->launch.log_level = levels[i][1];
        return true;
    }
    return refuse(app, "--log-level is debug, info, warning, error or critical, not \"%s\"", value);
}

static bool take_module(struct app *app, const char *value)
{
    if (app->module != NULL)
        return refuse(app, "one application at a time: \"%s\" or \"%s\"?", app->module, value);
    app->module = value;
    return true;
}

static bool take_gunicorn(struct app *app, const struct wend_option *option, const char *value)
{
    struct wend_launch *launch = &app->launch;

    switch (option->id) {
    case 'b':
        return take_socket(app, value, false);
    case 'w':
        return take_number(app, option, value, 1024, &launch->workers);
    case WEND_OPT_WORKER_CLASS:
        if (strcmp(value, "sync") == 0 || strcmp(value, "gthread") == 0)
            return true;
        return refuse(app, "there is no worker class \"%s\"; sync and gthread are one here", value);
    case WEND_OPT_PYTHONPATH:
        set_each(app, "pythonpath", value);
        return true;
    case WEND_OPT_RELOAD:
        wend_launch_set(launch, "reload", "on");
        return true;
    case WEND_OPT_LOG_LEVEL:
        return take_log_level(app, value);
    case WEND_OPT_TRUST:
        set_each(app, "trust", value);
        return true;
    case WEND_OPT_OPERAND:
        return take_module(app, value);
    default:
        return take_common(app, option, value);
    }
}

int wend_cmd_gunicorn(int argc, char **argv)
{
    static struct app app;
    int status;

    init(&app, "gunicorn", "gunicorn");
    app.launch.access_form = "combined";
    app.launch.failed_status = GUNICORN_NO_BOOT;
    status = walk_options(&app, argc, argv, take_gunicorn);
    if (status >= 0)
        return status;
    if (app.module == NULL) {
        refuse(&app, "which application? MODULE:CALLABLE");
        return 2;
    }
    if (app.socket_count == 0 && !take_socket(&app, "127.0.0.1:8000", false))
        return 2;
    return run(&app);
}
