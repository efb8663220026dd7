/* edge/proxy.c - the directives and variables of proxy_pass, and its handler. */
#include "edge/proxy_settings.h"

/* --- the handler ------------------------------------------------------------------------------ */

static enum wend_code serve(const struct wend_handler *self, struct wend_exchange *x)
{
    struct proxy_call *call = WEND_NEW(&x->task->arena, struct proxy_call);
    enum wend_code code;

    (void)self;
    if (call == NULL)
        return WEND_E_MEMORY;
    call->location = wend_edge_settings(x, &wend_edge_proxy, WEND_LEVEL_LOCATION);
    wend_upstream_settings_fill(x, &call->location->common, &call->settings, &call->body_settings);
    call->settings.keep = call->location->http_version == WEND_HTTP_11;
    call->settings.tunnel = call->location->http_version == WEND_HTTP_11;
    call->settings.rewrite = proxy_rewrite_field;
    call->settings.place = call->location;
    wend_upstream_init(&call->upstream, x, &call->settings, NULL);
    *wend_edge_state(x, &wend_edge_proxy) = call;
    code = proxy_request_prepare(x, call);
    if (code == WEND_E_DNS_NAME)
        return wend_edge_finish(x, 502);
    if (code != WEND_OK)
        return wend_edge_finish(x, 500);
    call->upstream.peers = call->target.peers;
    call->upstream.send = proxy_request_send;
    call->upstream.scheme = "http://";
    call->upstream.uri = call->request.target;
    return wend_upstream_run(&call->upstream);
}

static const struct wend_handler handler = {.name = "proxy", .serve = serve};

/* --- proxy_pass ------------------------------------------------------------------------------- */

static enum wend_code check_uri_place(struct wend_conf *conf,
                                      const struct wend_edge_core_location *core)
{
    if (core->kind != WEND_LOCATION_REGEX && core->kind != WEND_LOCATION_NAMED &&
        core->kind != WEND_LOCATION_IF && core->kind != WEND_LOCATION_LIMIT)
        return WEND_OK;
    return wend_conf_bad(conf, "\"proxy_pass\" cannot have URI part in location given by regular "
                               "expression, or inside named location, or inside \"if\" statement, "
                               "or inside \"limit_except\" block");
}

static enum wend_code set_pass(struct wend_conf *conf, const struct wend_directive *row, void *slot)
{
    struct wend_edge_core_location *core =
        wend_edge_conf_at(conf, &wend_edge_core, WEND_LEVEL_LOCATION);
    struct proxy_location *location = slot;
    struct wend_str url = conf->statement->args[1];
    struct proxy_pass *pass = WEND_NEW(conf->arena, struct proxy_pass);
    const char *wrong;

    (void)row;
    if (pass == NULL)
        return WEND_E_MEMORY;
    if (location->pass != NULL)
        return wend_conf_bad(conf, "\"proxy_pass\" directive is duplicate");
    location->pass = pass;
    pass->location = core->name;
    core->handler = &handler;
    core->handler_slash = core->name.len > 0 && core->name.ptr[core->name.len - 1] == '/';
    if (wend_template_has_variables(url))
        return wend_template_compile(conf, url, &pass->url);
    wrong = proxy_url_parse(conf->arena, url, pass);
    if (wrong != NULL)
        return wend_conf_bad(conf, "%.*s",
                             WEND_STR_ARG(proxy_url_problem(conf->arena, wrong, url)));
    wend_upstream_target_register(conf, &pass->target);
    return pass->uri.ptr == NULL ? WEND_OK : check_uri_place(conf, core);
}

/* --- other setters ---------------------------------------------------------------------------- */

static enum wend_code set_header(struct wend_conf *conf, const struct wend_directive *row,
                                 void *slot)
{
    struct proxy_header **last = slot;
    struct proxy_header *header = WEND_NEW(conf->arena, struct proxy_header);
    struct wend_str name = conf->statement->args[1];

    (void)row;
    if (header == NULL)
        return WEND_E_MEMORY;
    if (!wend_field_name_valid(name))
        return wend_conf_bad(conf, "invalid header name \"%.*s\"", WEND_STR_ARG(name));
    header->name = name;
    header->id = wend_field_lookup(name);
    while (*last != NULL)
        last = &(*last)->next;
    *last = header;
    return wend_template_compile(conf, conf->statement->args[2], &header->value);
}

static enum wend_code set_version(struct wend_conf *conf, const struct wend_directive *row,
                                  void *slot)
{
    struct wend_str word = conf->statement->args[1];
    int *version = slot;

    (void)row;
    if (*version != WEND_UNSET)
        return wend_conf_bad(conf, "\"proxy_http_version\" directive is duplicate");
    if (wend_str_eq(word, WEND_STR("1.0")))
        *version = WEND_HTTP_10;
    else if (wend_str_eq(word, WEND_STR("1.1")))
        *version = WEND_HTTP_11;
    else if (wend_str_eq(word, WEND_STR("2")))
        return wend_conf_bad(conf, "HTTP/2 towards upstreams is not built yet");
    else
        return wend_conf_bad(conf, "invalid value \"%.*s\"", WEND_STR_ARG(word));
    return WEND_OK;
}

/* --- levels ----------------------------------------------------------------------------------- */

static void init_location(void *settings)
{
    struct proxy_location *location = settings;

    wend_upstream_location_init(&location->common);
    location->redirect_mode = location->http_version = WEND_UNSET;
    location->cookie_domains_off = location->cookie_paths_off = 0;
}

static enum wend_code merge_location(struct wend_conf *conf, void *parent, void *child)
{
    const struct proxy_location *p = parent;
    struct proxy_location *c = child;

    WEND_MERGE(c->http_version, p->http_version, WEND_HTTP_11);
    if (c->pass == NULL)
        c->pass = p->pass; /* an `if` block inherits it; elsewhere nobody looks */
    if (c->headers == NULL)
        c->headers = p->headers;
    if (c->redirect_mode == WEND_UNSET) {
        c->redirect_mode =
            p->redirect_mode == WEND_UNSET ? PROXY_REDIRECT_DEFAULT : p->redirect_mode;
        c->redirects = p->redirects;
    }
    if (c->cookie_domains == NULL && !c->cookie_domains_off)
        c->cookie_domains = p->cookie_domains;
    if (c->cookie_paths == NULL && !c->cookie_paths_off)
        c->cookie_paths = p->cookie_paths;
    if (c->cookie_flags == NULL && !c->cookie_flags_off)
        c->cookie_flags = p->cookie_flags;
    if (!wend_template_set(&c->method))
        c->method = p->method;
    if (!wend_template_set(&c->body))
        c->body = p->body;
    return wend_upstream_location_merge(conf, "proxy", (struct wend_upstream_location *)&p->common,
                                        &c->common);
}

/* --- variables -------------------------------------------------------------------------------- */

static struct proxy_call *call_of(struct wend_exchange *x)
{
    return x->edge == NULL ? NULL : *wend_edge_state(x, &wend_edge_proxy);
}

static struct wend_value get_host(struct wend_exchange *x, const struct wend_variable *variable)
{
    const struct proxy_call *call = call_of(x);

    (void)variable;
    return call == NULL ? (struct wend_value){WEND_STR_NULL, false}
                        : (struct wend_value){call->host_field, true};
}

static struct wend_value get_port(struct wend_exchange *x, const struct wend_variable *variable)
{
    const struct proxy_call *call = call_of(x);

    (void)variable;
    if (call == NULL || call->target.path.ptr != NULL)
        return (struct wend_value){WEND_STR_NULL, call != NULL};
    return (struct wend_value){
        wend_arena_printf(&x->task->arena, "%u", (unsigned)call->target.port), true};
}

static struct wend_value get_forwarded_for(struct wend_exchange *x,
                                           const struct wend_variable *variable)
{
    char text[WEND_ADDRESS_TEXT_MAX];
    size_t len = wend_address_write_host(&x->conn->peer, text);
    struct wend_str before = wend_fields_joined(&x->request.fields, &x->task->arena,
                                                WEND_STR("X-Forwarded-For"), WEND_STR(", "));

    (void)variable;
    return (struct wend_value){wend_arena_printf(&x->task->arena, "%.*s%s%.*s",
                                                 WEND_STR_ARG(before), before.len > 0 ? ", " : "",
                                                 (int)len, text),
                               true};
}

static const struct wend_variable_row variables[] = {
    {.name = "proxy_host",
     .get = get_host,
     .flags = WEND_VAR_CHANGES,
     .help = "host and port of proxy_pass"},
    {.name = "proxy_port",
     .get = get_port,
     .flags = WEND_VAR_CHANGES,
     .help = "port of proxy_pass"},
    {.name = "proxy_add_x_forwarded_for",
     .get = get_forwarded_for,
     .flags = WEND_VAR_CHANGES,
     .help = "X-Forwarded-For with the client's address added"},
    {.name = NULL},
};

/* --- the module ------------------------------------------------------------------------------- */

#define ROW(word, min, max, setter, field, def, text)                                              \
    {                                                                                              \
        .name = word, .contexts = WEND_CTX_HTTP_ALL, .args_min = min, .args_max = max,             \
        .set = setter, .level = WEND_LEVEL_LOCATION,                                               \
        .offset = offsetof(struct proxy_location, field), .fallback = def, .help = text            \
    }

static const struct wend_directive rows[] = {
    {.name = "proxy_pass",
     .contexts = WEND_CTX_LOCATION | WEND_CTX_IF_LOCATION | WEND_CTX_LIMIT_EXCEPT,
     .args_min = 1,
     .args_max = 1,
     .set = set_pass,
     .level = WEND_LEVEL_LOCATION,
     .offset = 0,
     .help = "the server that answers here"},
    WEND_UPSTREAM_ROWS("proxy", struct proxy_location),
    WEND_UPSTREAM_ROW("proxy_pass_trailers", 1, 1, wend_set_flag, struct proxy_location,
                      pass_trailers, "off", "pass the trailers of answers on"),
    ROW("proxy_set_header", 2, 2, set_header, headers, "Host $proxy_host",
        "a field of the request to the upstream"),
    ROW("proxy_http_version", 1, 1, set_version, http_version, "1.1", "1.0 or 1.1"),
    ROW("proxy_method", 1, 1, wend_set_template, method, NULL,
        "the method instead of the client's"),
    ROW("proxy_set_body", 1, 1, wend_set_template, body, NULL, "the body instead of the client's"),
    {.name = "proxy_redirect",
     .contexts = WEND_CTX_HTTP_ALL,
     .args_min = 1,
     .args_max = 2,
     .set = proxy_set_redirect,
     .level = WEND_LEVEL_LOCATION,
     .offset = 0,
     .fallback = "default",
     .help = "how Location and Refresh of answers are rewritten"},
    {.name = "proxy_cookie_domain",
     .contexts = WEND_CTX_HTTP_ALL,
     .args_min = 1,
     .args_max = 2,
     .set = proxy_set_cookie_rewrite,
     .level = WEND_LEVEL_LOCATION,
     .offset = offsetof(struct proxy_location, cookie_domains),
     .extra = (const void *)offsetof(struct proxy_location, cookie_domains_off),
     .fallback = "off",
     .help = "how Domain of cookies is rewritten"},
    {.name = "proxy_cookie_path",
     .contexts = WEND_CTX_HTTP_ALL,
     .args_min = 1,
     .args_max = 2,
     .set = proxy_set_cookie_rewrite,
     .level = WEND_LEVEL_LOCATION,
     .offset = offsetof(struct proxy_location, cookie_paths),
     .extra = (const void *)offsetof(struct proxy_location, cookie_paths_off),
     .fallback = "off",
     .help = "how Path of cookies is rewritten"},
    {.name = "proxy_cookie_flags",
     .contexts = WEND_CTX_HTTP_ALL,
     .args_min = 1,
     .args_max = 5,
     .set = proxy_set_cookie_flags,
     .level = WEND_LEVEL_LOCATION,
     .offset = 0,
     .fallback = "off",
     .help = "which of Secure, HttpOnly and SameSite a cookie gets or loses"},
    WEND_UPSTREAM_INERT("proxy_headers_hash_max_size", 1, 1, "512", "accepted"),
    WEND_UPSTREAM_INERT("proxy_headers_hash_bucket_size", 1, 1, "64", "accepted"),
};

const struct wend_edge_module wend_edge_proxy = {
    .name = "http_proxy",
    .rows = rows,
    .row_count = WEND_COUNT(rows),
    .sizes = {[WEND_LEVEL_LOCATION] = sizeof(struct proxy_location)},
    .init = {[WEND_LEVEL_LOCATION] = init_location},
    .merge_location = merge_location,
    .variables = variables,
};
