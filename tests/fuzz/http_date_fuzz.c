/* tests/fuzz/http_date_fuzz.c - a date that is taken is written and taken again as the same. */
#include "base/assert.h"
#include "base/clock.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char text[WEND_CLOCK_HTTP_LEN + 1];
    int64_t first, again;

    if (!wend_clock_parse_http(wend_str_make((const char *)bytes, len), &first))
        return 0;
    wend_clock_write_http(first, text);
    WEND_ASSERT(wend_clock_parse_http(wend_str_make(text, WEND_CLOCK_HTTP_LEN), &again));
    WEND_ASSERT(first == again || first > INT64_C(253402300799)); /* a leap second in 9999 */
    return 0;
}
