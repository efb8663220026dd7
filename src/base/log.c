/* base/log.c - making the lines of the error log. */
#include "base/log.h"

#include "base/clock.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static const char level_names[][8] = {
    [WEND_LOG_STDERR] = "stderr", [WEND_LOG_EMERG] = "emerg", [WEND_LOG_ALERT] = "alert",
    [WEND_LOG_CRIT] = "crit",     [WEND_LOG_ERROR] = "error", [WEND_LOG_WARN] = "warn",
    [WEND_LOG_NOTICE] = "notice", [WEND_LOG_INFO] = "info",   [WEND_LOG_DEBUG] = "debug"};

static void write_stderr(struct wend_log *log, enum wend_log_level level, struct wend_str line)
{
    ssize_t ignored = write(STDERR_FILENO, line.ptr, line.len);

    /* A log that cannot be written has nowhere to say so. */
    (void)log, (void)level, (void)ignored;
}

static struct wend_log stderr_log = {.level = WEND_LOG_NOTICE, .sink = write_stderr};
struct wend_log *wend_log_process = &stderr_log;

/* A line being made: never beyond its end, whatever is put into it. */
struct line {
    char bytes[WEND_LOG_LINE_MAX];
    size_t len;
};

static void put_escaped(struct line *line, const char *text, size_t len)
{
    static const char hex[] = "0123456789abcdef";

    /* One byte stays free for the newline. */
    for (size_t i = 0; i < len && line->len + 5 <= sizeof(line->bytes); i++) {
        unsigned char byte = (unsigned char)text[i];

        if (byte >= 0x20 && byte != 0x7f) {
            line->bytes[line->len++] = (char)byte;
            continue;
        }
        line->bytes[line->len++] = '\\';
        line->bytes[line->len++] = 'x';
        line->bytes[line->len++] = hex[byte >> 4];
        line->bytes[line->len++] = hex[byte & 15];
    }
}

static void put_format(struct line *line, const char *format, ...) WEND_PRINTF(2, 3);

WEND_PRINTF(2, 0)
static void put_vformat(struct line *line, const char *format, va_list args)
{
    char text[WEND_LOG_LINE_MAX];
    int len = vsnprintf(text, sizeof(text), format, args);

    if (len > 0)
        put_escaped(line, text, (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1);
}

static void put_format(struct line *line, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    put_vformat(line, format, args);
    va_end(args);
}

static const char *level_name(enum wend_log_level level)
{
    return (size_t)level < WEND_COUNT(level_names) ? level_names[level] : "?";
}

void wend_log_write(struct wend_log *log, enum wend_log_level level, uint64_t connection, int error,
                    const char *format, ...)
{
    struct wend_str now = wend_clock_log_now(wend_clock_wall_ns());
    struct line line;
    va_list args;
    int kept = errno;

    line.len = 0;
    put_format(&line, "%.*s [%s] %d#%d: ", WEND_STR_ARG(now), level_name(level), (int)getpid(),
               (int)gettid());
    if (connection != 0)
        put_format(&line, "*%llu ", (unsigned long long)connection);
    va_start(args, format);
    put_vformat(&line, format, args);
    va_end(args);
    if (error != 0) {
        const char *text = strerrordesc_np(error);

        put_format(&line, " (%d: %s)", error, text == NULL ? "Unknown error" : text);
    }
    line.bytes[line.len++] = '\n';
    log->sink(log, level, wend_str_make(line.bytes, line.len));
    errno = kept;
}

bool wend_log_level_parse(struct wend_str name, enum wend_log_level *out)
{
    for (size_t i = WEND_LOG_EMERG; i < WEND_COUNT(level_names); i++) {
        if (wend_str_eq(name, wend_str_of(level_names[i]))) {
            *out = (enum wend_log_level)i;
            return true;
        }
    }
    return false;
}
