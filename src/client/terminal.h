/* client/terminal.h - bytes from the network, made fit for a terminal.
 *
 * What it is for. A terminal obeys what it is sent: an escape sequence in an answer may retitle the
 * window, move the cursor over other text or answer for the user. What goes to a terminal passes
 * through here; what goes to a file or pipe does not.
 *
 * What it promises. Controls but HTAB and LF become \xHH, as do DEL and the C1 controls in their
 * UTF-8 form (C2 80 .. C2 9F) and in raw form (a lone byte 80 .. 9F). CR before LF is dropped.
 * Everything else passes as it is. Cut anywhere, the pieces give the same text.
 */
#ifndef WEND_CLIENT_TERMINAL_H
#define WEND_CLIENT_TERMINAL_H

#include "base/buffer.h"

/* Zero it to start. */
struct wend_terminal {
    unsigned char held;  /* a byte whose successor decides: CR, or C2 */
    unsigned char tails; /* continuation bytes (80 .. BF) the character still has */
};

void wend_terminal_add(struct wend_terminal *terminal, struct wend_str bytes,
                       struct wend_buffer *out);
/* What was held back at the end. */
void wend_terminal_end(struct wend_terminal *terminal, struct wend_buffer *out);

#endif
