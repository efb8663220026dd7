/* tests/fuzz/log_format_fuzz.c - formats of the access log, and values in a line.
 *
 * The first byte chooses the escaping; the format is what stands before the first NUL, the rest is
 * the value of every name. Whatever a peer sends, it stays within its line, and within JSON's
 * quotes.
 */
#include "base/assert.h"
#include "edge/log_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const void *find(void *context, struct wend_str name)
{
    return wend_str_eq(name, WEND_STR("unknown")) ? NULL : context;
}

static struct wend_str give(void *context, const void *value)
{
    (void)context;
    return *(const struct wend_str *)value;
}

static bool has_control(struct wend_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < 0x20)
            return true;
    return false;
}

/* A quote in JSON text is one that an odd number of backslashes stands before. */
static bool quotes_are_escaped(struct wend_str text)
{
    size_t slashes = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"' && slashes % 2 == 0)
            return false;
        slashes = text.ptr[i] == '\\' ? slashes + 1 : 0;
    }
    return slashes % 2 == 0;
}

static void check_value(enum wend_log_escape escape, struct wend_str value)
{
    struct wend_buffer out;

    wend_buffer_init(&out, WEND_LOG_LINE_BYTES_MAX * 8);
    wend_log_escape_add(&out, escape, value);
    if (escape == WEND_LOG_ESCAPE_NONE)
        WEND_ASSERT(wend_str_eq(wend_buffer_str(&out), value));
    else
        WEND_ASSERT(!has_control(wend_buffer_str(&out)) &&
                    quotes_are_escaped(wend_buffer_str(&out)));
    wend_buffer_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct wend_str text = wend_str_make((const char *)bytes, len), value, problem = {0};
    struct wend_log_format format = {0};
    enum wend_log_escape escape;
    struct wend_arena arena;
    struct wend_buffer out;
    ptrdiff_t nul;

    if (len < 1)
        return 0;
    escape = (enum wend_log_escape)(bytes[0] % 3);
    text = wend_str_from(text, 1);
    nul = wend_str_find_byte(text, '\0');
    value = nul < 0 ? WEND_STR_NULL : wend_str_from(text, (size_t)nul + 1);
    text = nul < 0 ? text : wend_str_slice(text, 0, (size_t)nul);
    check_value(escape, value);
    wend_arena_init(&arena, 1 << 22);
    if (wend_log_format_compile(&arena, &text, 1, escape, find, &value, &format, &problem) !=
        WEND_OK) {
        WEND_ASSERT(problem.len != 0);
    } else {
        wend_buffer_init(&out, WEND_LOG_LINE_BYTES_MAX);
        wend_log_format_write(&format, give, NULL, &out);
        WEND_ASSERT(out.len == 0 || escape == WEND_LOG_ESCAPE_NONE || has_control(text) ||
                    !has_control(wend_str_slice(wend_buffer_str(&out), 0, out.len - 1)));
        wend_buffer_release(&out);
    }
    wend_arena_release(&arena);
    return 0;
}
