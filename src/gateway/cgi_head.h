/* gateway/cgi_head.h - the head of a gateway's answer: an HTTP head, or CGI's.
 *
 * What it is for. A server behind uwsgi, FastCGI, SCGI or CGI answers with a status line
 * ("HTTP/1.1 200 OK") or, as RFC 3875 6 has it, with fields alone: `Status: 404 Not Found` gives
 * the status, else a `Location` makes it 302, else it is 200.
 *
 * It has the shape of wend_h1_parse_response() (http/h1_parse.h), whose promises hold, so that the
 * client's codec (http/h1_client.h) reads such answers too. `Status` is marked hidden: it is no
 * field of the response (RFC 3875 6.3.3).
 */
#ifndef WEND_GATEWAY_CGI_HEAD_H
#define WEND_GATEWAY_CGI_HEAD_H

#include "http/h1_parse.h"

enum wend_code wend_cgi_head_parse(struct wend_arena *arena, const char *bytes, size_t len,
                                   const struct wend_h1_limits *limits, size_t *seen,
                                   struct wend_h1_response_head *head, size_t *used,
                                   struct wend_h1_error *error) WEND_MUST_CHECK;

#endif
