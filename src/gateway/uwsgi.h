/* gateway/uwsgi.h - the uwsgi packet: a head of four bytes, then variables. Both ends, pure.
 *
 *      0          1            3          4
 *     +----------+------------+----------+---------------------------------+------------
 *     | modifier1| size, u16le| modifier2| size bytes: (u16le n, n bytes) ×2| body ...
 *     +----------+------------+----------+---------------------------------+------------
 *
 * What it is for. edge/ writes packets towards a uWSGI server (uwsgi_pass); uwsgi_server.h reads
 * those nginx sends. `size` counts the variables only; the body is CONTENT_LENGTH bytes after them.
 *
 * Who owns what. A writer appends to the caller's buffer. A reader returns slices of its bytes.
 *
 * What it promises. A reader never looks outside the given bytes; a length that points past the
 * end, an empty key and a trailing half pair are refused before any variable is used.
 *
 * What it does not do. It gives no variable a meaning, and it knows no sockets.
 */
#ifndef WEND_GATEWAY_UWSGI_H
#define WEND_GATEWAY_UWSGI_H

#include "base/buffer.h"
#include "base/code.h"

#define WEND_UWSGI_HEAD_BYTES 4
#define WEND_UWSGI_VARS_BYTES_MAX 65535 /* what the head's sixteen bits can say */
#define WEND_UWSGI_VARS_MAX 1000        /* pairs of one packet */

/* The first byte says what the packet asks for. The protocol names about fifty; these are spoken.
 */
enum wend_uwsgi_modifier {
    WEND_UWSGI_REQUEST = 0,          /* a request for the application */
    WEND_UWSGI_REQUEST_MOUNTED = 30, /* the same; SCRIPT_NAME is taken off PATH_INFO (deprecated) */
    WEND_UWSGI_PING = 100            /* modifier2 0 asks, 1 answers */
};

struct wend_uwsgi_head {
    uint8_t modifier1, modifier2;
    uint16_t size;
};

/* --- writing ---------------------------------------------------------------------------------- */

/* Starts a packet at the end of `packet`, whose maximum must leave room for head and variables. */
void wend_uwsgi_packet_start(struct wend_buffer *packet, uint8_t modifier1, uint8_t modifier2);
/* A key or value too long for its length field sets `overflow`, as a full buffer does. */
void wend_uwsgi_packet_add(struct wend_buffer *packet, struct wend_str key, struct wend_str value);
/* Writes the size into the head at offset `start` of the buffer. WEND_E_LIMIT: the variables do not
 * fit the packet ("uwsgi request is too big"). */
enum wend_code wend_uwsgi_packet_end(struct wend_buffer *packet, size_t start) WEND_MUST_CHECK;

/* --- reading ---------------------------------------------------------------------------------- */

void wend_uwsgi_head_parse(const char bytes[WEND_UWSGI_HEAD_BYTES], struct wend_uwsgi_head *out);

/* Whether the four bytes are rather the start of "GET /", "POST" or another HTTP request line: a
 * browser or a proxy_pass was pointed at a uwsgi socket. */
bool wend_uwsgi_head_is_http(const struct wend_uwsgi_head *head);

/* Walks all pairs without using any. WEND_E_SYNTAX: a length is wrong, *offset says where.
 * WEND_E_LIMIT: more than WEND_UWSGI_VARS_MAX pairs. */
enum wend_code wend_uwsgi_vars_check(struct wend_str vars, size_t *offset) WEND_MUST_CHECK;

/* The next pair of checked variables; start with *rest = them. False at the end. */
bool wend_uwsgi_vars_next(struct wend_str *rest, struct wend_str *key, struct wend_str *value);

#endif
