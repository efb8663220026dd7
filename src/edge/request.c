/* edge/request.c - the edge's end of an exchange: set-up, places, redirects, paths, the log line.
 */
#include "edge/request.h"

#include "base/buffer.h"
#include "edge/page.h"
#include "edge/phase.h"
#include "http/path.h"

#include <stdarg.h>
#include <stdio.h>

/* --- set-up ----------------------------------------------------------------------------------- */

/* A wildcard listener takes connections for addresses that have a listen of their own. */
static struct wend_edge_listen *listen_of(const struct wend_exchange *x)
{
    const struct wend_h1_server *h1 = x->listener;
    struct wend_edge_listen *listen = h1->data;

    if (!listen->any)
        return listen;
    for (struct wend_edge_listen *one = listen->edge->listens; one != NULL; one = one->next)
        if (one->covered_by == listen && wend_address_same(&one->listener.address, &x->conn->local))
            return one;
    return listen;
}

static struct wend_edge_request *make_request(struct wend_exchange *x)
{
    struct wend_arena *arena = &x->task->arena;
    struct wend_edge_request *r = wend_arena_alloc(arena, sizeof(*r));
    struct wend_edge_listen *listen = listen_of(x);
    const struct wend_edge *edge = listen->edge;
    size_t count = edge->indexed_count, modules = wend_edge_module_count();

    if (r == NULL)
        return NULL;
    memset(r, 0,
           offsetof(struct wend_edge_request, captures) + offsetof(struct wend_regex_match, at));
    r->edge = listen->edge;
    r->listen = listen;
    r->server = listen->default_server;
    r->log = wend_log_process;
    r->limit_rate = -1;
    r->values = wend_arena_alloc(arena, count * sizeof(*r->values) + 1);
    r->value_states = wend_arena_zalloc(arena, count + 1);
    r->module_state = wend_arena_zalloc(arena, modules * sizeof(*r->module_state));
    if (r->values == NULL || r->value_states == NULL || r->module_state == NULL)
        return NULL;
    r->unparsed_uri = x->request.target;
    r->uri = x->request.path_raw;
    r->args = x->request.query;
    r->uri_quoted = wend_str_find_byte(x->request.path_raw, '%') >= 0 ||
                    wend_str_find_byte(x->request.path_raw, '+') >= 0;
    x->edge = r;
    x->filters = wend_edge_filters;
    wend_edge_enter(x, r->server->root);
    return r;
}

void wend_edge_enter(struct wend_exchange *x, struct wend_edge_core_location *location)
{
    struct wend_edge_request *r = wend_edge_of(x);

    if (location->limit_except != NULL &&
        (location->methods_excepted & (UINT64_C(1) << x->request.method)) == 0)
        location = location->limit_except;
    r->location = location;
    r->levels = location->levels;
    x->policy = &location->policy;
    if (location->error_log != NULL)
        r->log = location->error_log;
}

void *wend_edge_settings(const struct wend_exchange *x, const struct wend_edge_module *module,
                         enum wend_edge_level level)
{
    const struct wend_edge_request *r = wend_edge_of(x);
    size_t index = wend_edge_module_index(module);

    if (level == WEND_LEVEL_LOCATION)
        return r->levels[index];
    return level == WEND_LEVEL_SERVER ? r->server->levels.at[WEND_LEVEL_SERVER][index]
                                      : r->edge->main[index];
}

void **wend_edge_state(const struct wend_exchange *x, const struct wend_edge_module *module)
{
    return &wend_edge_of(x)->module_state[wend_edge_module_index(module)];
}

/* --- paths ------------------------------------------------------------------------------------ */

struct wend_str wend_edge_map_path(struct wend_exchange *x, struct wend_str path, size_t *root_len)
{
    const struct wend_edge_core_location *l = wend_edge_of(x)->location;
    struct wend_str root, file;
    char *at;

    if (l->alias && wend_edge_of(x)->uri_astray) {
        wend_edge_log(x, WEND_LOG_ALERT, 0,
                      "\"alias\" cannot be used in location \"%.*s\" where URI was rewritten",
                      WEND_STR_ARG(l->name));
        return WEND_STR_NULL;
    }
    root = wend_template_value(x, &l->root);
    if (root.ptr == NULL)
        return WEND_STR_NULL;
    if (l->alias && l->alias_name.ptr != NULL)
        path = wend_str_from(path, l->alias_name.len);
    else if (l->alias && !wend_edge_of(x)->uri_in_alias)
        path = WEND_STR("");
    if (root_len != NULL)
        *root_len = root.len;
    at = wend_arena_alloc(&x->task->arena, root.len + path.len + 1);
    if (at == NULL)
        return WEND_STR_NULL;
    memcpy(at, root.ptr, root.len);
    if (path.len != 0) /* of a request line that was refused there is none */
        memcpy(at + root.len, path.ptr, path.len);
    at[root.len + path.len] = '\0';
    file = wend_str_make(at, root.len + path.len);
    if (root.len == 0 || root.ptr[0] != '/')
        file = wend_edge_full_path(wend_edge_of(x)->edge, file, false);
    return file;
}

/* Files of one folder mostly share a few extensions: the last one asked for is remembered. */
static const struct wend_str *type_of(struct wend_edge_core_location *l, struct wend_str extension)
{
    const struct wend_str *type;

    if (wend_str_eq(extension, wend_str_make(l->last_extension, l->last_extension_len)))
        return l->last_type;
    type = wend_map_get(l->types, extension);
    if (extension.len <= sizeof(l->last_extension)) {
        memcpy(l->last_extension, extension.ptr, extension.len);
        l->last_extension_len = extension.len;
        l->last_type = type;
    }
    return type;
}

struct wend_str wend_edge_content_type(struct wend_exchange *x, struct wend_str path)
{
    struct wend_edge_core_location *l = wend_edge_of(x)->location;
    ptrdiff_t dot = wend_str_rfind_byte(path, '.');
    ptrdiff_t slash = wend_str_rfind_byte(path, '/');
    const struct wend_str *type = NULL;

    /* A name that begins with its only dot has no extension. */
    if (dot > slash + 1 && dot + 1 < (ptrdiff_t)path.len)
        type = type_of(l, wend_str_from(path, (size_t)dot + 1));
    return type != NULL ? *type : l->default_type;
}

/* --- the log ---------------------------------------------------------------------------------- */

void wend_edge_log(struct wend_exchange *x, enum wend_log_level level, int error,
                   const char *format, ...)
{
    const struct wend_edge_request *r = wend_edge_of(x);
    char message[1024], peer[WEND_ADDRESS_TEXT_MAX], reason[128] = "";
    struct wend_str host = x->request.authority;
    va_list args;

    if (level > r->log->level)
        return;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    if (error != 0)
        snprintf(reason, sizeof(reason), " (%d: %s)", error, strerror(error));
    wend_address_write_host(&x->conn->peer, peer);
    wend_log_write(
        r->log, level, x->conn->number, 0,
        "%s%s, client: %s, server: %.*s, request: \"%.*s\"%s%.*s%s%s%.*s%s", message, reason, peer,
        WEND_STR_ARG(r->server->primary_name), WEND_STR_ARG(x->request.line),
        r->upstream_url.ptr != NULL ? ", upstream: \"" : "", WEND_STR_ARG(r->upstream_url),
        r->upstream_url.ptr != NULL ? "\"" : "", host.ptr != NULL ? ", host: \"" : "",
        WEND_STR_ARG(host), host.ptr != NULL ? "\"" : "");
}

/* --- pages and redirects ---------------------------------------------------------------------- */

static bool closes(int status)
{
    switch (status) {
    case 400:
    case 413:
    case 414:
    case 431:
    case 494:
    case 495:
    case 496:
    case 497:
    case 500:
    case 501:
        return true;
    default:
        return false;
    }
}

static enum wend_code plain_page(struct wend_exchange *x, int status)
{
    struct wend_str body;
    struct wend_piece piece;

    (void)wend_edge_page(x, status, &body);
    piece = wend_piece_of(body);
    return wend_respond(x, &piece, body.len != 0, true);
}

static const struct wend_error_page *page_for(const struct wend_edge_request *r, int status)
{
    const struct wend_edge_core_location *l = r->location;

    if (r->error_status != 0 && l->recursive_error_pages == 0)
        return NULL;
    for (size_t i = 0; i < l->error_page_count; i++)
        if (l->error_pages[i].status == status)
            return &l->error_pages[i];
    return NULL;
}

/* "/path?args": what follows the first '?' moves to *args; without one *args stays. */
static void split_args(struct wend_str *path, struct wend_str *args)
{
    ptrdiff_t question = wend_str_find_byte(*path, '?');

    if (question < 0)
        return;
    *args = wend_str_from(*path, (size_t)question + 1);
    path->len = (size_t)question;
}

static enum wend_code serve_error_page(struct wend_exchange *x, const struct wend_error_page *page,
                                       int status)
{
    struct wend_edge_request *r = wend_edge_of(x);
    struct wend_str target, args = page->args;
    int answer = page->answer > 0 ? page->answer : status;

    x->response.status = status; /* the target may ask for $status */
    target = wend_template_value(x, &page->target);
    if (target.len != 0 && (target.ptr[0] == '/' || target.ptr[0] == '@'))
        r->error_status = page->answer < 0 ? status : page->answer == 0 ? -1 : page->answer;
    if (target.len != 0 && target.ptr[0] == '@')
        return wend_edge_redirect_named(x, target);
    if (target.len != 0 && target.ptr[0] == '/') {
        if (x->request.method != WEND_HEAD) {
            x->request.method = WEND_GET;
            x->request.method_text = WEND_STR("GET");
        }
        if (!page->target.constant)
            split_args(&target, &args);
        return wend_edge_redirect_internal(x, target, args);
    }
    if (answer != 301 && answer != 302 && answer != 303 && answer != 307 && answer != 308)
        answer = 302;
    return wend_edge_redirect(x, answer, target);
}

enum wend_code wend_edge_finish(struct wend_exchange *x, int status)
{
    struct wend_edge_request *r = wend_edge_of(x);
    const struct wend_error_page *page;

    x->response.close |= closes(status);
    /* Who is this late gets no answer from nginx; a strict server says 408. */
    if (status == 444 || status == 499 || (status == 408 && !r->server->strict)) {
        x->response.status = status;
        x->response.close = true;
        wend_respond_torn(x);
        return WEND_OK;
    }
    if (x->state != WEND_X_REQUEST) {
        wend_respond_torn(x);
        return WEND_OK;
    }
    page = status >= 300 ? page_for(r, status) : NULL;
    if (page != NULL)
        return serve_error_page(x, page, status);
    if (status == 204 || status < 300) {
        x->response.status = status;
        x->response.content_length = status == 204 ? -1 : 0;
        return wend_respond(x, NULL, 0, true);
    }
    /* An error in the making of an error page is the answer. */
    r->error_status = r->error_status == 0 ? 0 : -1;
    return plain_page(x, status);
}

static struct wend_str absolute(struct wend_exchange *x, struct wend_str target)
{
    const struct wend_edge_request *r = wend_edge_of(x);
    const struct wend_edge_core_location *l = r->location;
    struct wend_str host = x->request.host;
    uint16_t port = wend_address_port(&x->conn->local);
    bool usual = port == (x->conn->secure ? 443 : 80) || port == 0;
    char local[WEND_ADDRESS_TEXT_MAX], port_text[8] = "";

    if (target.len == 0 || target.ptr[0] != '/' || l->absolute_redirect == 0)
        return target;
    if (l->server_name_in_redirect != 0)
        host = r->server->primary_name;
    if (host.len == 0)
        host = wend_str_make(local, wend_address_write_host(&x->conn->local, local));
    if (l->port_in_redirect != 0 && !usual)
        snprintf(port_text, sizeof(port_text), ":%u", port);
    return wend_arena_printf(&x->task->arena, "%.*s://%.*s%s%.*s", WEND_STR_ARG(x->request.scheme),
                             WEND_STR_ARG(host), port_text, WEND_STR_ARG(target));
}

enum wend_code wend_edge_redirect(struct wend_exchange *x, int status, struct wend_str target)
{
    struct wend_str location = absolute(x, target), body;
    struct wend_piece piece;

    if (wend_fields_set(&x->response.fields, &x->task->arena, WEND_FIELD_LOCATION, location) !=
        WEND_OK)
        return WEND_E_MEMORY;
    if (!wend_field_value_valid(location)) {
        wend_fields_remove(&x->response.fields, WEND_FIELD_LOCATION);
        wend_edge_log(x, WEND_LOG_ERROR, 0,
                      "a redirect to a target with control characters was refused");
        return wend_edge_finish(x, 500);
    }
    if (wend_edge_of(x)->error_status == 0 && page_for(wend_edge_of(x), status) != NULL)
        return wend_edge_finish(x, status);
    if (wend_edge_refresh_page(x, status, target, &body)) {
        piece = wend_piece_of(body);
        wend_edge_of(x)->error_status = 0; /* the 200 is not an error page's */
        return wend_respond(x, &piece, 1, true);
    }
    return plain_page(x, status);
}

static bool too_many_redirects(struct wend_exchange *x)
{
    struct wend_edge_request *r = wend_edge_of(x);

    if (++r->redirects <= WEND_EDGE_REDIRECTS_MAX)
        return false;
    wend_edge_log(x, WEND_LOG_ERROR, 0,
                  "rewrite or internal redirection cycle while internally redirecting to \"%.*s\"",
                  WEND_STR_ARG(r->uri));
    return true;
}

/* What a place knew does not hold in the next one. */
static void forget_place(struct wend_exchange *x)
{
    struct wend_edge_request *r = wend_edge_of(x);

    r->internal = true;
    r->uri_in_alias = false;
    r->uri_astray = false;
    r->handed_over = false;
    r->filename = WEND_STR_NULL;
    memset(r->module_state, 0, wend_edge_module_count() * sizeof(*r->module_state));
    x->response.status = 0;
    x->response.etag = WEND_STR_NULL;
    x->response.last_modified = -1;
    x->response.allow_ranges = false;
    x->response.content_length = -1;
}

enum wend_code wend_edge_redirect_internal(struct wend_exchange *x, struct wend_str uri,
                                           struct wend_str args)
{
    struct wend_edge_request *r = wend_edge_of(x);

    if (too_many_redirects(x)) {
        r->error_status = -1;
        return plain_page(x, 500);
    }
    forget_place(x);
    r->uri = wend_arena_keep(&x->task->arena, uri);
    r->args = args;
    return wend_phases_run(x);
}

enum wend_code wend_edge_redirect_named(struct wend_exchange *x, struct wend_str name)
{
    struct wend_edge_request *r = wend_edge_of(x);
    struct wend_edge_core_location *found = wend_location_named(r->server, name);

    if (too_many_redirects(x) || found == NULL) {
        if (found == NULL)
            wend_edge_log(x, WEND_LOG_ERROR, 0, "could not find named location \"%.*s\"",
                          WEND_STR_ARG(name));
        r->error_status = -1;
        return plain_page(x, 500);
    }
    forget_place(x);
    r->named = true;
    wend_edge_enter(x, found);
    return wend_phases_run_named(x);
}

/* --- the handler ------------------------------------------------------------------------------ */

/* Methods the edge itself refuses, as nginx does; a strict server says 501 to what it never heard
 * of. */
static int refused_method(const struct wend_exchange *x)
{
    const struct wend_h1_server *h1 = x->listener;

    if (x->request.method == WEND_TRACE || x->request.method == WEND_CONNECT)
        return 405;
    return x->request.method == WEND_METHOD_OTHER && h1->policy == WEND_H1_STRICT ? 501 : 0;
}

/* OPTIONS * is about the server, not about a path (RFC 9110 9.3.7). nginx knows only paths: 400. */
static bool asks_server(const struct wend_exchange *x)
{
    const struct wend_h1_server *h1 = x->listener;

    return h1->policy == WEND_H1_STRICT && x->request.method == WEND_OPTIONS &&
           wend_str_eq(x->request.target, WEND_STR("*"));
}

static enum wend_code tell_capabilities(struct wend_exchange *x)
{
    enum wend_code code = wend_fields_add(&x->response.fields, &x->task->arena, WEND_FIELD_ALLOW,
                                          WEND_STR("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));

    x->response.status = 200;
    x->response.content_length = 0;
    return code == WEND_OK ? wend_respond(x, NULL, 0, true) : code;
}

static enum wend_code route(struct wend_exchange *x, struct wend_edge_request *r)
{
    const struct wend_edge_core_server *settings;
    int refused = refused_method(x);

    /* Without a Host it is the server named "", if there is one. */
    r->server = wend_edge_find_server(r->listen, x, x->request.host);
    wend_edge_enter(x, r->server->root);
    settings = wend_edge_settings(x, &wend_edge_core, WEND_LEVEL_SERVER);
    if (refused != 0)
        return wend_edge_finish(x, refused);
    if (asks_server(x))
        return tell_capabilities(x);
    if (wend_path_normalise(&x->task->arena, x->request.path_raw, settings->merge_slashes != 0,
                            &r->uri) != WEND_OK) {
        wend_edge_log(x, WEND_LOG_INFO, 0, "client sent invalid request URI");
        return wend_edge_finish(x, 400);
    }
    return wend_phases_run(x);
}

static enum wend_code serve(const struct wend_handler *self, struct wend_exchange *x)
{
    struct wend_edge_request *r = make_request(x);
    enum wend_code code;

    (void)self;
    if (r == NULL)
        return WEND_E_MEMORY;
    code = route(x, r);
    if (code == WEND_OK && x->state == WEND_X_REQUEST && x->response.status != 0)
        code = wend_edge_finish(x, x->response.status);
    if (code == WEND_OK || x->state != WEND_X_REQUEST)
        return code;
    if (code == WEND_E_CLOSED || code == WEND_E_RESET) {
        x->response.status = 499;
        return code;
    }
    return wend_edge_finish(x, wend_status_of(code));
}

enum wend_code wend_edge_reject(const struct wend_h1_server *server, struct wend_exchange *x,
                                const struct wend_h1_error *error)
{
    struct wend_edge_request *r = make_request(x);
    int status = error->status;

    (void)server;
    if (r == NULL)
        return WEND_E_MEMORY;
    r->rejected = true;
    r->reject_text = error->text;
    wend_edge_log(x, WEND_LOG_INFO, 0, "client sent an invalid request: %s", error->text);
    x->response.status = 0;
    return wend_edge_finish(x, status);
}

void wend_edge_finished(const struct wend_h1_server *server, struct wend_exchange *x)
{
    (void)server;
    if (x->edge != NULL)
        wend_phases_log(x);
}

const struct wend_handler wend_edge_handler = {"edge", serve};

/* An error page's own 200 becomes the error it is for. First in the table, so that the conditional
 * filter sees the final status. */
static bool error_status_head(struct wend_exchange *x, void **state)
{
    const struct wend_edge_request *r = wend_edge_of(x);

    (void)state;
    if (r->error_status > 0 && x->response.status < 300) {
        x->response.status = r->error_status;
        x->response.reason = WEND_STR_NULL; /* an upstream's words are of its own status */
        /* When the page was made says nothing about the error. */
        if (r->error_status != 200 && r->error_status != 206)
            x->response.last_modified = -1;
    }
    return false;
}

const struct wend_filter wend_edge_status_filter = {"error status", .head = error_status_head};
