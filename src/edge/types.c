/* edge/types.c - from a file's name to its media type; see edge/types.h. */
#include "edge/types.h"

void wend_types_init(struct wend_types *types, struct wend_arena *arena)
{
    wend_map_init_nocase(&types->by_extension, arena, WEND_TYPES_MAX);
}

enum wend_code wend_types_add(struct wend_types *types, struct wend_arena *arena,
                              struct wend_str extension, struct wend_str type)
{
    struct wend_str *kept = WEND_NEW(arena, struct wend_str);

    if (kept == NULL)
        return WEND_E_MEMORY;
    *kept = type;
    return wend_map_add(&types->by_extension, extension, kept);
}

enum wend_code wend_types_add_defaults(struct wend_types *types, struct wend_arena *arena)
{
    static const struct {
        struct wend_str extension, type;
    } rows[] = {
        {WEND_STR_INIT("html"), WEND_STR_INIT("text/html")},
        {WEND_STR_INIT("gif"), WEND_STR_INIT("image/gif")},
        {WEND_STR_INIT("jpg"), WEND_STR_INIT("image/jpeg")},
    };
    enum wend_code code = WEND_OK;

    for (size_t i = 0; i < WEND_COUNT(rows) && code == WEND_OK; i++)
        code = wend_types_add(types, arena, rows[i].extension, rows[i].type);
    return code;
}

struct wend_str wend_types_extension(struct wend_str path)
{
    for (size_t at = path.len; at-- > 1;) {
        if (path.ptr[at] == '/')
            break;
        if (path.ptr[at] == '.')
            return path.ptr[at - 1] == '/' ? WEND_STR_NULL : wend_str_from(path, at + 1);
    }
    return WEND_STR_NULL;
}

struct wend_str wend_types_lookup(const struct wend_types *types, struct wend_str path,
                                  struct wend_str fallback)
{
    struct wend_str extension = wend_types_extension(path);
    const struct wend_str *found =
        extension.len == 0 ? NULL : wend_map_get(&types->by_extension, extension);

    return found == NULL ? fallback : *found;
}
