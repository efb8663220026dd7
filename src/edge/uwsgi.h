/* edge/uwsgi.h - uwsgi_pass: a request answered by a server that speaks uwsgi.
 *
 * What it gets is what `uwsgi_param` says, mostly by including uwsgi_params, and every field of the
 * request as HTTP_NAME unless a parameter has that name. CONTENT_LENGTH is the length of the body
 * that follows, whatever the client's framing was; a chunked body is read first. */
#ifndef WEND_EDGE_UWSGI_H
#define WEND_EDGE_UWSGI_H

#include "edge/module.h"

extern const struct wend_edge_module wend_edge_uwsgi;

#endif
