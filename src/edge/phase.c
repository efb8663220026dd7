/* edge/phase.c - see edge/phase.h. */
#include "edge/phase.h"

#include "base/assert.h"
#include "edge/browser.h"
#include "edge/content.h"
#include "edge/rewrite.h"
#include "http/path.h"

#define PHASE_MODULES_MAX 64

/* --- who takes part --------------------------------------------------------------------------- */

/* The modules with a function for a phase, in their order: most have none for most. */
struct phase {
    size_t offset; /* of the function in struct wend_edge_module */
    size_t count;
    const struct wend_edge_module *modules[PHASE_MODULES_MAX];
};

#define PHASE(name)                                                                                \
    {                                                                                              \
        .offset = offsetof(struct wend_edge_module, name)                                          \
    }
static struct phase preaccess = PHASE(preaccess), access_phase = PHASE(access),
                    precontent = PHASE(precontent), content = PHASE(content),
                    log_phase = PHASE(log);

static wend_edge_phase_fn function_of(const struct phase *phase, size_t i)
{
    wend_edge_phase_fn fn;

    memcpy(&fn, (const char *)phase->modules[i] + phase->offset, sizeof(fn));
    return fn;
}

static void fill_phase(struct phase *phase)
{
    phase->count = 0;
    for (size_t i = 0; wend_edge_modules[i] != NULL; i++) {
        WEND_ASSERT(phase->count < PHASE_MODULES_MAX);
        phase->modules[phase->count] = wend_edge_modules[i];
        phase->count += function_of(phase, phase->count) != NULL;
    }
}

void wend_phases_prepare(void)
{
    fill_phase(&preaccess);
    fill_phase(&access_phase);
    fill_phase(&precontent);
    fill_phase(&content);
    fill_phase(&log_phase);
}

/* --- try_files -------------------------------------------------------------------------------- */

static enum wend_code try_last(struct wend_exchange *x, struct wend_str target)
{
    const struct wend_edge_core_location *l = wend_edge_of(x)->location;
    ptrdiff_t question;

    if (l->try_files[l->try_file_count - 1].source.ptr[0] == '=')
        return wend_edge_finish(x, l->try_files_status);
    if (target.len != 0 && target.ptr[0] == '@')
        return wend_edge_redirect_named(x, target);
    question = wend_str_find_byte(target, '?');
    if (question < 0)
        return wend_edge_redirect_internal(x, target, WEND_STR(""));
    return wend_edge_redirect_internal(x, wend_str_slice(target, 0, (size_t)question),
                                       wend_str_from(target, (size_t)question + 1));
}

static bool is_there(struct wend_exchange *x, struct wend_str file, bool folder)
{
    const struct wend_file *found = wend_edge_look(x, file);

    return found != NULL && found->kind == (folder ? WEND_FILE_DIRECTORY : WEND_FILE_REGULAR);
}

/* With alias the location's prefix has been replaced, so the path to try carries it in front. One
 * with variables may have it already; one without is meant to be below the alias. */
static struct wend_str whole_path(struct wend_exchange *x, const struct wend_template *entry,
                                  struct wend_str path)
{
    const struct wend_edge_core_location *l = wend_edge_of(x)->location;

    if (!l->alias || l->alias_name.ptr == NULL ||
        (!entry->constant && wend_str_starts(path, l->alias_name)))
        return path;
    return wend_arena_printf(&x->task->arena, "%.*s%.*s", WEND_STR_ARG(l->alias_name),
                             WEND_STR_ARG(path));
}

static enum wend_code try_files(struct wend_exchange *x)
{
    struct wend_edge_request *r = wend_edge_of(x);
    const struct wend_edge_core_location *l = r->location;

    if (l->try_files == NULL)
        return WEND_DECLINED;
    for (size_t i = 0; i < l->try_file_count; i++) {
        struct wend_str path = wend_template_value(x, &l->try_files[i]);
        bool folder = path.len != 0 && path.ptr[path.len - 1] == '/';
        struct wend_str file;

        if (i + 1 == l->try_file_count)
            return try_last(x, path);
        /* Only a slash of the configuration asks for a folder; it is no part of the path, so that a
         * folder asked for without one is still redirected to itself with one. */
        folder = folder && wend_str_ends(l->try_files[i].source, WEND_STR("/"));
        path.len -= folder;
        path = whole_path(x, &l->try_files[i], path);
        r->uri_in_alias = l->alias && l->alias_name.ptr == NULL;
        file = wend_edge_map_path(x, path, NULL);
        if (file.ptr == NULL)
            return wend_edge_finish(x, 500);
        if (!is_there(x, file, folder)) {
            r->uri_in_alias = false;
            continue;
        }
        /* Behind the alias of an expression nothing need follow: then the path stays what it is. */
        if (!r->uri_in_alias || path.len != 0)
            r->uri = wend_arena_keep(&x->task->arena, path);
        r->uri_in_alias = r->uri_in_alias && path.len != 0;
        r->filename = WEND_STR_NULL;
        return WEND_DECLINED;
    }
    return WEND_DECLINED;
}

/* --- access ----------------------------------------------------------------------------------- */

static enum wend_code deny(struct wend_exchange *x)
{
    wend_edge_log(x, WEND_LOG_ERROR, 0, "access forbidden by rule");
    return wend_edge_finish(x, x->response.status != 0 ? x->response.status : 403);
}

/* WEND_DECLINED: allowed. */
static enum wend_code check_access(struct wend_exchange *x)
{
    struct wend_edge_request *r = wend_edge_of(x);
    bool any = r->location->satisfy_any != 0, refused = false;

    for (size_t i = 0; i < access_phase.count; i++) {
        enum wend_code code = access_phase.modules[i]->access(x);

        if (code == WEND_DECLINED)
            continue;
        wend_span_point(x->task->trace, WEND_EV_ACCESS, code == WEND_E_DENIED ? 403 : 0,
                        wend_str_of(access_phase.modules[i]->name));
        if (code == WEND_OK && any) {
            x->response.status = 0;
            return WEND_DECLINED;
        }
        if (code == WEND_E_DENIED && any)
            refused = true;
        else if (code == WEND_E_DENIED)
            return deny(x);
        else if (code != WEND_OK)
            return code;
    }
    return refused ? deny(x) : WEND_DECLINED;
}

/* --- the way ---------------------------------------------------------------------------------- */

static enum wend_code run_modules(struct wend_exchange *x, const struct phase *phase)
{
    for (size_t i = 0; i < phase->count; i++) {
        enum wend_code code = function_of(phase, i)(x);

        if (code != WEND_DECLINED)
            return code;
    }
    return WEND_DECLINED;
}

static enum wend_code no_content(struct wend_exchange *x)
{
    struct wend_edge_request *r = wend_edge_of(x);
    size_t root_len;
    struct wend_str path;

    if (r->uri.len == 0 || r->uri.ptr[r->uri.len - 1] != '/') {
        wend_edge_log(x, WEND_LOG_ERROR, 0, "no handler found");
        return wend_edge_finish(x, 404);
    }
    path = wend_edge_map_path(x, r->uri, &root_len);
    if (path.ptr != NULL)
        wend_edge_log(x, WEND_LOG_ERROR, 0, "directory index of \"%.*s\" is forbidden",
                      WEND_STR_ARG(path));
    return wend_edge_finish(x, 403);
}

static enum wend_code run_content(struct wend_exchange *x)
{
    struct wend_edge_request *r = wend_edge_of(x);
    enum wend_code code;

    if (r->location->handler != NULL) {
        r->handed_over = true;
        return wend_serve(r->location->handler, x);
    }
    code = run_modules(x, &content);
    return code == WEND_DECLINED ? no_content(x) : code;
}

static enum wend_code after_rewrites(struct wend_exchange *x)
{
    enum wend_code code = run_modules(x, &preaccess);

    if (code == WEND_DECLINED)
        code = check_access(x);
    if (code == WEND_DECLINED)
        code = try_files(x);
    if (code == WEND_DECLINED)
        code = run_modules(x, &precontent);
    return code == WEND_DECLINED ? run_content(x) : code;
}

/* "/x" where a location "/x/" passes requests on. */
static enum wend_code add_slash(struct wend_exchange *x)
{
    struct wend_edge_request *r = wend_edge_of(x);
    struct wend_str path = wend_escape(&x->task->arena, r->uri, WEND_ESCAPE_URI);
    const char *mark = r->args.len != 0 ? "?" : "";

    return wend_edge_redirect(x, 301,
                              wend_arena_printf(&x->task->arena, "%.*s/%s%.*s", WEND_STR_ARG(path),
                                                mark, WEND_STR_ARG(r->args)));
}

static void keep_named_groups(struct wend_exchange *x, const struct wend_regex *regex)
{
    struct wend_edge_request *r = wend_edge_of(x);
    struct wend_regex_match innermost = r->captures;

    if (wend_regex_run(regex, r->uri, &r->captures) == WEND_OK)
        wend_edge_keep_captures(x, regex, r->uri);
    r->captures = innermost;
}

/* Named groups of the expressions around a nested location keep their values; the search kept only
 * the innermost match. */
static void keep_outer_captures(struct wend_exchange *x,
                                const struct wend_edge_core_location *found)
{
    for (const struct wend_edge_core_location *outer = found->parent; outer != NULL;
         outer = outer->parent)
        if (outer->kind == WEND_LOCATION_REGEX && outer->regex->name_count != 0)
            keep_named_groups(x, outer->regex);
}

/* keepalive_disable: old Explorers stumble over a connection kept alive after a POST, old Safaris
 * over any. */
static void mind_browser(struct wend_exchange *x, const struct wend_edge_core_location *found)
{
    unsigned disabled = (unsigned)found->keepalive_disable & wend_browser_of(x);

    if (x->request.method != WEND_POST)
        disabled &= ~(unsigned)WEND_BROWSER_MSIE6;
    if (disabled != 0)
        x->request.keep_alive = false;
}

static enum wend_code find_location(struct wend_exchange *x)
{
    struct wend_edge_request *r = wend_edge_of(x);
    struct wend_edge_core_location *found;
    bool slash;

    found = wend_location_find(r->server, r->uri, &r->captures, &slash);
    wend_edge_enter(x, found);
    keep_outer_captures(x, found);
    if (found->regex != NULL)
        wend_edge_keep_captures(x, found->regex, r->uri);
    if (slash)
        return add_slash(x);
    if (found->internal == 1 && !r->internal)
        return wend_edge_finish(x, 404);
    if (WEND_UNLIKELY((found->keepalive_disable & WEND_BROWSER_SAFARI) != 0 ||
                      x->request.method == WEND_POST))
        mind_browser(x, found);
    if (found->client_max_body_size > 0 &&
        x->request.content_length > found->client_max_body_size && !x->body_read &&
        r->error_status == 0) {
        wend_edge_log(x, WEND_LOG_ERROR, 0, "client intended to send too large body: %lld bytes",
                      (long long)x->request.content_length);
        return wend_edge_finish(x, 413);
    }
    x->body_max = found->client_max_body_size > 0 ? found->client_max_body_size : -1;
    return WEND_DECLINED;
}

static enum wend_code cycle(struct wend_exchange *x)
{
    wend_edge_log(x, WEND_LOG_ERROR, 0,
                  "rewrite or internal redirection cycle while processing \"%.*s\"",
                  WEND_STR_ARG(wend_edge_of(x)->uri));
    return wend_edge_finish(x, 500);
}

/* Phases 2 and 3 until the path stays. */
static enum wend_code settle_location(struct wend_exchange *x)
{
    struct wend_edge_request *r = wend_edge_of(x);
    enum wend_code code;

    do {
        r->uri_changed = false;
        code = find_location(x);
        if (code == WEND_DECLINED && r->location->rewrites != NULL)
            code = wend_rewrite_run(x, r->location->rewrites);
        if (code == WEND_DECLINED && r->uri_changed && ++r->redirects > WEND_EDGE_REDIRECTS_MAX)
            return cycle(x);
    } while (code == WEND_DECLINED && r->uri_changed);
    return code;
}

enum wend_code wend_phases_run(struct wend_exchange *x)
{
    struct wend_edge_request *r = wend_edge_of(x);
    uint16_t span = wend_span_begin(x->task->trace, WEND_EV_ROUTE);
    enum wend_code code = WEND_DECLINED;

    wend_edge_enter(x, r->server->root);
    if (r->server->root->rewrites != NULL)
        code = wend_rewrite_run(x, r->server->root->rewrites);
    r->uri_changed = false;
    if (code == WEND_DECLINED)
        code = settle_location(x);
    wend_span_note(x->task->trace, span, r->location->name);
    wend_span_end(x->task->trace, span, 0);
    return code == WEND_DECLINED ? after_rewrites(x) : code;
}

enum wend_code wend_phases_run_named(struct wend_exchange *x)
{
    struct wend_edge_request *r = wend_edge_of(x);
    enum wend_code code = WEND_DECLINED;

    r->uri_changed = false;
    if (r->location->rewrites != NULL)
        code = wend_rewrite_run(x, r->location->rewrites);
    if (code == WEND_DECLINED && r->uri_changed)
        code = ++r->redirects > WEND_EDGE_REDIRECTS_MAX ? cycle(x) : settle_location(x);
    return code == WEND_DECLINED ? after_rewrites(x) : code;
}

void wend_phases_log(struct wend_exchange *x)
{
    for (size_t i = 0; i < log_phase.count; i++)
        log_phase.modules[i]->log(x);
}
