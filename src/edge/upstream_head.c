/* edge/upstream_head.c - see edge/upstream_head.h. */
#include "edge/upstream_head.h"

/* Fields that end at this hop, and those nginx keeps to itself unless proxy_pass_header says
 * otherwise. */
static bool is_hop_field(enum wend_field_id id)
{
    switch (id) {
    case WEND_FIELD_CONNECTION:
    case WEND_FIELD_KEEP_ALIVE:
    case WEND_FIELD_TRANSFER_ENCODING:
    case WEND_FIELD_CONTENT_LENGTH:
    case WEND_FIELD_TRAILER:
    case WEND_FIELD_PROXY_CONNECTION:
        return true;
    default:
        return false;
    }
}

static bool is_hidden_by_default(const struct wend_field *field)
{
    switch (field->id) {
    case WEND_FIELD_DATE:
    case WEND_FIELD_SERVER:
    case WEND_FIELD_X_ACCEL_EXPIRES:
    case WEND_FIELD_X_ACCEL_REDIRECT:
    case WEND_FIELD_X_ACCEL_LIMIT_RATE:
    case WEND_FIELD_X_ACCEL_BUFFERING:
    case WEND_FIELD_X_ACCEL_CHARSET:
        return true;
    default:
        return wend_str_eq_nocase(field->name, WEND_STR("X-Pad"));
    }
}

static bool is_listed(const struct wend_str *names, size_t count, struct wend_str name)
{
    for (size_t i = 0; i < count; i++)
        if (wend_str_eq_nocase(names[i], name))
            return true;
    return false;
}

static bool passes(const struct wend_upstream *upstream, const struct wend_field *field,
                   bool tunnel)
{
    const struct wend_upstream_settings *settings = upstream->settings;
    struct wend_str options = wend_fields_value(&upstream->head.fields, WEND_FIELD_CONNECTION);

    if (field->hidden || is_hop_field(field->id))
        return false;
    if (field->id == WEND_FIELD_UPGRADE)
        return tunnel;
    if (is_listed(settings->hide, settings->hide_count, field->name))
        return false;
    if (is_hidden_by_default(field))
        return is_listed(settings->pass, settings->pass_count, field->name);
    return options.len == 0 || !wend_field_list_has(options, field->name);
}

static enum wend_code pass_field(struct wend_upstream *upstream, const struct wend_field *field)
{
    struct wend_response *response = &upstream->x->response;
    struct wend_str value = field->value;

    if (upstream->settings->rewrite != NULL &&
        (field->id == WEND_FIELD_LOCATION || field->id == WEND_FIELD_REFRESH ||
         field->id == WEND_FIELD_SET_COOKIE))
        value = upstream->settings->rewrite(upstream, field->id, value);
    if (field->id == WEND_FIELD_CONTENT_TYPE && response->content_type.ptr == NULL) {
        response->content_type = value;
        return WEND_OK;
    }
    return wend_fields_add_name(&response->fields, &upstream->x->task->arena, field->name, value);
}

enum wend_code wend_upstream_make_head(struct wend_upstream *upstream, bool tunnel)
{
    const struct wend_h1_response_head *head = &upstream->head;
    struct wend_response *response = &upstream->x->response;
    enum wend_code code = WEND_OK;

    response->status = head->status;
    response->reason = head->reason;
    response->content_length = head->chunked ? -1 : head->content_length;
    response->content_type = WEND_STR_NULL;
    response->etag = WEND_STR_NULL;
    response->last_modified = -1;
    response->allow_ranges = false;
    response->no_body_framing = tunnel;
    for (unsigned i = 0; code == WEND_OK && i < head->fields.count; i++)
        if (passes(upstream, &head->fields.at[i], tunnel))
            code = pass_field(upstream, &head->fields.at[i]);
    return code;
}
