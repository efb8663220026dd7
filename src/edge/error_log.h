/* edge/error_log.h - error_log below the top of the file: an http, server or location block's own.
 *
 * A block with error logs of its own writes to all of them and to none of the blocks around it.
 * Each has its level. The top's own is the process's log (edge/serve.h).
 */
#ifndef WEND_EDGE_ERROR_LOG_H
#define WEND_EDGE_ERROR_LOG_H

#include "base/log.h"
#include "edge/edge.h"

/* Adds a target (a path, "stderr" or "syslog:...") to *log, which is made when it is NULL. */
enum wend_code wend_edge_add_error_log(struct wend_conf *conf, struct wend_str where,
                                       enum wend_log_level level,
                                       struct wend_log **log) WEND_MUST_CHECK;

/* In a worker that starts: the log files of other configurations, inherited from the master, are
 * closed. */
void wend_edge_keep_own_logs(const struct wend_edge *edge);

#endif
