/* edge/upstream_head.h - from the head an upstream sent to the head of our own answer.
 *
 * What it promises. Fields that end at this hop do not pass, nor those a Connection field names,
 * nor those nginx keeps to itself unless proxy_pass_header says otherwise. What a redirect or a
 * cookie says of the upstream's own address is rewritten.
 */
#ifndef WEND_EDGE_UPSTREAM_HEAD_H
#define WEND_EDGE_UPSTREAM_HEAD_H

#include "edge/upstream.h"

/* Of upstream->head becomes the exchange's response. `tunnel`: the connection leaves HTTP. */
enum wend_code wend_upstream_make_head(struct wend_upstream *upstream, bool tunnel) WEND_MUST_CHECK;

#endif
