/* edge/variable.h - $names: rows with a function that computes the value for a request.
 *
 * What it is for. Every module may bring rows; `set`, `map` and named captures make more while the
 * configuration is read. A variable that something refers to has an index, and its value is
 * computed at most once per request unless its row says it changes.
 *
 * Who owns what. A value is a slice that lives as long as the request (its arena, the
 * configuration, or the received head).
 */
#ifndef WEND_EDGE_VARIABLE_H
#define WEND_EDGE_VARIABLE_H

#include "conf/directive.h"
#include "http/exchange.h"

#define WEND_VARIABLE_DEPTH_MAX 32 /* a map of a map ...: beyond it is a cycle, and empty */
#define WEND_VARIABLES_MAX 16384

struct wend_edge;
struct wend_variable;

/* A value: found == false is "not found", which prints as empty and is false in `if`. */
struct wend_value {
    struct wend_str text;
    bool found;
};

typedef struct wend_value (*wend_variable_get)(struct wend_exchange *x,
                                               const struct wend_variable *variable);

enum {
    WEND_VAR_CHANGES = 1,   /* not cached: computed at each use */
    WEND_VAR_PREFIX = 2,    /* the row's name is a prefix: arg_, http_ ... */
    WEND_VAR_CHANGEABLE = 4 /* `set` may give it a value */
};

struct wend_variable_row {
    const char *name; /* without the $ */
    wend_variable_get get;
    uintptr_t data;
    unsigned flags;
    const char *help;
    /* `set` on it does this instead of storing ($args, $limit_rate). NULL: it is stored. */
    void (*assign)(struct wend_exchange *x, struct wend_str value);
};

struct wend_variable {
    struct wend_str name;  /* whole */
    wend_variable_get get; /* NULL: only `set` gives it a value */
    uintptr_t data;
    const void *owner; /* of a map, a regular expression */
    unsigned flags;
    size_t index;
    void (*assign)(struct wend_exchange *x, struct wend_str value);
};

/* While reading. Makes one that `set`, map or a capture defines; WEND_E_EXISTS when the name
 * belongs to one that may not be changed. */
enum wend_code wend_variable_define(struct wend_conf *conf, struct wend_str name, unsigned flags,
                                    struct wend_variable **out);
/* The variable of that name, made known as referred to. NULL when the name is malformed; a name
 * that nobody has defined by the end of reading is `unknown "x" variable`. */
struct wend_variable *wend_variable_use(struct wend_conf *conf, struct wend_str name);
/* At the end of reading: finds the rows of all that were used. */
enum wend_code wend_variables_resolve(struct wend_conf *conf, struct wend_edge *edge);

/* While serving. */
struct wend_value wend_variable_value(struct wend_exchange *x,
                                      const struct wend_variable *variable);
void wend_variable_assign(struct wend_exchange *x, const struct wend_variable *variable,
                          struct wend_str value);

/* The row of a name, prefix rows included; for `wend help` and the reference. */
const struct wend_variable_row *wend_variable_find_row(struct wend_str name);

#endif
