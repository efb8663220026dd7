/* cmd/fetch_end.c - see cmd/fetch_end.h. */
#include "cmd/fetch_end.h"

#include <stdio.h>

int wend_fetch_exit_code(const struct wend_fetch *fetch, enum wend_code code)
{
    if (code == WEND_OK)
        return 0;
    if (fetch->phase == WEND_FETCH_WRITE)
        return 23;
    if (code == WEND_E_DEADLINE)
        return 28;
    if (code == WEND_E_MEMORY)
        return 27;
    switch (fetch->phase) {
    case WEND_FETCH_URL:
        return code == WEND_E_UNSUPPORTED ? 1 : 3;
    case WEND_FETCH_TLS:
        return 1;
    case WEND_FETCH_RESOLVE:
        return 6;
    case WEND_FETCH_CONNECT:
        return 7;
    case WEND_FETCH_SEND:
        return 55;
    case WEND_FETCH_WAIT:
        if (code == WEND_E_CLOSED)
            return fetch->received == 0 ? 52 : 56;
        return code == WEND_E_SYNTAX || code == WEND_E_PROTOCOL ? 8 : 56;
    case WEND_FETCH_RECEIVE:
        return code == WEND_E_CLOSED ? 18 : 56;
    case WEND_FETCH_REDIRECT:
        return code == WEND_E_LIMIT ? 47 : code == WEND_E_UNSUPPORTED ? 1 : 3;
    default:
        return 56;
    }
}

static const char *const phase_texts[] = {
    [WEND_FETCH_URL] = "the URL",
    [WEND_FETCH_TLS] = "TLS",
    [WEND_FETCH_RESOLVE] = "finding the host",
    [WEND_FETCH_CONNECT] = "connecting",
    [WEND_FETCH_SEND] = "sending the request",
    [WEND_FETCH_WAIT] = "waiting for the answer",
    [WEND_FETCH_RECEIVE] = "receiving the answer",
    [WEND_FETCH_WRITE] = "writing the output",
    [WEND_FETCH_REDIRECT] = "following a redirect",
    [WEND_FETCH_DONE] = "",
};

void wend_fetch_complain(const struct wend_fetch_options *options, const struct wend_task *task,
                         const struct wend_fetch *fetch, enum wend_code code)
{
    const struct wend_failure *failure = &task->failure;
    struct wend_str subject = WEND_STR_NULL, text = wend_str_of(wend_code_text(code));

    if (options->silent && !options->show_error)
        return;
    if (failure->code == code) {
        subject = failure->subject;
        text = failure->text.len > 0 ? failure->text : text;
    } else if (fetch->phase == WEND_FETCH_WAIT && fetch->why != NULL) {
        text = wend_str_of(fetch->why);
    } else if (fetch->phase == WEND_FETCH_WAIT && code == WEND_E_CLOSED && fetch->received == 0) {
        text = WEND_STR("the server closed the connection without an answer");
    } else if (fetch->phase == WEND_FETCH_RECEIVE && code == WEND_E_CLOSED) {
        text = WEND_STR("the answer ended before its end");
    }
    fprintf(stderr, "%s: (%d) %s: %.*s%s%.*s%s%s%s\n", options->program,
            wend_fetch_exit_code(fetch, code), phase_texts[fetch->phase], WEND_STR_ARG(subject),
            subject.len > 0 ? ": " : "", WEND_STR_ARG(text), failure->error != 0 ? " (" : "",
            failure->error != 0 ? strerror(failure->error) : "", failure->error != 0 ? ")" : "");
}
