/* gateway/cgi_head.c - an HTTP head if it starts like one, else CGI's fields. */
#include "gateway/cgi_head.h"

static const struct wend_str http_start = WEND_STR_INIT("HTTP/");

static enum wend_code refuse(struct wend_h1_error *error, const char *text)
{
    *error = (struct wend_h1_error){.status = 502, .text = text};
    return WEND_E_SYNTAX;
}

/* "404 Not Found", "404": three digits, then the reason. */
static bool parse_status(struct wend_str value, struct wend_h1_response_head *head)
{
    uint64_t status;

    if (value.len < 3 || (value.len > 3 && value.ptr[3] != ' ') ||
        !wend_str_to_u64(wend_str_slice(value, 0, 3), &status) || status < 200 || status > 999)
        return false;
    head->status = (int)status;
    head->reason = wend_str_trim(wend_str_from(value, 3));
    return true;
}

static enum wend_code apply_length(struct wend_h1_response_head *head, struct wend_h1_error *error)
{
    uint64_t length;
    bool seen = false;

    for (unsigned i = 0; i < head->fields.count; i++) {
        const struct wend_field *field = &head->fields.at[i];

        if (field->id != WEND_FIELD_CONTENT_LENGTH)
            continue;
        if (seen || !wend_str_to_u64(field->value, &length) || length > INT64_MAX)
            return refuse(error, "Content-Length of the gateway's answer is not one number");
        head->content_length = (int64_t)length;
        seen = true;
    }
    return WEND_OK;
}

static enum wend_code apply_cgi_fields(struct wend_h1_response_head *head,
                                       struct wend_h1_error *error)
{
    struct wend_field *status = wend_fields_find(&head->fields, WEND_FIELD_STATUS);

    head->version = WEND_HTTP_10;
    head->reason = WEND_STR_NULL;
    head->content_length = -1;
    head->chunked = false;
    head->keep_alive = false;
    head->status = wend_fields_find(&head->fields, WEND_FIELD_LOCATION) != NULL ? 302 : 200;
    if (status != NULL) {
        if (!parse_status(status->value, head))
            return refuse(error, "Status of the gateway's answer is not a status");
        status->hidden = 1;
    }
    return apply_length(head, error);
}

enum wend_code wend_cgi_head_parse(struct wend_arena *arena, const char *bytes, size_t len,
                                   const struct wend_h1_limits *limits, size_t *seen,
                                   struct wend_h1_response_head *head, size_t *used,
                                   struct wend_h1_error *error)
{
    size_t known = len < http_start.len ? len : http_start.len;
    struct wend_field *status;
    enum wend_code code;

    if (memcmp(bytes, http_start.ptr, known) == 0) {
        if (known < http_start.len)
            return WEND_MORE;
        code = wend_h1_parse_response(arena, bytes, len, limits, seen, head, used, error);
        if (code != WEND_OK)
            return code;
        status = wend_fields_find(&head->fields, WEND_FIELD_STATUS);
        if (status != NULL)
            status->hidden = 1;
        return WEND_OK;
    }
    *head = (struct wend_h1_response_head){.content_length = -1};
    code = wend_h1_parse_fields(arena, bytes, len, limits, seen, &head->fields, used, error);
    return code == WEND_OK ? apply_cgi_fields(head, error) : code;
}
