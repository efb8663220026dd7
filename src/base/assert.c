/* base/assert.c - the last words of a process.
 *
 * Only write(2): the heap and stdio may be what is broken. */
#include "base/assert.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LAST_WORDS_MAX 512

__attribute__((noreturn, cold)) static void say_and_abort(const char *line, int len)
{
    size_t count = len < 0 ? 0 : (size_t)len;

    if (count >= LAST_WORDS_MAX)
        count = LAST_WORDS_MAX - 1;
    /* Nothing is left to do when even this fails. */
    if (write(STDERR_FILENO, line, count) < 0)
        abort();
    abort();
}

void wend_assert_failed(const char *file, int line, const char *expression)
{
    char text[LAST_WORDS_MAX];

    say_and_abort(
        text, snprintf(text, sizeof(text), "wend: %s:%d: not true: %s\n", file, line, expression));
}

void wend_die(const char *what)
{
    char text[LAST_WORDS_MAX];
    int error = errno;

    say_and_abort(text, snprintf(text, sizeof(text), "wend: %s (%d: %s)\n", what, error,
                                 strerrordesc_np(error)));
}
