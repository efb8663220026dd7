/* tests/fuzz/etag_fuzz.c - lists of entity tags: a strong match is a weak one too.
 *
 * The bytes up to the first line feed are the tag, the rest is the list. */
#include "base/assert.h"
#include "http/etag.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct wend_str all = wend_str_make((const char *)bytes, len);
    ptrdiff_t end = wend_str_find_byte(all, '\n');
    struct wend_str tag, list;

    if (end < 0)
        return 0;
    tag = wend_str_slice(all, 0, (size_t)end);
    list = wend_str_from(all, (size_t)end + 1);
    if (wend_etag_in_list(list, tag, false))
        WEND_ASSERT(wend_etag_in_list(list, tag, true));
    return 0;
}
