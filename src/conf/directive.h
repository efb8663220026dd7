/* conf/directive.h - what the words of a configuration mean: rows beside the code that uses them.
 *
 * What it is for. A directive is a row: name, where it may stand, how many arguments, what it sets,
 * its default and its help. From the rows come checking, "did you mean", `wend help` and the
 * reference. Whoever applies a tree gives the tables and says where a row's value lives.
 *
 * Who owns what. Values are kept in the configuration's arena; slices of the tree stay valid as
 * long as it does.
 *
 * Unset. A slot that no directive has set holds WEND_UNSET (numbers and flags) or NULL (pointers),
 * so that levels can be merged: WEND_MERGE() takes the parent's value, then the default.
 */
#ifndef WEND_CONF_DIRECTIVE_H
#define WEND_CONF_DIRECTIVE_H

#include "conf/tree.h"

#define WEND_UNSET (-1)

enum wend_context {
    WEND_CTX_MAIN = 1 << 0,
    WEND_CTX_EVENTS = 1 << 1,
    WEND_CTX_HTTP = 1 << 2,
    WEND_CTX_SERVER = 1 << 3,
    WEND_CTX_LOCATION = 1 << 4,
    WEND_CTX_IF_SERVER = 1 << 5,
    WEND_CTX_IF_LOCATION = 1 << 6,
    WEND_CTX_LIMIT_EXCEPT = 1 << 7,
    WEND_CTX_UPSTREAM = 1 << 8,
    WEND_CTX_APP = 1 << 9
};
/* The three every per-location setting may stand in. */
#define WEND_CTX_HTTP_ALL (WEND_CTX_HTTP | WEND_CTX_SERVER | WEND_CTX_LOCATION)

struct wend_conf;
struct wend_directive;
typedef enum wend_code (*wend_directive_set)(struct wend_conf *conf,
                                             const struct wend_directive *row, void *slot);

struct wend_directive {
    const char *name;
    unsigned contexts;
    short args_min, args_max; /* the name not counted; args_max -1: any */
    bool block;
    bool once_checked; /* the setter itself decides about repeated use */
    wend_directive_set set;
    unsigned level;       /* the owner's: which of its structs */
    size_t offset;        /* of the slot in it */
    const void *extra;    /* the setter's: an enum table, limits */
    const char *fallback; /* the default as people write it; NULL: none */
    const char *help;     /* one line */
};

struct wend_directive_table {
    const char *module; /* "http_core", ... */
    const struct wend_directive *rows;
    size_t count;
    const void *owner;
};

/* The walk over a tree; setters get it. */
struct wend_conf {
    struct wend_arena *arena;
    struct wend_conf_tree *tree;
    struct wend_conf_error *error;
    const struct wend_directive_table *const *tables; /* NULL-terminated */
    const struct wend_directive_table *table;         /* the current row's */
    const struct wend_statement *statement;           /* the current one */
    unsigned context;
    void *scope; /* the owner's, of the current block */
    /* Where a row's slot lives; the owner's. */
    void *(*slot)(struct wend_conf *conf, const struct wend_directive *row);
    /* Says why a word that is in no table is refused; NULL text: nobody knows it. */
    const char *(*explain)(struct wend_str name);
    void *data;
};

/* Applies the statements of one block in `context` with `scope`; both are restored afterwards. */
enum wend_code wend_conf_apply(struct wend_conf *conf, const struct wend_statement *first,
                               unsigned context, void *scope) WEND_MUST_CHECK;

/* "MESSAGE in FILE:LINE" of the current statement. */
#define wend_conf_bad(conf, ...) wend_conf_fail((conf)->error, (conf)->statement, __VA_ARGS__)

/* "\"NAME\" directive invalid value in FILE:LINE". */
enum wend_code wend_conf_invalid(struct wend_conf *conf);
/* What is found when a block is complete: placed at its closing bracket. */
#define wend_conf_bad_at_end(conf, ...)                                                            \
    wend_conf_fail_at((conf)->error, (conf)->statement->file->path, (conf)->statement->end_line,   \
                      __VA_ARGS__)
/* A warning to the process's log; the configuration is taken. */
void wend_conf_warn(const struct wend_conf *conf, const char *format, ...) WEND_PRINTF(2, 3);

/* --- setters for `set` ------------------------------------------------------------------------ */

struct wend_conf_word {
    const char *name;
    int value;
};
enum wend_code wend_set_flag(struct wend_conf *, const struct wend_directive *, void *); /* int */
enum wend_code wend_set_number(struct wend_conf *, const struct wend_directive *,
                               void *); /* int64_t */
enum wend_code wend_set_size(struct wend_conf *, const struct wend_directive *,
                             void *); /* int64_t */
enum wend_code wend_set_msec(struct wend_conf *, const struct wend_directive *,
                             void *); /* int64_t */
enum wend_code wend_set_str(struct wend_conf *, const struct wend_directive *,
                            void *); /* wend_str */
enum wend_code wend_set_enum(struct wend_conf *, const struct wend_directive *,
                             void *); /* int; extra: words */
/* The value is checked and then forgotten: what the directive tunes does not exist here. */
enum wend_code wend_check_flag(struct wend_conf *, const struct wend_directive *, void *);
enum wend_code wend_check_number(struct wend_conf *, const struct wend_directive *, void *);
enum wend_code wend_check_size(struct wend_conf *, const struct wend_directive *, void *);
enum wend_code wend_check_msec(struct wend_conf *, const struct wend_directive *, void *);
/* Checked where it stands, and without effect here: extra is NULL. */
/* A path with the digits of up to three levels of folders below it; the slot keeps the path. */
enum wend_code wend_set_temp_path(struct wend_conf *, const struct wend_directive *, void *);
enum wend_code wend_set_ignored(struct wend_conf *, const struct wend_directive *, void *);

/* --- units (nginx's) -------------------------------------------------------------------------- */

/* "10", "8k", "1m", "2g" to bytes; -1 when it is none. */
int64_t wend_conf_size(struct wend_str text);
/* "500ms", "1m30s", "2h" ...; bare numbers are seconds; in milliseconds; -1 when it is none. */
int64_t wend_conf_msec(struct wend_str text);
int64_t wend_conf_sec(struct wend_str text);

/* Optimal string alignment distance, at most `limit` + 1. */
unsigned wend_conf_distance(struct wend_str a, struct wend_str b, unsigned limit);

#define WEND_MERGE(child, parent, fallback)                                                        \
    do {                                                                                           \
        if ((child) == WEND_UNSET)                                                                 \
            (child) = (parent) == WEND_UNSET ? (fallback) : (parent);                              \
    } while (0)

#endif
