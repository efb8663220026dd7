/* base/code.h - what can go wrong, as values.
 *
 * What it is for. Every function that can fail returns an enum wend_code. The code says what
 * kind of failure it was; the sentence a person reads (subject, place, advice) is recorded where
 * the failure is found: wend_fail() in fiber/task.h, or a message in the configuration parser.
 *
 * What it promises. WEND_OK is 0. Needing more bytes is not an error (WEND_MORE is not one).
 */
#ifndef WEND_BASE_CODE_H
#define WEND_BASE_CODE_H

#include <stdbool.h>

/* name, one line for people */
#define WEND_CODES(X)                                                                              \
    X(OK, "ok")                                                                                    \
    X(MORE, "more bytes are needed")                                                               \
    X(DECLINED, "not mine; ask the next one")                                                      \
    X(E_SYNTAX, "malformed input")                                                                 \
    X(E_LIMIT, "a limit was reached")                                                              \
    X(E_MEMORY, "out of memory within its limit")                                                  \
    X(E_DEADLINE, "the time allowed ran out")                                                      \
    X(E_CANCELLED, "the work was cancelled")                                                       \
    X(E_CLOSED, "the peer closed the connection")                                                  \
    X(E_RESET, "the peer reset the connection")                                                    \
    X(E_IO, "an input or output error")                                                            \
    X(E_REFUSED, "the connection was refused")                                                     \
    X(E_UNREACHABLE, "the host cannot be reached")                                                 \
    X(E_NOT_FOUND, "there is no such thing")                                                       \
    X(E_DENIED, "permission denied")                                                               \
    X(E_EXISTS, "it is there already")                                                             \
    X(E_UNSUPPORTED, "not supported")                                                              \
    X(E_CONFIG, "the configuration is wrong")                                                      \
    X(E_PROTOCOL, "the peer broke the protocol")                                                   \
    X(E_STATE, "not possible in this state")                                                       \
    X(E_APP, "the application failed")                                                             \
    X(E_URL, "not a URL")                                                                          \
    X(E_DNS_NAME, "the name does not exist")                                                       \
    X(E_DNS_NONE, "the name has no address")                                                       \
    X(E_DNS_REFUSED, "no name server answered")

enum wend_code {
#define WEND_CODE_ENUM(name, text) WEND_##name,
    WEND_CODES(WEND_CODE_ENUM)
#undef WEND_CODE_ENUM
        WEND_CODES_COUNT
};

/* "E_DEADLINE" and "the time allowed ran out". Static strings. */
const char *wend_code_name(enum wend_code code);
const char *wend_code_text(enum wend_code code);

/* The code of an errno that has one (ECONNRESET, EPIPE -> E_RESET, ENOENT -> E_NOT_FOUND, ...);
 * WEND_OK for the others. */
enum wend_code wend_code_known_errno(int error);

/* Why a call failed; E_IO when its errno has no code. Never WEND_OK: what failed has failed, also
 * when errno was overwritten on the way here. */
static inline enum wend_code wend_code_of_errno(int error)
{
    enum wend_code code = wend_code_known_errno(error);

    return code == WEND_OK ? WEND_E_IO : code;
}

#endif
