/* trace/print.h - the printers: one list of spans, read in several ways.
 *
 * Who owns what. Printers append to a buffer of the caller's and allocate nothing else. The
 * buffer's maximum is the limit; its `overflow` tells when it was too small.
 *
 * What they promise. Notes and labels may hold any byte a peer sent: on the terminal control bytes
 * become \xHH, in JSON and in fields they are escaped or replaced as those require.
 *
 * What they do not do. They do not decide who may see a trace.
 */
#ifndef WEND_TRACE_PRINT_H
#define WEND_TRACE_PRINT_H

#include "base/buffer.h"
#include "trace/view.h"

#define WEND_PRINT_COLUMNS_MIN 40
#define WEND_PRINT_COLUMNS_MAX 240

struct wend_print_style {
    int columns; /* of the terminal; clamped to the limits above; 0: 80 */
    bool color;  /* SGR sequences */
    bool ascii;  /* bars of '=' for terminals without UTF-8 */
};

/* The waterfall: a line per span with its label, note, bar and length.
 *
 *   request           GET / 200      ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━   21.4 ms
 *     head                           ━                                38 µs
 *     python          shop.views         ━━━━━━━━━━━━━━━━━━━━━━━━━     20.8 ms
 */
void wend_print_waterfall(struct wend_buffer *out, const struct wend_view *view,
                          const struct wend_print_style *style);

/* The value of a Server-Timing field: `request;dur=21.4;t=0, head;dur=0.04;t=0;desc="..."`, in
 * milliseconds, `t` being the offset. Spans from index `from` on that have ended (all of them
 * when `open` is true), as many as fit into `bytes_max`. Returns the index after the last span
 * looked at. */
#define WEND_SERVER_TIMING_BYTES_MAX 2048
uint16_t wend_print_server_timing(struct wend_buffer *out, const struct wend_view *view,
                                  uint16_t from, bool open, size_t bytes_max);

/* One JSON object: {"id": "32 hex digits"|null, "span", "parent", "time": unix seconds,
 * "duration_ms", "subject", "dropped", "spans": [{"event", "label", "layer", "start_ms",
 * "duration_ms"|null, "parent": index|null, "number", "note"}]}. */
void wend_print_json(struct wend_buffer *out, const struct wend_view *view);

/* "38 µs", "21.4 ms", "1.20 s": at most four significant digits. */
void wend_print_duration(struct wend_buffer *out, int64_t ns);

#endif
