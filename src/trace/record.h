/* trace/record.h - a finished trace in at most a kilobyte.
 *
 * What it is for. The ring of recent traces in shared memory: written by the worker that served the
 * request, read by whoever was asked for it.
 *
 * What it promises. Times are converted to nanoseconds when written, since ticks mean nothing
 * to another machine. A record always fits: notes are cut at WEND_RECORD_NOTE_MAX bytes, left out
 * when the room grows short, and the last spans are counted as dropped when even that is not
 * enough. Reading trusts no byte: a torn or foreign record is an error, never a wrong read.
 *
 *     version 1 | ids 4 x 8 | wall 8 | count 2 | dropped 2 | subject | spans ...
 *     span:   event | parent + 1 | start | length + 1, 0: open | number, zigzag | note
 *
 * Numbers without a width are LEB128; texts are a length and their bytes. Byte order and the
 * events' numbers are this program's own: a ring is never handed to a build with another
 * events.def.
 */
#ifndef WEND_TRACE_RECORD_H
#define WEND_TRACE_RECORD_H

#include "base/code.h"
#include "trace/view.h"

#define WEND_RECORD_MAX 1024
#define WEND_RECORD_SUBJECT_MAX 256
#define WEND_RECORD_NOTE_MAX 96

/* Writes the record of `trace` at `out`, returns its length. `subject`: the request line. */
size_t wend_record_write(const struct wend_trace *trace, struct wend_str subject,
                         char out[WEND_RECORD_MAX]);

/* `view`'s texts are slices of `record`. WEND_E_SYNTAX: it is none. */
enum wend_code wend_record_read(struct wend_str record, struct wend_view *view) WEND_MUST_CHECK;

#endif
