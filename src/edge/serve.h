/* edge/serve.h - the edge as a running server: listeners, workers, signals, logs.
 *
 * What it is for. The policy behind net/process.h: reads a configuration for each generation, opens
 * its listeners (keeping those that were open), and runs the workers.
 *
 * Who owns what. The master owns the listeners; a worker inherits them by fork() or, when it is
 * another executable (an application host), by the hand-over of net/handover.h.
 */
#ifndef WEND_EDGE_SERVE_H
#define WEND_EDGE_SERVE_H

#include "edge/edge.h"
#include "net/process.h"

#define WEND_BIND_PAUSE_MS 500

struct wend_edge_server_options {
    struct wend_edge_options edge;
    struct wend_str conf_text; /* not null: the configuration, named conf_path in messages */
    struct wend_str error_log; /* -e; null: the configuration's or the built-in one */
    const char *pid_path;      /* the default; NULL: none unless configured */
    unsigned bind_tries;       /* for an address in use, WEND_BIND_PAUSE_MS apart; 0: one */
    bool watch_parent;
    /* When the first generation serves: a banner. May be NULL. */
    void (*announce)(const struct wend_edge *edge);
    /* USR1, in the master and in each worker, after the logs. May be NULL. */
    void (*reopen)(void);
    bool term_drains; /* TERM finishes what runs, QUIT stops: as uWSGI and gunicorn have it */
};

/* The whole life of the server: the exit status. */
int wend_edge_serve(const struct wend_edge_server_options *options);

/* Where the first of the process's error logs writes, for a program that has only stderr. */
int wend_edge_error_log_descriptor(void);
/* "wend: " or "nginx: [emerg] ..." to stderr and the error log. */
void wend_edge_emerg(const struct wend_edge_options *options, const char *text);

#endif
