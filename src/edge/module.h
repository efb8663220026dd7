/* edge/module.h - what a part of the edge brings along: directives, variables, places in a request.
 *
 * What it is for. A module is a struct: the rows of its directives, the sizes of its settings at
 * each of the three levels, how they are merged, its variables, and the phases it takes part in.
 * All modules stand in one list, edge/modules.c, in the order in which they are asked.
 *
 * Levels. As in nginx: every `http`, `server` and `location` block (and `if`, `limit_except`) has
 * one struct per module and level. wend_edge_levels holds the three arrays that are in force in a
 * block. A location's settings are merged with the enclosing ones before the server starts, so a
 * request reads one struct and never asks a parent.
 */
#ifndef WEND_EDGE_MODULE_H
#define WEND_EDGE_MODULE_H

#include "conf/directive.h"
#include "http/filter.h"
#include "http/handler.h"

struct wend_edge;
struct wend_edge_request;
struct wend_variable_row;

enum wend_edge_level { WEND_LEVEL_MAIN, WEND_LEVEL_SERVER, WEND_LEVEL_LOCATION };
#define WEND_EDGE_LEVELS 3

/* The settings in force in a block: one pointer per module and level. */
struct wend_edge_levels {
    void **at[WEND_EDGE_LEVELS];
};

/* What a phase's function says. Any other code is a failure: wend_status_of(). With WEND_OK and
 * x->response.status set the request ends with that status; see wend_edge_finish(). */
typedef enum wend_code (*wend_edge_phase_fn)(struct wend_exchange *x);

struct wend_edge_module {
    const char *name;
    const struct wend_directive *rows;
    size_t row_count;
    size_t sizes[WEND_EDGE_LEVELS];                 /* 0: nothing at that level */
    void (*init[WEND_EDGE_LEVELS])(void *settings); /* zeroed memory comes in; sets WEND_UNSET */
    /* Takes what `child` left unset from `parent`. */
    enum wend_code (*merge_server)(struct wend_conf *conf, void *parent, void *child);
    enum wend_code (*merge_location)(struct wend_conf *conf, void *parent, void *child);
    /* After everything was read and merged. */
    enum wend_code (*finish)(struct wend_conf *conf, struct wend_edge *edge);
    const struct wend_variable_row *variables; /* NULL-terminated by name */

    /* Phases, in the order of a request; NULL: takes no part. WEND_DECLINED goes on. */
    wend_edge_phase_fn preaccess;
    wend_edge_phase_fn access; /* WEND_OK allows, WEND_DECLINED has no opinion, WEND_E_DENIED */
    wend_edge_phase_fn precontent;
    wend_edge_phase_fn content; /* WEND_OK: answered; WEND_DECLINED: the next one */
    void (*log)(struct wend_exchange *x);
    /* In every worker, before and after it serves. */
    enum wend_code (*start_worker)(struct wend_edge *edge, struct wend_loop *loop);
    void (*reopen)(struct wend_edge *edge); /* log files, in master and workers */
    void (*stop_worker)(struct wend_edge *edge);
};

/* edge/modules.c: all of them, NULL-terminated; the first is the core. A module's index is its
 * place. The response filters' order is there too. */
extern const struct wend_edge_module *const wend_edge_modules[];
extern const struct wend_filter *const wend_edge_filters[];
size_t wend_edge_module_count(void);
void wend_edge_modules_prepare(void); /* before a configuration is read; makes _index() fast */
size_t wend_edge_module_index(const struct wend_edge_module *module);

/* While reading: the settings of `module` in the current block. */
void *wend_edge_conf_at(struct wend_conf *conf, const struct wend_edge_module *module,
                        enum wend_edge_level level);

/* In a row: `.level = WEND_LEVEL_LOCATION, .offset = offsetof(struct x, y)`. */

#endif
