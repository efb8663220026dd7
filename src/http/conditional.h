/* http/conditional.h - may this response be sent, or is the client's copy good enough?
 *
 * What it is for. If-Match, If-None-Match, If-Modified-Since and If-Unmodified-Since against the
 * response's etag and last_modified. The answers are nginx's, which differ from RFC 9110 13.2.2 in
 * three places: both dates and tags are looked at when both are there (a 304 needs both to agree),
 * a date is compared for equality unless told otherwise, and a precondition on a response without
 * validators fails.
 *
 * Two ways in. A handler that can still answer with an error page asks wend_conditional_check()
 * before it responds; for all others the filter applies the answer to the response itself, where a
 * 412 has no body.
 */
#ifndef WEND_HTTP_CONDITIONAL_H
#define WEND_HTTP_CONDITIONAL_H

#include "http/filter.h"

enum wend_if_modified_since { WEND_IMS_OFF, WEND_IMS_EXACT, WEND_IMS_BEFORE };

#define WEND_CONDITIONAL_FIELDS                                                                    \
    (UINT64_C(1) << WEND_FIELD_IF_MODIFIED_SINCE | UINT64_C(1) << WEND_FIELD_IF_NONE_MATCH |       \
     UINT64_C(1) << WEND_FIELD_IF_UNMODIFIED_SINCE | UINT64_C(1) << WEND_FIELD_IF_MATCH)

/* 200 (send it), 304 or 412. Only a response whose status is 200 is ever refused. */
int wend_conditional_check(const struct wend_exchange *x, enum wend_if_modified_since mode);

/* The check, applied: a 304 keeps validators and caching fields and loses what describes the body;
 * a 412 loses everything, and true is returned: its body must be dropped (the filter's `body`). */
bool wend_conditional_head(struct wend_exchange *x, enum wend_if_modified_since mode);

#endif
