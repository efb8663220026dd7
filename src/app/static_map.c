/* app/static_map.c - see app/static_map.h. openat2() with RESOLVE_BENEATH does what a comparison of
 * real paths could only do with a race. */
#include "app/static_map.h"

#include "http/filter.h"
#include "http/media_type.h"
#include "http/path.h"
#include "http/timing.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct wend_filter *const file_filters[] = {
    &wend_filter_conditional, &wend_filter_range, &wend_filter_timing, NULL};

static struct wend_str type_of(struct wend_str path)
{
    struct wend_str type = wend_media_type_of(wend_media_extension(path));

    return type.ptr != NULL ? type : WEND_STR("application/octet-stream");
}

static void close_file(void *arg)
{
    close((int)(intptr_t)arg);
}

/* -1: there is no such regular file below the folder. */
static int open_beneath(int folder, const char *path, struct stat *status)
{
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK, .resolve = RESOLVE_BENEATH};
    int file = (int)syscall(SYS_openat2, folder, path, &how, sizeof(how));

    if (file < 0)
        return -1;
    if (fstat(file, status) == 0 && S_ISREG(status->st_mode))
        return file;
    close(file);
    return -1;
}

static enum wend_code send_file(struct wend_exchange *x, int file, const struct stat *status,
                                struct wend_str path)
{
    struct wend_piece piece = {
        .kind = WEND_PIECE_FILE, .file = file, .len = (size_t)status->st_size};
    uint16_t span = wend_span_begin(x->task->trace, WEND_EV_STATIC);
    enum wend_code code;

    wend_defer(x->task, close_file, (void *)(intptr_t)file);
    x->response.status = 200;
    x->response.content_type = type_of(path);
    x->response.content_length = status->st_size;
    x->response.last_modified = status->st_mtim.tv_sec;
    x->response.etag = wend_arena_printf(&x->task->arena, "\"%llx-%llx\"",
                                         (unsigned long long)status->st_mtim.tv_sec,
                                         (unsigned long long)status->st_size);
    x->response.allow_ranges = true;
    if (x->filters == NULL)
        x->filters = file_filters;
    wend_span_note(x->task->trace, span, path);
    wend_span_end(x->task->trace, span, status->st_size);
    code = wend_respond(x, &piece, piece.len != 0, true);
    return code;
}

static enum wend_code serve(const struct wend_handler *self, struct wend_exchange *x)
{
    const struct wend_static_map *map = WEND_OF(self, struct wend_static_map, handler);
    struct wend_str path;

    if ((x->request.method != WEND_GET && x->request.method != WEND_HEAD) || map->count == 0 ||
        wend_path_normalise(&x->task->arena, x->request.path_raw, true, &path) != WEND_OK)
        return wend_serve(map->next, x);
    for (size_t i = 0; i < map->count; i++) {
        struct stat status;
        const char *below;
        int file;

        if (!wend_str_starts(path, map->rows[i].prefix) || wend_str_find(path, WEND_STR("/.")) >= 0)
            continue;
        below = wend_arena_cstr(&x->task->arena, wend_str_from(path, map->rows[i].prefix.len));
        if (below == NULL || below[0] == '\0')
            continue;
        file = open_beneath(map->rows[i].folder, below, &status);
        if (file >= 0)
            return send_file(x, file, &status, path);
    }
    return wend_serve(map->next, x);
}

void wend_static_map_init(struct wend_static_map *map, const struct wend_handler *next)
{
    *map = (struct wend_static_map){.handler = {"static map", serve}, .next = next};
}

void wend_static_map_release(struct wend_static_map *map)
{
    while (map->count != 0)
        close(map->rows[--map->count].folder);
}

enum wend_code wend_static_map_add(struct wend_static_map *map, struct wend_str prefix,
                                   struct wend_str folder)
{
    char path[4096];
    int fd;

    if (map->count == WEND_STATIC_MAPS_MAX || folder.len >= sizeof(path))
        return WEND_E_LIMIT;
    snprintf(path, sizeof(path), "%.*s", WEND_STR_ARG(folder));
    fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return WEND_E_NOT_FOUND;
    map->rows[map->count].prefix = prefix;
    map->rows[map->count++].folder = fd;
    return WEND_OK;
}
