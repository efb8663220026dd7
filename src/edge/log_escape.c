/* edge/log_escape.c - values of a peer in a log line; see edge/log_escape.h. */
#include "edge/log_escape.h"

static bool plain_default(unsigned char c)
{
    return c >= ' ' && c <= '~' && c != '"' && c != '\\';
}

static bool plain_json(unsigned char c)
{
    return c >= ' ' && c != '"' && c != '\\';
}

static void add_json_byte(struct wend_buffer *out, unsigned char c)
{
    static const char shorts[] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};

    if (c >= ' ')
        wend_buffer_printf(out, "\\%c", c);
    else if (c < sizeof(shorts) && shorts[c] != 0)
        wend_buffer_printf(out, "\\%c", shorts[c]);
    else
        wend_buffer_printf(out, "\\u%04X", c);
}

void wend_log_escape_add(struct wend_buffer *out, enum wend_log_escape how, struct wend_str value)
{
    bool (*plain)(unsigned char) = how == WEND_LOG_ESCAPE_JSON ? plain_json : plain_default;
    size_t from = 0;

    if (how == WEND_LOG_ESCAPE_NONE) {
        wend_buffer_add(out, value);
        return;
    }
    for (size_t at = 0; at < value.len; at++) {
        unsigned char c = (unsigned char)value.ptr[at];

        if (WEND_LIKELY(plain(c)))
            continue;
        wend_buffer_add(out, wend_str_slice(value, from, at));
        from = at + 1;
        if (how == WEND_LOG_ESCAPE_JSON)
            add_json_byte(out, c);
        else
            wend_buffer_printf(out, "\\x%02X", c);
    }
    wend_buffer_add(out, wend_str_from(value, from));
}
