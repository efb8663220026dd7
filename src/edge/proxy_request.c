/* edge/proxy_request.c - from the client's request to the one the upstream gets. */
#include "edge/proxy_settings.h"

#include "http/path.h"

static const char BAD_PREFIX[] = "invalid URL prefix";

/* --- the URL ---------------------------------------------------------------------------------- */

/* unix:/path:/uri - the path ends at the next colon. */
static const char *parse_unix(struct wend_arena *arena, struct wend_str rest,
                              struct proxy_pass *out)
{
    struct wend_str after = wend_str_from(rest, 5);
    ptrdiff_t colon = wend_str_find_byte(after, ':');
    size_t len = colon >= 0 ? (size_t)colon : after.len;

    out->target = (struct wend_upstream_target){
        .path = wend_arena_keep(arena, wend_str_slice(after, 0, len))};
    if (len == 0)
        return "no path in the unix domain socket";
    out->uri = colon >= 0 ? wend_str_from(after, len + 1) : WEND_STR_NULL;
    if (out->uri.len == 0)
        out->uri = WEND_STR_NULL;
    out->host_field = WEND_STR("localhost");
    out->prefix =
        wend_arena_printf(arena, "http://%.*s", WEND_STR_ARG(wend_str_slice(rest, 0, 5 + len)));
    return NULL;
}

const char *proxy_url_parse(struct wend_arena *arena, struct wend_str url, struct proxy_pass *out)
{
    static const struct wend_str scheme = WEND_STR_INIT("http://");
    struct wend_str rest, authority;
    const char *why = NULL;
    size_t end = 0;

    if (wend_str_starts_nocase(url, WEND_STR("https://")))
        return "https upstreams are not built yet";
    if (!wend_str_starts_nocase(url, scheme))
        return BAD_PREFIX;
    rest = wend_str_from(url, scheme.len);
    if (wend_str_starts(rest, WEND_STR("unix:")))
        return parse_unix(arena, rest, out);
    while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?' && rest.ptr[end] != '#')
        end++;
    authority = wend_str_slice(rest, 0, end);
    if (!wend_upstream_target_parse(authority, 80, &out->target, &why))
        return why;
    out->uri = end < rest.len ? wend_str_from(rest, end) : WEND_STR_NULL;
    if (out->uri.len > 0 && out->uri.ptr[0] != '/')
        out->uri = wend_arena_printf(arena, "/%.*s", WEND_STR_ARG(out->uri));
    out->host_field = out->target.port == 80 ? out->target.host : authority;
    out->prefix = wend_str_slice(url, 0, scheme.len + end);
    return NULL;
}

struct wend_str proxy_url_problem(struct wend_arena *arena, const char *wrong, struct wend_str url)
{
    ptrdiff_t slashes = wend_str_find(url, WEND_STR("://"));

    if (strcmp(wrong, BAD_PREFIX) == 0)
        return wend_str_of(wrong);
    return wend_arena_printf(
        arena, "%s in upstream \"%.*s\"", wrong,
        WEND_STR_ARG(wend_str_from(url, slashes < 0 ? 0 : (size_t)slashes + 3)));
}

static enum wend_code resolve_variables(struct wend_exchange *x, struct proxy_call *call)
{
    struct wend_str url = wend_template_value(x, &call->location->pass->url);
    struct proxy_pass pass;
    const char *wrong = url.ptr == NULL ? "too long" : proxy_url_parse(&x->task->arena, url, &pass);

    if (wrong != NULL) {
        wend_edge_log(x, WEND_LOG_ERROR, 0, "%s in \"%.*s\"", wrong, WEND_STR_ARG(url));
        return WEND_E_CONFIG;
    }
    call->target = pass.target;
    call->host_field = pass.host_field;
    call->url_prefix = pass.prefix;
    call->uri = pass.uri;
    if (wend_upstream_target_find(x, &call->target) == WEND_OK)
        return WEND_OK;
    wend_edge_log(x, WEND_LOG_ERROR, 0, "host not found in upstream \"%.*s\"",
                  WEND_STR_ARG(pass.target.host));
    return WEND_E_DNS_NAME;
}

/* --- the target ------------------------------------------------------------------------------- */

/* Whether the client's own bytes still say what the request means: no rewrite, no internal redirect
 * changed path or query. */
static bool is_untouched(const struct wend_exchange *x)
{
    const struct wend_edge_request *r = wend_edge_of(x);
    struct wend_str path;

    if (r->redirects > 0 || r->internal || !wend_str_eq(r->args, x->request.query))
        return false;
    for (int merge = 0; merge < 2; merge++)
        if (wend_path_normalise(&x->task->arena, x->request.path_raw, merge == 1, &path) ==
                WEND_OK &&
            wend_str_eq(path, r->uri))
            return true;
    return false;
}

static struct wend_str with_args(struct wend_exchange *x, struct wend_str path)
{
    struct wend_str args = wend_edge_of(x)->args;

    return args.len == 0 ? path
                         : wend_arena_printf(&x->task->arena, "%.*s?%.*s", WEND_STR_ARG(path),
                                             WEND_STR_ARG(args));
}

static struct wend_str make_target(struct wend_exchange *x, const struct proxy_call *call)
{
    const struct wend_edge_request *r = wend_edge_of(x);
    struct wend_arena *arena = &x->task->arena;
    struct wend_str rest;

    /* Variables hold decoded paths, and with them what would end the request line. */
    if (call->uri.ptr != NULL && wend_template_set(&call->location->pass->url))
        return wend_escape(arena, call->uri, WEND_ESCAPE_TARGET);
    if (call->uri.ptr == NULL)
        return is_untouched(x) ? r->unparsed_uri
                               : with_args(x, wend_escape(arena, r->uri, WEND_ESCAPE_URI));
    rest = wend_str_from(
        r->uri, wend_str_starts(r->uri, call->location_name) ? call->location_name.len : 0);
    rest = wend_escape(arena, rest, WEND_ESCAPE_URI);
    return with_args(
        x, wend_arena_printf(arena, "%.*s%.*s", WEND_STR_ARG(call->uri), WEND_STR_ARG(rest)));
}

/* --- the fields ------------------------------------------------------------------------------- */

/* What a client's request does not pass on by itself. */
static bool is_kept_here(enum wend_field_id id)
{
    switch (id) {
    case WEND_FIELD_HOST:
    case WEND_FIELD_CONNECTION:
    case WEND_FIELD_KEEP_ALIVE:
    case WEND_FIELD_PROXY_CONNECTION:
    case WEND_FIELD_TE:
    case WEND_FIELD_TRANSFER_ENCODING:
    case WEND_FIELD_CONTENT_LENGTH:
    case WEND_FIELD_EXPECT:
    case WEND_FIELD_UPGRADE:
        return true;
    default:
        return false;
    }
}

static bool is_set(const struct proxy_location *location, const struct wend_field *field)
{
    for (const struct proxy_header *header = location->headers; header != NULL;
         header = header->next)
        if (header->id != WEND_FIELD_UNKNOWN ? header->id == field->id
                                             : wend_str_eq_nocase(header->name, field->name))
            return true;
    return false;
}

static bool sets(const struct proxy_location *location, enum wend_field_id id)
{
    for (const struct proxy_header *header = location->headers; header != NULL;
         header = header->next)
        if (header->id == id)
            return true;
    return false;
}

static enum wend_code add_set_fields(struct wend_exchange *x, struct proxy_call *call)
{
    struct wend_arena *arena = &x->task->arena;
    enum wend_code code = WEND_OK;

    if (!sets(call->location, WEND_FIELD_HOST))
        code = wend_fields_add(&call->fields, arena, WEND_FIELD_HOST, call->host_field);
    if (code == WEND_OK && call->location->http_version == WEND_HTTP_10 &&
        !sets(call->location, WEND_FIELD_CONNECTION))
        code = wend_fields_add(&call->fields, arena, WEND_FIELD_CONNECTION, WEND_STR("close"));
    for (const struct proxy_header *header = call->location->headers;
         header != NULL && code == WEND_OK; header = header->next) {
        struct wend_str value = wend_template_value(x, &header->value);

        if (value.len > 0)
            code = wend_fields_add_name(&call->fields, arena, header->name, value);
    }
    return code;
}

/* The trace goes on: our span is the parent of what the upstream does. */
static struct wend_str trace_parent(struct wend_exchange *x)
{
    char text[WEND_TRACEPARENT_LEN + 1];

    wend_trace_write_parent(x->task->trace, text);
    return wend_arena_keep(&x->task->arena, wend_str_make(text, WEND_TRACEPARENT_LEN));
}

static enum wend_code add_client_fields(struct wend_exchange *x, struct proxy_call *call)
{
    enum wend_code code = WEND_OK;

    for (unsigned i = 0; i < x->request.fields.count && code == WEND_OK; i++) {
        const struct wend_field *field = &x->request.fields.at[i];
        struct wend_str value = field->value;

        if (field->hidden || is_kept_here(field->id) || is_set(call->location, field))
            continue;
        if (field->id == WEND_FIELD_TRACEPARENT)
            value = trace_parent(x);
        code = wend_fields_add_name(&call->fields, &x->task->arena, field->name, value);
    }
    return code;
}

static void set_body(struct wend_exchange *x, struct proxy_call *call)
{
    struct wend_str body = wend_template_value(x, &call->location->body);

    call->settings.pass_request_body = false; /* ours takes its place */
    call->upstream.body.bytes = (int64_t)body.len;
    call->upstream.body.count = body.len > 0 ? 1 : 0;
    call->upstream.body.piece = wend_piece_of(body);
    call->upstream.body_given = true;
}

enum wend_code proxy_request_prepare(struct wend_exchange *x, struct proxy_call *call)
{
    const struct proxy_location *location = call->location;
    const struct proxy_pass *pass = location->pass;
    enum wend_code code = WEND_OK;

    if (wend_template_set(&pass->url)) {
        code = resolve_variables(x, call);
    } else {
        call->target = pass->target;
        call->host_field = pass->host_field;
        call->url_prefix = pass->prefix;
        call->uri = pass->uri;
    }
    if (code != WEND_OK)
        return code;
    call->location_name = pass->location;
    call->request.method = wend_template_set(&location->method)
                               ? wend_template_value(x, &location->method)
                               : x->request.method_text;
    call->request.version = location->http_version;
    call->request.target = make_target(x, call);
    call->request.fields = &call->fields;
    wend_fields_init(&call->fields, NULL, 0, WEND_FIELDS_MAX);
    if (wend_template_set(&location->body))
        set_body(x, call);
    return WEND_OK;
}

/* Fields are made now, when $proxy_host and its kin are known. */
enum wend_code proxy_request_send(struct wend_task *task, struct wend_upstream *upstream,
                                  struct wend_h1_client *client)
{
    struct proxy_call *call = (struct proxy_call *)upstream;
    struct wend_exchange *x = upstream->x;
    enum wend_code code = WEND_OK;

    if (call->fields.count == 0) {
        code = add_set_fields(x, call);
        if (code == WEND_OK && call->location->common.pass_request_headers)
            code = add_client_fields(x, call);
    }
    if (code != WEND_OK)
        return code;
    call->request.chunked = upstream->body_bytes < 0;
    call->request.content_length = upstream->body_bytes;
    if (upstream->body_bytes == 0 && (sets(call->location, WEND_FIELD_CONTENT_LENGTH) ||
                                      (x->request.content_length < 0 && !x->request.chunked)))
        call->request.content_length = -1;
    return wend_h1_client_send_head(task, client, &call->request, WEND_STR_NULL,
                                    upstream->body_bytes == 0);
}
