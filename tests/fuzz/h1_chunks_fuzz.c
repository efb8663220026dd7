/* tests/fuzz/h1_chunks_fuzz.c - chunked bodies: however they are cut, the same bytes come out.
 *
 * The first byte is the step; the rest is the body. What decodes is encoded again and must decode
 * to the same. */
#include "base/assert.h"
#include "http/h1_parse.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

struct decoded {
    enum wend_code code;
    size_t used;
    struct wend_buffer body, trailers;
};

static void decode(const char *bytes, size_t len, size_t step, struct decoded *out)
{
    struct wend_h1_chunks chunks = {0};

    *out = (struct decoded){.code = WEND_MORE};
    wend_buffer_init(&out->body, 1 << 21);
    wend_buffer_init(&out->trailers, WEND_H1_TRAILER_MAX);
    while (out->code == WEND_MORE && out->used < len) {
        size_t part = step < len - out->used ? step : len - out->used, used;
        struct wend_str data;

        out->code =
            wend_h1_chunks_decode(&chunks, bytes + out->used, part, &used, &data, &out->trailers);
        WEND_ASSERT(used <= part && (used > 0 || out->code != WEND_MORE));
        WEND_ASSERT(data.len == 0 || (data.ptr >= bytes + out->used &&
                                      data.ptr + data.len <= bytes + out->used + used));
        wend_buffer_add(&out->body, data);
        out->used += used;
    }
    WEND_ASSERT(!out->trailers.overflow && !out->body.overflow);
}

static void release(struct decoded *decoded)
{
    wend_buffer_release(&decoded->body);
    wend_buffer_release(&decoded->trailers);
}

static void check_round_trip(struct wend_str body, size_t step)
{
    struct wend_buffer encoded;
    struct decoded again;
    struct wend_str left = body;
    char head[20];

    wend_buffer_init(&encoded, 1 << 25);
    while (left.len > 0) {
        size_t part = step < left.len ? step : left.len;

        wend_buffer_add(&encoded, wend_str_make(head, wend_h1_chunk_head(part, head)));
        wend_buffer_add(&encoded, wend_str_slice(left, 0, part));
        wend_buffer_add(&encoded, WEND_STR("\r\n"));
        left = wend_str_from(left, part);
    }
    wend_buffer_add(&encoded, WEND_STR("0\r\n\r\n"));
    decode(encoded.ptr, encoded.len, 7, &again);
    WEND_ASSERT(again.code == WEND_OK && again.used == encoded.len);
    WEND_ASSERT(wend_str_eq(wend_buffer_str(&again.body), body));
    wend_buffer_release(&encoded);
    release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct decoded whole, parts;
    size_t step;

    if (len < 2)
        return 0;
    step = bytes[0] + 1u;
    decode((const char *)bytes + 1, len - 1, len, &whole);
    decode((const char *)bytes + 1, len - 1, step, &parts);
    WEND_ASSERT(whole.code == parts.code && whole.used == parts.used);
    WEND_ASSERT(wend_str_eq(wend_buffer_str(&whole.body), wend_buffer_str(&parts.body)));
    WEND_ASSERT(wend_str_eq(wend_buffer_str(&whole.trailers), wend_buffer_str(&parts.trailers)));
    if (whole.code == WEND_OK)
        check_round_trip(wend_buffer_str(&whole.body), step);
    release(&whole);
    release(&parts);
    return 0;
}
