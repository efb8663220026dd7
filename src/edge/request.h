/* edge/request.h - the edge's side of an exchange: where it was routed, and how it goes on.
 *
 * What it is for. Hung on x->edge by wend_edge_serve(). Modules reach their settings through it,
 * end a request with a status, or send it somewhere else in the house.
 *
 * A module's content function, or a handler, ends a request in one of these ways:
 *     it sent a response (wend_respond ... last)          return WEND_OK
 *     return wend_edge_finish(x, 404)                     the error page of that status, if any
 *     return wend_edge_redirect_internal(x, uri, args)    another location serves it
 *     return WEND_DECLINED                                the next content module is asked
 */
#ifndef WEND_EDGE_REQUEST_H
#define WEND_EDGE_REQUEST_H

#include "base/log.h"
#include "edge/edge.h"
#include "edge/location.h"

#define WEND_EDGE_REDIRECTS_MAX                                                                    \
    10 /* internal ones; beyond: 500, "rewrite or internal redirection cycle" */

struct wend_edge_request {
    struct wend_edge *edge;
    struct wend_edge_listen *listen;
    struct wend_edge_server *server;
    struct wend_edge_core_location *location;
    void **levels;                /* location->levels, or those of the if block that applied */
    struct wend_str uri;          /* normalised path, changed by rewrites; $uri */
    struct wend_str args;         /* $args; ptr NULL: none */
    struct wend_str unparsed_uri; /* $request_uri */
    struct wend_value *values;    /* by variable index */
    uint8_t *value_states;        /* 0 unknown, 1 known */
    struct wend_str capture_subject;
    struct wend_log *log;
    int redirects;      /* internal ones so far */
    int variable_depth; /* values being asked for inside each other */
    int error_status;   /* while an error page is made: the status it shall have; -1: its
                           own; 0: no error page */
    bool internal;      /* reached by an internal redirect */
    bool uri_changed;   /* by a rewrite: the location is looked for again */
    bool uri_quoted;    /* the raw path holds '%' or '+': captures in arguments are escaped */
    bool named;         /* in a named location */
    bool uri_in_alias;  /* try_files found the path behind the alias of an expression */
    bool uri_astray;    /* rewritten with "break": what of it an alias replaces is not known */
    bool handed_over;   /* to the place's handler (a proxy, an application) */
    bool rejected;      /* its head was malformed */
    const char *reject_text;
    struct wend_str filename;       /* computed lazily; $request_filename */
    void **module_state;            /* per module, for the request; NULL at first */
    struct wend_upstream *upstream; /* asked last, over internal redirects too; NULL: none */
    struct wend_str upstream_url; /* while it is asked: "http://127.0.0.1:8080/x", for log lines */
    int64_t
        limit_rate; /* $limit_rate, in bytes a second: set, or asked for by an upstream; -1: not */
    struct wend_regex_match
        captures; /* of the last regular expression; last, as it is not zeroed */
};

static inline struct wend_edge_request *wend_edge_of(const struct wend_exchange *x)
{
    return x->edge;
}

/* The settings in force for `module` at the request's place. */
void *wend_edge_settings(const struct wend_exchange *x, const struct wend_edge_module *module,
                         enum wend_edge_level level);
void **wend_edge_state(const struct wend_exchange *x, const struct wend_edge_module *module);

/* The request is at this place now: its settings and its policy apply. */
void wend_edge_enter(struct wend_exchange *x, struct wend_edge_core_location *location);

/* After wend_regex_run(regex, subject, &r->captures) matched: $1 .. and the named groups. */
void wend_edge_keep_captures(struct wend_exchange *x, const struct wend_regex *regex,
                             struct wend_str subject);

/* Ends the request with a status: the error_page for it, or nginx's own page. Returns the code to
 * return. 444 closes the connection without a word. */
enum wend_code wend_edge_finish(struct wend_exchange *x, int status);
/* Sends a redirect; `target` is a path or an absolute URL, completed by the redirect settings. */
enum wend_code wend_edge_redirect(struct wend_exchange *x, int status, struct wend_str target);
enum wend_code wend_edge_redirect_internal(struct wend_exchange *x, struct wend_str uri,
                                           struct wend_str args);
enum wend_code wend_edge_redirect_named(struct wend_exchange *x, struct wend_str name);

/* root (or alias) plus the path: NUL-terminated. *root_len (may be NULL) says how much of it is the
 * root. A null slice when a template failed. `path` is usually r->uri. */
struct wend_str wend_edge_map_path(struct wend_exchange *x, struct wend_str path, size_t *root_len);

/* The media type of a path by its extension, else default_type. */
struct wend_str wend_edge_content_type(struct wend_exchange *x, struct wend_str path);

/* To the location's error log, with nginx's tail: ", client: ..., server: ..., request: ...". */
void wend_edge_log(struct wend_exchange *x, enum wend_log_level level, int error,
                   const char *format, ...) WEND_PRINTF(4, 5);

/* The handler of every listener: routes, runs the phases, answers. And its two companions. */
extern const struct wend_handler wend_edge_handler;
enum wend_code wend_edge_reject(const struct wend_h1_server *server, struct wend_exchange *x,
                                const struct wend_h1_error *error);
void wend_edge_finished(const struct wend_h1_server *server, struct wend_exchange *x);
extern const struct wend_filter wend_edge_status_filter;

#endif
