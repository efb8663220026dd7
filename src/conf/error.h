/* conf/error.h - the one message a configuration is refused with.
 *
 * "[emerg] ... in FILE:LINE" without the level, in nginx's words, which stay what tools look for.
 * What we know beyond them follows in parentheses.
 */
#ifndef WEND_CONF_ERROR_H
#define WEND_CONF_ERROR_H

#include "base/code.h"
#include "base/str.h"

struct wend_statement;

struct wend_conf_error {
    char text[2048];
};

/* Formats "MESSAGE in FILE:LINE" for a statement (NULL: no place) and returns WEND_E_CONFIG. */
enum wend_code wend_conf_fail(struct wend_conf_error *error, const struct wend_statement *at,
                              const char *format, ...) WEND_PRINTF(3, 4);

/* The same where there is no statement yet. */
enum wend_code wend_conf_fail_at(struct wend_conf_error *error, struct wend_str path, unsigned line,
                                 const char *format, ...) WEND_PRINTF(4, 5);

/* Appends " (ADVICE)". Returns WEND_E_CONFIG. */
enum wend_code wend_conf_advise(struct wend_conf_error *error, const char *format, ...)
    WEND_PRINTF(2, 3);

#endif
