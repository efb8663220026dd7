/* edge/static.c - a request answered with a file; see edge/static.h. */
#include "edge/static.h"

#include "http/path.h"

#include <errno.h>

static enum wend_code refuse(struct wend_exchange *x, int status)
{
    x->response.status = status;
    return WEND_OK;
}

static void log_text(struct wend_exchange *x, const struct wend_static_settings *settings,
                     enum wend_log_level level, int error, struct wend_str text)
{
    if (settings->log != NULL && text.ptr != NULL)
        settings->log(x, level, error, text.ptr);
}

int wend_static_status_of(int error, enum wend_log_level *level)
{
    *level = WEND_LOG_ERROR;
    switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
        return 404;
    case EACCES:
    case ELOOP:
    case EMLINK:
        return 403;
    default:
        *level = WEND_LOG_CRIT;
        return 500;
    }
}

/* "CALL \"PATH\" failed" through settings->log, unless it is about a file that is not there and
 * nobody wants to hear of it. Returns the status. */
static int log_refusal(struct wend_exchange *x, const struct wend_static_settings *settings,
                       const struct wend_file *file, const char *path)
{
    enum wend_log_level level;
    int status = wend_static_status_of(file->error, &level);

    if (status != 404 || settings->log_not_found)
        log_text(x, settings, level, file->error,
                 wend_arena_printf(&x->task->arena, "%s \"%s\" failed", file->call, path));
    return status;
}

/* To the same path with a slash: relative links of the directory's page depend on it. */
static enum wend_code redirect_to_directory(struct wend_exchange *x, struct wend_str uri)
{
    struct wend_arena *arena = &x->task->arena;
    struct wend_str escaped = wend_escape(arena, uri, WEND_ESCAPE_URI);
    struct wend_str query = x->request.query, location;

    location = wend_arena_printf(arena, "%.*s/%s%.*s", WEND_STR_ARG(escaped),
                                 query.len > 0 ? "?" : "", WEND_STR_ARG(query));
    if (location.ptr == NULL ||
        wend_fields_set(&x->response.fields, arena, WEND_FIELD_LOCATION, location) != WEND_OK)
        return WEND_E_MEMORY;
    return refuse(x, 301);
}

/* What the response says about the file, before anybody looks at conditions and ranges. */
static void describe(struct wend_exchange *x, const struct wend_static_settings *settings,
                     const struct wend_file *file)
{
    struct wend_response *response = &x->response;

    response->status = 200;
    response->content_length = file->size;
    response->last_modified = file->mtime_s;
    response->etag = settings->etag ? file->etag : WEND_STR_NULL;
    response->content_type = settings->content_type;
    response->allow_ranges = true;
}

static void undescribe(struct wend_exchange *x, int status)
{
    struct wend_response *response = &x->response;

    response->status = status;
    response->content_length = -1;
    response->last_modified = -1;
    response->etag = WEND_STR_NULL;
    response->content_type = WEND_STR_NULL;
    response->allow_ranges = false;
}

static enum wend_code send_file(struct wend_exchange *x,
                                const struct wend_static_settings *settings,
                                const struct wend_file *file)
{
    struct wend_piece piece = {.kind = WEND_PIECE_FILE, .file = file->descriptor};
    int status;

    describe(x, settings, file);
    status = wend_conditional_check(x, settings->if_modified_since);
    if (status == 200 && wend_range_refused(x, settings->max_ranges))
        status = 416;
    if (status >= 400) {
        undescribe(x, status);
        return WEND_OK;
    }
    if (file->bytes.ptr != NULL)
        piece = wend_piece_of(file->bytes);
    piece.len = (size_t)file->size;
    return wend_respond(x, &piece, 1, true);
}

static enum wend_code serve_found(struct wend_exchange *x,
                                  const struct wend_static_settings *settings,
                                  const struct wend_file *file, const char *path,
                                  struct wend_str uri)
{
    if (file->error != 0)
        return refuse(x, log_refusal(x, settings, file, path));
    if (file->kind == WEND_FILE_DIRECTORY)
        return redirect_to_directory(x, uri);
    if (file->kind != WEND_FILE_REGULAR) {
        log_text(x, settings, WEND_LOG_CRIT, 0,
                 wend_arena_printf(&x->task->arena, "\"%s\" is not a regular file", path));
        return refuse(x, 404);
    }
    if (x->request.method == WEND_POST)
        return refuse(x, 405);
    return send_file(x, settings, file);
}

enum wend_code wend_static_serve(struct wend_exchange *x,
                                 const struct wend_static_settings *settings, const char *path,
                                 struct wend_str uri)
{
    struct wend_file_cache *cache = settings->cache;
    const struct wend_file *file;
    enum wend_code code;
    uint16_t span;

    if (x->request.method != WEND_GET && x->request.method != WEND_HEAD &&
        x->request.method != WEND_POST)
        return refuse(x, 405);
    if (uri.len == 0 || uri.ptr[uri.len - 1] == '/')
        return WEND_DECLINED;
    if (cache == NULL)
        cache = wend_file_cache_worker(x->task->loop);
    span = wend_span_begin(x->task->trace, WEND_EV_STATIC);
    wend_span_note(x->task->trace, span, wend_str_of(path));
    code = wend_file_open(x->task, cache, x->arrived, path, &settings->symlinks, WEND_FILE_OPEN,
                          &file);
    wend_span_end(x->task->trace, span, code == WEND_OK ? file->size : -1);
    if (code != WEND_OK)
        return code;
    return serve_found(x, settings, file, path, uri);
}
