/* cmd/main.c - which command is meant: by the name of the link that was called, or the first word.
 *
 * A link named nginx, uwsgi or gunicorn behaves as the program of that name does, down to its
 * flags; the rest of the house is reached as `wend COMMAND ...`.
 */
#include "base/str.h"
#include "cmd/app_provider.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "net/process.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

/* Who runs what; what each is for is told by the rows of cmd/options.h. */
static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"serve", wend_cmd_serve}, {"edge", wend_cmd_edge},   {"app", wend_cmd_app},
    {"get", wend_cmd_get},     {"trace", wend_cmd_trace}, {"help", wend_cmd_help},
};

/* Programs whose name and command line we answer to. */
static const struct command links[] = {
    {"nginx", wend_cmd_edge},
    {"uwsgi", wend_cmd_app},
    {"gunicorn", wend_cmd_gunicorn},
};

static const struct command *find(const struct command *table, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

static void usage(FILE *to)
{
    fputs("wend carries a web request all the way: from the URL to the page.\n\n"
          "usage: wend COMMAND [...]\n\n",
          to);
    for (const struct command *command = commands; command < commands + WEND_COUNT(commands);
         command++)
        fprintf(to, "  %-8s %s\n", command->name,
                wend_command_find(wend_str_of(command->name))->summary);
    fputs("\nTry `wend serve .` in a folder of files, and `wend COMMAND --help` for a command's "
          "options.\n",
          to);
}

int main(int argc, char **argv)
{
    const struct command *command;
    const char *slash, *name;

    /* First of all: it moves the arguments and the environment, to make room for titles. */
    wend_title_init(argc, argv);
    slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    name = slash != NULL ? slash + 1 : argc > 0 ? argv[0] : "wend";
    command = find(links, WEND_COUNT(links), name);
    /* A peer that went away is an error of the write, not the end of the process. */
    signal(SIGPIPE, SIG_IGN);
    wend_app_provider_execute(argc, argv);
    if (command != NULL)
        return command->run(argc, argv);
    if (argc < 2) {
        usage(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0 ||
        strcmp(argv[1], "version") == 0) {
        puts("wend " WEND_VERSION);
        return 0;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        usage(stdout);
        return 0;
    }
    command = find(commands, WEND_COUNT(commands), argv[1]);
    if (command != NULL)
        return command->run(argc - 1, argv + 1);
    fprintf(stderr, "wend: there is no command \"%s\"; `wend --help` lists them\n", argv[1]);
    return 2;
}
