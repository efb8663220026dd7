/* cmd/app_execute.c - `wend` meets an `app` block; see cmd/app_provider.h. */
#include "cmd/app_provider.h"

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
    char path[4096];

    (void)app;
    if (has_children())
        return wend_conf_bad(conf,
                             "the first \"app\" needs a restart: this server runs without Python");
    if (!wend_app_find_worker("wend", path, sizeof(path)))
        return wend_conf_bad(conf, "\"app\" needs " WORKER_PROGRAM " beside this program");
    execv(path, arguments);
    return wend_conf_bad(conf, "cannot execute %s (%d: %s)", path, errno, strerror(errno));
}

static enum wend_code start(struct wend_edge *edge, struct wend_edge_app *app,
                            struct wend_loop *loop)
{
    (void)edge, (void)app, (void)loop;
    return WEND_E_UNSUPPORTED;
}

static void stop(struct wend_edge_app *app)
{
    (void)app;
}

void wend_app_provider_execute(int argc, char **argv)
{
    static const struct wend_edge_app_provider provider = {"execute", check, start, stop};

    (void)argc;
    arguments = argv;
    wend_edge_provide_apps(&provider);
}
