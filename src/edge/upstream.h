/* edge/upstream.h - a request answered by another server.
 *
 * What it is for. What proxy_pass and uwsgi_pass share: collect the request's body, choose a peer,
 * connect, send, read the answer's head, turn it into ours, relay the body; and what happens when
 * one of these fails. It needs no configuration: edge/proxy.c and edge/uwsgi.c fill the settings.
 *
 * Who owns what. The wend_upstream lives in the exchange's task. Settings and peers live as long as
 * the configuration.
 *
 * What it answers. 502 when a server cannot be reached, closes too early or says what is no answer;
 * 504 when it takes too long; 502 when nobody is left to ask. As long as nothing of the answer was
 * passed on, the next peer is asked if `next` allows it; a request that is not idempotent only
 * while it was not sent. An answer that breaks off after its head tears ours.
 *
 * Trace. proxy, one per attempt; in it connect.
 */
#ifndef WEND_EDGE_UPSTREAM_H
#define WEND_EDGE_UPSTREAM_H

#include "base/log.h"
#include "edge/upstream_conn.h"
#include "edge/upstream_spool.h"
#include "http/body_buffer.h"
#include "http/h1_client.h"

#define WEND_UPSTREAM_TRIES_MAX 16 /* attempts of one request that are remembered */

/* proxy_next_upstream: for what the next peer is asked. */
enum wend_upstream_next {
    WEND_NEXT_ERROR = 1 << 0,
    WEND_NEXT_TIMEOUT = 1 << 1,
    WEND_NEXT_INVALID_HEADER = 1 << 2,
    WEND_NEXT_HTTP_500 = 1 << 3,
    WEND_NEXT_HTTP_502 = 1 << 4,
    WEND_NEXT_HTTP_503 = 1 << 5,
    WEND_NEXT_HTTP_504 = 1 << 6,
    WEND_NEXT_HTTP_403 = 1 << 7,
    WEND_NEXT_HTTP_404 = 1 << 8,
    WEND_NEXT_HTTP_429 = 1 << 9,
    WEND_NEXT_NON_IDEMPOTENT = 1 << 10,
    WEND_NEXT_OFF = 1 << 11
};

/* X-Accel- fields that are not obeyed (proxy_ignore_headers). */
enum wend_upstream_ignore {
    WEND_IGNORE_X_ACCEL_REDIRECT = 1 << 0,
    WEND_IGNORE_X_ACCEL_LIMIT_RATE = 1 << 1,
    WEND_IGNORE_X_ACCEL_OTHERS = 1 << 2,
    WEND_IGNORE_X_ACCEL_BUFFERING = 1 << 3
};

struct wend_upstream;

struct wend_upstream_settings {
    int connect_timeout_ms, send_timeout_ms, read_timeout_ms;
    size_t head_bytes_max;  /* proxy_buffer_size: the answer's head must fit */
    unsigned next;          /* enum wend_upstream_next */
    unsigned next_tries;    /* 0: as many as there are peers */
    int next_timeout_ms;    /* 0: no limit */
    unsigned ignore;        /* enum wend_upstream_ignore */
    bool request_buffering; /* the whole body is read before a peer is asked */
    bool pass_request_body;
    bool ignore_client_abort;
    bool pass_trailers;
    bool tunnel;    /* 101 may turn the connection into a relay */
    bool buffering; /* the answer is read ahead of the client */
    struct wend_upstream_spool_settings spool;
    bool keep;                          /* connections may be kept (HTTP/1.1) */
    const void *place;                  /* only requests of the same place share kept connections */
    const struct wend_str *hide, *pass; /* response fields: also hidden; passed though hidden */
    size_t hide_count, pass_count;
    const struct wend_body_settings *body;
    /* One line to the log of the request's place. */
    void (*log)(struct wend_exchange *x, enum wend_log_level level, int error, const char *text);
    /* Whether an answer of this status becomes the server's own page (proxy_intercept_errors). */
    bool (*intercept)(struct wend_exchange *x, int status); /* NULL: never */
    /* Location, Refresh and Set-Cookie on their way to the client. NULL: unchanged. */
    struct wend_str (*rewrite)(struct wend_upstream *upstream, enum wend_field_id id,
                               struct wend_str value);
};

/* What became of one attempt: the $upstream_ variables. Times are nanoseconds; -1: it did not come
 * so far. */
struct wend_upstream_try {
    struct wend_str address;
    int status;
    int64_t connect_ns, header_ns, response_ns;
    uint64_t body_bytes, received, sent;
};

struct wend_upstream {
    struct wend_exchange *x;
    const struct wend_upstream_settings *settings;
    struct wend_peers *peers;
    /* Sends the request's head on `client`; its body follows (upstream->body_bytes). */
    enum wend_code (*send)(struct wend_task *task, struct wend_upstream *upstream,
                           struct wend_h1_client *client);
    /* Parses heads of answers; NULL: HTTP's. */
    enum wend_code (*parse)(struct wend_arena *arena, const char *bytes, size_t len,
                            const struct wend_h1_limits *limits, size_t *seen,
                            struct wend_h1_response_head *head, size_t *used,
                            struct wend_h1_error *error);
    const char *scheme;             /* for log lines: "http://" */
    struct wend_str uri;            /* what is asked for; for log lines */
    struct wend_upstream *previous; /* of the same request, before an internal redirect */
    /* set before send() */
    int64_t body_bytes; /* of the request, to be announced: 0 none, -1 chunked */
    struct wend_body body;
    bool body_given; /* `body` is there already: a set one, or collected before a redirect */
    bool body_collected, request_sent;
    /* results */
    struct wend_h1_response_head head;
    struct wend_fields trailers;
    struct wend_str redirect; /* X-Accel-Redirect: where to go on; nothing was sent. null: none */
    int64_t limit_rate;       /* X-Accel-Limit-Rate; -1: not said */
    struct wend_upstream_try tries[WEND_UPSTREAM_TRIES_MAX];
    unsigned try_count;
};

void wend_upstream_init(struct wend_upstream *upstream, struct wend_exchange *x,
                        const struct wend_upstream_settings *settings, struct wend_peers *peers);

/* Suspends. As a handler's serve (http/handler.h); with upstream->redirect set nothing was sent and
 * the caller goes there. */
enum wend_code wend_upstream_serve(struct wend_upstream *upstream) WEND_MUST_CHECK;

#endif
