/* edge/traces.h - the traces of recent requests, kept where every worker and whoever asks find
 * them.
 *
 * What it is for. `wend_traces;` answers from here: what happened in the last requests, on any
 * worker.
 *
 * Who owns what. One ring in shared memory for the life of the master: made before the first worker
 * is forked, kept over reloads, inherited by all.
 *
 * What it promises. Keeping a trace takes no lock. A ring of WEND_TRACES_KEPT would be overwritten
 * within milliseconds by a busy server, and nobody could read it; so each worker keeps at most
 * WEND_TRACES_PER_SECOND ordinary ones, after a burst of WEND_TRACES_BURST. Failures (5xx) and slow
 * requests (from WEND_TRACES_SLOW_MS on) have an allowance of the same size of their own, so that
 * a flood of ordinary requests cannot hide them, nor they the rest.
 *
 * What it does not do. It does not decide who may read.
 */
#ifndef WEND_EDGE_TRACES_H
#define WEND_EDGE_TRACES_H

#include "base/buffer.h"
#include "http/exchange.h"

#define WEND_TRACES_KEPT 1024
#define WEND_TRACES_PER_SECOND 100
#define WEND_TRACES_BURST 200
#define WEND_TRACES_SLOW_MS 1000
#define WEND_TRACES_LISTED 50 /* when the question names no number */

/* Makes the ring unless there is one. In the master, before it forks. */
enum wend_code wend_traces_open(void) WEND_MUST_CHECK;

/* After the exchange's response: keeps its trace if its turn has come. */
void wend_traces_keep(const struct wend_exchange *x);

/* {"traces": [{"number": N, "trace": {...}}, ...]}, newest first, at most `count` and as many as
 * the buffer holds. */
void wend_traces_print(struct wend_buffer *out, size_t count);

/* The one of that number, or the newest with that trace id (32 hexadecimal digits).
 * WEND_E_NOT_FOUND: there is none (any more). */
enum wend_code wend_traces_print_one(struct wend_buffer *out,
                                     struct wend_str which) WEND_MUST_CHECK;

#endif
