/* base/code.c - names and sentences of the codes, and the codes of errnos. */
#include "base/code.h"

#include <errno.h>
#include <stddef.h>

static const struct {
    const char *name, *text;
} codes[WEND_CODES_COUNT] = {
#define WEND_CODE_ROW(name, text) {#name, text},
    WEND_CODES(WEND_CODE_ROW)
#undef WEND_CODE_ROW
};

const char *wend_code_name(enum wend_code code)
{
    return (size_t)code < WEND_CODES_COUNT ? codes[code].name : "?";
}

const char *wend_code_text(enum wend_code code)
{
    return (size_t)code < WEND_CODES_COUNT ? codes[code].text : "?";
}

enum wend_code wend_code_known_errno(int error)
{
    switch (error) {
    case ECONNRESET:
    case EPIPE:
    case ECONNABORTED:
        return WEND_E_RESET;
    case ECONNREFUSED:
        return WEND_E_REFUSED;
    case ETIMEDOUT:
        return WEND_E_DEADLINE;
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENETDOWN:
        return WEND_E_UNREACHABLE;
    case ENOENT:
    case ENOTDIR:
        return WEND_E_NOT_FOUND;
    case EACCES:
    case EPERM:
        return WEND_E_DENIED;
    case EEXIST:
        return WEND_E_EXISTS;
    case ENOMEM:
        return WEND_E_MEMORY;
    case ENAMETOOLONG:
    case EMFILE:
    case ENFILE:
        return WEND_E_LIMIT;
    default:
        return WEND_OK;
    }
}
