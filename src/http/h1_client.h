/* http/h1_client.h - the asking side of HTTP/1: one request out, one answer in.
 *
 * What it is for. `wend get` and the proxy speak to servers with it. The answers of gateways
 * (uwsgi) are read with it too: only their heads are parsed by another function.
 *
 *     wend_h1_client_start(&client, conn, arena);
 *     wend_h1_client_send_head(task, &client, &request)     then send_body() as often as needed
 *     wend_h1_client_read_head(task, &client, &head)        interim answers (1xx) go to `inform`
 *     while (wend_h1_client_read(task, &client, &data) == WEND_OK && data.len > 0)
 *         ...
 *     client.reusable                                       may the connection carry another one?
 *
 * Who owns what. The connection and the arena are the caller's. The head's slices live in the
 * arena. A slice of the body lives until the next call.
 *
 * What it promises. A field that would break the request's framing (CR, LF, NUL, an odd name) is
 * refused before a byte is sent. The codec alone writes Content-Length and Transfer-Encoding. The
 * body's end is decided once, by RFC 9112 6.3. Every wait has a limit. `reusable` is true only when
 * both messages are complete and nothing unasked follows.
 *
 * What it does not do. No redirects, no retries, no content codings; it opens no connection.
 */
#ifndef WEND_HTTP_H1_CLIENT_H
#define WEND_HTTP_H1_CLIENT_H

#include "http/h1_parse.h"

#define WEND_H1_CLIENT_HEAD_SENT_MAX (1u << 20) /* the request head we build */
#define WEND_H1_CLIENT_BUFFER 16384             /* what is received goes here first */
#define WEND_H1_CLIENT_INTERIM_MAX 16           /* 1xx answers before the final one */

struct wend_h1_client_request {
    struct wend_str method;
    struct wend_str target;           /* as it goes on the request line */
    enum wend_version version;        /* WEND_HTTP_10 or WEND_HTTP_11 */
    const struct wend_fields *fields; /* hidden ones, lengths and codings are not sent */
    int64_t content_length;           /* -1: no body, or a chunked one */
    bool chunked;
};

enum wend_h1_framing {
    WEND_H1_NO_BODY,
    WEND_H1_LENGTH,
    WEND_H1_CHUNKED,
    WEND_H1_UNTIL_CLOSE,
    WEND_H1_TUNNEL /* 101, or 2xx to CONNECT: no HTTP follows */
};

struct wend_h1_client {
    struct wend_conn *conn;
    struct wend_arena *arena;
    /* settings: change them after start() */
    struct wend_h1_limits limits;
    int send_timeout_ms;    /* between two writes */
    int receive_timeout_ms; /* between two reads */
    enum wend_code (*parse)(struct wend_arena *arena, const char *bytes, size_t len,
                            const struct wend_h1_limits *limits, size_t *seen,
                            struct wend_h1_response_head *head, size_t *used,
                            struct wend_h1_error *error);
    void (*inform)(void *owner, const struct wend_h1_response_head *interim); /* NULL: dropped */
    /* For whom this is done: when its peer hangs up, waits end with WEND_E_CANCELLED. Or NULL. */
    struct wend_io *beneficiary;
    void *owner;
    /* results */
    struct wend_h1_error error;  /* after WEND_E_SYNTAX or WEND_E_LIMIT of read_head */
    struct wend_fields trailers; /* after the end of a chunked body */
    enum wend_h1_framing framing;
    uint64_t sent, received; /* bytes on the wire, heads and framing included */
    uint64_t body_received;  /* bytes of body, framing taken off */
    bool reusable;
    /* the rest is the module's own */
    char *bytes;
    size_t room, from, to; /* bytes[from .. to) is received and not consumed */
    size_t seen;
    size_t body_start; /* the head's slices end here; body bytes may be overwritten */
    uint64_t left;     /* LENGTH: body bytes still to come */
    int64_t to_send;   /* body bytes still to be sent; -1: chunked */
    struct wend_h1_chunks chunks;
    struct wend_buffer trailer_bytes;
    struct wend_h1_response_head early; /* a final head that came instead of 100 */
    bool have_early;
    bool sending_done, body_done, peer_closed;
    bool is_head, is_connect, asked_upgrade, keep_alive;
    unsigned interims;
};

void wend_h1_client_start(struct wend_h1_client *client, struct wend_conn *conn,
                          struct wend_arena *arena);

/* The request head's bytes. Pure. WEND_E_SYNTAX: a part of it must not go on the wire. */
enum wend_code wend_h1_client_write_head(const struct wend_h1_client_request *request,
                                         struct wend_buffer *out) WEND_MUST_CHECK;

/* Suspends. Writes the head, and with it the first pieces of the body if there are any (memory
 * only); `last`: the request ends with them. */
enum wend_code wend_h1_client_send_head(struct wend_task *task, struct wend_h1_client *client,
                                        const struct wend_h1_client_request *request,
                                        struct wend_str body, bool last) WEND_MUST_CHECK;

/* For codecs of other request forms (uwsgi): sends `bytes` as they are; `body` bytes follow through
 * send_body(). `is_head`: the answer has no body whatever it says. Suspends. */
enum wend_code wend_h1_client_send_packet(struct wend_task *task, struct wend_h1_client *client,
                                          struct wend_str bytes, int64_t body,
                                          bool is_head) WEND_MUST_CHECK;

/* Suspends. WEND_E_STATE for more bytes than announced, or fewer when `last`. */
enum wend_code wend_h1_client_send_body(struct wend_task *task, struct wend_h1_client *client,
                                        const struct wend_piece *pieces, size_t count,
                                        bool last) WEND_MUST_CHECK;

/* Suspends. After a head with Expect: 100-continue, waits at most `wait_ms` for the server's word.
 * *go: the body shall be sent; false: the final answer is there, read_head() gives it. */
enum wend_code wend_h1_client_await_continue(struct wend_task *task, struct wend_h1_client *client,
                                             int wait_ms, bool *go) WEND_MUST_CHECK;

/* Whether the server said something already, or is gone; a sender of a long body may stop then.
 * Does not suspend. */
bool wend_h1_client_answered(struct wend_h1_client *client);

/* Suspends. The final head.
 *   WEND_E_CLOSED    the server closed first; client->received tells whether it said anything
 *   WEND_E_SYNTAX, WEND_E_LIMIT   client->error
 *   WEND_E_PROTOCOL  101 that was not asked for, or too many interim answers
 *   WEND_E_DEADLINE, WEND_E_RESET, WEND_E_CANCELLED, WEND_E_IO */
enum wend_code wend_h1_client_read_head(struct wend_task *task, struct wend_h1_client *client,
                                        struct wend_h1_response_head *head) WEND_MUST_CHECK;

/* Suspends. The next bytes of the body; none (WEND_OK) at its end. In a tunnel: what the server
 * sends, none when it closed. WEND_E_CLOSED: it ended too early; WEND_E_SYNTAX: broken chunks. */
enum wend_code wend_h1_client_read(struct wend_task *task, struct wend_h1_client *client,
                                   struct wend_str *data) WEND_MUST_CHECK;

/* Whether bytes are at hand that read() would return without waiting. */
bool wend_h1_client_pending(const struct wend_h1_client *client);

#endif
