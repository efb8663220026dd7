/* http/h1_reader.c - lines, fields and framing rules of HTTP/1 heads. */
#include "http/h1_reader.h"

#include "http/chars.h"
#include "http/h1_scan.h"

/* Enough for nearly every request: one allocation of less than 1 KiB. */
#define FIELDS_ROOM 24

const struct wend_h1_limits wend_h1_limits_default = {
    .line_bytes = 8192,
    .field_bytes = 8192,
    .head_bytes = 33 * 1024,
    .fields = WEND_FIELDS_MAX,
    .underscores = false,
    .ignore_invalid = true,
};

bool wend_h1_still_incomplete(const char *bytes, size_t len, size_t seen,
                              const struct wend_h1_limits *limits)
{
    if (seen == 0 || seen >= len || len >= limits->head_bytes)
        return false;
    if (len - seen >= limits->line_bytes || len - seen >= limits->field_bytes)
        return false;
    /* A CR that is not the last byte ends the line or is wrong. */
    return memchr(bytes + seen, '\n', len - seen) == NULL &&
           memchr(bytes + seen, '\r', len - seen - 1) == NULL;
}

enum wend_code wend_h1_refuse(struct wend_h1_reader *r, const char *where, int status,
                              const char *text)
{
    *r->error = (struct wend_h1_error){status, (size_t)(where - r->start), text};
    return WEND_E_SYNTAX;
}

enum wend_code wend_h1_malformed(struct wend_h1_reader *r, const char *where, const char *text)
{
    return wend_h1_refuse(r, where, r->policy == WEND_H1_CLIENT ? 502 : 400, text);
}

/* 494 is nginx's own number for it; on the wire it is 400. */
static enum wend_code too_large(struct wend_h1_reader *r, const char *text)
{
    int status = r->policy == WEND_H1_NGINX ? 494 : r->policy == WEND_H1_STRICT ? 431 : 502;

    (void)wend_h1_refuse(r, r->at, status, text);
    return WEND_E_LIMIT;
}

enum wend_code wend_h1_end_line(struct wend_h1_reader *r)
{
    const char *at = r->at;

    if (at == r->end)
        return WEND_MORE;
    if (WEND_LIKELY(*at == '\r')) {
        if (at + 1 == r->end)
            return WEND_MORE;
        if (at[1] != '\n')
            return wend_h1_malformed(r, at, "a CR that no LF follows");
        r->at = at + 2;
        return WEND_OK;
    }
    if (*at != '\n')
        return wend_h1_malformed(r, at, "a byte that is not allowed here");
    if (r->policy == WEND_H1_STRICT)
        return wend_h1_malformed(r, at, "a line that ends with LF alone; lines end with CR LF");
    r->bare_lf = true;
    r->at = at + 1;
    return WEND_OK;
}

/* A field line has not ended yet: may it still? */
static enum wend_code more_of_field(struct wend_h1_reader *r)
{
    if ((size_t)(r->end - r->line) >= r->limits->field_bytes)
        return too_large(r, "a field line longer than the limit");
    if ((size_t)(r->end - r->start) >= r->limits->head_bytes)
        return too_large(r, "a head longer than the limit");
    return WEND_MORE;
}

/* The name up to the colon. *take says whether the field is kept: names that are odd but harmless
 * are dropped when the limits say so, as nginx does. */
static enum wend_code read_name(struct wend_h1_reader *r, struct wend_str *name, bool *take)
{
    const char *at = r->at;
    unsigned all = 0xff, wanted;

    for (; at < r->end; at++) {
        uint8_t classes = wend_http_chars[(uint8_t)*at];

        if ((classes & WEND_CHAR_TOKEN) == 0)
            break;
        all &= classes;
    }
    /* Bytes that are no token but cannot be mistaken for the end of the name either. */
    if (WEND_UNLIKELY(at < r->end && *at != ':' && r->policy != WEND_H1_STRICT)) {
        all = 0;
        while (at < r->end && (uint8_t)*at > 0x20 && *at != 0x7f && *at != ':')
            at++;
    }
    if (at == r->end)
        return WEND_MORE;
    if (WEND_UNLIKELY(*at != ':')) {
        if (at == r->at && (*at == ' ' || *at == '\t'))
            return wend_h1_malformed(r, at, "a folded field line; folding is obsolete");
        if (*at == ' ' || *at == '\t')
            return wend_h1_malformed(r, at, "white space in or after a field name");
        if (*at == '\r' || *at == '\n')
            return wend_h1_malformed(r, at, "a field line without a colon");
        return wend_h1_malformed(r, at, "a byte that is not allowed in a field name");
    }
    if (at == r->at)
        return wend_h1_malformed(r, at, "a field without a name");
    *name = wend_str_make(r->at, (size_t)(at - r->at));
    r->at = at + 1;
    wanted =
        r->limits->underscores || r->policy == WEND_H1_CLIENT ? WEND_CHAR_PLAIN_ : WEND_CHAR_PLAIN;
    *take = true;
    if (WEND_LIKELY((all & wanted) != 0))
        return WEND_OK;
    /* Any token is fine but under nginx's eyes; an underscore is fine nowhere unless allowed: once
     * it is in CGI's variables nobody can tell X_Y from X-Y. */
    if (r->policy != WEND_H1_NGINX && (all & WEND_CHAR_TOKEN) != 0 &&
        (r->limits->underscores || r->policy == WEND_H1_CLIENT ||
         wend_str_find_byte(*name, '_') < 0))
        return WEND_OK;
    *take = false;
    if (r->limits->ignore_invalid)
        return WEND_OK;
    return wend_h1_malformed(r, name->ptr, "a field name with bytes that are not allowed");
}

static bool is_space(const struct wend_h1_reader *r, char c)
{
    return c == ' ' || (c == '\t' && r->policy != WEND_H1_NGINX); /* nginx keeps tabs */
}

/* The value and the end of its line. */
static enum wend_code read_value(struct wend_h1_reader *r, struct wend_str *value)
{
    const char *at = r->at, *stop;

    while (at < r->end && is_space(r, *at))
        at++;
    stop = wend_h1_find_control(at, r->end);
    while (WEND_UNLIKELY(stop < r->end && *stop != '\r' && *stop != '\n')) {
        if (*stop == '\0')
            return wend_h1_malformed(r, stop, "a NUL byte in a field value");
        if (r->policy == WEND_H1_STRICT)
            return wend_h1_malformed(r, stop, "a control byte in a field value");
        stop = wend_h1_find_control(stop + 1, r->end);
    }
    r->at = stop;
    while (stop > at && is_space(r, stop[-1]))
        stop--;
    *value = wend_str_make(at, (size_t)(stop - at));
    return wend_h1_end_line(r);
}

static enum wend_code read_field(struct wend_h1_reader *r, struct wend_fields *fields)
{
    struct wend_str name = WEND_STR_NULL, value = WEND_STR_NULL;
    enum wend_field_id id;
    enum wend_code code;
    uint64_t bit;
    bool take = false;

    code = read_name(r, &name, &take);
    if (code == WEND_OK)
        code = read_value(r, &value);
    if (WEND_UNLIKELY(code != WEND_OK))
        return code == WEND_MORE ? more_of_field(r) : code;
    if (WEND_UNLIKELY((size_t)(r->at - r->line) > r->limits->field_bytes))
        return too_large(r, "a field line longer than the limit");
    if (WEND_UNLIKELY((size_t)(r->at - r->start) > r->limits->head_bytes))
        return too_large(r, "a head longer than the limit");
    if (WEND_UNLIKELY(!take))
        return WEND_OK;
    id = wend_field_lookup(name);
    bit = id < 64 ? UINT64_C(1) << id : 0;
    r->repeated |= fields->present & bit;
    code = wend_fields_add_row(fields, r->arena, id, name, value);
    return code == WEND_OK ? WEND_OK : too_large(r, "more fields than the limit");
}

enum wend_code wend_h1_read_fields(struct wend_h1_reader *r, struct wend_fields *fields)
{
    unsigned room = r->limits->fields < FIELDS_ROOM ? r->limits->fields : FIELDS_ROOM;
    struct wend_field *first = wend_arena_alloc(r->arena, room * sizeof(*first));
    enum wend_code code;

    wend_fields_init(fields, first, first == NULL ? 0 : room, r->limits->fields);
    for (;;) {
        r->line = r->at;
        if (r->at == r->end)
            return more_of_field(r);
        if (*r->at == '\r' || *r->at == '\n') {
            code = wend_h1_end_line(r);
            break;
        }
        code = read_field(r, fields);
        if (code != WEND_OK)
            return code;
    }
    if (code == WEND_MORE)
        return more_of_field(r);
    if (code == WEND_OK && (size_t)(r->at - r->start) > r->limits->head_bytes)
        return too_large(r, "a head longer than the limit");
    return code;
}

/* Whether this field's id is known to have come more than once. */
static bool is_repeated(const struct wend_h1_reader *r, enum wend_field_id id)
{
    return (r->repeated & (UINT64_C(1) << id)) != 0;
}

static enum wend_code read_content_length(struct wend_h1_reader *r, struct wend_str value,
                                          int64_t *content_length)
{
    uint64_t length;

    if (is_repeated(r, WEND_FIELD_CONTENT_LENGTH))
        return wend_h1_malformed(r, value.ptr, "more than one Content-Length");
    if (!wend_str_to_u64(value, &length) || length > INT64_MAX)
        return wend_h1_malformed(r, value.ptr, "a Content-Length that is no number");
    *content_length = (int64_t)length;
    return WEND_OK;
}

/* What is wrong with a Transfer-Encoding that is not just "chunked"? Codings nobody here knows are
 * 501 (RFC 9112 6.1); misuse of the one we know, and what is no list of codings at all, is 400. */
static int coding_status(const struct wend_h1_reader *r, struct wend_str value)
{
    struct wend_str rest = value, coding, known = WEND_STR("chunked");
    bool other = false;

    if (r->policy == WEND_H1_NGINX)
        return 501;
    if (r->policy == WEND_H1_CLIENT)
        return 502;
    while (wend_field_list_next(&rest, &coding)) {
        if (!wend_field_name_valid(coding))
            return 400;
        other = other || !wend_str_eq_nocase(coding, known);
    }
    return other ? 501 : 400;
}

static enum wend_code read_transfer_encoding(struct wend_h1_reader *r, struct wend_str value,
                                             enum wend_version version)
{
    /* An HTTP/1.0 hop in between would not have known the field (RFC 9112 6.1). */
    if (version < WEND_HTTP_11)
        return wend_h1_malformed(r, value.ptr, "Transfer-Encoding in HTTP/1.0");
    if (is_repeated(r, WEND_FIELD_TRANSFER_ENCODING))
        return wend_h1_malformed(r, value.ptr, "more than one Transfer-Encoding");
    if (!wend_str_eq_nocase(value, WEND_STR("chunked")))
        return wend_h1_refuse(r, value.ptr, coding_status(r, value),
                              "a Transfer-Encoding that is not exactly \"chunked\"");
    return WEND_OK;
}

enum wend_code wend_h1_read_framing(struct wend_h1_reader *r, const struct wend_fields *fields,
                                    enum wend_version version, int64_t *content_length,
                                    bool *chunked)
{
    const struct wend_field *length = wend_fields_get(fields, WEND_FIELD_CONTENT_LENGTH);
    const struct wend_field *coding = wend_fields_get(fields, WEND_FIELD_TRANSFER_ENCODING);
    enum wend_code code = WEND_OK;

    *content_length = -1;
    *chunked = coding != NULL;
    if (length != NULL)
        code = read_content_length(r, length->value, content_length);
    if (coding == NULL || code != WEND_OK)
        return code;
    if (length != NULL)
        return wend_h1_malformed(r, coding->value.ptr, "both Content-Length and Transfer-Encoding");
    return read_transfer_encoding(r, coding->value, version);
}

bool wend_h1_keeps_alive(const struct wend_fields *fields, enum wend_version version)
{
    bool close = false, keep = false;

    if (wend_fields_get(fields, WEND_FIELD_CONNECTION) != NULL) {
        for (unsigned i = 0; i < fields->count; i++) {
            struct wend_str rest = fields->at[i].value, option;

            if (fields->at[i].id != WEND_FIELD_CONNECTION)
                continue;
            while (wend_field_list_next(&rest, &option)) {
                close = close || wend_str_eq_nocase(option, WEND_STR("close"));
                keep = keep || wend_str_eq_nocase(option, WEND_STR("keep-alive"));
            }
        }
    }
    return !close && (version >= WEND_HTTP_11 || (version == WEND_HTTP_10 && keep));
}
