/* tests/fuzz/cgi_head_fuzz.c - a gateway's answer, HTTP's head or CGI's, whole and in parts.
 *
 * The first byte is the step; the rest is the head. */
#include "base/assert.h"
#include "gateway/cgi_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static enum wend_code in_parts(struct wend_arena *arena, const char *bytes, size_t len, size_t step,
                               struct wend_h1_response_head *head, size_t *used)
{
    struct wend_h1_error error = {0};
    enum wend_code code = WEND_MORE;
    size_t seen = 0, have = 0;

    while (code == WEND_MORE && have < len) {
        have = step < len - have ? have + step : len;
        code = wend_cgi_head_parse(arena, bytes, have, &wend_h1_limits_default, &seen, head, used,
                                   &error);
    }
    WEND_ASSERT(code == WEND_OK || code == WEND_MORE || (error.status == 502 && error.text));
    return code;
}

static void check(const struct wend_h1_response_head *head)
{
    WEND_ASSERT(head->status >= 100 && head->status <= 999);
    WEND_ASSERT(head->content_length >= -1);
    WEND_ASSERT(!head->chunked || head->content_length == -1);
    for (unsigned i = 0; i < head->fields.count; i++)
        WEND_ASSERT(wend_str_find_byte(head->fields.at[i].value, '\n') < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    const char *text = (const char *)bytes + 1;
    struct wend_h1_response_head head, again;
    size_t used = 0, used_again = 0;
    struct wend_arena arena;
    enum wend_code code, code_again;

    if (len < 2)
        return 0;
    len--;
    wend_arena_init(&arena, 1 << 22);
    code = in_parts(&arena, text, len, len, &head, &used);
    code_again = in_parts(&arena, text, len, bytes[0] + 1u, &again, &used_again);
    /* In parts, what is wrong in a line may be found only once the line is complete. */
    WEND_ASSERT(code == code_again || (code_again == WEND_MORE && code != WEND_OK));
    if (code == WEND_OK) {
        check(&head);
        WEND_ASSERT(used == used_again && used <= len);
        WEND_ASSERT(head.status == again.status && head.fields.count == again.fields.count);
        WEND_ASSERT(head.content_length == again.content_length);
    }
    wend_arena_release(&arena);
    return 0;
}
