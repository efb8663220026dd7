/* gateway/uwsgi_request.h - from a packet's variables to a request. Pure.
 *
 * CGI's names (RFC 3875 4.1) become the neutral form of http/exchange.h. What would make two
 * readers of the same request disagree is refused: a Content-Length that is not one number, a
 * method, target or host with bytes that cannot be in one, a field value with a line end.
 */
#ifndef WEND_GATEWAY_UWSGI_REQUEST_H
#define WEND_GATEWAY_UWSGI_REQUEST_H

#include "http/exchange.h"

struct wend_uwsgi_facts {
    struct wend_address client; /* REMOTE_ADDR and REMOTE_PORT; family 0: not said */
    bool secure;
};

/* `vars` are checked ones. `mounted`: SCRIPT_NAME is taken off the front of PATH_INFO. *text says
 * what is wrong after WEND_E_SYNTAX. */
enum wend_code wend_uwsgi_request_fill(struct wend_arena *arena, struct wend_str vars, bool mounted,
                                       struct wend_request *request, struct wend_uwsgi_facts *facts,
                                       const char **text) WEND_MUST_CHECK;

#endif
