/* tests/fuzz/range_fuzz.c - Range fields: whatever comes, windows lie inside the body.
 *
 * The first two bytes choose the body's length, the rest is the field's value. */
#include "base/assert.h"
#include "http/range.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct wend_arena arena;
    struct wend_ranges ranges;
    int64_t length, total = 0;
    bool ascending = true;
    int status;

    if (len < 2)
        return 0;
    length = bytes[0] * 256 + bytes[1];
    wend_arena_init(&arena, 1 << 22);
    status = wend_range_parse(&arena, wend_str_make((const char *)bytes + 2, len - 2), length, 100,
                              &ranges);
    WEND_ASSERT(status == 200 || status == 206 || status == 416);
    WEND_ASSERT(status != 206 || (ranges.count > 0 && ranges.count <= 100));
    for (unsigned i = 0; i < ranges.count; i++) {
        const struct wend_range *range = &ranges.at[i];

        WEND_ASSERT(range->from >= 0 && range->from < range->to && range->to <= length);
        if (i > 0 && range->from < ranges.at[i - 1].to)
            ascending = false;
        total += range->to - range->from;
    }
    WEND_ASSERT(ranges.ascending == ascending);
    WEND_ASSERT(status != 206 || total <= length);
    wend_arena_release(&arena);
    return 0;
}
