/* edge/rewrite.h - rewrite, if, set, return, break: a list of steps, run in order.
 *
 * What it is for. The directives of a server or location that change a request before it is served.
 * They are compiled to a list; an `if` holds a list of its own and, in a location, settings of its
 * own that apply from then on (nginx's semantics, which surprise and are relied upon).
 */
#ifndef WEND_EDGE_REWRITE_H
#define WEND_EDGE_REWRITE_H

#include "edge/location.h"

enum wend_rewrite_kind { WEND_RW_REWRITE, WEND_RW_IF, WEND_RW_SET, WEND_RW_RETURN, WEND_RW_BREAK };

enum wend_if_kind {
    WEND_IF_TRUE,
    WEND_IF_EQUAL,
    WEND_IF_MATCH,
    WEND_IF_FILE,
    WEND_IF_DIRECTORY,
    WEND_IF_EXISTS,
    WEND_IF_EXECUTABLE
};

enum wend_rewrite_flag { WEND_RW_GO_ON, WEND_RW_LAST, WEND_RW_STOP, WEND_RW_REDIRECT };

struct wend_rewrite_op {
    enum wend_rewrite_kind kind;
    struct wend_rewrite_op *next;
    /* rewrite: pattern, replacement; if with ~: pattern */
    const struct wend_regex *regex;
    struct wend_template text; /* replacement, value, body or URL of return, right side of = */
    struct wend_template args; /* of a replacement with a '?' */
    bool has_args, drop_args;  /* ...?  keeps no arguments */
    enum wend_rewrite_flag flag;
    int status; /* of return and of a redirect */
    bool has_text;
    struct wend_variable *variable; /* set, if */
    struct wend_template path;      /* if -f ... */
    enum wend_if_kind test;
    bool negated;
    struct wend_rewrite_op *ops;              /* of an if */
    struct wend_edge_core_location *location; /* whose settings an if applies */
};

extern const struct wend_edge_module wend_edge_rewrite;

/* Runs the steps. WEND_DECLINED: go on with the request (r->uri_changed tells whether to look for
 * another location); anything else: it is finished, return that. */
enum wend_code wend_rewrite_run(struct wend_exchange *x, const struct wend_rewrite_op *ops);

#endif
