/* tests/fuzz/h1_response_fuzz.c - response heads and CGI heads, whole and in parts.
 *
 * The first byte is the step; the rest is the head. */
#include "base/assert.h"
#include "http/h1_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static enum wend_code respond_in_parts(struct wend_arena *arena, const char *head, size_t len,
                                       size_t step, struct wend_h1_response_head *out, size_t *used)
{
    struct wend_h1_error error = {0};
    enum wend_code code = WEND_MORE;
    size_t seen = 0, have = 0;

    while (code == WEND_MORE && have < len) {
        have = step < len - have ? have + step : len;
        code = wend_h1_parse_response(arena, head, have, &wend_h1_limits_default, &seen, out, used,
                                      &error);
    }
    WEND_ASSERT(code == WEND_OK || code == WEND_MORE || error.status == 502);
    return code;
}

static enum wend_code fields_in_parts(struct wend_arena *arena, const char *head, size_t len,
                                      size_t step, struct wend_fields *fields, size_t *used)
{
    struct wend_h1_error error = {0};
    enum wend_code code = WEND_MORE;
    size_t seen = 0, have = 0;

    while (code == WEND_MORE && have < len) {
        have = step < len - have ? have + step : len;
        code = wend_h1_parse_fields(arena, head, have, &wend_h1_limits_default, &seen, fields, used,
                                    &error);
    }
    WEND_ASSERT(code == WEND_OK || code == WEND_MORE || error.text != NULL);
    return code;
}

/* In parts, what is wrong in a line may be found only once the line is complete. */
static bool agree(enum wend_code whole, enum wend_code parts)
{
    return whole == parts || (parts == WEND_MORE && whole != WEND_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    const char *head = (const char *)bytes + 1;
    struct wend_h1_response_head response, response_again;
    struct wend_fields fields, fields_again;
    struct wend_arena arena;
    size_t used, used_again, step;
    enum wend_code code;

    if (len < 2)
        return 0;
    step = bytes[0] + 1u;
    len--;
    wend_arena_init(&arena, 1 << 22);
    code = respond_in_parts(&arena, head, len, len, &response, &used);
    WEND_ASSERT(
        agree(code, respond_in_parts(&arena, head, len, step, &response_again, &used_again)));
    if (code == WEND_OK) {
        WEND_ASSERT(used == used_again && used <= len);
        WEND_ASSERT(response.status >= 100 && response.status <= 999);
        WEND_ASSERT(response.status == response_again.status);
        WEND_ASSERT(!response.chunked || response.content_length == -1);
        WEND_ASSERT(response.fields.count == response_again.fields.count);
    }
    code = fields_in_parts(&arena, head, len, len, &fields, &used);
    WEND_ASSERT(agree(code, fields_in_parts(&arena, head, len, step, &fields_again, &used_again)));
    if (code == WEND_OK) {
        WEND_ASSERT(used == used_again && used <= len);
        WEND_ASSERT(fields.count == fields_again.count && fields.present == fields_again.present);
    }
    wend_arena_release(&arena);
    return 0;
}
