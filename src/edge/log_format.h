/* edge/log_format.h - a line of the access log: literal text and values, compiled once.
 *
 * What it is for. `log_format NAME [escape=...] TEXT ...`. The texts are joined; "$name" and
 * "${name}" stand for values. A value that does not exist is "-" with the default escaping, and
 * nothing with the others.
 *
 * What it does not do. It knows no variables: whoever compiles says what a name is, whoever writes
 * gives the value of it.
 */
#ifndef WEND_EDGE_LOG_FORMAT_H
#define WEND_EDGE_LOG_FORMAT_H

#include "base/code.h"
#include "edge/log_escape.h"

#define WEND_LOG_LINE_BYTES_MAX (256u << 10)

struct wend_log_part {
    struct wend_str literal; /* ptr NULL: a value */
    const void *value;       /* whatever stands for a name, to its owner */
};

struct wend_log_format {
    enum wend_log_escape escape;
    struct wend_log_part *parts;
    size_t count;
};

/* nginx's predefined format. */
#define WEND_LOG_COMBINED                                                                          \
    "$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent "             \
    "\"$http_referer\" \"$http_user_agent\""

/* What stands for a name; NULL when it can be none. */
typedef const void *(*wend_log_find)(void *context, struct wend_str name);
/* A null slice when it does not exist now. */
typedef struct wend_str (*wend_log_value)(void *context, const void *value);

/* The texts must live as long as the format. On WEND_E_CONFIG *problem is a sentence for the person
 * who wrote them; its start is nginx's. */
enum wend_code wend_log_format_compile(struct wend_arena *arena, const struct wend_str *texts,
                                       size_t count, enum wend_log_escape escape,
                                       wend_log_find find, void *context,
                                       struct wend_log_format *out,
                                       struct wend_str *problem) WEND_MUST_CHECK;

/* Appends the line, with its newline, to `out`. */
void wend_log_format_write(const struct wend_log_format *format, wend_log_value value,
                           void *context, struct wend_buffer *out);

#endif
