/* edge/headers_module.c - fields and trailers added to responses: add_header, add_trailer, expires.
 *
 * A level that adds fields of its own loses those of the levels around it; add_header_inherit merge
 * keeps them, and off drops them even where nothing is added. */
#include "edge/content.h"
#include "edge/expires.h"
#include "edge/request.h"

#include "base/clock.h"

#define ADDED_MAX 1024
#define DAY_S 86400

enum inherit { INHERIT_OFF, INHERIT_ON, INHERIT_MERGE };

struct added {
    struct wend_str name;
    enum wend_field_id id;
    struct wend_template value;
    bool always;
};

struct added_list {
    struct added *at;
    size_t count, room;
};

struct headers_settings {
    struct added_list fields, trailers;
    int fields_inherit, trailers_inherit;
    bool expires_set;
    bool expires_modified;
    struct wend_template expires_text; /* with variables; else `expires` holds the result */
    struct wend_expires expires;
};

/* --- settings -------------------------------------------------------------------------------- */

static void init(void *settings)
{
    struct headers_settings *s = settings;

    s->fields_inherit = s->trailers_inherit = WEND_UNSET;
}

static struct added *grow(struct wend_arena *arena, struct added_list *list)
{
    if (list->count == list->room) {
        size_t room = list->room == 0 ? 8 : list->room * 2;
        struct added *at = wend_arena_array(arena, room, sizeof(*at));

        if (at == NULL)
            return NULL;
        if (list->count > 0)
            memcpy(at, list->at, list->count * sizeof(*at));
        list->at = at;
        list->room = room;
    }
    return &list->at[list->count++];
}

/* add_header and add_trailer: NAME VALUE [always]. */
static enum wend_code set_added(struct wend_conf *conf, const struct wend_directive *row,
                                void *slot)
{
    const struct wend_str *args = conf->statement->args;
    struct added_list *list = slot;
    struct added *added;

    if (conf->statement->count == 4 && !wend_str_eq(args[3], WEND_STR("always")))
        return wend_conf_bad(conf, "invalid parameter \"%.*s\"", WEND_STR_ARG(args[3]));
    if (!wend_field_name_valid(args[1]))
        return wend_conf_bad(conf, "\"%.*s\" is no name for a field of \"%s\"",
                             WEND_STR_ARG(args[1]), row->name);
    if (list->count == ADDED_MAX)
        return wend_conf_bad(conf, "more than %d \"%s\" directives", ADDED_MAX, row->name);
    added = grow(conf->arena, list);
    if (added == NULL)
        return WEND_E_MEMORY;
    added->name = args[1];
    added->id = wend_field_lookup(args[1]);
    added->always = conf->statement->count == 4;
    return wend_template_compile(conf, args[2], &added->value);
}

static enum wend_code set_expires(struct wend_conf *conf, const struct wend_directive *row,
                                  void *slot)
{
    const struct wend_str *args = conf->statement->args;
    struct headers_settings *s = slot;
    struct wend_str time = args[conf->statement->count - 1];

    (void)row;
    if (s->expires_set)
        return wend_conf_bad(conf, "\"expires\" directive is duplicate");
    s->expires_set = true;
    s->expires_modified = conf->statement->count == 3;
    if (s->expires_modified && !wend_str_eq(args[1], WEND_STR("modified")))
        return wend_conf_bad(conf, "\"expires\" directive invalid value");
    if (s->expires_modified && wend_str_starts(time, WEND_STR("@")))
        return wend_conf_bad(conf, "\"expires\" directive daily time cannot be used with "
                                   "\"modified\" parameter");
    if (wend_template_has_variables(time))
        return wend_template_compile(conf, time, &s->expires_text);
    if (wend_str_starts(time, WEND_STR("@")) && wend_conf_sec(wend_str_from(time, 1)) > DAY_S)
        return wend_conf_bad(conf, "\"expires\" directive daily time value must be less than 24 "
                                   "hours");
    if (!wend_expires_parse(time, s->expires_modified, &s->expires))
        return wend_conf_bad(conf, "\"expires\" directive invalid value");
    return WEND_OK;
}

#define WEND_CTX_WITH_IF (WEND_CTX_HTTP_ALL | WEND_CTX_IF_LOCATION)
#define PLACE .contexts = WEND_CTX_WITH_IF, .level = WEND_LEVEL_LOCATION
#define SLOT(member) .offset = offsetof(struct headers_settings, member)

static const struct wend_conf_word inherits[] = {
    {"off", INHERIT_OFF},
    {"on", INHERIT_ON},
    {"merge", INHERIT_MERGE},
    {NULL, 0},
};

/* clang-format off */
static const struct wend_directive rows[] = {
    {.name = "add_header", PLACE, .args_min = 2, .args_max = 3, .set = set_added, SLOT(fields),
     .once_checked = true,
     .help = "A field added to answers of 200, 201, 204, 206, 301-304, 307, 308; `always`: to all."},
    {.name = "add_trailer", PLACE, .args_min = 2, .args_max = 3, .set = set_added, SLOT(trailers),
     .once_checked = true, .help = "The same, after the body, for clients of HTTP/1.1."},
    {.name = "add_header_inherit", PLACE, .args_min = 1, .args_max = 1, .set = wend_set_enum,
     SLOT(fields_inherit), .extra = inherits, .fallback = "on",
     .help = "on: a level's own add_header replace the outer ones; merge: they join them; off."},
    {.name = "add_trailer_inherit", PLACE, .args_min = 1, .args_max = 1, .set = wend_set_enum,
     SLOT(trailers_inherit), .extra = inherits, .fallback = "on",
     .help = "The same for add_trailer."},
    {.name = "expires", PLACE, .args_min = 1, .args_max = 2, .set = set_expires,
     .once_checked = true, .fallback = "off",
     .help = "Expires and Cache-Control: [modified] TIME, @TIME, epoch, max or off."},
};
/* clang-format on */

static enum wend_code inherit(struct wend_arena *arena, int how, const struct added_list *parent,
                              struct added_list *own)
{
    struct added_list merged = {0};

    if (how == INHERIT_OFF || parent->count == 0)
        return WEND_OK;
    if (own->count == 0) {
        *own = *parent;
        own->room = own->count; /* grown by nobody: it is the parent's */
        return WEND_OK;
    }
    if (how == INHERIT_ON)
        return WEND_OK;
    merged.room = parent->count + own->count;
    merged.at = wend_arena_array(arena, merged.room, sizeof(*merged.at));
    if (merged.at == NULL)
        return WEND_E_MEMORY;
    memcpy(merged.at, parent->at, parent->count * sizeof(*merged.at));
    memcpy(merged.at + parent->count, own->at, own->count * sizeof(*merged.at));
    merged.count = merged.room;
    *own = merged;
    return WEND_OK;
}

static enum wend_code merge(struct wend_conf *conf, void *parent_settings, void *child_settings)
{
    const struct headers_settings *parent = parent_settings;
    struct headers_settings *s = child_settings;
    enum wend_code code;

    WEND_MERGE(s->fields_inherit, parent->fields_inherit, INHERIT_ON);
    WEND_MERGE(s->trailers_inherit, parent->trailers_inherit, INHERIT_ON);
    code = inherit(conf->arena, s->fields_inherit, &parent->fields, &s->fields);
    if (code == WEND_OK)
        code = inherit(conf->arena, s->trailers_inherit, &parent->trailers, &s->trailers);
    if (!s->expires_set) {
        s->expires_set = parent->expires_set;
        s->expires_modified = parent->expires_modified;
        s->expires_text = parent->expires_text;
        s->expires = parent->expires;
    }
    return code;
}

/* --- fields ---------------------------------------------------------------------------------- */

static enum wend_code apply_expires(struct wend_exchange *x, const struct headers_settings *s)
{
    struct wend_expires expires = s->expires;

    if (wend_template_set(&s->expires_text)) {
        struct wend_str text = wend_template_value(x, &s->expires_text);

        /* What a variable says is not checked before it is there: nonsense changes nothing. */
        if (!wend_expires_parse(text, s->expires_modified, &expires))
            return WEND_OK;
    }
    return wend_expires_apply(x, &expires, wend_loop_wall_ns(x->task->loop) / WEND_NS_PER_S);
}

/* The validators are not mere fields: conditions and ranges go by them. */
static enum wend_code set_last_modified(struct wend_exchange *x, struct wend_str value)
{
    struct wend_response *response = &x->response;
    int64_t unix_s;

    response->last_modified = -1;
    wend_fields_remove(&response->fields, WEND_FIELD_LAST_MODIFIED);
    if (value.len == 0)
        return WEND_OK;
    if (wend_clock_parse_http(value, &unix_s)) {
        response->last_modified = unix_s;
        return WEND_OK;
    }
    return wend_fields_add(&response->fields, &x->task->arena, WEND_FIELD_LAST_MODIFIED, value);
}

static enum wend_code add_field(struct wend_exchange *x, const struct added *added)
{
    struct wend_str value = wend_template_value(x, &added->value);

    if (value.ptr == NULL)
        return WEND_E_LIMIT;
    /* A variable may hold what a peer sent: it must not end the field and begin another. */
    if (!wend_field_value_valid(value))
        return WEND_OK;
    if (added->id == WEND_FIELD_LAST_MODIFIED)
        return set_last_modified(x, value);
    if (added->id == WEND_FIELD_ETAG) {
        wend_fields_remove(&x->response.fields, WEND_FIELD_ETAG);
        x->response.etag = value.len == 0 ? WEND_STR_NULL : value;
        return WEND_OK;
    }
    if (value.len == 0)
        return WEND_OK;
    return wend_fields_add_name(&x->response.fields, &x->task->arena, added->name, value);
}

static const struct headers_settings *settings_of(const struct wend_exchange *x)
{
    const struct wend_edge_request *r = wend_edge_of(x);

    if (r == NULL || r->levels == NULL)
        return NULL;
    return wend_edge_settings(x, &wend_edge_headers, WEND_LEVEL_LOCATION);
}

static bool takes(const struct added *added, bool usual)
{
    return usual || added->always;
}

static bool head(struct wend_exchange *x, void **state)
{
    const struct headers_settings *s = settings_of(x);
    bool usual = wend_status_takes_fields(x->response.status);
    enum wend_code code = WEND_OK;

    if (s == NULL)
        return false;
    (void)state;
    if (s->expires_set && usual)
        code = apply_expires(x, s);
    for (size_t i = 0; i < s->fields.count && code == WEND_OK; i++)
        if (takes(&s->fields.at[i], usual))
            code = add_field(x, &s->fields.at[i]);
    if (code != WEND_OK)
        wend_edge_log(x, WEND_LOG_ERROR, 0, "fields could not be added: %s", wend_code_text(code));
    return false;
}

const struct wend_filter wend_edge_filter_headers = {
    .name = "headers",
    .head = head,
};

/* --- trailers -------------------------------------------------------------------------------- */

/* Trailers need chunks: HTTP/1.1 and no length told beforehand. */
static bool trailers_head(struct wend_exchange *x, void **state)
{
    const struct headers_settings *s = settings_of(x);
    bool usual = wend_status_takes_fields(x->response.status), any = false;

    if (s == NULL)
        return false;
    *state = (void *)s;
    for (size_t i = 0; i < s->trailers.count; i++)
        any = any || takes(&s->trailers.at[i], usual);
    if (!any || x->request.version < WEND_HTTP_11 || !x->policy->chunked || x->header_only ||
        x->request.method == WEND_HEAD)
        return false;
    x->response.content_length = -1;
    return true;
}

/* Values of trailers may depend on the body: they are made when it has gone by. */
static enum wend_code trailers_body(struct wend_exchange *x, struct wend_filter_link *link,
                                    void *state, const struct wend_piece *pieces, size_t count,
                                    bool last)
{
    const struct headers_settings *s = state;
    bool usual = wend_status_takes_fields(x->response.status);
    enum wend_code code;

    if (!last)
        return wend_filter_next(x, link, pieces, count, false);
    if (count > 0) {
        code = wend_filter_next(x, link, pieces, count, false);
        if (code != WEND_OK)
            return code;
    }
    for (size_t i = 0; i < s->trailers.count; i++) {
        const struct added *added = &s->trailers.at[i];
        struct wend_str value;

        if (!takes(added, usual))
            continue;
        value = wend_template_value(x, &added->value);
        if (value.len == 0 || !wend_field_value_valid(value))
            continue;
        code = wend_fields_add_name(&x->response.trailers, &x->task->arena, added->name, value);
        if (code != WEND_OK)
            return code;
    }
    return wend_filter_next(x, link, NULL, 0, true);
}

const struct wend_filter wend_edge_filter_trailers = {
    .name = "trailers",
    .head = trailers_head,
    .body = trailers_body,
};

const struct wend_edge_module wend_edge_headers = {
    .name = "http_headers",
    .rows = rows,
    .row_count = WEND_COUNT(rows),
    .sizes = {[WEND_LEVEL_LOCATION] = sizeof(struct headers_settings)},
    .init = {[WEND_LEVEL_LOCATION] = init},
    .merge_location = merge,
};
