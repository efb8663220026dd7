/* http/h1_reader.h - what the heads of requests, responses and CGI have in common: lines and
 * fields.
 *
 * Private to the HTTP/1 parsers. A reader walks the bytes once; whatever is wrong is refused where
 * it stands, with the offset for the trace and the sentence for the log. */
#ifndef WEND_HTTP_H1_READER_H
#define WEND_HTTP_H1_READER_H

#include "http/h1_parse.h"

struct wend_h1_reader {
    const char *start, *at, *end;
    const char
        *line; /* where the current line starts: an incomplete one is read again from there */
    struct wend_arena *arena;
    const struct wend_h1_limits *limits;
    struct wend_h1_error *error;
    enum wend_h1_policy policy;
    bool bare_lf;      /* a line ended with LF alone */
    uint64_t repeated; /* bit id: the field came more than once (ids < 64) */
};

/* Whether the incomplete line that starts at `seen` cannot have become complete: then there is no
 * need to look at anything again. */
bool wend_h1_still_incomplete(const char *bytes, size_t len, size_t seen,
                              const struct wend_h1_limits *limits);

/* At the beginning of `bytes`. */
static inline struct wend_h1_reader wend_h1_reader(struct wend_arena *arena, struct wend_str bytes,
                                                   enum wend_h1_policy policy,
                                                   const struct wend_h1_limits *limits,
                                                   struct wend_h1_error *error)
{
    return (struct wend_h1_reader){.start = bytes.ptr,
                                   .at = bytes.ptr,
                                   .end = bytes.ptr + bytes.len,
                                   .line = bytes.ptr,
                                   .arena = arena,
                                   .limits = limits,
                                   .error = error,
                                   .policy = policy};
}

/* Passes `code`, the end of a walk, on. WEND_OK: *used is how far it went. WEND_MORE: nothing is
 * kept of what was allocated since `mark`, and *seen is where the incomplete line starts. */
static inline enum wend_code wend_h1_walked(const struct wend_h1_reader *r, enum wend_code code,
                                            struct wend_arena_mark mark, size_t *seen, size_t *used)
{
    if (code == WEND_OK) {
        *used = (size_t)(r->at - r->start);
    } else if (code == WEND_MORE) {
        *seen = (size_t)(r->line - r->start);
        wend_arena_rewind(r->arena, mark);
    }
    return code;
}

/* WEND_E_SYNTAX with *error filled in. */
enum wend_code wend_h1_refuse(struct wend_h1_reader *r, const char *where, int status,
                              const char *text);
/* 400 from a client, 502 from a server. */
enum wend_code wend_h1_malformed(struct wend_h1_reader *r, const char *where, const char *text);

/* Takes CRLF (or LF where the policy allows it) at r->at. */
enum wend_code wend_h1_end_line(struct wend_h1_reader *r);

/* Field lines and the empty line after them. */
enum wend_code wend_h1_read_fields(struct wend_h1_reader *r, struct wend_fields *fields);

/* Content-Length and Transfer-Encoding, all doubts refused. */
enum wend_code wend_h1_read_framing(struct wend_h1_reader *r, const struct wend_fields *fields,
                                    enum wend_version version, int64_t *content_length,
                                    bool *chunked);

/* Whether the connection stays open after this message. */
bool wend_h1_keeps_alive(const struct wend_fields *fields, enum wend_version version);

#endif
