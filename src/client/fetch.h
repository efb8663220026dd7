/* client/fetch.h - one URL, from its text to the last byte of the answer.
 *
 * What it is for. `wend get` and `wend trace`: resolve, connect, send, wait, receive, and again for
 * every redirect that shall be followed. This file alone knows that order; each step is a span.
 *
 * Who owns what. Everything lives in the task; the connection is closed when a hop ends. What the
 * hooks are given lives until they return, but for heads, which live as long as the task.
 *
 * What it promises. Redirects by RFC 9110 15.4 and the Fetch standard: 301 and 302 turn POST into
 * GET, 303 everything but HEAD; body and Content- fields go with it; 307 and 308 keep both.
 * Location is resolved against the URL asked and inherits its fragment. Authorization and Cookie do
 * not follow to another origin. A target that is not http is refused, and so is one asked before
 * with the same method. Answers of servers that end lines with LF alone are read.
 *
 * What it does not do. No TLS yet: https is WEND_E_UNSUPPORTED in phase WEND_FETCH_TLS, before
 * anything is sent. No cookies, no cache, no HSTS yet.
 *
 * Trace. fetch around each hop; in it dns, connect, send, wait, receive.
 */
#ifndef WEND_CLIENT_FETCH_H
#define WEND_CLIENT_FETCH_H

#include "http/h1_client.h"
#include "url/url.h"

#define WEND_FETCH_REDIRECTS_MAX 20
#define WEND_FETCH_CONNECT_MS 60000
#define WEND_FETCH_IDLE_MS 300000        /* without a byte from the server */
#define WEND_FETCH_CONTINUE_MS 1000      /* for the word after Expect: 100-continue */
#define WEND_FETCH_DRAIN_MAX (64u << 10) /* of a redirect's own body */

/* How far it came: with the code, this says what went wrong. */
enum wend_fetch_phase {
    WEND_FETCH_URL,
    WEND_FETCH_TLS,
    WEND_FETCH_RESOLVE,
    WEND_FETCH_CONNECT,
    WEND_FETCH_SEND,
    WEND_FETCH_WAIT,
    WEND_FETCH_RECEIVE,
    WEND_FETCH_WRITE, /* a hook failed */
    WEND_FETCH_REDIRECT,
    WEND_FETCH_DONE
};

struct wend_fetch;

/* Any may be NULL. One that returns another code than WEND_OK ends the fetch with it. */
struct wend_fetch_hooks {
    void (*connected)(struct wend_fetch *fetch, const struct wend_conn *conn);
    void (*sending)(struct wend_fetch *fetch, struct wend_str head);
    /* Interim, redirect and final heads. */
    enum wend_code (*head)(struct wend_fetch *fetch, const struct wend_h1_response_head *head);
    enum wend_code (*body)(struct wend_fetch *fetch, struct wend_str data);
};

struct wend_fetch {
    /* the question; wend_fetch_init() gives the defaults */
    struct wend_url url;
    struct wend_str method;
    struct wend_fields fields; /* Host is added unless it is here */
    struct wend_str body;      /* ptr NULL: none */
    enum wend_version version;
    int connect_timeout_ms, idle_timeout_ms;
    unsigned redirects_max; /* 0: redirects are answers like others */
    bool traceparent;       /* tell the server our trace, and ask for its spans */
    const struct wend_fetch_hooks *hooks;
    void *owner;
    /* the answer */
    enum wend_fetch_phase phase;
    struct wend_h1_response_head head; /* the last one */
    struct wend_fields trailers;
    struct wend_address peer;
    unsigned hops;                 /* requests sent */
    uint64_t received, body_bytes; /* of the last hop: on the wire, of its body */
    uint16_t wait_span;            /* of the last hop: the server's own spans belong in it */
    const char *why;               /* a literal: what was wrong with URL, head or redirect */
};

void wend_fetch_init(struct wend_fetch *fetch, const struct wend_fetch_hooks *hooks, void *owner);

/* Suspends. fetch->url is what to fetch, and afterwards where it ended. */
enum wend_code wend_fetch_run(struct wend_task *task, struct wend_fetch *fetch) WEND_MUST_CHECK;

#endif
