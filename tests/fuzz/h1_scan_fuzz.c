/* tests/fuzz/h1_scan_fuzz.c - the wide scans against their plain twin. */
#include "base/assert.h"
#include "http/h1_scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    const char *at = (const char *)bytes, *end = at + len;

    while (at < end) {
        const char *found = wend_h1_scan_value_plain(at, end), *blank = at;

        WEND_ASSERT(wend_h1_scan_value(at, end) == found);
        WEND_ASSERT(wend_h1_find_control(at, end) == found);
        while (blank < end && (uint8_t)*blank > 0x20 && *blank != 0x7f)
            blank++;
        WEND_ASSERT(wend_h1_find_blank(at, end) == blank);
        at = found < end ? found + 1 : end;
    }
    return 0;
}
