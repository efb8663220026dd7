/* cmd/python_worker.c - the executable that contains a Python: wend-python3.11.
 *
 * `wend` executes it, with its own command line, when a configuration asks for an application; it
 * is the same server with a provider of applications in it (cmd/app_provider.h). It is also the
 * first process of a pool (cmd/python_zygote.h). Nobody types its name.
 */
#include "cmd/app_provider.h"
#include "cmd/commands.h"
#include "cmd/python_zygote.h"
#include "net/handover.h"
#include "net/process.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

/* By the name of the link, then by the first word: the commands that can lead here. */
static const struct {
    const char *name;
    bool link;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"nginx", true, wend_cmd_edge},        {"uwsgi", true, wend_cmd_app},
    {"gunicorn", true, wend_cmd_gunicorn}, {"edge", false, wend_cmd_edge},
    {"serve", false, wend_cmd_serve},      {"app", false, wend_cmd_app},
};

/* What a server hands over makes us its pool. */
static int run_zygote(void)
{
    static struct wend_worker worker = {.channel = -1};
    static struct wend_arena arena;
    struct wend_handover handover;
    struct wend_str error;
    enum wend_code code;

    wend_arena_init(&arena, WEND_ARENA_UNLIMITED);
    if (wend_worker_from_environment(&worker) == WEND_E_PROTOCOL)
        return WEND_EXIT_FATAL;
    code = wend_handover_from_environment(&arena, &handover, &error);
    if (code == WEND_OK && wend_python_is_zygote(&handover))
        return wend_python_zygote(&worker, &handover, &arena);
    if (code == WEND_E_NOT_FOUND)
        fputs("wend-python3.11 is started by wend: try `wend serve module:app`\n", stderr);
    else
        fprintf(stderr, "wend-python3.11: %.*s\n",
                WEND_STR_ARG(code == WEND_OK ? WEND_STR("nothing here answers to this hand-over")
                                             : error));
    return WEND_EXIT_FATAL;
}

int main(int argc, char **argv)
{
    const char *slash, *name;

    wend_title_init(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    wend_edge_provide_apps(&wend_app_provider_python);
    slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    name = slash != NULL ? slash + 1 : argc > 0 ? argv[0] : "";
    for (size_t i = 0; i < WEND_COUNT(commands); i++) {
        if (commands[i].link && strcmp(commands[i].name, name) == 0)
            return commands[i].run(argc, argv);
        if (!commands[i].link && argc > 1 && strcmp(commands[i].name, argv[1]) == 0)
            return commands[i].run(argc - 1, argv + 1);
    }
    return run_zygote();
}
