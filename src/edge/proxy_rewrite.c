/* edge/proxy_rewrite.c - Location, Refresh and Set-Cookie of an answer, seen from the client.
 *
 * An upstream that redirects to itself by its own name would send the client past the proxy. */
#include "edge/proxy_settings.h"

/* --- directives ------------------------------------------------------------------------------- */

/* "~pattern" or "~*pattern"; cookies' domains know no case (RFC 6265 5.1.3). */
static enum wend_code parse_regex(struct wend_conf *conf, struct wend_str from, bool domain,
                                  const struct wend_regex **out)
{
    bool star = wend_str_starts(from, WEND_STR("~*"));

    return wend_edge_regex(conf, wend_str_from(from, star ? 2 : 1), star || domain, out);
}

static enum wend_code parse_rewrite(struct wend_conf *conf, struct proxy_rewrite **list)
{
    bool domain = wend_str_eq(conf->statement->args[0], WEND_STR("proxy_cookie_domain"));
    const struct wend_statement *statement = conf->statement;
    struct wend_str from = statement->args[1];
    struct proxy_rewrite *rewrite = WEND_NEW(conf->arena, struct proxy_rewrite);
    enum wend_code code = WEND_OK;

    if (rewrite == NULL)
        return WEND_E_MEMORY;
    if (wend_str_starts(from, WEND_STR("~")))
        code = parse_regex(conf, from, domain, &rewrite->regex);
    else
        code = wend_template_compile(conf, from, &rewrite->from);
    if (code == WEND_OK)
        code = wend_template_compile(conf, statement->args[2], &rewrite->to);
    while (*list != NULL)
        list = &(*list)->next;
    *list = rewrite;
    return code;
}

/* Where proxy_pass leads must be known. */
static enum wend_code add_default(struct wend_conf *conf, struct proxy_location *location)
{
    struct proxy_rewrite *rewrite = WEND_NEW(conf->arena, struct proxy_rewrite);
    struct proxy_rewrite **last = &location->redirects;

    if (rewrite == NULL)
        return WEND_E_MEMORY;
    if (location->pass == NULL)
        return wend_conf_bad(conf, "\"proxy_redirect default\" should be placed after the "
                                   "\"proxy_pass\" directive");
    if (wend_template_set(&location->pass->url))
        return wend_conf_bad(conf, "\"proxy_redirect default\" cannot be used with "
                                   "\"proxy_pass\" directive with variables");
    location->redirect_mode = PROXY_REDIRECT_LIST;
    rewrite->by_default = true;
    while (*last != NULL)
        last = &(*last)->next;
    *last = rewrite;
    return WEND_OK;
}

enum wend_code proxy_set_redirect(struct wend_conf *conf, const struct wend_directive *row,
                                  void *slot)
{
    const struct wend_statement *statement = conf->statement;
    struct proxy_location *location = slot;
    struct wend_str word = statement->args[1];

    (void)row;
    if (location->redirect_mode == PROXY_REDIRECT_OFF)
        return wend_conf_bad(conf, "\"proxy_redirect\" directive is duplicate");
    if (statement->count == 3) {
        location->redirect_mode = PROXY_REDIRECT_LIST;
        return parse_rewrite(conf, &location->redirects);
    }
    if (wend_str_eq(word, WEND_STR("default")))
        return add_default(conf, location);
    if (!wend_str_eq(word, WEND_STR("off")))
        return wend_conf_bad(conf, "invalid parameter \"%.*s\"", WEND_STR_ARG(word));
    if (location->redirect_mode != WEND_UNSET)
        return wend_conf_bad(conf, "\"proxy_redirect\" directive is duplicate");
    location->redirect_mode = PROXY_REDIRECT_OFF;
    return WEND_OK;
}

/* The slot is the list; its "off" flag has the row's `extra` as its distance from the settings. */
enum wend_code proxy_set_cookie_rewrite(struct wend_conf *conf, const struct wend_directive *row,
                                        void *slot)
{
    const struct wend_statement *statement = conf->statement;
    char *settings = (char *)slot - row->offset;
    int *off = (int *)(settings + (size_t)(uintptr_t)row->extra);

    if (*off)
        return wend_conf_bad(conf, "\"%.*s\" directive is duplicate",
                             WEND_STR_ARG(statement->args[0]));
    if (statement->count == 3)
        return parse_rewrite(conf, slot);
    if (!wend_str_eq(statement->args[1], WEND_STR("off")))
        return wend_conf_bad(conf, "invalid parameter \"%.*s\"", WEND_STR_ARG(statement->args[1]));
    if (*(struct proxy_rewrite **)slot != NULL)
        return wend_conf_bad(conf, "\"%.*s\" directive is duplicate",
                             WEND_STR_ARG(statement->args[0]));
    *off = 1;
    return WEND_OK;
}

/* --- Location and Refresh --------------------------------------------------------------------- */

/* Replaces `from` at the front; a null slice when it is not there. */
static struct wend_str replace_prefix(struct wend_arena *arena, struct wend_str value,
                                      struct wend_str from, struct wend_str to)
{
    struct wend_str rest;

    if (from.len == 0 || !wend_str_starts(value, from))
        return WEND_STR_NULL;
    rest = wend_str_from(value, from.len);
    return wend_arena_printf(arena, "%.*s%.*s", WEND_STR_ARG(to), WEND_STR_ARG(rest));
}

/* What a matching expression makes of a whole value; a null slice when it does not match. */
static struct wend_str replace_match(struct wend_exchange *x, const struct proxy_rewrite *rewrite,
                                     struct wend_str value)
{
    struct wend_edge_request *r = wend_edge_of(x);

    if (wend_regex_run(rewrite->regex, value, &r->captures) != WEND_OK)
        return WEND_STR_NULL;
    wend_edge_keep_captures(x, rewrite->regex, value);
    return wend_template_value(x, &rewrite->to);
}

static struct wend_str rewrite_default(struct wend_exchange *x, const struct proxy_call *call,
                                       struct wend_str url)
{
    struct wend_arena *arena = &x->task->arena;
    struct wend_str from;

    if (wend_template_set(&call->location->pass->url))
        return WEND_STR_NULL; /* it is what counts when nothing was said */
    if (call->uri.ptr == NULL) {
        from = wend_arena_printf(arena, "%.*s/", WEND_STR_ARG(call->url_prefix));
        return replace_prefix(arena, url, from, WEND_STR("/"));
    }
    from = wend_arena_printf(arena, "%.*s%.*s", WEND_STR_ARG(call->url_prefix),
                             WEND_STR_ARG(call->uri));
    return replace_prefix(arena, url, from, call->location_name);
}

static struct wend_str rewrite_url(struct wend_exchange *x, const struct proxy_call *call,
                                   struct wend_str url)
{
    const struct proxy_location *location = call->location;
    struct wend_str made;

    for (const struct proxy_rewrite *at = location->redirects; at != NULL; at = at->next) {
        made = at->by_default ? rewrite_default(x, call, url)
               : at->regex != NULL
                   ? replace_match(x, at, url)
                   : replace_prefix(&x->task->arena, url, wend_template_value(x, &at->from),
                                    wend_template_value(x, &at->to));
        if (made.ptr != NULL)
            return made;
    }
    return location->redirect_mode == PROXY_REDIRECT_DEFAULT ? rewrite_default(x, call, url)
                                                             : WEND_STR_NULL;
}

/* A path the rewriting made becomes a whole URL, as every redirect of ours does. */
static struct wend_str absolute(struct wend_exchange *x, struct wend_str url)
{
    const struct wend_edge_request *r = wend_edge_of(x);
    struct wend_str host = x->request.host;
    unsigned port = wend_address_port(&x->conn->local);
    bool standard = port == 0 || port == (x->conn->secure ? 443 : 80);

    if (url.len == 0 || url.ptr[0] != '/' || r->location->absolute_redirect != 1)
        return url;
    if (r->location->server_name_in_redirect == 1 || host.len == 0)
        host = r->server->primary_name;
    if (host.len == 0)
        return url;
    if (standard || r->location->port_in_redirect != 1)
        return wend_arena_printf(&x->task->arena, "%.*s://%.*s%.*s",
                                 WEND_STR_ARG(x->request.scheme), WEND_STR_ARG(host),
                                 WEND_STR_ARG(url));
    return wend_arena_printf(&x->task->arena, "%.*s://%.*s:%u%.*s", WEND_STR_ARG(x->request.scheme),
                             WEND_STR_ARG(host), port, WEND_STR_ARG(url));
}

/* Refresh: 5; url=http://upstream/path */
static struct wend_str rewrite_refresh(struct wend_exchange *x, const struct proxy_call *call,
                                       struct wend_str value)
{
    ptrdiff_t at = wend_str_find_nocase(value, WEND_STR("url="));
    struct wend_str made;

    if (at < 0)
        return value;
    made = rewrite_url(x, call, wend_str_from(value, (size_t)at + 4));
    return made.ptr == NULL
               ? value
               : wend_arena_printf(&x->task->arena, "%.*s%.*s",
                                   WEND_STR_ARG(wend_str_slice(value, 0, (size_t)at + 4)),
                                   WEND_STR_ARG(made));
}

/* --- Set-Cookie ------------------------------------------------------------------------------- */

/* A domain is replaced as a whole and without a leading dot, a path by its prefix. */
static struct wend_str replace_attribute(struct wend_exchange *x,
                                         const struct proxy_rewrite *rewrite, struct wend_str value,
                                         bool domain)
{
    struct wend_str from, to;

    if (rewrite->regex != NULL)
        return replace_match(x, rewrite, value);
    from = wend_template_value(x, &rewrite->from);
    to = wend_template_value(x, &rewrite->to);
    if (!domain)
        return replace_prefix(&x->task->arena, value, from, to);
    if (wend_str_starts(from, WEND_STR(".")))
        from = wend_str_from(from, 1);
    return wend_str_eq_nocase(from, value) ? to : WEND_STR_NULL;
}

static struct wend_str rewrite_attribute(struct wend_exchange *x, const struct proxy_rewrite *list,
                                         struct wend_str value, bool domain)
{
    struct wend_str made = WEND_STR_NULL;

    if (domain && wend_str_starts(value, WEND_STR(".")))
        value = wend_str_from(value, 1);
    for (; list != NULL && made.ptr == NULL; list = list->next)
        made = replace_attribute(x, list, value, domain);
    return made;
}

static struct wend_str rewrite_cookie(struct wend_exchange *x, const struct proxy_call *call,
                                      struct wend_str cookie)
{
    const struct proxy_location *location = call->location;
    struct wend_str rest = cookie, part;
    struct wend_buffer out;
    bool first = true;

    if (location->cookie_domains == NULL && location->cookie_paths == NULL)
        return cookie;
    wend_buffer_init_arena(&out, &x->task->arena, cookie.len + 65536);
    while (wend_str_split(&rest, ';', &part)) {
        struct wend_str trimmed = wend_str_trim(part), made = WEND_STR_NULL;
        bool domain = wend_str_starts_nocase(trimmed, WEND_STR("domain="));
        bool path = wend_str_starts_nocase(trimmed, WEND_STR("path="));

        if (!first)
            wend_buffer_add_byte(&out, ';');
        if (!first && (domain || path))
            made = rewrite_attribute(x, domain ? location->cookie_domains : location->cookie_paths,
                                     wend_str_from(trimmed, domain ? 7 : 5), domain);
        if (made.ptr != NULL)
            wend_buffer_printf(&out, " %.*s%.*s",
                               WEND_STR_ARG(wend_str_slice(trimmed, 0, domain ? 7 : 5)),
                               WEND_STR_ARG(made));
        else
            wend_buffer_add(&out, part);
        first = false;
    }
    return out.overflow ? cookie : wend_buffer_str(&out);
}

struct wend_str proxy_rewrite_field(struct wend_upstream *upstream, enum wend_field_id id,
                                    struct wend_str value)
{
    const struct proxy_call *call = (const struct proxy_call *)upstream;
    struct wend_exchange *x = upstream->x;
    struct wend_str made;

    if (id == WEND_FIELD_SET_COOKIE)
        return proxy_cookie_flags(x, call->location->cookie_flags, rewrite_cookie(x, call, value));
    if (call->location->redirect_mode == PROXY_REDIRECT_OFF)
        return value;
    if (id == WEND_FIELD_REFRESH)
        return rewrite_refresh(x, call, value);
    made = rewrite_url(x, call, value);
    return made.ptr == NULL ? value : absolute(x, made);
}
