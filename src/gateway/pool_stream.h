/* gateway/pool_stream.h - requests on their way over one connection to a process of a pool.
 *
 * What it is for. Each request is a stream of the connection: its frames are sent from the
 * request's task, and the answer's frames are put into the stream by the loop, which wakes the
 * task.
 *
 *   request's task                          loop (frames of the link)
 *     REQUEST, BODY ...                       WINDOW: credit
 *     wait                          ◄──────── HEAD, DATA, END: into the stream
 *     respond ─ WINDOW ─ wait ...
 *
 * Who owns what. A stream lives on its task's stack, and keeps the connection's memory while it
 * does. The owner of the connection (gateway/pool_client.c) opens and closes it, and hands on the
 * frames that belong to a stream.
 *
 * What it promises. Every frame is checked: what a process says is a stranger's words. An answer
 * never begins twice, and one that cannot be completed is torn so that the client sees it.
 */
#ifndef WEND_GATEWAY_POOL_STREAM_H
#define WEND_GATEWAY_POOL_STREAM_H

#include "gateway/pool_client.h"
#include "gateway/pool_link.h"

struct wend_pool_conn {
    struct wend_pool_link link;
    const struct wend_pool_options *options;
    struct wend_pool_table streams;
    uint32_t last_stream;   /* UINT32_MAX: its numbers are used up */
    uint64_t pid;           /* of the process; 0: no HELLO yet */
    enum wend_code failure; /* of a closed one: what its streams get */
    bool leaving;           /* ends with its last stream */
};

/* The whole of one request, whose body was collected. Suspends. With no answer begun, the
 * response's status says what there is to tell: 431, 502, 504. */
enum wend_code wend_pool_stream_serve(struct wend_pool_conn *conn, struct wend_exchange *x,
                                      const struct wend_body *body, uint16_t span) WEND_MUST_CHECK;

/* A frame with a stream's number. Not WEND_OK: the connection cannot go on. */
enum wend_code wend_pool_stream_frame(struct wend_pool_conn *conn,
                                      const struct wend_pool_frame *frame,
                                      struct wend_str payload) WEND_MUST_CHECK;

/* No new streams come; it is ended when the last one is, or now. */
void wend_pool_conn_leave(struct wend_pool_conn *conn);

/* The connection is closed: every request under way gets `code`. */
void wend_pool_streams_fail(struct wend_pool_conn *conn, enum wend_code code);

#endif
