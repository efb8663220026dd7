/* url/host.h - the host of a URL: names, IPv4 in all its notations, IPv6 (WHATWG URL 3.5).
 *
 * Pure. Results live in the arena. No IDNA: see url/url.h. */
#ifndef WEND_URL_HOST_H
#define WEND_URL_HOST_H

#include "base/arena.h"
#include "base/code.h"

/* WEND_OK, WEND_E_URL, WEND_E_UNSUPPORTED (IDNA), WEND_E_MEMORY; *why_offset and *why as in
 * url/url.h. */
enum wend_code wend_url_host_parse(struct wend_arena *arena, struct wend_str text,
                                   struct wend_str *host, size_t *why_offset,
                                   const char **why) WEND_MUST_CHECK;

#endif
