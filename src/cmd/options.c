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
     {WEND_OPT_SOCKET, 's', "socket", "ADDRESS", "speak uwsgi there"},
     {WEND_OPT_HTTP_SOCKET, 0, "http-socket", "ADDRESS", "speak HTTP there"},
     {WEND_OPT_MODULE, 'w', "module", "MODULE[:CALLABLE]", "the WSGI application's module"},
     {WEND_OPT_WSGI_FILE, 0, "wsgi-file", "FILE", "the file that has the application"},
     {WEND_OPT_CALLABLE, 0, "callable", "NAME", "the application's name in it (application)"},
     {WEND_OPT_PLUGIN, 0, "plugin", "NAME", "accepted for python and http: both are built in"},
     {WEND_OPT_PROCESSES, 'p', "processes", "N", "worker processes (1)"},
     {WEND_OPT_THREADS, 0, "threads", "N", "Python threads per worker (1)"},
     {WEND_OPT_CHDIR, 0, "chdir", "DIR", "go there before the application is imported"},
     {WEND_OPT_HOME, 'H', "home", "DIR", "the virtualenv"},
     {WEND_OPT_LOGTO, 0, "logto", "FILE", "write the log there"},
     {WEND_OPT_MASTER, 'M', "master", NULL, "accepted: there always is one"},
     HELP_ROW)

ROWS(gunicorn,
     {'b', 'b', "bind", "ADDRESS", "listen there: HOST:PORT or unix:PATH (127.0.0.1:8000)"},
     {'w', 'w', "workers", "N", "worker processes (1)"},
     {WEND_OPT_THREADS, 0, "threads", "N", "Python threads per worker (1)"},
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

const struct wend_command wend_commands[] = {
    {"serve", "TARGET", "one line to a running site",
     "TARGET is a WSGI application as module:callable, a Django project's directory (one with a "
     "manage.py), a directory of files, or an nginx.conf. A banner says what is served where.",
     false, serve_option},
    {"edge", "", "the edge server, with nginx's flags and configuration",
     "Reads the nginx.conf you already have. Called through a link named nginx it answers to that "
     "name. A directive that is not built yet is named, with its file and line.\n\n"
     "Signals to the master: HUP reload, QUIT finish and end, TERM and INT end, USR1 reopen logs.",
     true, edge_option},
    {"app", "[INI]", "the application server, with uWSGI's flags",
     "Hosts a Python application behind a web server that speaks uwsgi, or speaks HTTP itself. "
     "Called through a link named uwsgi it answers to that name.",
     false, app_option},
    {"gunicorn", "MODULE:CALLABLE", "gunicorn's command line",
     "Only through a link named gunicorn.", false, gunicorn_option},
    {"get", "URL", "fetch a URL, with curl's options and exit codes",
     "The body goes to standard output. What a server sends to a terminal is made fit for it: "
     "control sequences are shown, not obeyed.",
     false, get_option},
    {"trace", "URL", "fetch a URL and show the whole life of the request",
     "Draws every step of the way as a waterfall: name, connection, request, answer, and the "
     "server's own steps when the server is wend and trusts you.",
     false, trace_option},
    {"help", "WORD", "explain any command, option, directive, variable, event or error code",
     "Looks WORD up in all of them. A near miss gets suggestions.", false, help_option},
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

static bool find_name(const struct wend_command *command, struct wend_str name,
                      struct wend_option *out)
{
    for (size_t i = 0; command->option(i, out); i++) {
        if (out->name != NULL && wend_str_eq(name, wend_str_of(out->name)))
            return true;
    }
    return false;
}

static const char *nearest_name(const struct wend_command *command, struct wend_str name)
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

static bool fail(struct wend_option_walk *walk, const char *what, const char *option)
{
    fprintf(stderr, "%s: %s \"%s\"", walk->command->name, what, option);
    walk->failed = true;
    return false;
}

static bool fail_unknown(struct wend_option_walk *walk, const char *option, struct wend_str name)
{
    const char *nearest = nearest_name(walk->command, name);

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
    if (!find_name(walk->command, name, option))
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

void wend_command_print_help(const struct wend_command *command, FILE *to)
{
    struct wend_option option;

    fprintf(to, "wend %s [options]%s%s - %s\n\n", command->name,
            command->operands[0] != '\0' ? " " : "", command->operands, command->summary);
    print_folded(command->about, to);
    fputc('\n', to);
    for (size_t i = 0; command->option(i, &option); i++) {
        char left[64];

        write_option(&option, left, sizeof left);
        fprintf(to, "  %-30s %s\n", left, option.help);
    }
}

/* mdoc reads a line that starts with a dot or a quote as a request, and backslashes as escapes. */
static void print_mdoc_text(const char *text, FILE *to)
{
    bool at_start = true;

    for (; *text != '\0'; text++) {
        if (at_start && (*text == '.' || *text == '\''))
            fputs("\\&", to);
        if (*text == '\\')
            fputs("\\e", to);
        else if (*text == '\n' && text[1] == '\n')
            fputs("\n.Pp", to);
        else
            fputc(*text, to);
        at_start = *text == '\n';
    }
    fputc('\n', to);
}

void wend_command_print_man(const struct wend_command *command, FILE *to)
{
    struct wend_option option;

    fprintf(to,
            ".Dd $Mdocdate$\n.Dt WEND-%s 1\n.Os\n.Sh NAME\n.Nm wend-%s\n.Nd %s\n"
            ".Sh SYNOPSIS\n.Nm wend %s\n.Op Ar options\n",
            command->name, command->name, command->summary, command->name);
    if (command->operands[0] != '\0')
        fprintf(to, ".Ar %s\n", command->operands);
    fputs(".Sh DESCRIPTION\n", to);
    print_mdoc_text(command->about, to);
    fputs(".Pp\n.Bl -tag -width Ds\n", to);
    for (size_t i = 0; command->option(i, &option); i++) {
        fputs(".It", to);
        if (option.letter != 0)
            fprintf(to, " Fl %c", option.letter);
        if (option.name != NULL)
            fprintf(to, "%s Fl -%s", option.letter != 0 ? " ," : "", option.name);
        if (option.argument != NULL)
            fprintf(to, " Ar %s", option.argument);
        fputc('\n', to);
        print_mdoc_text(option.help, to);
    }
    fputs(".El\n.Sh SEE ALSO\n", to);
    for (size_t i = 0, left = wend_commands_count - 1; i < wend_commands_count; i++) {
        if (&wend_commands[i] != command)
            fprintf(to, ".Xr wend-%s 1%s\n", wend_commands[i].name, --left > 0 ? " ," : "");
    }
}
