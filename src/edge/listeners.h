/* edge/listeners.h - the sockets of a configuration, opened, kept and closed as configurations
 * change.
 *
 * Who owns what. The master owns them. Two configurations may share a descriptor while one takes
 * over from the other; whoever closes looks at the other first.
 *
 * What it promises. While another executable may still accept from the same sockets
 * (net/upgrade.h), the paths of unix sockets stay.
 */
#ifndef WEND_EDGE_LISTENERS_H
#define WEND_EDGE_LISTENERS_H

#include "edge/location.h"
#include "edge/serve.h"

/* Opens what is new and keeps what is open, in `old` (may be NULL) or in the process before an
 * upgrade; on failure nothing of the old is touched and nothing new stays open. Whoever has an
 * address may be about to leave it: a server that is being replaced, a test that has just ended;
 * hence options->bind_tries. */
enum wend_code wend_edge_listeners_open(const struct wend_edge_server_options *options,
                                        struct wend_edge *edge,
                                        const struct wend_edge *old) WEND_MUST_CHECK;

void wend_edge_listeners_close(struct wend_edge *edge, bool remove_paths);
/* Those of `old` that `edge` does not have. */
void wend_edge_listeners_close_unused(struct wend_edge *old, const struct wend_edge *edge);

/* In the child that becomes another executable. */
void wend_edge_listeners_give(const struct wend_edge *edge);

#endif
