/* edge/index_module.c - the page of a directory: the `index` directive.
 *
 * For a path that ends with a slash the names are tried in order; the first that exists is served
 * by an internal redirect, so that another location may have its say. */
#include "edge/content.h"
#include "edge/request.h"

#include <errno.h>

#define INDEXES_MAX 256

struct index_settings {
    struct wend_template *names;
    size_t count;
};

static enum wend_code set_index(struct wend_conf *conf, const struct wend_directive *row,
                                void *slot)
{
    struct index_settings *s = slot;

    (void)row;
    if (s->names == NULL) {
        s->names = wend_arena_array(conf->arena, INDEXES_MAX, sizeof(*s->names));
        if (s->names == NULL)
            return WEND_E_MEMORY;
    }
    for (unsigned i = 1; i < conf->statement->count; i++) {
        struct wend_str name = conf->statement->args[i];
        enum wend_code code;

        if (i + 1 < conf->statement->count && wend_str_starts(name, WEND_STR("/")))
            wend_conf_warn(conf, "only the last index in \"index\" directive should be absolute");

        if (name.len == 0)
            return wend_conf_bad(conf, "index \"\" in \"index\" directive is invalid");
        if (s->count == INDEXES_MAX)
            return wend_conf_bad(conf, "more than %d indexes", INDEXES_MAX);
        code = wend_template_compile(conf, name, &s->names[s->count]);
        if (code != WEND_OK)
            return code;
        s->count++;
    }
    return WEND_OK;
}

/* clang-format off */
static const struct wend_directive rows[] = {
    {.name = "index", .contexts = WEND_CTX_HTTP_ALL, .level = WEND_LEVEL_LOCATION, .args_min = 1,
     .args_max = -1, .set = set_index, .once_checked = true, .fallback = "index.html",
     .help = "Files tried for a path that ends with a slash; a last one with a slash is a path."},
};
/* clang-format on */

static enum wend_code merge(struct wend_conf *conf, void *parent_settings, void *child_settings)
{
    const struct index_settings *parent = parent_settings;
    struct index_settings *s = child_settings;

    if (s->count > 0)
        return WEND_OK;
    if (parent->count > 0) {
        *s = *parent;
        return WEND_OK;
    }
    s->names = WEND_NEW(conf->arena, struct wend_template);
    if (s->names == NULL)
        return WEND_E_MEMORY;
    s->count = 1;
    return wend_template_compile(conf, WEND_STR("index.html"), s->names);
}

/* --- content --------------------------------------------------------------------------------- */

static enum wend_code refuse(struct wend_exchange *x, struct wend_str path, int error)
{
    if (error == EACCES) {
        wend_edge_log(x, WEND_LOG_ERROR, error, "\"%.*s\" is forbidden", WEND_STR_ARG(path));
        return wend_edge_finish(x, 403);
    }
    if (wend_edge_of(x)->location->log_not_found)
        wend_edge_log(x, WEND_LOG_ERROR, error, "\"%.*s\" is not found", WEND_STR_ARG(path));
    return wend_edge_finish(x, 404);
}

static enum wend_code fail(struct wend_exchange *x, struct wend_str path,
                           const struct wend_file *file)
{
    wend_edge_log(x, WEND_LOG_CRIT, file->error, "%s \"%.*s\" failed", file->call,
                  WEND_STR_ARG(path));
    return wend_edge_finish(x, 500);
}

/* Once the first name was not there: is there a directory at all? WEND_DECLINED: yes, go on. */
static enum wend_code test_directory(struct wend_exchange *x, struct wend_str directory,
                                     struct wend_str name)
{
    const struct wend_file *file;
    char *path = wend_arena_cstr(&x->task->arena, directory);
    enum wend_code code;

    if (path == NULL)
        return wend_edge_finish(x, 500);
    code = wend_edge_file_open(x, path, WEND_FILE_LOOK, &file);
    if (code != WEND_OK)
        return code;
    if (file->error == ELOOP)
        return wend_edge_finish(x, 403);
    if (file->error == ENOENT)
        return refuse(x, name, file->error);
    if (file->error != 0 && file->error != EACCES)
        return fail(x, directory, file);
    return WEND_DECLINED;
}

/* WEND_DECLINED: this name is not there. */
static enum wend_code try_name(struct wend_exchange *x, struct wend_str directory,
                               struct wend_str name, bool *tested)
{
    struct wend_edge_request *r = wend_edge_of(x);
    struct wend_arena *arena = &x->task->arena;
    struct wend_str path =
        wend_arena_printf(arena, "%.*s%.*s", WEND_STR_ARG(directory), WEND_STR_ARG(name));
    const struct wend_file *file;
    enum wend_code code;

    if (path.ptr == NULL)
        return wend_edge_finish(x, 500);
    code = wend_edge_file_open(x, path.ptr, WEND_FILE_LOOK, &file);
    if (code != WEND_OK)
        return code;
    if (file->error == ELOOP)
        return wend_edge_finish(x, 403);
    if (file->error == 0)
        return wend_edge_redirect_internal(
            x, wend_arena_printf(arena, "%.*s%.*s", WEND_STR_ARG(r->uri), WEND_STR_ARG(name)),
            r->args);
    if (file->error == ENOTDIR || file->error == ENAMETOOLONG || file->error == EACCES)
        return refuse(x, path, file->error);
    if (!*tested) {
        *tested = true;
        code = test_directory(
            x, wend_str_slice(directory, 0, directory.len > 1 ? directory.len - 1 : 1), path);
        if (code != WEND_DECLINED)
            return code;
    }
    return file->error == ENOENT ? WEND_DECLINED : fail(x, path, file);
}

static enum wend_code content(struct wend_exchange *x)
{
    struct wend_edge_request *r = wend_edge_of(x);
    const struct index_settings *s = wend_edge_settings(x, &wend_edge_index, WEND_LEVEL_LOCATION);
    struct wend_str directory;
    size_t root_len;
    bool tested = false;

    if (r->uri.len == 0 || r->uri.ptr[r->uri.len - 1] != '/' ||
        (x->request.method != WEND_GET && x->request.method != WEND_HEAD &&
         x->request.method != WEND_POST))
        return WEND_DECLINED;
    directory = wend_edge_map_path(x, r->uri, &root_len);
    if (directory.len == 0)
        return wend_edge_finish(x, 500);
    for (size_t i = 0; i < s->count; i++) {
        struct wend_str name = wend_template_value(x, &s->names[i]);
        enum wend_code code;

        if (name.ptr == NULL)
            return wend_edge_finish(x, 500);
        if (name.len > 0 && name.ptr[0] == '/')
            return wend_edge_redirect_internal(x, name, r->args);
        code = try_name(x, directory, name, &tested);
        if (code != WEND_DECLINED)
            return code;
    }
    return WEND_DECLINED;
}

const struct wend_edge_module wend_edge_index = {
    .name = "http_index",
    .rows = rows,
    .row_count = WEND_COUNT(rows),
    .sizes = {[WEND_LEVEL_LOCATION] = sizeof(struct index_settings)},
    .merge_location = merge,
    .content = content,
};
