/* edge/error_log.h - where messages go: the error_log lines at the top of the file, and those of a
 * block.
 *
 * A block with error logs of its own writes to all of them whose level admits the message, and to
 * none of the blocks around it. Those at the top of the file are the process's log: they take over
 * from the one named by -e when their configuration was read, and belong to the process from then
 * on.
 */
#ifndef WEND_EDGE_ERROR_LOG_H
#define WEND_EDGE_ERROR_LOG_H

#include "base/log.h"
#include "edge/edge.h"

/* Adds a target (a path, "stderr" or "syslog:...") to *log, which is made when it is NULL. */
enum wend_code wend_edge_add_error_log(struct wend_conf *conf, struct wend_str where,
                                       enum wend_log_level level,
                                       struct wend_log **log) WEND_MUST_CHECK;

/* One line at the top of the file, as written. */
struct wend_error_log {
    struct wend_str where; /* an absolute path, "stderr" (or nothing) or "syslog:..." */
    enum wend_log_level level;
    struct wend_error_log *next;
};
/* Appends a line of the top to *logs. */
enum wend_code wend_edge_note_error_log(struct wend_conf *conf, struct wend_str where,
                                        enum wend_log_level level,
                                        struct wend_error_log **logs) WEND_MUST_CHECK;
bool wend_edge_error_log_is_file(const struct wend_error_log *log);
/* Opens their files for the configuration: one that cannot be written is an error of it. */
enum wend_code wend_edge_hold_error_logs(struct wend_conf *conf,
                                         const struct wend_error_log *logs) WEND_MUST_CHECK;

/* These become the process's log. On a failure, with errno, the one before stays. */
enum wend_code wend_edge_open_error_logs(const struct wend_error_log *logs) WEND_MUST_CHECK;

/* In a worker that starts: the log files of other configurations, inherited from the master, are
 * closed. */
void wend_edge_keep_own_logs(const struct wend_edge *edge);

#endif
