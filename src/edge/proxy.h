/* edge/proxy.h - proxy_pass: a request answered by another HTTP server.
 *
 * Its URI. `proxy_pass http://host;` sends the client's own target, byte for byte, as long as no
 * rewrite changed it. `proxy_pass http://host/uri;` puts /uri in the place of the location's name,
 * escaping the rest. With variables the URL is what they give, and goes as it is.
 *
 * Its fields. Host and Connection are ours, hop-by-hop ones stay here; `proxy_set_header` replaces
 * any, and inherits from the enclosing place only when this one has none of its own, as in nginx.
 */
#ifndef WEND_EDGE_PROXY_H
#define WEND_EDGE_PROXY_H

#include "edge/module.h"

extern const struct wend_edge_module wend_edge_proxy;

#endif
