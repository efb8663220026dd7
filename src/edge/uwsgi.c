/* edge/uwsgi.c - directives of uwsgi_pass, its handler and the packet it sends. */
#include "edge/uwsgi.h"

#include "edge/upstream_settings.h"
#include "gateway/cgi_head.h"
#include "gateway/uwsgi.h"

struct uwsgi_param {
    struct wend_str name;
    struct wend_template value;
    bool if_not_empty;
    struct uwsgi_param *next;
};

struct uwsgi_pass {
    struct wend_template address; /* with variables; else the target is known */
    struct wend_upstream_target target;
};

struct uwsgi_location {
    struct wend_upstream_location common; /* first: see WEND_UPSTREAM_ROWS */
    struct uwsgi_pass *pass;
    struct uwsgi_param *params;
    int64_t modifier1, modifier2;
};

struct uwsgi_call {
    struct wend_upstream upstream; /* first */
    struct wend_upstream_settings settings;
    struct wend_body_settings body_settings;
    const struct uwsgi_location *location;
    struct wend_upstream_target target;
    struct wend_buffer packet;
};

/* --- the packet ------------------------------------------------------------------------------- */

static const struct wend_str content_length = WEND_STR_INIT("CONTENT_LENGTH");

static struct wend_str length_text(struct uwsgi_call *call, struct wend_str value)
{
    const struct wend_upstream *upstream = &call->upstream;

    if (upstream->body_bytes == 0 && value.len == 0)
        return value;
    return wend_arena_printf(&upstream->x->task->arena, "%lld", (long long)upstream->body_bytes);
}

static void add_params(struct uwsgi_call *call)
{
    for (const struct uwsgi_param *param = call->location->params; param != NULL;
         param = param->next) {
        struct wend_str value = wend_template_value(call->upstream.x, &param->value);

        if (wend_str_eq(param->name, content_length))
            value = length_text(call, value);
        if (value.len > 0 || !param->if_not_empty)
            wend_uwsgi_packet_add(&call->packet, param->name, value);
    }
}

/* HTTP_ACCEPT_LANGUAGE of Accept-Language. */
static struct wend_str variable_name(struct wend_arena *arena, struct wend_str field)
{
    char *name = wend_arena_alloc(arena, field.len + 5);

    if (name == NULL)
        return WEND_STR_NULL;
    memcpy(name, "HTTP_", 5);
    for (size_t i = 0; i < field.len; i++) {
        char c = field.ptr[i];

        name[i + 5] = c == '-' ? '_' : c >= 'a' && c <= 'z' ? (char)(c & ~0x20) : c;
    }
    return (struct wend_str){name, field.len + 5};
}

static bool is_param(const struct uwsgi_location *location, struct wend_str name)
{
    for (const struct uwsgi_param *param = location->params; param != NULL; param = param->next)
        if (wend_str_eq(param->name, name))
            return true;
    return false;
}

static bool came_before(const struct wend_fields *fields, unsigned index)
{
    for (unsigned i = 0; i < index; i++)
        if (wend_str_eq_nocase(fields->at[i].name, fields->at[index].name))
            return true;
    return false;
}

/* Repeated fields become one variable: a second one of the same name would replace the first. */
static enum wend_code add_fields(struct uwsgi_call *call)
{
    struct wend_exchange *x = call->upstream.x;
    const struct wend_fields *fields = &x->request.fields;

    for (unsigned i = 0; i < fields->count; i++) {
        const struct wend_field *field = &fields->at[i];
        struct wend_str name, value;

        if (field->hidden || field->id == WEND_FIELD_PROXY || came_before(fields, i))
            continue;
        name = variable_name(&x->task->arena, field->name);
        if (name.ptr == NULL)
            return WEND_E_MEMORY;
        if (is_param(call->location, name))
            continue;
        value =
            wend_fields_joined(fields, &x->task->arena, field->name,
                               field->id == WEND_FIELD_COOKIE ? WEND_STR("; ") : WEND_STR(", "));
        wend_uwsgi_packet_add(&call->packet, name, value);
    }
    return WEND_OK;
}

static enum wend_code send_packet(struct wend_task *task, struct wend_upstream *upstream,
                                  struct wend_h1_client *client)
{
    struct uwsgi_call *call = (struct uwsgi_call *)upstream;
    enum wend_code code = WEND_OK;

    wend_buffer_init_arena(&call->packet, &task->arena,
                           WEND_UWSGI_HEAD_BYTES + WEND_UWSGI_VARS_BYTES_MAX);
    wend_uwsgi_packet_start(&call->packet, (uint8_t)call->location->modifier1,
                            (uint8_t)call->location->modifier2);
    add_params(call);
    if (call->location->common.pass_request_headers)
        code = add_fields(call);
    if (code == WEND_OK)
        code = wend_uwsgi_packet_end(&call->packet, 0);
    if (code == WEND_E_LIMIT)
        wend_edge_log(upstream->x, WEND_LOG_ALERT, 0,
                      "uwsgi request is too big: more than %d bytes", WEND_UWSGI_VARS_BYTES_MAX);
    if (code != WEND_OK)
        return code;
    return wend_h1_client_send_packet(task, client, wend_buffer_str(&call->packet),
                                      upstream->body_bytes,
                                      upstream->x->request.method == WEND_HEAD);
}

/* --- the handler ------------------------------------------------------------------------------ */

static struct wend_str without_scheme(struct wend_str address)
{
    static const struct wend_str scheme = WEND_STR_INIT("uwsgi://");

    return wend_str_starts_nocase(address, scheme) ? wend_str_from(address, scheme.len) : address;
}

static enum wend_code find_target(struct wend_exchange *x, struct uwsgi_call *call)
{
    const struct uwsgi_pass *pass = call->location->pass;
    struct wend_str address;
    const char *why = "too long";

    if (!wend_template_set(&pass->address)) {
        call->target = pass->target;
        return WEND_OK;
    }
    address = without_scheme(wend_template_value(x, &pass->address));
    if (address.ptr == NULL || !wend_upstream_target_parse(address, 0, &call->target, &why)) {
        wend_edge_log(x, WEND_LOG_ERROR, 0, "%s in upstream \"%.*s\"", why, WEND_STR_ARG(address));
        return WEND_E_CONFIG;
    }
    if (wend_upstream_target_find(x, &call->target) == WEND_OK)
        return WEND_OK;
    wend_edge_log(x, WEND_LOG_ERROR, 0, "host not found in upstream \"%.*s\"",
                  WEND_STR_ARG(address));
    return WEND_E_DNS_NAME;
}

static enum wend_code serve(const struct wend_handler *self, struct wend_exchange *x)
{
    struct uwsgi_call *call = WEND_NEW(&x->task->arena, struct uwsgi_call);
    enum wend_code code;

    (void)self;
    if (call == NULL)
        return WEND_E_MEMORY;
    call->location = wend_edge_settings(x, &wend_edge_uwsgi, WEND_LEVEL_LOCATION);
    wend_upstream_settings_fill(x, &call->location->common, &call->settings, &call->body_settings);
    call->settings.tunnel = true;
    call->settings.request_buffering = call->settings.request_buffering || x->request.chunked;
    wend_upstream_init(&call->upstream, x, &call->settings, NULL);
    call->upstream.send = send_packet;
    call->upstream.parse = wend_cgi_head_parse;
    call->upstream.scheme = "uwsgi://";
    code = find_target(x, call);
    if (code != WEND_OK)
        return wend_edge_finish(x, code == WEND_E_DNS_NAME ? 502 : 500);
    call->upstream.peers = call->target.peers;
    return wend_upstream_run(&call->upstream);
}

static const struct wend_handler handler = {.name = "uwsgi", .serve = serve};

/* --- setters ---------------------------------------------------------------------------------- */

static enum wend_code set_pass(struct wend_conf *conf, const struct wend_directive *row, void *slot)
{
    struct wend_edge_core_location *core =
        wend_edge_conf_at(conf, &wend_edge_core, WEND_LEVEL_LOCATION);
    struct uwsgi_location *location = slot;
    struct wend_str address = without_scheme(conf->statement->args[1]);
    struct uwsgi_pass *pass = WEND_NEW(conf->arena, struct uwsgi_pass);
    const char *why;

    (void)row;
    if (pass == NULL)
        return WEND_E_MEMORY;
    if (location->pass != NULL)
        return wend_conf_bad(conf, "\"uwsgi_pass\" directive is duplicate");
    location->pass = pass;
    core->handler = &handler;
    core->handler_slash = core->name.len > 0 && core->name.ptr[core->name.len - 1] == '/';
    if (wend_str_starts_nocase(address, WEND_STR("suwsgi://")))
        return wend_conf_bad(conf, "suwsgi protocol is not built yet");
    if (wend_template_has_variables(address))
        return wend_template_compile(conf, address, &pass->address);
    if (!wend_upstream_target_parse(address, 0, &pass->target, &why))
        return wend_conf_bad(conf, "%s in upstream \"%.*s\"", why, WEND_STR_ARG(address));
    wend_upstream_target_register(conf, &pass->target);
    return WEND_OK;
}

static enum wend_code set_param(struct wend_conf *conf, const struct wend_directive *row,
                                void *slot)
{
    const struct wend_statement *statement = conf->statement;
    struct uwsgi_param **last = slot;
    struct uwsgi_param *param = WEND_NEW(conf->arena, struct uwsgi_param);

    (void)row;
    if (param == NULL)
        return WEND_E_MEMORY;
    param->name = statement->args[1];
    if (statement->count == 4) {
        if (!wend_str_eq(statement->args[3], WEND_STR("if_not_empty")))
            return wend_conf_bad(conf, "invalid parameter \"%.*s\"",
                                 WEND_STR_ARG(statement->args[3]));
        param->if_not_empty = true;
    }
    while (*last != NULL)
        last = &(*last)->next;
    *last = param;
    return wend_template_compile(conf, statement->args[2], &param->value);
}

static enum wend_code set_modifier(struct wend_conf *conf, const struct wend_directive *row,
                                   void *slot)
{
    enum wend_code code = wend_set_number(conf, row, slot);

    if (code == WEND_OK && *(int64_t *)slot > 255)
        return wend_conf_bad(conf, "value must be between 0 and 255");
    return code;
}

/* --- levels ----------------------------------------------------------------------------------- */

static void init_location(void *settings)
{
    struct uwsgi_location *location = settings;

    wend_upstream_location_init(&location->common);
    location->modifier1 = location->modifier2 = WEND_UNSET;
}

static enum wend_code merge_location(struct wend_conf *conf, void *parent, void *child)
{
    struct uwsgi_location *p = parent, *c = child;

    WEND_MERGE(c->modifier1, p->modifier1, 0);
    WEND_MERGE(c->modifier2, p->modifier2, 0);
    if (c->pass == NULL)
        c->pass = p->pass; /* an `if` block inherits it; elsewhere nobody looks */
    if (c->params == NULL)
        c->params = p->params;
    return wend_upstream_location_merge(conf, "uwsgi", &p->common, &c->common);
}

/* --- the module ------------------------------------------------------------------------------- */

static const struct wend_directive rows[] = {
    {.name = "uwsgi_pass",
     .contexts = WEND_CTX_LOCATION | WEND_CTX_IF_LOCATION,
     .args_min = 1,
     .args_max = 1,
     .set = set_pass,
     .level = WEND_LEVEL_LOCATION,
     .offset = 0,
     .help = "the uwsgi server that answers here"},
    WEND_UPSTREAM_ROWS("uwsgi", struct uwsgi_location),
    {.name = "uwsgi_param",
     .contexts = WEND_CTX_HTTP_ALL,
     .args_min = 2,
     .args_max = 3,
     .set = set_param,
     .level = WEND_LEVEL_LOCATION,
     .offset = offsetof(struct uwsgi_location, params),
     .help = "a variable of the packet; if_not_empty: only with a value"},
    {.name = "uwsgi_modifier1",
     .contexts = WEND_CTX_HTTP_ALL,
     .args_min = 1,
     .args_max = 1,
     .set = set_modifier,
     .level = WEND_LEVEL_LOCATION,
     .offset = offsetof(struct uwsgi_location, modifier1),
     .fallback = "0",
     .help = "the packet's first modifier"},
    {.name = "uwsgi_modifier2",
     .contexts = WEND_CTX_HTTP_ALL,
     .args_min = 1,
     .args_max = 1,
     .set = set_modifier,
     .level = WEND_LEVEL_LOCATION,
     .offset = offsetof(struct uwsgi_location, modifier2),
     .fallback = "0",
     .help = "the packet's second modifier"},
};

const struct wend_edge_module wend_edge_uwsgi = {
    .name = "http_uwsgi",
    .rows = rows,
    .row_count = WEND_COUNT(rows),
    .sizes = {[WEND_LEVEL_LOCATION] = sizeof(struct uwsgi_location)},
    .init = {[WEND_LEVEL_LOCATION] = init_location},
    .merge_location = merge_location,
};
