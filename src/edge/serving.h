/* edge/serving.h - one worker's life: it accepts, serves, and obeys.
 *
 * What it promises. At most worker_connections at once: an idle one is closed for a new one, and
 * without an idle one accepting waits. After an order to drain nobody is accepted, what runs is
 * finished, and the process ends when the last connection is closed.
 *
 * Who owns what. A process runs one worker; its connections' callbacks find it by that.
 */
#ifndef WEND_EDGE_SERVING_H
#define WEND_EDGE_SERVING_H

#include "edge/location.h"
#include "net/process.h"

/* The exit status. `reopen_more`: on the order to reopen logs, after the configuration's; may be
 * NULL. */
int wend_edge_run_worker(struct wend_worker *worker, struct wend_edge *edge,
                         void (*reopen_more)(void));

/* All logs of the configuration and of its modules, then `reopen_more`'s. */
void wend_edge_reopen_logs(struct wend_edge *edge, void (*reopen_more)(void));

/* Gives an accepted connection to the protocol its listener speaks. */
void wend_edge_serve_connection(struct wend_loop *loop, struct wend_edge_listen *listen, int fd,
                                const struct wend_address *peer, const struct wend_address *local);

#endif
