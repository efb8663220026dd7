/* edge/log_file.h - the files that log lines go to.
 *
 * What it is for. Every access_log and error_log of the configuration that names a file. One path
 * is opened once, however many directives name it.
 *
 * Who owns what. The process has one set of log files; they are counted: a configuration takes
 * references and gives them back when it is retired. The master opens them before it drops its
 * rights; workers inherit the descriptors.
 *
 * Writing. A line is one write(2) on an O_APPEND descriptor, so lines of several processes never
 * mix. With a buffer, whole lines are collected up to its size, for at most flush_ms, and written
 * as one. A disk that is full costs lines, never a request: after ENOSPC nothing is written for the
 * rest of that second, and the process's log hears of it once a minute.
 *
 * Reopening (USR1). wend_log_files_reopen() opens every path anew and puts it in the place of the
 * old descriptor number, so nothing that holds the number notices. A path that cannot be opened
 * keeps its old file.
 */
#ifndef WEND_EDGE_LOG_FILE_H
#define WEND_EDGE_LOG_FILE_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/code.h"
#include "fiber/loop.h"

#include <sys/types.h>

#define WEND_LOG_FILES_MAX 1024
#define WEND_LOG_BUFFER_MAX (64u << 20)

struct wend_log_file;

/* A reference to the file at `path` (absolute, or relative to the working directory). On WEND_E_IO
 * errno says why. */
enum wend_code wend_log_file_open(struct wend_str path, struct wend_log_file **out) WEND_MUST_CHECK;
void wend_log_file_unref(struct wend_log_file *file);

/* The references a configuration holds: given back together when it is retired, so that a name no
 * configuration mentions any more is closed. */
struct wend_log_file_hold {
    struct wend_log_file *file;
    struct wend_log_file_hold *next;
};
/* As wend_log_file_open(), and notes the reference in *held. */
enum wend_code wend_log_file_hold(struct wend_arena *arena, struct wend_log_file_hold **held,
                                  struct wend_str path, struct wend_log_file **out) WEND_MUST_CHECK;
void wend_log_files_release(struct wend_log_file_hold *held);
/* For a worker, which inherits the files of every configuration its master still knows: closes all
 * but these and `also` (may be NULL). */
void wend_log_files_close_others(const struct wend_log_file_hold *held,
                                 const struct wend_log_file_hold *also);

int wend_log_file_descriptor(const struct wend_log_file *file);

/* A new configuration takes the file over: what an older one said about buffering does not count
 * any more. Every configuration has a number of its own. */
void wend_log_file_claim(struct wend_log_file *file, uint64_t configuration);

/* A buffer for the lines of one directive or more; all three must agree among them (WEND_E_STATE).
 * flush_ms 0: only when it is full. gzip_level 1 to 9: what is flushed is one member of a gzip
 * file, so that the file can be read with zcat at any time; 0: lines are written as they are. */
enum wend_code wend_log_file_buffer(struct wend_log_file *file, size_t bytes, int64_t flush_ms,
                                    int gzip_level) WEND_MUST_CHECK;

/* `line` ends with its newline. `loop`: for the flush timer; NULL before there is one. */
void wend_log_file_write(struct wend_log_file *file, struct wend_loop *loop, struct wend_str line);

/* What the buffers hold goes out: before a worker ends, and before reopening. */
void wend_log_files_flush(void);

/* Who shall own files that are opened anew: the workers' user, who must be able to open them too.
 * Set by a master that is root; the default changes no owner. */
void wend_log_files_belong_to(uid_t owner, gid_t group);

/* For USR1; the master before its workers. */
void wend_log_files_reopen(void);

#endif
