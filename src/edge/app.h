/* edge/app.h - applications behind the edge, without knowing them.
 *
 * What it is for. `app NAME { ... }` in the http block describes an application, `app_pass NAME` in
 * a location sends requests to it. What an application is (a Python callable, a C site) belongs to
 * a sibling folder; cmd/ registers who provides it.
 */
#ifndef WEND_EDGE_APP_H
#define WEND_EDGE_APP_H

#include "edge/edge.h"

struct wend_edge_app {
    struct wend_str name;
    const struct wend_statement *statement; /* the app block */
    const struct wend_handler *handler;     /* set in the worker by the provider's start */
    void *settings;                         /* the provider's, made by check */
    struct wend_edge_app *next;
};

struct wend_edge_app_provider {
    const char *name;
    /* While reading: reads app->statement->children into app->settings. */
    enum wend_code (*check)(struct wend_conf *conf, struct wend_edge_app *app);
    /* In a worker: starts the application and sets app->handler. Logs why it failed. */
    enum wend_code (*start)(struct wend_edge *edge, struct wend_edge_app *app,
                            struct wend_loop *loop);
    void (*stop)(struct wend_edge_app *app);
};

/* Called by cmd/ before a configuration is read. NULL: `app` is refused with the reason. */
void wend_edge_provide_apps(const struct wend_edge_app_provider *provider);

/* The applications of a configuration. */
struct wend_edge_app *wend_edge_apps(const struct wend_edge *edge);

extern const struct wend_edge_module wend_edge_app_module;

#endif
