/* edge/upstream_spool.h - an answer read as fast as its server sends it, ahead of a slow client.
 *
 * What it is for. proxy_buffering: the upstream is free again when it has answered, however long
 * the client takes. A child task reads into memory, and when that is full into a nameless file; the
 * request's own task sends what is there.
 *
 *     upstream --> ring (memory_bytes) --> client        while the client keeps up
 *     upstream --> file (file_bytes_max) --> client      from when it does not until it caught up
 *
 * What it promises. Bytes keep their order: the ring is filled only while the file is empty. What
 * is read is passed on at once, so streams stay streams. With the file full, or without one, the
 * upstream waits for the client.
 */
#ifndef WEND_EDGE_UPSTREAM_SPOOL_H
#define WEND_EDGE_UPSTREAM_SPOOL_H

#include "http/h1_client.h"

struct wend_upstream_spool_settings {
    size_t memory_bytes;
    int64_t file_bytes_max; /* 0: no file */
    const char *directory;  /* of the file */
};

/* Suspends. Relays the rest of the body and ends the response. *reading: how the upstream's half
 * ended; when it is not WEND_OK the response was left open. Returns how the client's half ended. */
enum wend_code wend_upstream_spool(struct wend_exchange *x, struct wend_h1_client *client,
                                   const struct wend_upstream_spool_settings *settings,
                                   enum wend_code *reading) WEND_MUST_CHECK;

#endif
