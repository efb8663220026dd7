/* base/log.h - what the operator reads when something is wrong.
 *
 * What it is for. Lines of the error log in nginx's form:
 *     2026/11/21 04:18:56 [error] 123#124: *7 open() "/x" failed (2: No such file or directory)
 * with pid, thread and, after the star, the connection's number.
 *
 * Who owns what. base does no I/O: a line goes to the sink the process set (stderr until then).
 * edge/ sets sinks that know files, levels per location and syslog.
 *
 * What it promises. One line is one call of the sink, with the newline; control bytes in it are
 * escaped as \xHH so that a peer cannot forge a line. Lines are at most WEND_LOG_LINE_MAX bytes.
 */
#ifndef WEND_BASE_LOG_H
#define WEND_BASE_LOG_H

#include "base/str.h"

#define WEND_LOG_LINE_MAX 2048

enum wend_log_level {
    WEND_LOG_STDERR, /* only to the terminal of the person who started it */
    WEND_LOG_EMERG,
    WEND_LOG_ALERT,
    WEND_LOG_CRIT,
    WEND_LOG_ERROR,
    WEND_LOG_WARN,
    WEND_LOG_NOTICE,
    WEND_LOG_INFO,
    WEND_LOG_DEBUG
};

struct wend_log;
typedef void (*wend_log_sink)(struct wend_log *log, enum wend_log_level level,
                              struct wend_str line);

struct wend_log {
    enum wend_log_level level; /* lines above it are not made */
    wend_log_sink sink;
    void *data; /* the sink's */
};

/* The process's log. Never NULL; stderr at notice level at first. */
extern struct wend_log *wend_log_process;

/* `connection` 0: none. `error` 0: none, else " (2: No such file or directory)" is appended. errno
 * is as it was: who tells of a failure may go on to act on it. */
void wend_log_write(struct wend_log *log, enum wend_log_level level, uint64_t connection, int error,
                    const char *format, ...) WEND_PRINTF(5, 6);

#define wend_log(log_, level_, connection, error, ...)                                             \
    do {                                                                                           \
        if ((level_) <= (log_)->level)                                                             \
            wend_log_write((log_), (level_), (connection), (error), __VA_ARGS__);                  \
    } while (0)

/* "emerg" .. "debug"; false when `name` is none. */
bool wend_log_level_parse(struct wend_str name, enum wend_log_level *out);

#endif
