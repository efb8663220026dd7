/* tests/fuzz/server_timing_fuzz.c - what a client shows of a server: its Server-Timing, and any of
 * its bytes on a terminal.
 *
 * The first two bytes say where the bytes are cut for the terminal. */
#include "base/assert.h"
#include "client/server_timing.h"
#include "client/terminal.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void read_metrics(struct wend_str value)
{
    struct wend_server_metric metric;
    struct wend_arena arena;
    size_t left = value.len + 1;

    wend_arena_init(&arena, 1 << 22);
    while (wend_server_timing_next(&arena, &value, &metric)) {
        WEND_ASSERT(metric.name.len != 0);
        WEND_ASSERT(metric.duration_ns >= -1 && metric.offset_ns >= -1);
        WEND_ASSERT(left-- > 0); /* it ends */
    }
    wend_arena_release(&arena);
}

static void show(struct wend_str text, size_t cut, struct wend_buffer *out)
{
    struct wend_terminal terminal = {0};

    wend_terminal_add(&terminal, wend_str_slice(text, 0, cut), out);
    wend_terminal_add(&terminal, wend_str_from(text, cut), out);
    wend_terminal_end(&terminal, out);
}

static void check_harmless(struct wend_str shown)
{
    for (size_t i = 0; i < shown.len; i++) {
        unsigned char byte = (unsigned char)shown.ptr[i];

        WEND_ASSERT((byte >= 0x20 && byte != 0x7f) || byte == '\t' || byte == '\n');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct wend_buffer whole, cut;
    struct wend_str text;
    size_t at;

    if (len < 2)
        return 0;
    text = wend_str_make((const char *)bytes + 2, len - 2);
    at = (bytes[0] * 256u + bytes[1]) % (text.len + 1);
    read_metrics(text);
    wend_buffer_init(&whole, 1 << 20);
    wend_buffer_init(&cut, 1 << 20);
    show(text, 0, &whole);
    show(text, at, &cut);
    WEND_ASSERT(wend_str_eq(wend_buffer_str(&whole), wend_buffer_str(&cut)));
    check_harmless(wend_buffer_str(&whole));
    wend_buffer_release(&whole);
    wend_buffer_release(&cut);
    return 0;
}
