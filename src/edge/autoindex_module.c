/* edge/autoindex_module.c - listings of directories; see edge/listing.h for their shapes. */
#include "edge/content.h"
#include "edge/listing.h"
#include "edge/request.h"
#include "fiber/offload.h"

#include <errno.h>

struct autoindex_settings {
    int enabled, format, local_time, exact_size;
};

static void init(void *settings)
{
    struct autoindex_settings *s = settings;

    s->enabled = s->format = s->local_time = s->exact_size = WEND_UNSET;
}

static const struct wend_conf_word formats[] = {
    {"html", WEND_LISTING_HTML},
    {"json", WEND_LISTING_JSON},
    {"jsonp", WEND_LISTING_JSONP},
    {"xml", WEND_LISTING_XML},
    {NULL, 0},
};

#define ONE                                                                                        \
    .contexts = WEND_CTX_HTTP_ALL, .level = WEND_LEVEL_LOCATION, .args_min = 1, .args_max = 1
#define SLOT(member) .offset = offsetof(struct autoindex_settings, member)

/* clang-format off */
static const struct wend_directive rows[] = {
    {.name = "autoindex", ONE, .set = wend_set_flag, SLOT(enabled), .fallback = "off",
     .help = "List a directory that has no index."},
    {.name = "autoindex_format", ONE, .set = wend_set_enum, SLOT(format), .extra = formats,
     .fallback = "html", .help = "html, json, jsonp (?callback=NAME) or xml."},
    {.name = "autoindex_localtime", ONE, .set = wend_set_flag, SLOT(local_time), .fallback = "off",
     .help = "Times in the local zone instead of UTC (html only)."},
    {.name = "autoindex_exact_size", ONE, .set = wend_set_flag, SLOT(exact_size), .fallback = "on",
     .help = "Sizes in bytes instead of K, M and G (html only)."},
};
/* clang-format on */

static enum wend_code merge(struct wend_conf *conf, void *parent_settings, void *child_settings)
{
    const struct autoindex_settings *parent = parent_settings;
    struct autoindex_settings *s = child_settings;

    (void)conf;
    WEND_MERGE(s->enabled, parent->enabled, 0);
    WEND_MERGE(s->format, parent->format, WEND_LISTING_HTML);
    WEND_MERGE(s->local_time, parent->local_time, 0);
    WEND_MERGE(s->exact_size, parent->exact_size, 1);
    return WEND_OK;
}

/* --- content --------------------------------------------------------------------------------- */

struct job {
    const char *directory;
    struct wend_str uri;
    struct wend_listing listing;
    struct wend_listing_style style;
    struct wend_buffer page;
};

static enum wend_code list(void *arg)
{
    struct job *job = arg;
    enum wend_code code = wend_listing_read(job->directory, &job->listing);

    return code == WEND_OK ? wend_listing_write(&job->listing, &job->style, job->uri, &job->page)
                           : code;
}

static void release(void *arg)
{
    struct job *job = arg;

    wend_listing_release(&job->listing);
    wend_buffer_release(&job->page);
}

static enum wend_code refuse(struct wend_exchange *x, const struct job *job)
{
    int error = job->listing.error;
    bool missing = error == ENOENT || error == ENOTDIR || error == ENAMETOOLONG;
    bool closed = error == EACCES;

    wend_edge_log(x, missing || closed ? WEND_LOG_ERROR : WEND_LOG_CRIT, error, "%s \"%s\" failed",
                  job->listing.call, job->directory);
    return wend_edge_finish(x, missing ? 404 : closed ? 403 : 500);
}

/* The value of `callback` in the query; null when there is none. */
static struct wend_str callback_of(const struct wend_edge_request *r)
{
    struct wend_str rest = r->args, part;

    while (wend_str_split(&rest, '&', &part))
        if (wend_str_starts_nocase(part, WEND_STR("callback=")))
            return wend_str_from(part, 9);
    return WEND_STR_NULL;
}

static struct wend_str type_of(const struct wend_listing_style *style)
{
    switch (style->format) {
    case WEND_LISTING_JSON:
        return WEND_STR("application/json");
    case WEND_LISTING_JSONP:
        return style->callback.len > 0 ? WEND_STR("application/javascript")
                                       : WEND_STR("application/json");
    case WEND_LISTING_XML:
        return WEND_STR("text/xml; charset=utf-8");
    default:
        return WEND_STR("text/html");
    }
}

static enum wend_code respond(struct wend_exchange *x, struct job *job)
{
    struct wend_piece piece;

    if (wend_offload(x->task, list, job) != WEND_OK) {
        if (job->listing.error != 0)
            return refuse(x, job);
        wend_edge_log(x, WEND_LOG_ERROR, 0, "the listing of \"%s\" is too large", job->directory);
        return wend_edge_finish(x, 500);
    }
    x->response.status = 200;
    x->response.content_type = type_of(&job->style);
    x->response.content_length = -1;
    piece = wend_piece_of(wend_buffer_str(&job->page));
    return wend_respond(x, &piece, 1, true);
}

static enum wend_code content(struct wend_exchange *x)
{
    struct wend_edge_request *r = wend_edge_of(x);
    const struct autoindex_settings *s =
        wend_edge_settings(x, &wend_edge_autoindex, WEND_LEVEL_LOCATION);
    struct wend_str path;
    struct job *job;
    size_t root_len;

    if (!s->enabled || r->uri.len == 0 || r->uri.ptr[r->uri.len - 1] != '/' ||
        (x->request.method != WEND_GET && x->request.method != WEND_HEAD))
        return WEND_DECLINED;
    job = WEND_NEW(&x->task->arena, struct job);
    path = wend_edge_map_path(x, r->uri, &root_len);
    if (job == NULL || path.len == 0)
        return wend_edge_finish(x, 500);
    job->directory =
        wend_arena_cstr(&x->task->arena, wend_str_slice(path, 0, path.len > 1 ? path.len - 1 : 1));
    if (job->directory == NULL)
        return wend_edge_finish(x, 500);
    job->uri = r->uri;
    job->style.format = (enum wend_listing_format)s->format;
    job->style.exact_size = s->exact_size != 0;
    job->style.local_time = s->local_time != 0;
    if (job->style.format == WEND_LISTING_JSONP)
        job->style.callback = callback_of(r);
    if (!wend_listing_callback_valid(job->style.callback)) {
        wend_edge_log(x, WEND_LOG_ERROR, 0, "client sent invalid callback name: \"%.*s\"",
                      WEND_STR_ARG(job->style.callback));
        return wend_edge_finish(x, 400);
    }
    wend_buffer_init(&job->page, WEND_LISTING_BYTES_MAX);
    wend_defer(x->task, release, job);
    return respond(x, job);
}

const struct wend_edge_module wend_edge_autoindex = {
    .name = "http_autoindex",
    .rows = rows,
    .row_count = WEND_COUNT(rows),
    .sizes = {[WEND_LEVEL_LOCATION] = sizeof(struct autoindex_settings)},
    .init = {[WEND_LEVEL_LOCATION] = init},
    .merge_location = merge,
    .content = content,
};
