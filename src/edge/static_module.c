/* edge/static_module.c - files as the last of the content handlers, with the settings of their
 * place; see edge/static.h for what is answered. */
#include "edge/content.h"
#include "edge/page.h"
#include "edge/request.h"
#include "edge/static.h"

/* One open_file_cache in force. Made while reading; the cache itself by the worker that needs it.
 */
struct cache_place {
    struct wend_file_cache_settings settings;
    struct wend_file_cache *cache;
};

struct static_settings {
    int cached; /* open_file_cache: 0 off */
    int64_t entries_max, inactive_ms, valid_ms, min_uses;
    int errors;
    struct cache_place *place;    /* NULL: the worker's own cache */
    int symlinks;                 /* enum wend_symlinks */
    struct wend_template trusted; /* of disable_symlinks; the start of paths that is */
};

/* --- settings -------------------------------------------------------------------------------- */

static void init(void *settings)
{
    struct static_settings *s = settings;

    s->cached = WEND_UNSET;
    s->errors = WEND_UNSET;
    s->symlinks = WEND_UNSET;
    s->entries_max = s->inactive_ms = s->valid_ms = s->min_uses = WEND_UNSET;
}

static enum wend_code set_cache(struct wend_conf *conf, const struct wend_directive *row,
                                void *slot)
{
    struct static_settings *s = slot;

    (void)row;
    if (s->cached != WEND_UNSET)
        return wend_conf_bad(conf, "\"open_file_cache\" directive is duplicate");
    s->cached = 1;
    s->inactive_ms = 60000;
    for (unsigned i = 1; i < conf->statement->count; i++) {
        struct wend_str arg = conf->statement->args[i];
        uint64_t number;

        if (wend_str_starts(arg, WEND_STR("max="))) {
            if (!wend_str_to_u64(wend_str_from(arg, 4), &number) || number == 0 ||
                number > UINT32_MAX)
                return wend_conf_bad(conf, "invalid \"open_file_cache\" parameter \"%.*s\"",
                                     WEND_STR_ARG(arg));
            s->entries_max = (int64_t)number;
        } else if (wend_str_starts(arg, WEND_STR("inactive="))) {
            s->inactive_ms = wend_conf_msec(wend_str_from(arg, 9));
            if (s->inactive_ms < 0)
                return wend_conf_bad(conf, "invalid \"open_file_cache\" parameter \"%.*s\"",
                                     WEND_STR_ARG(arg));
        } else if (wend_str_eq(arg, WEND_STR("off"))) {
            s->cached = 0;
        } else {
            return wend_conf_bad(conf, "invalid \"open_file_cache\" parameter \"%.*s\"",
                                 WEND_STR_ARG(arg));
        }
    }
    if (s->cached != 0 && s->entries_max == WEND_UNSET)
        return wend_conf_bad(conf, "\"open_file_cache\" must have the \"max\" parameter");
    return WEND_OK;
}

/* on | if_not_owner [from=PART], or off */
static enum wend_code set_symlinks(struct wend_conf *conf, const struct wend_directive *row,
                                   void *slot)
{
    static const struct {
        struct wend_str word;
        enum wend_symlinks mode;
    } words[] = {{WEND_STR_INIT("off"), WEND_SYMLINKS_FOLLOW},
                 {WEND_STR_INIT("on"), WEND_SYMLINKS_REFUSE},
                 {WEND_STR_INIT("if_not_owner"), WEND_SYMLINKS_OWNER}};
    struct static_settings *s = slot;

    (void)row;
    if (s->symlinks != WEND_UNSET)
        return wend_conf_bad(conf, "\"disable_symlinks\" directive is duplicate");
    for (unsigned i = 1; i < conf->statement->count; i++) {
        struct wend_str arg = conf->statement->args[i];
        size_t known = 0;

        while (known < WEND_COUNT(words) && !wend_str_eq(arg, words[known].word))
            known++;
        if (known < WEND_COUNT(words))
            s->symlinks = words[known].mode;
        else if (!wend_str_starts(arg, WEND_STR("from=")))
            return wend_conf_bad(conf, "invalid parameter \"%.*s\"", WEND_STR_ARG(arg));
        else if (wend_template_compile(conf, wend_str_from(arg, 5), &s->trusted) != WEND_OK)
            return WEND_E_CONFIG;
    }
    if (s->symlinks == WEND_UNSET)
        return wend_conf_bad(conf, "\"disable_symlinks\" must have \"off\", \"on\" or "
                                   "\"if_not_owner\" parameter");
    if (conf->statement->count == 3 && s->symlinks == WEND_SYMLINKS_FOLLOW)
        return wend_conf_bad(conf, "\"from=\" cannot be used with \"off\" parameter");
    return WEND_OK;
}

#define PLACE .contexts = WEND_CTX_HTTP_ALL, .level = WEND_LEVEL_LOCATION
#define SLOT(member) .offset = offsetof(struct static_settings, member)

/* clang-format off */
static const struct wend_directive rows[] = {
    {.name = "open_file_cache", PLACE, .args_min = 1, .args_max = 2, .set = set_cache,
     .once_checked = true, .fallback = "off",
     .help = "Keep open files, sizes, times and, with errors on, failures: max=N [inactive=TIME]."},
    {.name = "open_file_cache_valid", PLACE, .args_min = 1, .args_max = 1, .set = wend_set_msec,
     SLOT(valid_ms), .fallback = "60s", .help = "How long a cached file is believed unasked."},
    {.name = "open_file_cache_min_uses", PLACE, .args_min = 1, .args_max = 1,
     .set = wend_set_number, SLOT(min_uses), .fallback = "1",
     .help = "Uses within the inactive time from which a file stays open."},
    {.name = "open_file_cache_errors", PLACE, .args_min = 1, .args_max = 1, .set = wend_set_flag,
     SLOT(errors), .fallback = "off", .help = "Whether failed look-ups are cached as well."},
    {.name = "disable_symlinks", PLACE, .args_min = 1, .args_max = 2, .set = set_symlinks,
     .once_checked = true, .fallback = "off",
     .help = "Refuse symbolic links: on, or if_not_owner; from=PART: not in this part of the path."},
};
/* clang-format on */

static bool touched(const struct static_settings *s)
{
    return s->cached != WEND_UNSET || s->valid_ms != WEND_UNSET || s->min_uses != WEND_UNSET ||
           s->errors != WEND_UNSET;
}

static enum wend_code merge(struct wend_conf *conf, void *parent_settings, void *child_settings)
{
    const struct static_settings *parent = parent_settings;
    struct static_settings *s = child_settings;
    bool own = touched(s);

    if (s->symlinks == WEND_UNSET)
        s->trusted = parent->trusted;
    WEND_MERGE(s->symlinks, parent->symlinks, WEND_SYMLINKS_FOLLOW);
    WEND_MERGE(s->cached, parent->cached, 0);
    WEND_MERGE(s->entries_max, parent->entries_max, 0);
    WEND_MERGE(s->inactive_ms, parent->inactive_ms, 60000);
    WEND_MERGE(s->valid_ms, parent->valid_ms, 60000);
    WEND_MERGE(s->min_uses, parent->min_uses, 1);
    WEND_MERGE(s->errors, parent->errors, 0);
    if (s->cached == 0)
        return WEND_OK;
    s->place = parent->place;
    if (!own && s->place != NULL)
        return WEND_OK;
    s->place = WEND_NEW(conf->arena, struct cache_place);
    if (s->place == NULL)
        return WEND_E_MEMORY;
    s->place->settings = wend_file_cache_default;
    s->place->settings.entries_max = (size_t)s->entries_max;
    s->place->settings.inactive_ms = s->inactive_ms;
    s->place->settings.valid_ms = s->valid_ms;
    s->place->settings.min_uses = (unsigned)s->min_uses;
    s->place->settings.errors = s->errors != 0;
    return WEND_OK;
}

/* open_file_cache's of the request's place, else the worker's own. */
static struct wend_file_cache *cache_of(struct wend_exchange *x)
{
    const struct static_settings *s = wend_edge_settings(x, &wend_edge_static, WEND_LEVEL_LOCATION);

    if (s->place == NULL)
        return wend_file_cache_worker(x->task->loop);
    if (s->place->cache == NULL)
        s->place->cache = wend_file_cache_new(x->task->loop, &s->place->settings);
    return s->place->cache;
}

/* The part that is trusted ends with a component of the path, or counts for nothing. */
static struct wend_symlink_rule symlink_rule(struct wend_exchange *x, const char *path)
{
    const struct static_settings *s = wend_edge_settings(x, &wend_edge_static, WEND_LEVEL_LOCATION);
    struct wend_symlink_rule rule = {(enum wend_symlinks)s->symlinks, 0};
    struct wend_str trusted;

    if (rule.mode == WEND_SYMLINKS_FOLLOW || !wend_template_set(&s->trusted))
        return rule;
    trusted = wend_template_value(x, &s->trusted);
    if (trusted.len == 0 || !wend_str_starts(wend_str_of(path), trusted))
        return rule;
    if (path[trusted.len] == '\0')
        rule.mode = WEND_SYMLINKS_FOLLOW;
    else if (path[trusted.len] == '/')
        rule.trusted = trusted.len;
    else if (path[trusted.len - 1] == '/')
        rule.trusted = trusted.len - 1;
    return rule;
}

enum wend_code wend_edge_file_open(struct wend_exchange *x, const char *path,
                                   enum wend_file_want want, const struct wend_file **out)
{
    struct wend_symlink_rule rule = symlink_rule(x, path);

    return wend_file_open(x->task, cache_of(x), x->arrived, path, &rule, want, out);
}

const struct wend_file *wend_edge_look(struct wend_exchange *x, struct wend_str path)
{
    const struct wend_file *file;
    enum wend_log_level level;

    if (path.len == 0 || wend_edge_file_open(x, path.ptr, WEND_FILE_LOOK, &file) != WEND_OK)
        return NULL;
    if (file->error == 0)
        return file;
    if (wend_static_status_of(file->error, &level) != 404)
        wend_edge_log(x, WEND_LOG_CRIT, file->error, "%s \"%.*s\" failed", file->call,
                      WEND_STR_ARG(path));
    return NULL;
}

/* --- content --------------------------------------------------------------------------------- */

static void log_line(struct wend_exchange *x, enum wend_log_level level, int error,
                     const char *text)
{
    wend_edge_log(x, level, error, "%s", text);
}

static enum wend_code redirect(struct wend_exchange *x)
{
    struct wend_str target = wend_fields_value(&x->response.fields, WEND_FIELD_LOCATION);

    wend_fields_remove(&x->response.fields, WEND_FIELD_LOCATION);
    return wend_edge_redirect(x, 301, target);
}

static enum wend_code content(struct wend_exchange *x)
{
    const struct wend_edge_request *r = wend_edge_of(x);
    const struct wend_edge_core_location *place = r->location;
    struct wend_static_settings settings = {
        .cache = cache_of(x),
        /* An application that sent X-Accel-Redirect has said what the file is. */
        .content_type = x->response.content_type.len != 0 ? x->response.content_type
                                                          : wend_edge_content_type(x, r->uri),
        .if_modified_since = (enum wend_if_modified_since)place->if_modified_since,
        .max_ranges =
            place->max_ranges > UINT32_MAX ? WEND_RANGES_UNLIMITED : (unsigned)place->max_ranges,
        .etag = place->etag != 0,
        .log_not_found = place->log_not_found != 0,
        .log = log_line,
    };
    struct wend_str path;
    size_t root_len;
    enum wend_code code;

    path = wend_edge_map_path(x, r->uri, &root_len);
    if (path.ptr == NULL)
        return wend_edge_finish(x, 500);
    settings.symlinks = symlink_rule(x, path.ptr);
    code = wend_static_serve(x, &settings, path.ptr, r->uri);
    if (code != WEND_OK || x->state != WEND_X_REQUEST)
        return code;
    return x->response.status == 301 ? redirect(x) : wend_edge_finish(x, x->response.status);
}

const struct wend_edge_module wend_edge_static = {
    .name = "http_static",
    .rows = rows,
    .row_count = WEND_COUNT(rows),
    .sizes = {[WEND_LEVEL_LOCATION] = sizeof(struct static_settings)},
    .init = {[WEND_LEVEL_LOCATION] = init},
    .merge_location = merge,
    .content = content,
};

/* --- filters --------------------------------------------------------------------------------- */

/* A server or an application behind us has seen the conditions and answered by its own validators,
 * which we do not look into: a 200 from there is its answer to If-Match as well. */
static bool judged_elsewhere(const struct wend_exchange *x, const struct wend_edge_request *r)
{
    return r->handed_over && x->response.etag.ptr == NULL && x->response.last_modified == -1;
}

static bool conditional_head(struct wend_exchange *x, void **state)
{
    const struct wend_edge_request *r = wend_edge_of(x);

    if (r == NULL || r->location == NULL || judged_elsewhere(x, r) ||
        !wend_conditional_head(x, (enum wend_if_modified_since)r->location->if_modified_since))
        return false;
    *state = wend_edge_page_state(x, 412);
    return true;
}

static enum wend_code conditional_body(struct wend_exchange *x, struct wend_filter_link *link,
                                       void *state, const struct wend_piece *pieces, size_t count,
                                       bool last)
{
    (void)pieces;
    (void)count;
    (void)last;
    return wend_edge_page_body(x, link, state);
}

const struct wend_filter wend_edge_filter_conditional = {
    .name = "conditional",
    .head = conditional_head,
    .body = conditional_body,
};

static bool range_head(struct wend_exchange *x, void **state)
{
    const struct wend_edge_request *r = wend_edge_of(x);
    int64_t max;

    if (!x->response.allow_ranges || r == NULL || r->location == NULL)
        return false;
    max = r->location->max_ranges;
    /* Whoever allows ranges here is the static module, which sends a file as one piece. */
    if (!wend_range_head(x, state, max > UINT32_MAX ? WEND_RANGES_UNLIMITED : (unsigned)max, true))
        return false;
    if (x->response.status == 416)
        *state = wend_edge_page_state(x, 416);
    return true;
}

static enum wend_code range_body(struct wend_exchange *x, struct wend_filter_link *link,
                                 void *state, const struct wend_piece *pieces, size_t count,
                                 bool last)
{
    if (x->response.status == 416)
        return wend_edge_page_body(x, link, state);
    return wend_filter_range.body(x, link, state, pieces, count, last);
}

const struct wend_filter wend_edge_filter_range = {
    .name = "range",
    .head = range_head,
    .body = range_body,
};
