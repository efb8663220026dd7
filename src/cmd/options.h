/* cmd/options.h - every command and option there is: one row each.
 *
 * What it is for. `--help`, `wend help WORD`, the man pages and the parsing of argv come from the
 * same rows, so none of them can disagree with another.
 *
 * Who owns what. Rows are static.
 *
 * What it promises. Options may stand before, between and after operands; "--" ends them. Short
 * ones may be joined ("-qt", "-b8000", "-b 8000"), long ones take "--name=value" or "--name value".
 * An unknown one is an error that names it and the nearest known one.
 */
#ifndef WEND_CMD_OPTIONS_H
#define WEND_CMD_OPTIONS_H

#include "base/str.h"

#include <stdio.h>

/* What a parser switches on: the letter, or one of these for an option that has only a name. */
enum wend_option_id {
    WEND_OPT_OPERAND = 256, /* not an option: TARGET, URL, WORD */
    WEND_OPT_HELP,
    WEND_OPT_MAN,
    WEND_OPT_REFERENCE,
    WEND_OPT_THREADS,
    WEND_OPT_RELOAD,
    WEND_OPT_ACCESS_LOG,
    WEND_OPT_PROCESSES,
    WEND_OPT_SOCKET,
    WEND_OPT_HTTP_SOCKET,
    WEND_OPT_MODULE,
    WEND_OPT_WSGI_FILE,
    WEND_OPT_CALLABLE,
    WEND_OPT_PLUGIN,
    WEND_OPT_CHDIR,
    WEND_OPT_HOME,
    WEND_OPT_LOGTO,
    WEND_OPT_ENV,
    WEND_OPT_TRUST,
    WEND_OPT_DEVELOPMENT,
    WEND_OPT_PRODUCTION,
    WEND_OPT_INI,
    WEND_OPT_PIDFILE,
    WEND_OPT_PYTHONPATH,
    WEND_OPT_MERCY,
    WEND_OPT_BACKLOG,
    WEND_OPT_CHMOD,
    WEND_OPT_LOGGING,
    WEND_OPT_PLACEHOLDER,
    WEND_OPT_ADMIN,
    WEND_OPT_WORKER_CLASS,
    WEND_OPT_LOG_LEVEL,
    WEND_OPT_INERT,  /* another program's, and without effect here whatever its value */
    WEND_OPT_ALWAYS, /* another program's switch; here it cannot be off */
    WEND_OPT_FETCH   /* one of cmd/fetch_options.c's */
};

struct wend_option {
    int id;
    char letter;          /* 0: none */
    const char *name;     /* without the dashes; NULL: none */
    const char *argument; /* NULL: a switch */
    const char *help;     /* one line, no full stop */
};

struct wend_command {
    const char *name;
    const char *operands; /* "TARGET" */
    const char *summary;  /* one line, no full stop */
    const char *about;    /* paragraphs, separated by empty lines */
    const char *examples; /* lines "command   what it does" */
    const char *status;   /* what the exit status says */
    bool single_dash;     /* nginx's way: only letters, no long options */
    /* Row `index`, or false beyond the last. */
    bool (*option)(size_t index, struct wend_option *out);
    int section; /* of the manual its page is in */
};

extern const struct wend_command wend_commands[];
extern const size_t wend_commands_count;

/* "serve", or a link's name ("nginx" is edge, "uwsgi" app, "gunicorn"); NULL: none. */
const struct wend_command *wend_command_find(struct wend_str name);

/* The row of that long name, for words that come from elsewhere than argv. */
bool wend_command_option(const struct wend_command *command, struct wend_str name,
                         struct wend_option *out) WEND_MUST_CHECK;
/* The long name most like `name`; NULL: none is. */
const char *wend_command_nearest(const struct wend_command *command, struct wend_str name);

/* Walks argv[1..]; start with {command, argc, argv}. */
struct wend_option_walk {
    const struct wend_command *command;
    int argc;
    char **argv;
    int at;             /* the argument read last */
    const char *joined; /* what is left of "-abc" */
    bool operands_only; /* after "--" */
    bool failed;        /* a message was printed to stderr; the exit status is 2 */
};

/* Fills `option` and `value` (the argument, the operand's text, or NULL). False at the end and
 * after an error. */
bool wend_options_next(struct wend_option_walk *walk, struct wend_option *option,
                       const char **value) WEND_MUST_CHECK;

/* What `wend COMMAND --help` and `wend help COMMAND` print. */
void wend_command_print_help(const struct wend_command *command, FILE *to);

#endif
