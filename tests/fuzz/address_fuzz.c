/* tests/fuzz/address_fuzz.c - a host that is taken is written and taken again as the same. */
#include "base/assert.h"
#include "net/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char text[WEND_ADDRESS_TEXT_MAX];
    struct wend_address first, again;
    size_t written;

    if (!wend_address_parse_host(wend_str_make((const char *)bytes, len), 80, &first))
        return 0;
    written = wend_address_write(&first, text);
    WEND_ASSERT(written < sizeof(text) && text[written] == '\0');
    written = wend_address_write_host(&first, text);
    WEND_ASSERT(wend_address_parse_host(wend_str_make(text, written), 80, &again));
    WEND_ASSERT(wend_address_same(&first, &again));
    return 0;
}
