/* tests/fuzz/trace_record_fuzz.c - records out of shared memory, printed in every way.
 *
 * The first byte chooses the terminal's width; the rest is the record. */
#include "base/assert.h"
#include "trace/print.h"
#include "trace/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_plain(struct wend_str text)
{
    for (size_t i = 0; i < text.len; i++)
        WEND_ASSERT((unsigned char)text.ptr[i] >= 0x20 || text.ptr[i] == '\n');
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct wend_view view;
    struct wend_print_style style = {.ascii = true};
    struct wend_buffer out;
    enum wend_code code;

    if (len == 0)
        return 0;
    style.columns = bytes[0];
    code = wend_record_read(wend_str_make((const char *)bytes + 1, len - 1), &view);
    if (code != WEND_OK)
        return 0;
    wend_buffer_init(&out, 1u << 20);
    wend_print_waterfall(&out, &view, &style);
    wend_print_json(&out, &view);
    check_plain(wend_buffer_str(&out));
    wend_buffer_clear(&out);
    wend_print_server_timing(&out, &view, 0, true, WEND_SERVER_TIMING_BYTES_MAX);
    check_plain(wend_buffer_str(&out));
    WEND_ASSERT(out.len <= WEND_SERVER_TIMING_BYTES_MAX);
    wend_buffer_release(&out);
    return 0;
}
