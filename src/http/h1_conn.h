/* http/h1_conn.h - a served HTTP/1 connection and the exchange that runs on it. Private to http/.
 *
 * A connection is in one of four states:
 *
 *     IDLE ──bytes──► BUSY ──answered──► IDLE      parked: no task, no stack, no buffer
 *      │                │ ▲
 *      │      half a head▼ │the rest
 *      │               HALF                        parked with the bytes received
 *      └─────timeout────┴────► LINGERING ──► gone  parked: what still comes is thrown away
 *
 * h1_server.c moves between them, h1_input.c reads bodies, h1_output.c writes responses.
 */
#ifndef WEND_HTTP_H1_CONN_H
#define WEND_HTTP_H1_CONN_H

#include "http/h1_server.h"

#define WEND_H1_POOLED_BYTES                                                                       \
    ((16u << 10) - 64) /* one pooled receive buffer, malloc's header spared */
#define WEND_H1_INPUT_BYTES WEND_H1_POOLED_BYTES /* one for a body, in the arena; never more */
#define WEND_H1_APART_BYTES 2048                 /* up to this, a head leaves the pooled buffer */
#define WEND_H1_BODY_WINDOW_MIN 2048 /* less room than this behind a head: another buffer */

enum h1_phase { H1_IDLE, H1_HALF, H1_BUSY, H1_LINGERING };

struct h1_conn {
    struct wend_conn conn;
    struct wend_list node; /* among the connections of the loop in the same phase */
    const struct wend_h1_server *server;
    struct wend_timer timer; /* of the phase */
    char *half;              /* the bytes of an unfinished head (heap) */
    uint32_t half_bytes;
    uint32_t half_seen; /* as far as the parser has looked */
    uint8_t phase;
    bool drain;       /* the next answer closes */
    int32_t idle_ms;  /* how long it may be idle, by the place of its last request */
    int64_t until_ns; /* when the head, or the lingering, must be over */
    uint64_t accept_ticks;
    uint64_t first_ticks; /* when the first byte of the current head came */
};

/* A pooled receive buffer. */
struct h1_input {
    struct h1_input *next;
    char bytes[WEND_H1_POOLED_BYTES];
};

/* The bytes received and not yet used: bytes[at .. end) of room. Below `base` lies the head, whose
 * bytes the request's slices point into. */
struct h1_window {
    char *bytes;
    struct h1_input *input; /* NULL while a request is served whose head left it */
    size_t base, at, end, room;
    uint64_t arrived; /* the loop's mark by which the next head was there; see x->arrived */
};

struct h1_stream {
    struct wend_exchange x;
    struct h1_conn *hc;
    struct h1_window in;
    uint64_t body_left; /* of a body with Content-Length */
    struct wend_h1_chunks chunks;
    struct wend_buffer trailers;
    uint16_t respond_span;
    bool body_ended;      /* the last chunk has been seen */
    bool continue_wanted; /* the client waits for 100 and has not got it */
    bool on_thread;       /* a foreign thread writes the socket */
    bool keep_alive;      /* decided with the head */
    bool head_sent;
    bool chunked;
    bool until_close; /* only the end of the connection ends the body */
    int64_t left;     /* body bytes the head promised and that were not sent; -1: free */
};

extern const struct wend_codec wend_h1_codec;

static inline struct h1_stream *h1_stream_of(struct wend_exchange *x)
{
    return x->codec_state;
}

/* h1_input.c */
void h1_input_start(struct h1_stream *stream);
enum wend_code h1_read_body(struct wend_exchange *x, void *into, size_t room, size_t *got);
/* Whether the part of a chunked body that came with the head is framed as it must be. A request
 * whose body is broken from the start is refused before anybody acts on it. */
bool h1_framing_sound(const struct h1_stream *stream);
/* Takes what is left of the body as far as it has been received; true when that was all of it. */
bool h1_skip_received(struct h1_stream *stream);

/* h1_output.c */
enum wend_code h1_send(struct wend_exchange *x, const struct wend_piece *pieces, size_t count,
                       bool last);
enum wend_code h1_inform(struct wend_exchange *x, int status, const struct wend_fields *fields);

/* Whether this loop is draining; h1_server.c. */
bool h1_draining(const struct h1_conn *hc);

#endif
