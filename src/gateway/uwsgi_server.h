/* gateway/uwsgi_server.h - the serving side of uwsgi: packets in, exchanges out.
 *
 * What it is for. `wend app --socket` answers a real nginx (uwsgi_pass) through it: a connection
 * carries one packet, which becomes one exchange for the same handler that HTTP/1 serves.
 *
 * Who owns what. The connection belongs to this module until it is closed. The server outlives it;
 * `unref` says when. The variables live in the exchange's task.
 *
 * What it promises. The front server is believed: REMOTE_ADDR is the client, HTTPS says TLS, and
 * PATH_INFO is the path, decoded already: request.path_raw is its escaped form, so that decoding it
 * gives PATH_INFO back, while request.target is REQUEST_URI as the client sent it. The body is
 * CONTENT_LENGTH bytes. Repeated HTTP_ variables stay repeated fields, for their readers to join.
 * The answer is never chunked and ends with the connection; a torn one resets it.
 *
 * What it does not do. Variables that would change the server (UWSGI_FILE, UWSGI_SETENV, ...) are
 * ignored. Modifiers other than requests and pings are logged and the connection closed.
 *
 * Trace. request, head.
 */
#ifndef WEND_GATEWAY_UWSGI_SERVER_H
#define WEND_GATEWAY_UWSGI_SERVER_H

#include "gateway/uwsgi.h"
#include "http/h1_server.h"

/* Takes the descriptor (non-blocking) and serves its one request. Of `server` it uses handler,
 * reject, finished, connections, unref, policy_default and head_timeout_ms. */
void wend_uwsgi_serve(struct wend_loop *loop, const struct wend_h1_server *server, int fd,
                      const struct wend_address *peer, const struct wend_address *local,
                      uint64_t accept_ticks);

/* Whether `x` came in a uwsgi packet, and the value of one of its variables: SCRIPT_NAME,
 * SERVER_NAME, what uwsgi_param added. A null slice when it is not there. */
bool wend_uwsgi_exchange(const struct wend_exchange *x);
struct wend_str wend_uwsgi_variable(const struct wend_exchange *x, struct wend_str key);
/* All of them, for wend_uwsgi_vars_next(). */
struct wend_str wend_uwsgi_variables(const struct wend_exchange *x);

#endif
