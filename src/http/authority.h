/* http/authority.h - "host[:port]", as the Host field and absolute request targets say it.
 *
 * What it promises. RFC 3986 3.2.2 to the letter, but stricter where letters lead nowhere: no empty
 * host, no empty label, no port 0 or above 65535. So a host never holds a slash, a space, a
 * quote or an angle bracket: it can stand in a log line, a Location field or a page.
 */
#ifndef WEND_HTTP_AUTHORITY_H
#define WEND_HTTP_AUTHORITY_H

#include "base/arena.h"
#include "base/code.h"

/* *host: lower case, without a final dot, IPv6 in brackets; a slice of `text` when it was so
 * already, else in the arena. *port: -1 when none or an empty one is given.
 *   WEND_OK, WEND_E_SYNTAX, WEND_E_MEMORY */
enum wend_code wend_authority_parse(struct wend_arena *arena, struct wend_str text,
                                    struct wend_str *host, int *port) WEND_MUST_CHECK;

#endif
