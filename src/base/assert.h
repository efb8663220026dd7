/* base/assert.h - statements that are true unless the program is wrong.
 *
 * WEND_ASSERT is always on and cheap. Bytes from a peer, a file or a user are never asserted.
 * WEND_CHECK_SLOW walks whole structures; only builds with -Dslow_checks=true run it.
 */
#ifndef WEND_BASE_ASSERT_H
#define WEND_BASE_ASSERT_H

/* Prints file, line and expression with write(2) to stderr, then abort()s. */
__attribute__((noreturn, cold)) void wend_assert_failed(const char *file, int line,
                                                        const char *expression);

/* Prints `what` and errno's text, then abort()s: the machine has no memory left, or the kernel
 * refused what cannot be refused. */
__attribute__((noreturn, cold)) void wend_die(const char *what);

#define WEND_ASSERT(expression)                                                                    \
    do {                                                                                           \
        if (__builtin_expect(!(expression), 0))                                                    \
            wend_assert_failed(__FILE__, __LINE__, #expression);                                   \
    } while (0)

#ifdef WEND_SLOW_CHECKS
#define WEND_CHECK_SLOW(expression) WEND_ASSERT(expression)
#else
#define WEND_CHECK_SLOW(expression) ((void)0)
#endif

#endif
