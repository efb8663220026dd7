/* url/url.h - from what a person or a Location field says to the parts of a URL, and back.
 *
 * What it is for. The WHATWG URL standard's parser and serialiser for the two schemes this house
 * fetches, http and https; relative references against a base (redirects, links); and the step
 * before it: completing what people type ("example.org", ":8000/x", "localhost").
 *
 * Who owns what. Parts are slices of literals or of the arena; nothing points into the input. They
 * live as long as the arena.
 *
 * What it promises. Parsing what wend_url_write() wrote gives equal parts, and writing those gives
 * equal bytes. The host is lower case; an IPv4 address is in dotted form whatever its notation was
 * ("0x7f.1" is 127.0.0.1); an IPv6 address is compressed, in brackets. Every part is ASCII without
 * controls or spaces: it can be put on a request line as it is.
 *
 * What it does not do. No IDNA yet: a host with other than ASCII letters (as such or behind %XX)
 * is WEND_E_UNSUPPORTED. Schemes other than http and https are WEND_E_UNSUPPORTED too.
 */
#ifndef WEND_URL_URL_H
#define WEND_URL_URL_H

#include "base/arena.h"
#include "base/code.h"

#define WEND_URL_MAX 65536 /* bytes of input */

struct wend_url {
    struct wend_str scheme;   /* "http" or "https" */
    struct wend_str username; /* percent-encoded; empty: none */
    struct wend_str password; /* percent-encoded; empty: none. Never shown in traces */
    struct wend_str host;     /* "example.org", "127.0.0.1", "[::1]" */
    int port;                 /* -1: the scheme's own */
    struct wend_str path;     /* starts with '/' */
    struct wend_str query;    /* without '?'; ptr NULL: none */
    struct wend_str fragment; /* without '#'; ptr NULL: none. Never sent */
    bool secure;              /* https */
};

/* `base` may be NULL; else `text` may be relative to it.
 *   WEND_OK
 *   WEND_E_URL          not a URL (or relative, without a base)
 *   WEND_E_UNSUPPORTED  another scheme, or a host that needs IDNA
 *   WEND_E_LIMIT        longer than WEND_URL_MAX
 *   WEND_E_MEMORY       the arena is full
 * On failure *why_offset is where in `text` it went wrong and *why a literal that says what; both
 * pointers may be NULL. */
enum wend_code wend_url_parse(struct wend_arena *arena, struct wend_str text,
                              const struct wend_url *base, struct wend_url *out, size_t *why_offset,
                              const char **why) WEND_MUST_CHECK;

/* What a person typed, completed to a URL: a missing scheme becomes https, but http for
 * localhost, *.localhost, IP addresses and a given port other than 443; ":8000/x" is on
 * localhost. What has "://" or is "http:..." is left as it is. *completed (may be NULL) says
 * whether a scheme was added. Codes as above. */
enum wend_code wend_url_complete(struct wend_arena *arena, struct wend_str typed,
                                 struct wend_url *out, bool *completed, size_t *why_offset,
                                 const char **why) WEND_MUST_CHECK;

/* The whole URL; a null slice when the arena is full. */
struct wend_str wend_url_write(struct wend_arena *arena, const struct wend_url *url);
/* The same without username, password and fragment: for traces and Referer. */
struct wend_str wend_url_write_public(struct wend_arena *arena, const struct wend_url *url);
/* "host" or "host:port": the Host field (no port when it is the scheme's own). */
struct wend_str wend_url_write_authority(struct wend_arena *arena, const struct wend_url *url);
/* "/path?query": the request target. */
struct wend_str wend_url_write_target(struct wend_arena *arena, const struct wend_url *url);

/* The port to connect to: url->port or the scheme's own. */
static inline int wend_url_port(const struct wend_url *url)
{
    return url->port >= 0 ? url->port : url->secure ? 443 : 80;
}

/* Same scheme, host and port (RFC 6454): may credentials follow a redirect? */
bool wend_url_same_origin(const struct wend_url *a, const struct wend_url *b);

/* The host is an IPv4 or IPv6 address. */
bool wend_url_host_is_address(const struct wend_url *url);

#endif
