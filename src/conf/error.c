/* conf/error.c - see conf/error.h. */
#include "conf/error.h"

#include "conf/tree.h"

#include <stdarg.h>
#include <stdio.h>

WEND_PRINTF(4, 0)
static enum wend_code fail(struct wend_conf_error *error, struct wend_str path, unsigned line,
                           const char *format, va_list args)
{
    int len = vsnprintf(error->text, sizeof(error->text), format, args);

    if (path.ptr != NULL && len >= 0 && (size_t)len < sizeof(error->text))
        snprintf(error->text + len, sizeof(error->text) - (size_t)len, " in %.*s:%u",
                 WEND_STR_ARG(path), line);
    return WEND_E_CONFIG;
}

enum wend_code wend_conf_fail(struct wend_conf_error *error, const struct wend_statement *at,
                              const char *format, ...)
{
    bool placed = at != NULL && at->file != NULL;
    va_list args;

    va_start(args, format);
    fail(error, placed ? at->file->path : WEND_STR_NULL, placed ? at->line : 0, format, args);
    va_end(args);
    return WEND_E_CONFIG;
}

enum wend_code wend_conf_fail_at(struct wend_conf_error *error, struct wend_str path, unsigned line,
                                 const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fail(error, path, line, format, args);
    va_end(args);
    return WEND_E_CONFIG;
}

enum wend_code wend_conf_advise(struct wend_conf_error *error, const char *format, ...)
{
    size_t len = strlen(error->text);
    char advice[256];
    va_list args;

    va_start(args, format);
    vsnprintf(advice, sizeof(advice), format, args);
    va_end(args);
    snprintf(error->text + len, sizeof(error->text) - len, " (%s)", advice);
    return WEND_E_CONFIG;
}
