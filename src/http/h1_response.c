/* http/h1_response.c - response heads, and heads that are fields alone. */
#include "http/h1_reader.h"
#include "http/h1_scan.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "HTTP/1.1 200" (RFC 9112 4); the space before an absent reason is often absent too. */
#define STATUS_BYTES 12

static enum wend_code read_version_and_status(struct wend_h1_reader *r,
                                              struct wend_h1_response_head *head)
{
    static const char pattern[STATUS_BYTES + 1] = "HTTP/9.9 999"; /* 9: a digit */
    const char *at = r->at;

    for (int i = 0; i < STATUS_BYTES; i++) {
        if (at + i == r->end)
            return WEND_MORE;
        if (pattern[i] == '9' ? !is_digit(at[i]) : at[i] != pattern[i])
            return wend_h1_malformed(r, at + i, "not a status line of HTTP/1");
    }
    if (at[5] != '1')
        return wend_h1_malformed(r, at + 5, "a version other than HTTP/1.0 and HTTP/1.1");
    head->version = at[7] == '0' ? WEND_HTTP_10 : WEND_HTTP_11;
    head->status = (at[9] - '0') * 100 + (at[10] - '0') * 10 + (at[11] - '0');
    if (head->status < 100)
        return wend_h1_malformed(r, at + 9, "a status below 100");
    r->at = at + STATUS_BYTES;
    return WEND_OK;
}

static enum wend_code read_reason(struct wend_h1_reader *r, struct wend_h1_response_head *head)
{
    const char *at = r->at, *stop;

    if (at == r->end)
        return WEND_MORE;
    if (*at == ' ')
        at++;
    else if (*at != '\r' && *at != '\n')
        return wend_h1_malformed(r, at, "a status that is not three digits");
    stop = wend_h1_find_control(at, r->end);
    if (stop < r->end && *stop != '\r' && *stop != '\n')
        return wend_h1_malformed(r, stop, "a control byte in the reason phrase");
    head->reason = wend_str_make(at, (size_t)(stop - at));
    r->at = stop;
    return wend_h1_end_line(r);
}

static enum wend_code read_status_line(struct wend_h1_reader *r, struct wend_h1_response_head *head)
{
    enum wend_code code = read_version_and_status(r, head);
    size_t len;

    if (code == WEND_OK)
        code = read_reason(r, head);
    len = (size_t)((code == WEND_OK ? r->at : r->end) - r->start);
    if (code == WEND_OK || code == WEND_MORE) {
        if (len < r->limits->line_bytes || (code == WEND_OK && len == r->limits->line_bytes))
            return code;
        (void)wend_h1_malformed(r, r->start, "a status line longer than the limit");
        return WEND_E_LIMIT;
    }
    return code;
}

static enum wend_code read_head(struct wend_h1_reader *r, struct wend_h1_response_head *head)
{
    enum wend_code code = read_status_line(r, head);

    if (code == WEND_OK)
        code = wend_h1_read_fields(r, &head->fields);
    if (code == WEND_OK)
        code = wend_h1_read_framing(r, &head->fields, head->version, &head->content_length,
                                    &head->chunked);
    if (code == WEND_OK)
        head->keep_alive = wend_h1_keeps_alive(&head->fields, head->version);
    head->bare_lf = r->bare_lf;
    return code;
}

enum wend_code wend_h1_parse_response(struct wend_arena *arena, const char *bytes, size_t len,
                                      const struct wend_h1_limits *limits, size_t *seen,
                                      struct wend_h1_response_head *head, size_t *used,
                                      struct wend_h1_error *error)
{
    struct wend_h1_reader r =
        wend_h1_reader(arena, wend_str_make(bytes, len), WEND_H1_CLIENT, limits, error);
    struct wend_arena_mark mark = wend_arena_mark(arena);
    enum wend_code code;

    *used = 0;
    if (wend_h1_still_incomplete(bytes, len, *seen, limits))
        return WEND_MORE;
    *head = (struct wend_h1_response_head){.content_length = -1};
    code = read_head(&r, head);
    return wend_h1_walked(&r, code, mark, seen, used);
}

static enum wend_code parse_fields(struct wend_h1_reader *r, size_t *seen,
                                   struct wend_fields *fields, size_t *used)
{
    struct wend_arena_mark mark = wend_arena_mark(r->arena);
    enum wend_code code;

    *used = 0;
    if (wend_h1_still_incomplete(r->start, (size_t)(r->end - r->start), *seen, r->limits))
        return WEND_MORE;
    code = wend_h1_read_fields(r, fields);
    return wend_h1_walked(r, code, mark, seen, used);
}

enum wend_code wend_h1_parse_fields(struct wend_arena *arena, const char *bytes, size_t len,
                                    const struct wend_h1_limits *limits, size_t *seen,
                                    struct wend_fields *fields, size_t *used,
                                    struct wend_h1_error *error)
{
    struct wend_h1_reader r =
        wend_h1_reader(arena, wend_str_make(bytes, len), WEND_H1_CLIENT, limits, error);

    return parse_fields(&r, seen, fields, used);
}

enum wend_code wend_h1_parse_trailers(struct wend_arena *arena, struct wend_str section,
                                      enum wend_h1_policy policy,
                                      const struct wend_h1_limits *limits,
                                      struct wend_fields *fields, struct wend_h1_error *error)
{
    struct wend_h1_reader r = wend_h1_reader(arena, section, policy, limits, error);
    size_t seen = 0, used = 0;
    enum wend_code code = parse_fields(&r, &seen, fields, &used);

    return code == WEND_MORE ? WEND_E_SYNTAX : code;
}
