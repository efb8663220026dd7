/* gateway/pool.h - the words between the edge and an application's own processes. Pure.
 *
 * What it is for. One connection carries many requests at once: the edge opens a stream with
 * REQUEST, sends the body in BODY frames and gets HEAD, DATA ... END back. Both sides are this
 * program, but not the same process, user or even executable: each byte is checked.
 *
 *     frame     length 4 | type 1 | flags 1 | 0 0 | stream 4 | payload ...     little endian
 *
 *     to the pool     REQUEST BODY CANCEL WINDOW
 *     to the edge     HELLO HEAD DATA END WINDOW LEAVE
 *
 * Flow control. Each stream may have WEND_POOL_WINDOW bytes of DATA (of BODY) on the way or waiting
 * in the other process; WINDOW gives back what was used. So a slow client fills no memory but its
 * own stream's, and stops nobody else.
 *
 * Who owns what. What is parsed is slices of the frame; the fields' array is in the arena.
 *
 * What it promises. Writing and reading are each other's inverse. A frame beyond
 * WEND_POOL_FRAME_MAX is never made and never believed. Field names and values are checked as if a
 * stranger had sent them: a process that runs foreign code is one.
 *
 * What it does not do. It is not a protocol for other machines or other versions: whoever starts
 * both sides compares WEND_POOL_DIALECT first.
 */
#ifndef WEND_GATEWAY_POOL_H
#define WEND_GATEWAY_POOL_H

#include "base/buffer.h"
#include "http/exchange.h"

#define WEND_POOL_HEAD_BYTES 12
#define WEND_POOL_FRAME_MAX (1u << 20) /* of a payload: a request's or a response's head */
#define WEND_POOL_DATA_MAX (32u << 10) /* of a BODY or DATA frame's payload, as we send them */
#define WEND_POOL_WINDOW (128u << 10)  /* bytes of body per stream and direction */
#define WEND_POOL_STREAMS_MAX 4096     /* at once on one connection */
#define WEND_POOL_SPANS_MAX WEND_SPANS_MAX

enum wend_pool_type {
    WEND_POOL_REQUEST = 1,
    WEND_POOL_BODY,
    WEND_POOL_CANCEL, /* the client is gone, or the edge gave up: nothing more is wanted */
    WEND_POOL_WINDOW_MORE,
    WEND_POOL_HELLO, /* stream 0; payload: the process id */
    WEND_POOL_HEAD,
    WEND_POOL_DATA,
    WEND_POOL_END,
    WEND_POOL_LEAVE /* stream 0: open no more streams here, close when the last one has ended */
};

#define WEND_POOL_LAST 1 /* REQUEST: there is no body; BODY: it ends with this one */
#define WEND_POOL_PAGE 2 /* HEAD: the edge shall make the page of this status itself */

struct wend_pool_frame {
    uint32_t length; /* of the payload */
    uint8_t type, flags;
    uint32_t stream;
};

/* WEND_E_PROTOCOL: no such type, an odd flag, too long for its type, a stream where none may be. */
enum wend_code wend_pool_frame_parse(const char bytes[WEND_POOL_HEAD_BYTES],
                                     struct wend_pool_frame *out) WEND_MUST_CHECK;
void wend_pool_frame_write(const struct wend_pool_frame *frame, char out[WEND_POOL_HEAD_BYTES]);
/* Begins a frame in `out` (its length is filled in by _end) and returns where. */
size_t wend_pool_begin(struct wend_buffer *out, enum wend_pool_type type, unsigned flags,
                       uint32_t stream);
/* WEND_E_LIMIT: the frame is too long; it is taken away again. */
enum wend_code wend_pool_end(struct wend_buffer *out, size_t began) WEND_MUST_CHECK;

/* --- a request's head ------------------------------------------------------------------------- */

/* What is known of a request beside the request itself. */
struct wend_pool_place {
    struct wend_str script_name, path_info, server_name, remote_user; /* null: not said */
    struct wend_str variables; /* those of a uwsgi packet, as they came; null: none */
    struct wend_address peer, local;
    uint64_t connection; /* the edge's number of it, for log lines */
    int64_t body_bytes;  /* exactly so many follow */
    int send_timeout_ms; /* the edge's patience with the client */
};

/* Appends the payload of a REQUEST. */
void wend_pool_request_write(struct wend_buffer *out, const struct wend_request *request,
                             const struct wend_pool_place *place);
/* WEND_E_PROTOCOL: cut, or not what a request's head can be; WEND_E_LIMIT: too many fields. */
enum wend_code wend_pool_request_read(struct wend_str payload, struct wend_arena *arena,
                                      struct wend_request *request,
                                      struct wend_pool_place *place) WEND_MUST_CHECK;

/* --- a response's head and end ---------------------------------------------------------------- */

void wend_pool_response_write(struct wend_buffer *out, const struct wend_response *response,
                              const struct wend_trace *trace);
/* Leaves fields of `response` that the payload does not speak of as they are. *spans: the rest of
 * the payload, for wend_pool_spans_read(). */
enum wend_code wend_pool_response_read(struct wend_str payload, struct wend_arena *arena,
                                       struct wend_response *response,
                                       struct wend_str *spans) WEND_MUST_CHECK;

enum wend_pool_state {
    WEND_POOL_COMPLETE,
    WEND_POOL_TORN,  /* the answer cannot be completed */
    WEND_POOL_FAILED /* nothing was answered: 500 */
};
void wend_pool_outcome_write(struct wend_buffer *out, enum wend_pool_state state,
                             const struct wend_trace *trace);
enum wend_code wend_pool_outcome_read(struct wend_str payload, enum wend_pool_state *state,
                                      struct wend_str *spans) WEND_MUST_CHECK;

/* --- spans ------------------------------------------------------------------------------------ */

/* Where the spans of the other process stand in the exchange's own trace. Zero it but `inside`. */
struct wend_pool_spans {
    uint16_t local[WEND_POOL_SPANS_MAX]; /* index here of the other's index */
    uint16_t count;
    uint16_t inside; /* the span here around all of them, or WEND_SPAN_NONE */
};

/* Takes over what the other process recorded (one machine, one clock); a span told before is
 * brought up to date. Notes are kept in the arena. */
enum wend_code wend_pool_spans_read(struct wend_str payload, struct wend_arena *arena,
                                    struct wend_trace *trace,
                                    struct wend_pool_spans *known) WEND_MUST_CHECK;

/* --- numbers ---------------------------------------------------------------------------------- */

void wend_pool_number_write(struct wend_buffer *out, uint64_t number); /* LEB128 */
enum wend_code wend_pool_number_read(struct wend_str payload, uint64_t *number) WEND_MUST_CHECK;

/* What both sides must agree on, as a text: protocol, rows of fields and of events. */
#define WEND_POOL_DIALECT_MAX 64
size_t wend_pool_dialect(char out[WEND_POOL_DIALECT_MAX]);

#endif
