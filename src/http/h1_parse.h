/* http/h1_parse.h - HTTP/1 heads and chunked bodies (RFC 9112), bytes to structs. Pure.
 *
 * What it is for. Request heads for servers, response heads for clients, chunk framing for both.
 *
 * Policies. Three ways to look at doubtful input, compared in one table in docs/http1-input.md:
 *   WEND_H1_NGINX   what nginx accepts and answers: LF line ends in heads, 400 for too large
 * fields, odd names ignored (ignore_invalid_headers), HTTP/0.9 WEND_H1_STRICT  CRLF only; 431, 411,
 * 417, 501 where the RFCs say so WEND_H1_CLIENT  response heads: LF accepted and reported Field
 * names with an underscore are dropped by both servers' policies unless limits.underscores: in
 * CGI's and WSGI's variables X_Y and X-Y are one.
 * All refuse bare CR, NUL, whitespace before a colon, obs-fold, and any doubt about lengths: both
 * Content-Length and Transfer-Encoding, several or malformed Content-Length, a Transfer-Encoding
 * that is not exactly "chunked", Transfer-Encoding in HTTP/1.0.
 *
 * Who owns what. Results are slices of the caller's bytes, but for the decoded or joined ones that
 * live in `arena`. Nothing is copied otherwise; the bytes must outlive the request.
 *
 * What it promises. Never reads outside the given bytes; never suspends; re-entrant: after
 * WEND_MORE call it again with more bytes (`seen` saves scanning the old ones twice).
 */
#ifndef WEND_HTTP_H1_PARSE_H
#define WEND_HTTP_H1_PARSE_H

#include "base/buffer.h"
#include "http/exchange.h"

enum wend_h1_policy { WEND_H1_NGINX, WEND_H1_STRICT, WEND_H1_CLIENT };

struct wend_h1_limits {
    size_t line_bytes;   /* request line, 414 beyond */
    size_t field_bytes;  /* one field line: 400 (nginx: 494) or 431 beyond */
    size_t head_bytes;   /* all of it: 400 (494) or 431 beyond */
    unsigned fields;     /* their count: 400 (494) or 431 beyond */
    bool underscores;    /* field names with '_' are valid (underscores_in_headers) */
    bool ignore_invalid; /* fields with invalid names are dropped, not refused (nginx) */
};
/* nginx's defaults: 8k line, 8k field, 33k head, 1000 fields, underscores off, ignore on. */
extern const struct wend_h1_limits wend_h1_limits_default;

struct wend_h1_error {
    int status;       /* 400, 405, 414, 417, 431, 494, 501, 505; of a response: 502 */
    size_t offset;    /* of the first wrong byte */
    const char *text; /* what is wrong and what is allowed; a literal */
};

/* Parses one request head from bytes[0 .. len). Empty lines before it are skipped.
 *   WEND_OK     *request is filled, *used is the head's length
 *   WEND_MORE   the head is not complete; nothing of the arena is kept, *seen (0 at first) is where
 * the incomplete line starts. What is wrong in a line that comes in parts may be found only once it
 * is complete WEND_E_SYNTAX / WEND_E_LIMIT   *error says what; the connection must close after the
 * answer. request->line, method and fields parsed so far are kept for the log. */
enum wend_code wend_h1_parse_request(struct wend_arena *arena, const char *bytes, size_t len,
                                     enum wend_h1_policy policy,
                                     const struct wend_h1_limits *limits, size_t *seen,
                                     struct wend_request *request, size_t *used,
                                     struct wend_h1_error *error) WEND_MUST_CHECK;

/* The client's half. `version`, status and reason; content_length, chunked and keep_alive by
 * RFC 9112 6.3 except for the parts that depend on the request's method (HEAD, CONNECT). */
struct wend_h1_response_head {
    enum wend_version version;
    int status;
    struct wend_str reason;
    struct wend_fields fields;
    int64_t content_length; /* -1: none */
    bool chunked;
    bool keep_alive;
    bool bare_lf; /* lines ended with LF alone (RFC 9112 2.2) */
};
enum wend_code wend_h1_parse_response(struct wend_arena *arena, const char *bytes, size_t len,
                                      const struct wend_h1_limits *limits, size_t *seen,
                                      struct wend_h1_response_head *head, size_t *used,
                                      struct wend_h1_error *error) WEND_MUST_CHECK;

/* CGI-style heads (RFC 3875 6): fields up to an empty line, no status line. Used by gateways. */
enum wend_code wend_h1_parse_fields(struct wend_arena *arena, const char *bytes, size_t len,
                                    const struct wend_h1_limits *limits, size_t *seen,
                                    struct wend_fields *fields, size_t *used,
                                    struct wend_h1_error *error) WEND_MUST_CHECK;

/* The whole trailer section of a request, its empty line included, as strictly as a head of the
 * same policy. *error says what is wrong. */
enum wend_code wend_h1_parse_trailers(struct wend_arena *arena, struct wend_str section,
                                      enum wend_h1_policy policy,
                                      const struct wend_h1_limits *limits,
                                      struct wend_fields *fields,
                                      struct wend_h1_error *error) WEND_MUST_CHECK;

/* A chunked body, decoded incrementally (RFC 9112 7.1). Zero it to start. */
#define WEND_H1_CHUNK_LINE_MAX 1024 /* size, extensions and line end */
#define WEND_H1_TRAILER_MAX 16384
struct wend_h1_chunks {
    uint64_t left; /* data bytes left in the current chunk */
    uint32_t line; /* bytes of the current size line, trailers included, so far */
    uint8_t state; /* h1_chunk.c's */
    bool digits;
};
/* Takes framing off bytes[0 .. len). Sets *used, the bytes consumed, and *data, a slice of `bytes`
 * with decoded body bytes (perhaps empty). One call returns at most one slice.
 *   WEND_MORE   not the end yet; feed the rest
 *   WEND_OK     the last chunk and the trailer section were consumed
 *   WEND_E_SYNTAX, WEND_E_LIMIT
 * The trailer section, its empty line included, is appended to `trailer_bytes` (NULL: dropped) for
 * wend_h1_parse_fields() or wend_h1_parse_trailers(). */
enum wend_code wend_h1_chunks_decode(struct wend_h1_chunks *chunks, const char *bytes, size_t len,
                                     size_t *used, struct wend_str *data,
                                     struct wend_buffer *trailer_bytes) WEND_MUST_CHECK;

/* "1f4\r\n" at out (room for 20 bytes); returns its length. */
size_t wend_h1_chunk_head(uint64_t size, char *out);

/* Scans for the first byte that ends a field value: CR, LF or another control but HTAB. The fast
 * one of this CPU and its plain twin, fuzzed against each other. */
extern const char *(*wend_h1_scan_value)(const char *at, const char *end);
const char *wend_h1_scan_value_plain(const char *at, const char *end);

#endif
