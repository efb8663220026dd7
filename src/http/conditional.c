/* http/conditional.c - preconditions of a request; see http/conditional.h. */
#include "http/conditional.h"

#include "base/clock.h"
#include "http/etag.h"

static bool request_has(const struct wend_exchange *x, enum wend_field_id id)
{
    return (x->request.fields.present >> id & 1) != 0;
}

static struct wend_str request_value(const struct wend_exchange *x, enum wend_field_id id)
{
    return wend_fields_value(&x->request.fields, id);
}

/* A value that is no date is a moment before every file: it never makes a 304 and fails
 * If-Unmodified-Since. */
static int64_t request_date(const struct wend_exchange *x, enum wend_field_id id)
{
    struct wend_str value = request_value(x, id);
    ptrdiff_t end = wend_str_find_byte(value, ';');
    int64_t unix_s;

    if (end >= 0) /* "; length=123", as old browsers wrote */
        value.len = (size_t)end;
    return wend_clock_parse_http(value, &unix_s) ? unix_s : -1;
}

static bool unmodified_since(const struct wend_exchange *x)
{
    int64_t known = x->response.last_modified;

    return known != -1 && request_date(x, WEND_FIELD_IF_UNMODIFIED_SINCE) >= known;
}

static bool modified_since(const struct wend_exchange *x, enum wend_if_modified_since mode)
{
    int64_t known = x->response.last_modified;
    int64_t since;

    if (known == -1 || mode == WEND_IMS_OFF)
        return true;
    since = request_date(x, WEND_FIELD_IF_MODIFIED_SINCE);
    return mode == WEND_IMS_EXACT ? since != known : since < known;
}

static bool tag_listed(const struct wend_exchange *x, enum wend_field_id id, bool weak)
{
    return wend_etag_in_list(request_value(x, id), x->response.etag, weak);
}

int wend_conditional_check(const struct wend_exchange *x, enum wend_if_modified_since mode)
{
    if (WEND_LIKELY((x->request.fields.present & WEND_CONDITIONAL_FIELDS) == 0) ||
        x->response.status != 200)
        return 200;
    if (request_has(x, WEND_FIELD_IF_UNMODIFIED_SINCE) && !unmodified_since(x))
        return 412;
    if (request_has(x, WEND_FIELD_IF_MATCH) && !tag_listed(x, WEND_FIELD_IF_MATCH, false))
        return 412;
    if (!request_has(x, WEND_FIELD_IF_MODIFIED_SINCE) && !request_has(x, WEND_FIELD_IF_NONE_MATCH))
        return 200;
    if (request_has(x, WEND_FIELD_IF_MODIFIED_SINCE) && modified_since(x, mode))
        return 200;
    if (request_has(x, WEND_FIELD_IF_NONE_MATCH) && !tag_listed(x, WEND_FIELD_IF_NONE_MATCH, true))
        return 200;
    return 304;
}

static void become_not_modified(struct wend_exchange *x)
{
    struct wend_response *response = &x->response;

    response->status = 304;
    response->reason = WEND_STR_NULL;
    response->content_type = WEND_STR_NULL;
    response->content_length = -1;
    response->allow_ranges = false;
    wend_fields_remove(&response->fields, WEND_FIELD_CONTENT_TYPE);
    wend_fields_remove(&response->fields, WEND_FIELD_CONTENT_ENCODING);
    wend_fields_remove(&response->fields, WEND_FIELD_ACCEPT_RANGES);
    x->header_only = true;
}

static void become_failed(struct wend_exchange *x)
{
    struct wend_response *response = &x->response;

    response->status = 412;
    response->reason = WEND_STR_NULL;
    response->fields.count = 0;
    response->fields.present = 0;
    response->content_type = WEND_STR_NULL;
    response->content_length = 0;
    response->etag = WEND_STR_NULL;
    response->last_modified = -1;
    response->allow_ranges = false;
}

bool wend_conditional_head(struct wend_exchange *x, enum wend_if_modified_since mode)
{
    int status = wend_conditional_check(x, mode);

    if (status == 304)
        become_not_modified(x);
    if (status == 412)
        become_failed(x);
    return status == 412;
}

static bool head(struct wend_exchange *x, void **state)
{
    (void)state;
    return wend_conditional_head(x, WEND_IMS_EXACT);
}

/* What the handler goes on pushing belongs to the response that was refused. */
static enum wend_code drop_body(struct wend_exchange *x, struct wend_filter_link *link, void *state,
                                const struct wend_piece *pieces, size_t count, bool last)
{
    (void)state;
    (void)pieces;
    (void)count;
    return last ? wend_filter_next(x, link, NULL, 0, true) : WEND_OK;
}

const struct wend_filter wend_filter_conditional = {
    .name = "conditional",
    .head = head,
    .body = drop_body,
};
