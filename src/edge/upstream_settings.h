/* edge/upstream_settings.h - the directives proxy_pass and uwsgi_pass share, and upstream groups.
 *
 * What it is for. `proxy_read_timeout` and `uwsgi_read_timeout` are one row written twice: the rows
 * come from a macro, the settings are one struct at the start of each module's own.
 *
 * Groups. An `upstream NAME { server ...; }` block makes one; any other host in a _pass makes an
 * implicit one when the configuration has been read, by asking the name service once. Hosts that
 * are known only at the request (variables) are looked for among the groups and then resolved each
 * time.
 *
 * Who owns what. Everything lives in the configuration's arena, but for groups made for one
 * request.
 */
#ifndef WEND_EDGE_UPSTREAM_SETTINGS_H
#define WEND_EDGE_UPSTREAM_SETTINGS_H

#include "edge/module.h"
#include "edge/request.h"
#include "edge/upstream.h"

#define WEND_UPSTREAM_BUFFERS_MAX (8u << 20) /* read ahead in memory, per request */
#define WEND_UPSTREAM_NAMES_MAX 256          /* of hidden, passed and ignored fields in one place */

/* Where a _pass leads. */
struct wend_upstream_target {
    struct wend_str host; /* without port; null: a unix path */
    struct wend_str path; /* unix */
    uint16_t port;
    bool port_given;
    struct wend_peers *peers; /* found when the configuration was read; NULL: at the request */
    const struct wend_statement *statement;
    struct wend_upstream_target *next;
};

struct wend_upstream_names {
    struct wend_str at[WEND_UPSTREAM_NAMES_MAX];
    size_t count;
};

/* As nginx has them; what counts here is their product, the memory for reading ahead. */
struct wend_upstream_buffers {
    int64_t count, size;
};

struct wend_upstream_location {
    int64_t connect_timeout_ms, send_timeout_ms, read_timeout_ms, next_timeout_ms;
    int64_t buffer_size, next_tries, max_temp_file_size, busy_size, write_size;
    struct wend_upstream_buffers buffers;
    int buffering, request_buffering, intercept_errors, ignore_client_abort;
    int pass_request_headers, pass_request_body, pass_trailers, socket_keepalive, force_ranges;
    int64_t next, ignore; /* bits */
    struct wend_str temp_path;
    struct wend_upstream_names *hide, *pass;
    struct wend_upstream_settings ready; /* made by the merge */
};

void wend_upstream_location_init(struct wend_upstream_location *settings);
/* `prefix`: "proxy", for messages. */
enum wend_code wend_upstream_location_merge(struct wend_conf *conf, const char *prefix,
                                            struct wend_upstream_location *parent,
                                            struct wend_upstream_location *child);

/* Settings for one request: the ready ones, with what depends on its place. */
void wend_upstream_settings_fill(struct wend_exchange *x,
                                 const struct wend_upstream_location *settings,
                                 struct wend_upstream_settings *out,
                                 struct wend_body_settings *body);

/* "host", "host:port", "[::1]:80", "unix:/path". False: malformed; *why says how. */
bool wend_upstream_target_parse(struct wend_str text, uint16_t default_port,
                                struct wend_upstream_target *out, const char **why);
/* While reading: the target is resolved at the end. */
void wend_upstream_target_register(struct wend_conf *conf, struct wend_upstream_target *target);
/* Suspends. At the request: the group of that name, or one made for this request. */
enum wend_code wend_upstream_target_find(struct wend_exchange *x,
                                         struct wend_upstream_target *target) WEND_MUST_CHECK;

/* Serves and ends the request: error pages, X-Accel-Redirect. Suspends. */
enum wend_code wend_upstream_run(struct wend_upstream *upstream) WEND_MUST_CHECK;

/* `upstream` blocks and the $upstream_ variables. */
extern const struct wend_edge_module wend_edge_upstream;

/* setters of the shared rows */
enum wend_code wend_set_upstream_hide(struct wend_conf *, const struct wend_directive *, void *);
enum wend_code wend_set_upstream_buffers(struct wend_conf *, const struct wend_directive *, void *);
enum wend_code wend_set_upstream_next(struct wend_conf *, const struct wend_directive *, void *);
enum wend_code wend_set_upstream_ignore(struct wend_conf *, const struct wend_directive *, void *);

#define WEND_UPSTREAM_ROW(word, min, max, setter, type, field, def, text)                          \
    {                                                                                              \
        .name = word, .contexts = WEND_CTX_HTTP_ALL, .args_min = min, .args_max = max,             \
        .set = setter, .level = WEND_LEVEL_LOCATION, .offset = offsetof(type, common.field),       \
        .fallback = def, .help = text                                                              \
    }
#define WEND_UPSTREAM_INERT(word, min, max, def, text)                                             \
    {                                                                                              \
        .name = word, .contexts = WEND_CTX_HTTP_ALL, .args_min = min, .args_max = max,             \
        .set = wend_set_ignored, .level = WEND_LEVEL_LOCATION, .fallback = def, .help = text       \
    }

/* The rows of one prefix; `type` starts with `struct wend_upstream_location common`. */
#define WEND_UPSTREAM_ROWS(prefix, type)                                                           \
    WEND_UPSTREAM_ROW(prefix "_connect_timeout", 1, 1, wend_set_msec, type, connect_timeout_ms,    \
                      "60s", "longest wait for a connection to an upstream server"),               \
        WEND_UPSTREAM_ROW(prefix "_send_timeout", 1, 1, wend_set_msec, type, send_timeout_ms,      \
                          "60s", "longest wait between two writes of the request"),                \
        WEND_UPSTREAM_ROW(prefix "_read_timeout", 1, 1, wend_set_msec, type, read_timeout_ms,      \
                          "60s", "longest wait between two reads of the answer"),                  \
        WEND_UPSTREAM_ROW(prefix "_buffer_size", 1, 1, wend_set_size, type, buffer_size, "4k|8k",  \
                          "what the answer's head must fit into"),                                 \
        WEND_UPSTREAM_ROW(prefix "_buffering", 1, 1, wend_set_flag, type, buffering, "on",         \
                          "read answers as fast as they come, ahead of slow clients"),             \
        WEND_UPSTREAM_ROW(prefix "_buffers", 2, 2, wend_set_upstream_buffers, type, buffers,       \
                          "8 4k|8k", "number and size: the memory for reading ahead"),             \
        WEND_UPSTREAM_ROW(prefix "_max_temp_file_size", 1, 1, wend_set_size, type,                 \
                          max_temp_file_size, "1024m", "the file for reading ahead; 0: none"),     \
        WEND_UPSTREAM_ROW(prefix "_request_buffering", 1, 1, wend_set_flag, type,                  \
                          request_buffering, "on",                                                 \
                          "read the whole request body before asking upstream"),                   \
        WEND_UPSTREAM_ROW(prefix "_intercept_errors", 1, 1, wend_set_flag, type, intercept_errors, \
                          "off", "answers from 300 on may become our error pages"),                \
        WEND_UPSTREAM_ROW(prefix "_ignore_client_abort", 1, 1, wend_set_flag, type,                \
                          ignore_client_abort, "off", "go on when the client has left"),           \
        WEND_UPSTREAM_ROW(prefix "_pass_request_headers", 1, 1, wend_set_flag, type,               \
                          pass_request_headers, "on", "pass the client's fields on"),              \
        WEND_UPSTREAM_ROW(prefix "_pass_request_body", 1, 1, wend_set_flag, type,                  \
                          pass_request_body, "on", "pass the client's body on"),                   \
        WEND_UPSTREAM_ROW(prefix "_socket_keepalive", 1, 1, wend_set_flag, type, socket_keepalive, \
                          "off", "accepted"),                                                      \
        WEND_UPSTREAM_ROW(prefix "_force_ranges", 1, 1, wend_set_flag, type, force_ranges, "off",  \
                          "answer range requests whatever the upstream says"),                     \
        WEND_UPSTREAM_ROW(prefix "_next_upstream", 1, -1, wend_set_upstream_next, type, next,      \
                          "error timeout", "after which failures the next server is asked"),       \
        WEND_UPSTREAM_ROW(prefix "_next_upstream_tries", 1, 1, wend_set_number, type, next_tries,  \
                          "0", "how many servers are asked at most"),                              \
        WEND_UPSTREAM_ROW(prefix "_next_upstream_timeout", 1, 1, wend_set_msec, type,              \
                          next_timeout_ms, "0", "for how long servers are asked"),                 \
        WEND_UPSTREAM_ROW(prefix "_hide_header", 1, 1, wend_set_upstream_hide, type, hide, NULL,   \
                          "a response field that is not passed to the client"),                    \
        WEND_UPSTREAM_ROW(prefix "_pass_header", 1, 1, wend_set_upstream_hide, type, pass, NULL,   \
                          "a response field that is passed though it is hidden by default"),       \
        WEND_UPSTREAM_ROW(prefix "_ignore_headers", 1, -1, wend_set_upstream_ignore, type, ignore, \
                          NULL, "X-Accel- and caching fields that are not obeyed"),                \
        WEND_UPSTREAM_ROW(prefix "_busy_buffers_size", 1, 1, wend_set_size, type, busy_size,       \
                          "8k|16k", "checked; see _buffering"),                                    \
        WEND_UPSTREAM_ROW(prefix "_temp_file_write_size", 1, 1, wend_set_size, type, write_size,   \
                          "8k|16k", "checked; see _buffering"),                                    \
    {                                                                                              \
        .name = prefix "_temp_path", .contexts = WEND_CTX_HTTP_ALL, .args_min = 1, .args_max = 4,  \
        .set = wend_set_temp_path, .level = WEND_LEVEL_LOCATION,                                   \
        .offset = offsetof(type, common.temp_path), .fallback = prefix "_temp",                    \
        .help = "checked; see _buffering"                                                          \
    }

#endif
