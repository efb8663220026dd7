/* client/terminal.c - one byte at a time, with at most one byte held back. */
#include "client/terminal.h"

#define CR 0x0d
#define C2 0xc2 /* leads the UTF-8 form of U+0080 .. U+00BF */

static void escape(struct wend_buffer *out, unsigned char byte)
{
    static const char digits[] = "0123456789abcdef";
    char text[4] = {'\\', 'x', digits[byte >> 4], digits[byte & 15]};

    wend_buffer_add(out, (struct wend_str){text, sizeof(text)});
}

static bool is_control(unsigned char byte)
{
    return (byte < 0x20 && byte != '\t' && byte != '\n') || byte == 0x7f ||
           (byte >= 0x80 && byte <= 0x9f);
}

/* How many continuation bytes a lead byte announces. */
static unsigned char tails_of(unsigned char byte)
{
    if (byte >= 0xf0 && byte <= 0xf4)
        return 3;
    if (byte >= 0xe0 && byte <= 0xef)
        return 2;
    return byte >= 0xc3 && byte <= 0xdf ? 1 : 0;
}

static void add_byte(struct wend_terminal *terminal, unsigned char byte, struct wend_buffer *out)
{
    if (terminal->tails > 0 && byte >= 0x80 && byte <= 0xbf) {
        terminal->tails--;
        wend_buffer_add_byte(out, (char)byte);
        return;
    }
    terminal->tails = tails_of(byte);
    if (byte == CR || byte == C2)
        terminal->held = byte;
    else if (is_control(byte))
        escape(out, byte);
    else
        wend_buffer_add_byte(out, (char)byte);
}

static void add_after_held(struct wend_terminal *terminal, unsigned char byte,
                           struct wend_buffer *out)
{
    unsigned char held = terminal->held;

    terminal->held = 0;
    if (held == C2 && byte >= 0xa0 && byte <= 0xbf) {
        wend_buffer_add_byte(out, (char)held);
        wend_buffer_add_byte(out, (char)byte);
        return;
    }
    if (held == C2 && byte >= 0x80 && byte <= 0x9f) {
        escape(out, held);
        escape(out, byte);
        return;
    }
    if (held != CR || byte != '\n')
        escape(out, held);
    add_byte(terminal, byte, out);
}

void wend_terminal_add(struct wend_terminal *terminal, struct wend_str bytes,
                       struct wend_buffer *out)
{
    for (size_t i = 0; i < bytes.len; i++) {
        if (terminal->held != 0)
            add_after_held(terminal, (unsigned char)bytes.ptr[i], out);
        else
            add_byte(terminal, (unsigned char)bytes.ptr[i], out);
    }
}

void wend_terminal_end(struct wend_terminal *terminal, struct wend_buffer *out)
{
    if (terminal->held != 0)
        escape(out, terminal->held);
    *terminal = (struct wend_terminal){0};
}
