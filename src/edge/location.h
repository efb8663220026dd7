/* edge/location.h - the core's settings of a place, and finding the place of a path.
 *
 * Finding (nginx's order). Among the prefixes the longest one that starts the path is remembered;
 * an exact one ends the search; so does `^~`. Then the regular expressions, in the order they are
 * written, nested ones first; the first match wins, else the remembered prefix.
 */
#ifndef WEND_EDGE_LOCATION_H
#define WEND_EDGE_LOCATION_H

#include "edge/edge.h"
#include "edge/template.h"

enum wend_location_kind {
    WEND_LOCATION_SERVER, /* no location: the server's own settings */
    WEND_LOCATION_PREFIX,
    WEND_LOCATION_EXACT, /* = */
    WEND_LOCATION_FIRST, /* ^~ */
    WEND_LOCATION_REGEX,
    WEND_LOCATION_NAMED, /* @ */
    WEND_LOCATION_IF,    /* the block of an if */
    WEND_LOCATION_LIMIT  /* of a limit_except */
};

struct wend_error_page {
    int status;
    int answer; /* -1: as is; 0: the target's own status; else this one */
    struct wend_template target;
    struct wend_str args;
};

struct wend_rewrite_op;

struct wend_edge_core_location {
    /* what it is */
    enum wend_location_kind kind;
    struct wend_str name; /* as written, modifier apart */
    const struct wend_regex *regex;
    void **levels; /* the location level: one pointer per module */
    struct wend_edge_server *server;
    const struct wend_statement *statement; /* for messages */
    struct wend_edge_core_location *parent;
    struct wend_edge_core_location *next; /* among its siblings, as written */
    struct wend_edge_core_location *children;
    /* the search, made after reading */
    struct wend_edge_core_location **prefixes; /* sorted by name, exact and ^~ ones too */
    size_t prefix_count;
    struct wend_edge_core_location **regexes;
    size_t regex_count;
    struct wend_edge_core_location **folders; /* with handler_slash, by name without its slash */
    size_t folder_count;
    struct wend_edge_core_location
        *longest; /* the longest other prefix that starts this one's name */
    /* what it does */
    const struct wend_handler *handler; /* of proxy_pass, app_pass ...; NULL: the content phase */
    void *handler_data;
    bool handler_slash; /* its name ends in "/": the path without it is redirected */
    struct wend_rewrite_op *rewrites;
    bool in_if;                /* below an if: merged differently */
    uint64_t methods_excepted; /* limit_except: bits of enum wend_method that are free */
    struct wend_edge_core_location *limit_except;

    /* settings, merged */
    struct wend_exchange_policy policy;
    struct wend_template root; /* root, or alias */
    bool alias;
    struct wend_str alias_name; /* of the location that says alias: what it takes the place of;
                                   null: of the whole path (it is an expression) */
    bool root_is_set;
    struct wend_map *types; /* extension (lower case) -> struct wend_str* */
    struct wend_str default_type;
    char last_extension[16];   /* the only thing here that changes while it serves: what */
    size_t last_extension_len; /* the loop's thread last asked of `types` */
    const struct wend_str *last_type;
    struct wend_error_page *error_pages;
    size_t error_page_count;
    bool error_pages_set;
    struct wend_template *try_files; /* the last is the fallback */
    size_t try_file_count;
    int try_files_status; /* =404; 0: none */
    int internal, satisfy_any, recursive_error_pages, log_not_found, log_subrequest;
    int absolute_redirect, server_name_in_redirect, port_in_redirect, msie_padding, msie_refresh;
    int sendfile, tcp_nopush, tcp_nodelay, chunked, etag, if_modified_since, server_tokens;
    int lingering, reset_timedout, client_body_in_file_only, client_body_in_single_buffer;
    int keepalive_disable;
    int64_t keepalive_timeout_ms, keepalive_header_s, keepalive_time_ms, keepalive_requests,
        keepalive_min_ms;
    int64_t client_max_body_size, client_body_buffer_size, client_body_timeout_ms;
    int64_t send_timeout_ms, lingering_time_ms, lingering_timeout_ms, max_ranges;
    int64_t sendfile_max_chunk, postpone_output, send_lowat, read_ahead, directio_alignment;
    int64_t types_hash_max_size, types_hash_bucket_size, output_buffer_size, resolver_timeout_ms;
    struct wend_template limit_rate, limit_rate_after;
    struct wend_str client_body_temp_path;
    struct wend_log *error_log;
    int resolver_given;
};

/* Settings of a server that are needed before its locations are. */
struct wend_edge_core_server {
    struct wend_edge_server *server;
    int64_t client_header_timeout_ms, client_header_buffer_size, large_buffer_count,
        large_buffer_bytes;
    int64_t max_headers;
    int ignore_invalid_headers, underscores_in_headers, merge_slashes, strict;
};

extern const struct wend_edge_module wend_edge_core;

/* The settings of the core in the current block, while reading. */
struct wend_edge_core_location *wend_edge_core_at(struct wend_conf *conf);

/* Makes the levels of a new block below the current one: fresh settings of every module at `from`
 * and below, the rest shared. */
struct wend_edge_levels *wend_edge_levels_new(struct wend_conf *conf, enum wend_edge_level from);

/* A location below `parent` (its levels are new); linked among the parent's children. */
struct wend_edge_core_location *wend_location_new(struct wend_conf *conf,
                                                  struct wend_edge_levels *levels,
                                                  enum wend_location_kind kind,
                                                  struct wend_str name);

/* Compiles an expression and defines variables for its named groups. */
enum wend_code wend_edge_regex(struct wend_conf *conf, struct wend_str pattern, bool nocase,
                               const struct wend_regex **out);

/* Makes the sorted prefixes and the list of expressions, for it and all below. */
enum wend_code wend_location_index(struct wend_conf *conf,
                                   struct wend_edge_core_location *location);

/* server, location and their kin: rows of edge/blocks.c; listen and server_name: edge/listen.c. */
extern const struct wend_edge_module wend_edge_blocks;
extern const struct wend_edge_module wend_edge_listening;
enum wend_code wend_edge_listens_finish(struct wend_conf *conf, struct wend_edge *edge);

/* The place of `path` in a server; never NULL. *regex_match is filled for a regular expression. */
struct wend_edge_core_location *wend_location_find(const struct wend_edge_server *server,
                                                   struct wend_str path,
                                                   struct wend_regex_match *match, bool *slash);
struct wend_edge_core_location *wend_location_named(const struct wend_edge_server *server,
                                                    struct wend_str name);

#endif
