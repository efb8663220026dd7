/* edge/edge.h - a whole configuration, ready to serve: servers, names, locations, listeners.
 *
 * What it is for. The result of reading an nginx.conf: nothing in it changes while it serves, so
 * workers share it by fork() and read it without locks.
 *
 * Who owns what. Everything lives in the arena but what wend_edge_free() gives back, before the
 * arena is. The listeners are the master's.
 */
#ifndef WEND_EDGE_EDGE_H
#define WEND_EDGE_EDGE_H

#include "base/map.h"
#include "edge/module.h"
#include "edge/regex.h"
#include "http/h1_server.h"
#include "net/listen.h"

struct wend_edge_core_location; /* edge/location.h */
struct wend_edge_server;

/* One name of one server on one listener. */
struct wend_edge_name {
    struct wend_str text; /* as written */
    struct wend_edge_server *server;
    const struct wend_regex *regex; /* of a ~name */
    struct wend_edge_name *next;
};

/* All servers that listen on one address. */
struct wend_edge_listen {
    struct wend_listener listener;
    struct wend_edge_listen *next;
    struct wend_edge_server *default_server;
    bool default_named; /* by default_server, not by being the first */
    bool uwsgi;         /* speaks the uwsgi protocol (wend's own parameter) */
    bool any;           /* 0.0.0.0 or [::] */
    struct wend_edge_listen
        *covered_by;                   /* a wildcard of the same port that takes its connections */
    struct wend_edge_name *names;      /* all of them */
    struct wend_map exact, head, tail; /* host, ".example.com", "www.example." -> wend_edge_name */
    struct wend_edge_name *regexes;
    bool sole; /* one server, and no expression whose captures matter: no search */
    struct wend_h1_server h1;
    struct wend_edge *edge;
};

struct wend_edge_server {
    struct wend_edge_levels levels; /* of its own block */
    struct wend_edge_name *names;   /* in order; the first is $server_name */
    struct wend_str primary_name;
    struct wend_edge_core_location *root;   /* the server's own location settings */
    const struct wend_statement *statement; /* for messages */
    struct wend_edge_server *next;
    size_t listens;
    bool strict; /* http_policy strict */
};

struct wend_edge {
    struct wend_arena *arena;
    struct wend_conf_tree tree;
    struct wend_edge_levels http; /* of the http block */
    void **main;                  /* of the file's top level: one per module (level MAIN) */
    struct wend_edge_server *servers, **last_server;
    struct wend_edge_listen *listens, **last_listen;
    struct wend_map variables; /* name -> wend_variable; see edge/variable.h */
    struct wend_variable **indexed;
    size_t indexed_count, indexed_room;
    struct wend_str prefix, conf_prefix; /* with a slash at the end */
    struct wend_str access_log;          /* where it goes when nobody says */
    struct wend_regex *regexes;          /* all: their code is not in the arena */
    struct wend_log_file_hold *logs;     /* all files it logs to */
    bool as_nginx;                       /* started through a link of that name */
    bool has_http;
    bool testing; /* -t: nothing is opened for writing but logs */
    void *data;   /* the process's; see edge/serve.h */
};

struct wend_edge_options {
    struct wend_str prefix, conf_path;
    struct wend_str access_log; /* null: "logs/access.log" below the prefix */
    struct wend_str globals;    /* -g */
    bool as_nginx, testing;
};

/* Reads, applies and merges. On WEND_E_CONFIG *error is nginx's message without "[emerg] ". */
enum wend_code wend_edge_read(struct wend_arena *arena, const struct wend_edge_options *options,
                              struct wend_edge **out,
                              struct wend_conf_error *error) WEND_MUST_CHECK;
/* The same from a text in memory, named `name` in messages. */
enum wend_code wend_edge_parse(struct wend_arena *arena, const struct wend_edge_options *options,
                               struct wend_str name, struct wend_str text, struct wend_edge **out,
                               struct wend_conf_error *error) WEND_MUST_CHECK;

/* Gives back what is not in the arena. For a configuration that was refused, too. */
void wend_edge_free(struct wend_edge *edge);

/* The server for a host name (lower case, no port; may be empty) on a listener; never NULL.
 * Captures of a regular expression name are set in the request. */
struct wend_edge_server *wend_edge_find_server(struct wend_edge_listen *listen,
                                               struct wend_exchange *x, struct wend_str host);

/* A path as the configuration means it: relative ones against the prefix (`conf`: of the
 * configuration file). NUL-terminated, in the arena. */
struct wend_str wend_edge_full_path(struct wend_edge *edge, struct wend_str path, bool conf);

#endif
