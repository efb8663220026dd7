/* cmd/options.c - the rows, and what is done with them. */
#include "cmd/options.h"

#include "cmd/fetch_options.h"
#include "conf/directive.h"

#include <string.h>

/* clang-format off */
#define HELP_ROW {WEND_OPT_HELP, 'h', "help", NULL, "print this and exit"}

#define ROWS(name, ...)                                                                            \
    static bool name##_option(size_t index, struct wend_option *out)                               \
    {                                                                                              \
        static const struct wend_option rows[] = {__VA_ARGS__};                                    \
                                                                                                   \
        if (index >= WEND_COUNT(rows))                                                             \
            return false;                                                                          \
        *out = rows[index];                                                                        \
        return true;                                                                               \
    }

ROWS(serve,
     {'b', 'b', "bind", "ADDRESS", "listen there: PORT, HOST:PORT or unix:PATH (127.0.0.1:8000)"},
     {'w', 'w', "workers", "N", "worker processes (one per CPU; 1 with --reload)"},
     {WEND_OPT_THREADS, 0, "threads", "N", "Python threads per worker (8)"},
     {WEND_OPT_RELOAD, 0, "reload", NULL, "start anew when a source file changes"},
     {WEND_OPT_ACCESS_LOG, 0, "access-log", "FILE", "write an access log; - is standard output"},
     {WEND_OPT_ADMIN, 0, "admin", "ADDRESS", "tell state and recent traces there: loopback or unix:PATH"},
     {WEND_OPT_HOME, 'H', "home", "DIR", "the virtualenv ($VIRTUAL_ENV, else .venv or venv beside TARGET)"},
     {WEND_OPT_ENV, 0, "env", "KEY=VALUE", "set in the application's environment"},
     {WEND_OPT_TRUST, 0, "trust", "NETWORK", "believe X-Forwarded-* of these peers: 10.0.0.0/8, an address, *"},
     {WEND_OPT_DEVELOPMENT, 0, "development", NULL, "traceback pages, static files of the applications"},
     {WEND_OPT_PRODUCTION, 0, "production", NULL, "neither (the default unless at a terminal, on loopback)"},
     HELP_ROW)

ROWS(edge,
     {'c', 'c', NULL, "FILE", "the configuration (/etc/nginx/nginx.conf)"},
     {'p', 'p', NULL, "PREFIX", "the directory relative paths start at"},
     {'e', 'e', NULL, "FILE", "the error log until the configuration names one"},
     {'g', 'g', NULL, "DIRECTIVES", "global directives besides the configuration's"},
     {'t', 't', NULL, NULL, "test the configuration and exit"},
     {'T', 'T', NULL, NULL, "test it, print it and exit"},
     {'q', 'q', NULL, NULL, "say nothing but errors while testing"},
     {'s', 's', NULL, "SIGNAL", "tell a running master: stop, quit, reopen or reload"},
     {'v', 'v', NULL, NULL, "print the version and exit"},
     {'V', 'V', NULL, NULL, "print the version and what it was built with, and exit"},
     {WEND_OPT_HELP, 'h', NULL, NULL, "print this and exit"},
     {WEND_OPT_HELP, '?', NULL, NULL, "the same"})

ROWS(app,
     {WEND_OPT_INI, 0, "ini", "FILE[:SECTION]", "read options from an ini file; FILE.ini alone does the same"},
     {WEND_OPT_SOCKET, 's', "socket", "ADDRESS", "speak uwsgi there: HOST:PORT, :PORT, PORT, or a socket's path"},
     {WEND_OPT_SOCKET, 0, "uwsgi-socket", "ADDRESS", "the same"},
     {WEND_OPT_HTTP_SOCKET, 0, "http-socket", "ADDRESS", "speak HTTP there"},
     {WEND_OPT_HTTP_SOCKET, 0, "http11-socket", "ADDRESS", "the same"},
     {WEND_OPT_HTTP_SOCKET, 0, "http", "ADDRESS", "the same: workers need no router in front of them"},
     {WEND_OPT_MODULE, 'w', "module", "MODULE[:CALLABLE]", "the WSGI application's module"},
     {WEND_OPT_MODULE, 0, "wsgi", "MODULE[:CALLABLE]", "the same"},
     {WEND_OPT_WSGI_FILE, 0, "wsgi-file", "FILE", "the file that has the application"},
     {WEND_OPT_WSGI_FILE, 0, "file", "FILE", "the same"},
     {WEND_OPT_CALLABLE, 0, "callable", "NAME", "the application's name in it (application)"},
     {WEND_OPT_PLUGIN, 0, "plugin", "NAME", "accepted for python and http: both are built in"},
     {WEND_OPT_PLUGIN, 0, "plugins", "NAMES", "the same"},
     {WEND_OPT_PROCESSES, 'p', "processes", "N", "worker processes (1)"},
     {WEND_OPT_PROCESSES, 0, "workers", "N", "the same"},
     {WEND_OPT_THREADS, 0, "threads", "N", "Python threads per worker (1)"},
     {WEND_OPT_CHDIR, 0, "chdir", "DIR", "go there before the application is imported"},
     {WEND_OPT_HOME, 'H', "home", "DIR", "the virtualenv"},
     {WEND_OPT_HOME, 0, "virtualenv", "DIR", "the same"},
     {WEND_OPT_HOME, 0, "venv", "DIR", "the same"},
     {WEND_OPT_HOME, 0, "pyhome", "DIR", "the same"},
     {WEND_OPT_PYTHONPATH, 0, "pythonpath", "DIR", "import from there as well; may be repeated"},
     {WEND_OPT_PYTHONPATH, 0, "pp", "DIR", "the same"},
     {WEND_OPT_ENV, 0, "env", "KEY=VALUE", "set in the application's environment; may be repeated"},
     {WEND_OPT_LOGTO, 0, "logto", "FILE", "write there what is printed and logged; USR1 opens it again"},
     {WEND_OPT_LOGTO, 0, "logto2", "FILE", "the same"},
     {WEND_OPT_LOGGING, 0, "disable-logging", NULL, "no access log (there is none unless asked for; in an ini, false asks)"},
     {WEND_OPT_ACCESS_LOG, 0, "access-log", "FILE", "write an access log; - is standard output (wend's own option)"},
     {WEND_OPT_PIDFILE, 0, "pidfile", "FILE", "write the master's process id there"},
     {WEND_OPT_PIDFILE, 0, "safe-pidfile", "FILE", "the same"},
     {WEND_OPT_CHMOD, 0, "chmod-socket", "MODE", "permissions of unix sockets (666)"},
     {WEND_OPT_BACKLOG, 'l', "listen", "N", "connections that may wait to be accepted (511)"},
     {WEND_OPT_MERCY, 0, "reload-mercy", "SECONDS", "how long the last requests may take (30)"},
     {WEND_OPT_MERCY, 0, "worker-reload-mercy", "SECONDS", "the same"},
     {WEND_OPT_RELOAD, 0, "py-autoreload", "SECONDS", "start anew when a source file changes; 0 does not"},
     {WEND_OPT_RELOAD, 0, "py-auto-reload", "SECONDS", "the same"},
     {WEND_OPT_ADMIN, 0, "admin", "ADDRESS", "tell state and traces there: loopback or unix:PATH (wend's own option)"},
     {WEND_OPT_PLACEHOLDER, 0, "set-placeholder", "NAME=VALUE", "accepted in ini files: %(NAME) is VALUE"},
     {WEND_OPT_PLACEHOLDER, 0, "set-ph", "NAME=VALUE", "the same"},
     {WEND_OPT_INERT, 'M', "master", NULL, "accepted: there always is one"},
     {WEND_OPT_INERT, 0, "vacuum", NULL, "accepted: sockets and pid file are removed at the end"},
     {WEND_OPT_ALWAYS, 0, "die-on-term", NULL, "accepted: TERM always ends the server, finishing what runs"},
     {WEND_OPT_ALWAYS, 0, "need-app", NULL, "accepted: without an application nothing is served"},
     {WEND_OPT_ALWAYS, 0, "strict", NULL, "accepted: an unknown option is always an error"},
     {WEND_OPT_INERT, 'T', "enable-threads", NULL, "accepted: the application's own threads always run"},
     {WEND_OPT_INERT, 0, "lazy-apps", NULL, "accepted: each worker imports the application itself"},
     {WEND_OPT_INERT, 0, "lazy", NULL, "the same"},
     {WEND_OPT_INERT, 'i', "single-interpreter", NULL, "accepted: a worker has one interpreter"},
     {WEND_OPT_INERT, 0, "thunder-lock", NULL, "accepted: a connection wakes one worker"},
     {WEND_OPT_INERT, 0, "no-orphans", NULL, "accepted: workers end when their master is gone"},
     {WEND_OPT_INERT, 0, "auto-procname", NULL, "accepted: processes have titles"},
     {WEND_OPT_INERT, 0, "ignore-sigpipe", NULL, "accepted: a client that left is no error"},
     {WEND_OPT_INERT, 0, "ignore-write-errors", NULL, "the same"},
     {WEND_OPT_INERT, 0, "disable-write-exception", NULL, "the same"},
     {WEND_OPT_INERT, 0, "http-keepalive", NULL, "accepted: HTTP connections are kept"},
     {WEND_OPT_INERT, 'b', "buffer-size", "BYTES", "accepted: packets may have the protocol's 65535 bytes"},
     {WEND_OPT_INERT, 0, "post-buffering", "BYTES", "accepted: bodies are always received first"},
     HELP_ROW)

ROWS(gunicorn,
     {'b', 'b', "bind", "ADDRESS", "listen there: HOST:PORT or unix:PATH (127.0.0.1:8000)"},
     {'w', 'w', "workers", "N", "worker processes (1)"},
     {WEND_OPT_THREADS, 0, "threads", "N", "Python threads per worker (1)"},
     {WEND_OPT_WORKER_CLASS, 'k', "worker-class", "NAME", "accepted: sync and gthread; there is one kind"},
     {WEND_OPT_CHDIR, 0, "chdir", "DIR", "go there before the application is imported"},
     {WEND_OPT_PYTHONPATH, 0, "pythonpath", "DIR[,DIR]", "import from there as well"},
     {WEND_OPT_ENV, 'e', "env", "KEY=VALUE", "set in the application's environment; may be repeated"},
     {WEND_OPT_RELOAD, 0, "reload", NULL, "start anew when a source file changes"},
     {WEND_OPT_ACCESS_LOG, 0, "access-logfile", "FILE", "write an access log; - is standard output"},
     {WEND_OPT_LOGTO, 0, "error-logfile", "FILE", "write there what is printed and logged; - is where it is"},
     {WEND_OPT_LOGTO, 0, "log-file", "FILE", "the same"},
     {WEND_OPT_LOG_LEVEL, 0, "log-level", "LEVEL", "debug, info, warning, error or critical (info)"},
     {WEND_OPT_PIDFILE, 'p', "pid", "FILE", "write the master's process id there"},
     {WEND_OPT_MERCY, 0, "graceful-timeout", "SECONDS", "how long the last requests may take (30)"},
     {WEND_OPT_BACKLOG, 0, "backlog", "N", "connections that may wait to be accepted (511)"},
     {WEND_OPT_TRUST, 0, "forwarded-allow-ips", "NETWORK[,NETWORK]", "believe X-Forwarded-* of these peers"},
     {WEND_OPT_ADMIN, 0, "admin", "ADDRESS", "tell state and traces there: loopback or unix:PATH (wend's own option)"},
     HELP_ROW)

ROWS(help,
     {WEND_OPT_MAN, 0, "man", "COMMAND", "print the command's man page (mdoc source)"},
     {WEND_OPT_REFERENCE, 0, "reference", NULL, "print the configuration's reference (Markdown)"},
     HELP_ROW)
/* clang-format on */

static bool get_option(size_t index, struct wend_option *out)
{
    return wend_fetch_option_row(index, false, out);
}

static bool trace_option(size_t index, struct wend_option *out)
{
    return wend_fetch_option_row(index, true, out);
}

#define SERVER_STATUS                                                                              \
    "0 after the end it was told to come to, 1 when it could not be started (an address in use, "  \
    "an "                                                                                          \
    "application that cannot be loaded: the message says which), 2 for a command line that is "    \
    "not "                                                                                         \
    "understood."

const struct wend_command wend_commands[] = {
    {"serve", "TARGET", "one line to a running site",
     "TARGET is a WSGI application as module:callable, a Django project's directory (one with a "
     "manage.py), a directory of files, an nginx.conf or a uwsgi.ini. A banner says what is served "
     "where; with the last two, the file says where.\n\n"
     "Signals: HUP loads the application anew without losing a request, QUIT finishes what runs "
     "and "
     "ends, TERM and INT end, USR1 opens the logs again.",
     "wend serve .                                 the files of this folder\n"
     "wend serve mysite                            a Django project\n"
     "wend serve --reload shop.web:app             anew after each edit\n"
     "wend serve -b :8080 -w 4 --production shop.web:app\n"
     "wend serve --access-log - --admin unix:/run/shop.admin shop.web:app\n"
     "wend serve uwsgi.ini",
     SERVER_STATUS, false, serve_option, 1},
    {"edge", "", "the edge server, with nginx's flags and configuration",
     "Reads the nginx.conf you already have. Called through a link named nginx it answers to that "
     "name. A directive that is not built yet is named, with its file and line.\n\n"
     "Signals to the master: HUP reload, QUIT finish and end, TERM and INT end, USR1 reopen logs.",
     "wend edge -t -c nginx.conf                   is it right?\n"
     "wend edge -p $PWD -c nginx.conf -g 'daemon off;'\n"
     "wend edge -s reload                          tell the running one",
     "0, or 1 when anything went wrong.", true, edge_option, 8},
    {"app", "[INI]", "the application server, with uWSGI's flags and ini files",
     "Hosts a Python application behind a web server that speaks uwsgi, or speaks HTTP itself. "
     "Called through a link named uwsgi it answers to that name. Options of an ini file are those "
     "below without the dashes; any other is an error with its file and line.\n\n"
     "Signals: HUP loads the application anew without losing a request, TERM finishes what runs "
     "and "
     "ends, QUIT and INT end at once, USR1 opens the logs again.",
     "wend app uwsgi.ini\n"
     "wend app --http-socket :8000 --wsgi-file foo.py --processes 2 --threads 2\n"
     "wend app --socket /run/shop.sock --chdir /srv/shop --module shop.wsgi",
     "0 after the end it was told to come to, 1 when an address or a file cannot be had, 22 when "
     "the "
     "application cannot be loaded (uWSGI's number for it), 2 for options that are not understood.",
     false, app_option, 1},
    {"gunicorn", "MODULE:CALLABLE", "gunicorn's command line",
     "Only through a link named gunicorn.\n\n"
     "Signals: HUP loads the application anew without losing a request, TERM finishes what runs "
     "and "
     "ends, QUIT and INT end at once, USR1 opens the logs again.",
     "gunicorn -w 4 -b 127.0.0.1:8000 shop.web:app\n"
     "gunicorn 'shop.web:create_app()'",
     "0 after the end it was told to come to, 1 when an address or a file cannot be had, 3 when "
     "the "
     "application cannot be loaded (gunicorn's number for it), 2 for options that are not "
     "understood.",
     false, gunicorn_option, 1},
    {"get", "URL", "fetch a URL, with curl's options and exit codes",
     "The body goes to standard output. What a server sends to a terminal is made fit for it: "
     "control sequences are shown, not obeyed.",
     "wend get 127.0.0.1:8000/                     the body\n"
     "wend get -i http://localhost/                the head too\n"
     "wend get -I http://localhost/                the head only\n"
     "wend get -d name=Ada -d age=36 http://localhost/form\n"
     "wend get -X PUT -H 'Content-Type: text/csv' --data-binary @table.csv -o answer "
     "http://localhost/t",
     "curl's: 0; 1 a scheme that is not built; 3 no URL; 6 a host that is not found; 7 no "
     "connection; "
     "8 an answer that is not HTTP; 18 a body that ended early; 22 --fail and a status of 400 or "
     "more; "
     "23 the output cannot be written; 26 a file cannot be read; 28 out of time; 43 or 2 wrong "
     "options; "
     "47 too many redirects; 52 an empty answer; 55 and 56 a connection lost while sending, "
     "receiving.",
     false, get_option, 1},
    {"trace", "URL", "fetch a URL and show the whole life of the request",
     "Draws every step of the way as a waterfall: name, connection, request, answer, and the "
     "server's own steps when the server is wend and trusts you.",
     "wend trace 127.0.0.1:8000/\n"
     "wend trace --json 127.0.0.1:8000/            the same for programs\n"
     "wend trace -L -X POST -d name=Ada http://localhost/form",
     "As of `wend get`.", false, trace_option, 1},
    {"help", "WORD", "explain any command, option, directive, variable, event or error code",
     "Looks WORD up in all of them. A near miss gets suggestions.",
     "wend help try_files\n"
     "wend help threads                            options, and words inside app { }\n"
     "wend help '$request_time'\n"
     "wend help serve",
     "0, or 1 when nothing is called so.", false, help_option, 1},
};
const size_t wend_commands_count = WEND_COUNT(wend_commands);

const struct wend_command *wend_command_find(struct wend_str name)
{
    if (wend_str_eq(name, WEND_STR("nginx")))
        name = WEND_STR("edge");
    if (wend_str_eq(name, WEND_STR("uwsgi")))
        name = WEND_STR("app");
    for (size_t i = 0; i < wend_commands_count; i++) {
        if (wend_str_eq(name, wend_str_of(wend_commands[i].name)))
            return &wend_commands[i];
    }
    return NULL;
}

/* --- walking argv --------------------------------------------------------------------------- */

static bool find_letter(const struct wend_command *command, char letter, struct wend_option *out)
{
    for (size_t i = 0; command->option(i, out); i++) {
        if (out->letter == letter && letter != 0)
            return true;
    }
    return false;
}

bool wend_command_option(const struct wend_command *command, struct wend_str name,
                         struct wend_option *out)
{
    for (size_t i = 0; command->option(i, out); i++) {
        if (out->name != NULL && wend_str_eq(name, wend_str_of(out->name)))
            return true;
    }
    return false;
}

const char *wend_command_nearest(const struct wend_command *command, struct wend_str name)
{
    const char *nearest = NULL;
    unsigned least = 3;
    struct wend_option option;

    for (size_t i = 0; command->option(i, &option); i++) {
        unsigned distance;

        if (option.name == NULL)
            continue;
        distance = wend_conf_distance(name, wend_str_of(option.name), 2);
        if (distance < least) {
            least = distance;
            nearest = option.name;
        }
    }
    return nearest;
}

/* gunicorn is a link's name only. */
static const char *prefix_of(const struct wend_command *command)
{
    return strcmp(command->name, "gunicorn") == 0 ? "" : "wend ";
}

static bool fail(struct wend_option_walk *walk, const char *what, const char *option)
{
    fprintf(stderr, "%s%s: %s \"%s\"", prefix_of(walk->command), walk->command->name, what, option);
    walk->failed = true;
    return false;
}

static bool fail_unknown(struct wend_option_walk *walk, const char *option, struct wend_str name)
{
    const char *nearest = wend_command_nearest(walk->command, name);

    fail(walk, "unknown option", option);
    if (nearest != NULL)
        fprintf(stderr, "; did you mean \"--%s\"?", nearest);
    fprintf(stderr, "\n`wend help %s` lists them all\n", walk->command->name);
    return false;
}

/* The next argument belongs to the option just read. */
static bool take_value(struct wend_option_walk *walk, const char *option, const char **value)
{
    if (walk->at + 1 >= walk->argc) {
        fail(walk, "a value is missing after", option);
        fputc('\n', stderr);
        return false;
    }
    *value = walk->argv[++walk->at];
    return true;
}

static bool next_letter(struct wend_option_walk *walk, struct wend_option *option,
                        const char **value)
{
    char shown[3] = {'-', *walk->joined, '\0'};

    if (!find_letter(walk->command, *walk->joined, option))
        return fail_unknown(walk, walk->argv[walk->at], wend_str_of(walk->argv[walk->at] + 1));
    walk->joined++;
    if (option->argument == NULL) {
        if (*walk->joined == '\0')
            walk->joined = NULL;
        return true;
    }
    *value = walk->joined;
    walk->joined = NULL;
    return **value != '\0' || take_value(walk, shown, value);
}

static bool next_name(struct wend_option_walk *walk, struct wend_option *option, const char **value)
{
    const char *text = walk->argv[walk->at], *equals = strchr(text, '=');
    struct wend_str name = wend_str_of(text + 2);

    if (equals != NULL)
        name.len = (size_t)(equals - text) - 2;
    if (!wend_command_option(walk->command, name, option))
        return fail_unknown(walk, text, name);
    if (option->argument != NULL && equals != NULL)
        *value = equals + 1;
    else if (option->argument != NULL)
        return take_value(walk, text, value);
    else if (equals != NULL) {
        fail(walk, "no value belongs to", text);
        fputc('\n', stderr);
        return false;
    }
    return true;
}

bool wend_options_next(struct wend_option_walk *walk, struct wend_option *option,
                       const char **value)
{
    const char *text;

    *value = NULL;
    if (walk->failed)
        return false;
    if (walk->joined != NULL)
        return next_letter(walk, option, value);
    if (walk->at + 1 >= walk->argc)
        return false;
    text = walk->argv[++walk->at];
    if (!walk->operands_only && strcmp(text, "--") == 0) {
        walk->operands_only = true;
        return wend_options_next(walk, option, value);
    }
    if (walk->operands_only || text[0] != '-' || text[1] == '\0') {
        *option = (struct wend_option){.id = WEND_OPT_OPERAND};
        *value = text;
        return true;
    }
    if (text[1] == '-' && !walk->command->single_dash)
        return next_name(walk, option, value);
    walk->joined = text + 1;
    return next_letter(walk, option, value);
}

/* --- help ----------------------------------------------------------------------------------- */

/* "-b, --bind ADDRESS" */
static void write_option(const struct wend_option *option, char *out, size_t room)
{
    char letter[4] = "   ";

    if (option->letter != 0) {
        letter[0] = '-';
        letter[1] = option->letter;
        letter[2] = option->name != NULL ? ',' : ' ';
    }
    snprintf(out, room, "%s%s%s%s%s", letter, option->name != NULL ? " --" : "",
             option->name != NULL ? option->name : "", option->argument != NULL ? " " : "",
             option->argument != NULL ? option->argument : "");
}

/* Paragraphs folded at 78 columns. */
static void print_folded(const char *text, FILE *to)
{
    size_t column = 0;

    while (*text != '\0') {
        size_t word = strcspn(text, " \n");

        if (text[0] == '\n') {
            fputs(text[1] == '\n' ? "\n\n" : "\n", to);
            text += text[1] == '\n' ? 2 : 1;
            column = 0;
            continue;
        }
        if (text[0] == ' ') {
            text++;
            continue;
        }
        if (column > 0 && column + 1 + word > 78) {
            fputc('\n', to);
            column = 0;
        }
        fprintf(to, "%s%.*s", column > 0 ? " " : "", (int)word, text);
        column += word + (column > 0 ? 1 : 0);
        text += word;
    }
    fputc('\n', to);
}

static void print_examples(const struct wend_command *command, FILE *to)
{
    struct wend_str rest = wend_str_of(command->examples), line;

    while (wend_str_split(&rest, '\n', &line))
        fprintf(to, "  %.*s\n", WEND_STR_ARG(line));
}

void wend_command_print_help(const struct wend_command *command, FILE *to)
{
    struct wend_option option;

    fprintf(to, "%s%s [options]%s%s - %s\n\n", prefix_of(command), command->name,
            command->operands[0] != '\0' ? " " : "", command->operands, command->summary);
    print_folded(command->about, to);
    fputc('\n', to);
    for (size_t i = 0; command->option(i, &option); i++) {
        char left[64];

        write_option(&option, left, sizeof left);
        fprintf(to, "  %-30s %s\n", left, option.help);
    }
    fputs("\nExamples:\n\n", to);
    print_examples(command, to);
    fputs("\nExit status: ", to);
    print_folded(command->status, to);
}
