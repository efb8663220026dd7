/* tests/fuzz/cookie_flags_fuzz.c - flags of cookies: whatever the cookie, it has room for them.
 *
 * The first two bytes are the flags, the rest is the cookie. What was written once is written the
 * same again, and a cookie that is to be secure says so. */
#include "edge/proxy_cookie_flags.c"

#include "base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct wend_task task = {0};
    struct wend_exchange x = {.task = &task};
    struct wend_str cookie, once, rest, part;
    unsigned flags;
    bool secure = false;

    if (len < 2)
        return 0;
    flags = ((unsigned)bytes[0] | (unsigned)bytes[1] << 8) & 0x1ff;
    cookie = wend_str_make((const char *)bytes + 2, len - 2);
    rest = cookie;
    if (!wend_str_split(&rest, ';', &part) || wend_str_find_byte(part, '=') < 0)
        return 0; /* no cookie */
    wend_arena_init(&task.arena, 4u << 20);
    once = rest = edit(&x, cookie, flags);
    WEND_ASSERT(wend_str_eq(edit(&x, once, flags), once));
    (void)wend_str_split(&rest, ';', &part);
    while (wend_str_split(&rest, ';', &part)) {
        ptrdiff_t equals = wend_str_find_byte(part, '=');

        if (equals >= 0) /* browsers do not ask for its value */
            part = wend_str_slice(part, 0, (size_t)equals);
        secure |= wend_str_eq_nocase(wend_str_trim(part), WEND_STR("secure"));
    }
    WEND_ASSERT(secure || (flags & SECURE) == 0);
    wend_arena_release(&task.arena);
    return 0;
}
