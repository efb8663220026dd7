/* tests/fuzz/traceparent_fuzz.c - what joins a trace is written back as it came, and what does
 * not leaves no mark. */
#include "base/assert.h"
#include "trace/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct wend_trace trace;
    char out[WEND_TRACEPARENT_LEN + 1];

    wend_trace_start(&trace, 1, 0);
    if (!wend_trace_join(&trace, wend_str_make((const char *)bytes, len))) {
        WEND_ASSERT(trace.id[0] == 0 && trace.id[1] == 0 && trace.parent_id == 0);
        return 0;
    }
    WEND_ASSERT(trace.parent_id != 0 && (trace.id[0] != 0 || trace.id[1] != 0));
    trace.span_id = trace.parent_id;
    wend_trace_write_parent(&trace, out);
    WEND_ASSERT(memcmp(out + 3, bytes + 3, 50) == 0); /* all but version and other flags */
    return 0;
}
