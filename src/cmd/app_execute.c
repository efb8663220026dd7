/* cmd/app_execute.c - `wend` meets an `app` block; see cmd/app_provider.h. */
#include "cmd/app_provider.h"

#include "cmd/app_block.h"

#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKER_PROGRAM "wend-python3.11"

static char **arguments;

bool wend_app_find_worker(const char *name, char *path, size_t room)
{
    ssize_t len = readlink("/proc/self/exe", path, room - 1);
    char *slash;

    path[len > 0 ? len : 0] = '\0';
    slash = strrchr(path, '/');
    if (slash != NULL && (size_t)(slash - path) + sizeof("/" WORKER_PROGRAM) <= room) {
        memcpy(slash, "/" WORKER_PROGRAM, sizeof("/" WORKER_PROGRAM));
        if (access(path, X_OK) == 0)
            return true;
    }
    fprintf(stderr,
            "%s: there is no %s: this wend was built without Python (needed: libpython3.11-dev)\n",
            name, path);
    return false;
}

/* A master with workers cannot become another program. */
static bool has_children(void)
{
    siginfo_t info;

    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

static enum wend_code check(struct wend_conf *conf, struct wend_edge_app *app)
{
    app->settings = WEND_NEW(conf->arena, struct wend_app_block);
    return wend_app_block_read(conf, app);
}

/* One in a pool needs no Python here; one that is to run in the workers does. */
static enum wend_code settle(struct wend_conf *conf, struct wend_edge_app *app)
{
    char path[4096];
    enum wend_code code = wend_app_block_settle(conf, app);

    if (code != WEND_OK || app->pooled)
        return code;
    if (has_children())
        return wend_conf_fail(conf->error, app->statement,
                              "the first \"app\" that runs inline needs a restart: this server "
                              "runs without Python; \"mode pool\" does not");
    if (!wend_app_find_worker("wend", path, sizeof(path)))
        return wend_conf_fail(conf->error, app->statement,
                              "\"app\" needs " WORKER_PROGRAM " beside this program");
    execv(path, arguments);
    return wend_conf_fail(conf->error, app->statement, "cannot execute %s (%d: %s)", path, errno,
                          strerror(errno));
}

static enum wend_code start(struct wend_edge *edge, struct wend_edge_app *app,
                            struct wend_loop *loop)
{
    (void)edge;
    if (!app->pooled)
        return WEND_E_UNSUPPORTED;
    wend_app_pool_start(app, loop, (unsigned)getpid());
    return WEND_OK;
}

void wend_app_provider_execute(int argc, char **argv)
{
    static const struct wend_edge_app_provider provider = {
        .name = "execute",
        .check = check,
        .settle = settle,
        .execute = wend_app_pool_execute,
        .start = start,
        .stop = wend_app_pool_stop,
    };

    (void)argc;
    arguments = argv;
    wend_edge_provide_apps(&provider);
}
