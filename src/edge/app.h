/* edge/app.h - applications behind the edge, without knowing them.
 *
 * What it is for. `app NAME { ... }` in the http block describes an application, `app_pass NAME` in
 * a location sends requests to it. What an application is (a Python callable, a C site) belongs to
 * a sibling folder; cmd/ registers who provides it.
 *
 * Two ways to run one. Inline: in every worker of the edge. In a pool: in processes of its own,
 * which the master starts as further members of the generation, one zygote per pool; the workers
 * reach them through rendezvous (gateway/rendezvous.h) that the master opens when it has read the
 * configuration and holds until the generation retires.
 */
#ifndef WEND_EDGE_APP_H
#define WEND_EDGE_APP_H

#include "edge/edge.h"

struct wend_worker;

struct wend_edge_app {
    struct wend_str name;
    const struct wend_statement *statement; /* the app block */
    const struct wend_handler *handler;     /* set in the worker by the provider's start */
    void *settings;                         /* the provider's, made by check */
    struct wend_edge_app *next;
    bool wants_pool, wants_inline;   /* what check read; neither: it is for us to decide */
    bool pooled;                     /* decided when all of the file is read */
    unsigned processes;              /* of a pool */
    struct wend_str user, group;     /* of a pool; null: the workers' */
    int *edge_ends, *pool_ends;      /* of a pool's rendezvous, one each per process; -1: closed */
    struct wend_edge_app *open_next; /* in the process's list of those with open ones */
};

struct wend_edge_app_provider {
    const char *name;
    /* While reading: reads app->statement->children into app->settings. */
    enum wend_code (*check)(struct wend_conf *conf, struct wend_edge_app *app);
    /* When app->pooled is decided: what does not fit is refused. May execute another program. */
    enum wend_code (*settle)(struct wend_conf *conf, struct wend_edge_app *app);
    /* In a child of the master: becomes the pool's zygote, with the pool's ends. `log`: the error
     * log's path, null: standard error. Returns only when it could not, with an exit status. */
    int (*execute)(const struct wend_edge_app *app, struct wend_str log, int log_level);
    /* In a worker: starts the application, or reaches out for its pool, and sets app->handler. Logs
     * why it failed. */
    enum wend_code (*start)(struct wend_edge *edge, struct wend_edge_app *app,
                            struct wend_loop *loop);
    void (*stop)(struct wend_edge_app *app);
};

/* Called by cmd/ before a configuration is read. NULL: `app` is refused with the reason. */
void wend_edge_provide_apps(const struct wend_edge_app_provider *provider);

/* The applications of a configuration. */
struct wend_edge_app *wend_edge_apps(const struct wend_edge *edge);

/* In the master: the rendezvous of all pools. WEND_E_LIMIT with errno. */
enum wend_code wend_edge_apps_open(struct wend_edge *edge) WEND_MUST_CHECK;
/* Gives them back: a pool whose last worker is gone then knows that no other comes. */
void wend_edge_apps_close(struct wend_edge *edge);
/* In a worker: only its own configuration's, and of those only the edge's ends, stay open. */
void wend_edge_apps_keep_ours(struct wend_edge *edge);
/* In a child of the master: becomes the zygote of this pool. */
int wend_edge_app_execute(const struct wend_edge_app *app, struct wend_str log, int log_level);

extern const struct wend_edge_module wend_edge_app_module;

#endif
