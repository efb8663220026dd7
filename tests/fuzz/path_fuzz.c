/* tests/fuzz/path_fuzz.c - paths stay below the root, escapes and decoding undo each other. */
#include "base/assert.h"
#include "http/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_normal(struct wend_arena *arena, struct wend_str raw, bool merge)
{
    struct wend_str path, rest, segment, again;

    if (wend_path_normalise(arena, raw, merge, &path) != WEND_OK)
        return;
    WEND_ASSERT(path.len > 0 && path.ptr[0] == '/' && path.len <= raw.len);
    WEND_ASSERT(wend_str_find_byte(path, '\0') < 0);
    WEND_ASSERT(!merge || wend_str_find(path, WEND_STR("//")) < 0);
    rest = path;
    while (wend_str_split(&rest, '/', &segment)) {
        WEND_ASSERT(!wend_str_eq(segment, WEND_STR(".")));
        WEND_ASSERT(!wend_str_eq(segment, WEND_STR("..")));
    }
    again = wend_escape(arena, path, WEND_ESCAPE_URI);
    WEND_ASSERT(wend_path_normalise(arena, again, merge, &again) == WEND_OK);
    WEND_ASSERT(wend_str_eq(again, path));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct wend_str raw = wend_str_make((const char *)bytes, len), escaped;
    struct wend_arena arena;

    wend_arena_init(&arena, 1 << 24);
    check_normal(&arena, raw, true);
    check_normal(&arena, raw, false);
    for (int how = WEND_ESCAPE_URI; how <= WEND_ESCAPE_URI_COMPONENT; how++) {
        escaped = wend_escape(&arena, raw, (enum wend_escape)how);
        WEND_ASSERT(wend_str_eq(wend_percent_decode(&arena, escaped), raw));
    }
    escaped = wend_escape(&arena, raw, WEND_ESCAPE_HTML);
    WEND_ASSERT(wend_str_find_byte(escaped, '<') < 0 && wend_str_find_byte(escaped, '"') < 0);
    WEND_ASSERT(wend_percent_decode(&arena, raw).len <= raw.len);
    wend_arena_release(&arena);
    return 0;
}
