/* tests/fuzz/url_fuzz.c - what is written parses to the same, and is fit for a request line.
 *
 * The input is typed text, a URL and, after a NUL, a reference resolved against it. */
#include "base/assert.h"
#include "url/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_url(struct wend_arena *arena, const struct wend_url *url)
{
    struct wend_str text = wend_url_write(arena, url), again_text, target;
    struct wend_url again;

    WEND_ASSERT(text.ptr != NULL);
    for (size_t i = 0; i < text.len; i++)
        WEND_ASSERT((uint8_t)text.ptr[i] > 0x20 && (uint8_t)text.ptr[i] < 0x7f);
    target = wend_url_write_target(arena, url);
    WEND_ASSERT(target.len > 0 && target.ptr[0] == '/');
    WEND_ASSERT(url->host.len > 0 && url->port >= -1 && url->port <= 65535);
    if (text.len > WEND_URL_MAX)
        return;
    WEND_ASSERT(wend_url_parse(arena, text, NULL, &again, NULL, NULL) == WEND_OK);
    again_text = wend_url_write(arena, &again);
    WEND_ASSERT(wend_str_eq(text, again_text));
    WEND_ASSERT(wend_url_same_origin(url, &again));
    WEND_ASSERT(wend_str_eq(url->host, again.host) && wend_str_eq(url->path, again.path));
    WEND_ASSERT((url->query.ptr == NULL) == (again.query.ptr == NULL));
    WEND_ASSERT(wend_url_host_is_address(url) == wend_url_host_is_address(&again));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct wend_str text = wend_str_make((const char *)bytes, len), reference;
    ptrdiff_t nul = wend_str_find_byte(text, '\0');
    struct wend_url url, resolved;
    struct wend_arena arena;
    const char *why = NULL;
    size_t offset = 0;

    wend_arena_init(&arena, 1 << 26);
    if (wend_url_complete(&arena, text, &url, NULL, &offset, &why) == WEND_OK)
        check_url(&arena, &url);
    else
        WEND_ASSERT(why != NULL && offset <= len);
    reference = nul < 0 ? text : wend_str_from(text, (size_t)nul + 1);
    text = nul < 0 ? WEND_STR("https://u:p@h:1/a/b/?c#d") : wend_str_slice(text, 0, (size_t)nul);
    if (wend_url_parse(&arena, text, NULL, &url, &offset, &why) == WEND_OK) {
        check_url(&arena, &url);
        if (wend_url_parse(&arena, reference, &url, &resolved, &offset, &why) == WEND_OK)
            check_url(&arena, &resolved);
    }
    wend_arena_release(&arena);
    return 0;
}
