/* http/handler.h - what happens to a request is a function on an exchange.
 *
 * What it is for. A static file, a proxy, a Python application, a C site: the edge picks one and
 * does not know what is behind it.
 *
 * Contract. `serve` runs on the exchange's task and may suspend. It returns
 *   WEND_OK         the response was sent, or x->response.status is set (>= 300, nothing sent) and
 * the server shall make the error page or redirect for it WEND_DECLINED   not mine; the next
 * content handler is asked anything else   it failed: before the head, the server answers with
 * wend_status_of(code); after it, the response is torn
 */
#ifndef WEND_HTTP_HANDLER_H
#define WEND_HTTP_HANDLER_H

#include "http/exchange.h"

struct wend_handler {
    const char *name;
    enum wend_code (*serve)(const struct wend_handler *self, struct wend_exchange *x);
};

static inline enum wend_code wend_serve(const struct wend_handler *handler, struct wend_exchange *x)
{
    return handler->serve(handler, x);
}

/* 413 for E_LIMIT while reading a body, 504 for E_DEADLINE, 499 for E_CLOSED, ..., 500. */
int wend_status_of(enum wend_code code);

#endif
