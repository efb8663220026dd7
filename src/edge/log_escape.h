/* edge/log_escape.h - values of a peer in a log line.
 *
 * default  '"', '\', control bytes and everything above 126 as \xHH, upper case
 * json     what JSON asks for, and no more: \" \\ \n \r \t \b \f and \u00HH
 * none     as it is
 */
#ifndef WEND_EDGE_LOG_ESCAPE_H
#define WEND_EDGE_LOG_ESCAPE_H

#include "base/buffer.h"

enum wend_log_escape { WEND_LOG_ESCAPE_DEFAULT, WEND_LOG_ESCAPE_JSON, WEND_LOG_ESCAPE_NONE };

void wend_log_escape_add(struct wend_buffer *out, enum wend_log_escape how, struct wend_str value);

#endif
