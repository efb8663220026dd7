/* edge/page.h - the page of a status: nginx's, whose shape tools look for.
 *
 * What it is for. Errors and redirects that no error_page answers. A page can be sent (request.h's
 * wend_edge_finish does) or take the place of a response that a filter refuses (a 412 or a 416
 * found only when the head was ready).
 *
 * What it promises. Under nginx's policy exactly the statuses have pages that have one in nginx; a
 * strict server has one for every status with a phrase. 494 to 497 are nginx's own numbers: their
 * pages say what happened, the status line says 400. With msie_padding the pages of errors are made
 * longer than 512 bytes for the browsers that would show one of their own.
 */
#ifndef WEND_EDGE_PAGE_H
#define WEND_EDGE_PAGE_H

#include "http/filter.h"

/* Makes `x->response` the head of the page for `status`: status, type and length. False when there
 * is no page: then the head alone, of length 0. WEND_E_MEMORY shows as an empty page. */
bool wend_edge_page(struct wend_exchange *x, int status, struct wend_str *body);
/* msie_refresh: the page that sends Internet Explorer on to `target`, with 200 in the place of a
 * redirect. False: this redirect stays one. */
bool wend_edge_refresh_page(struct wend_exchange *x, int status, struct wend_str target,
                            struct wend_str *body);

/* A page in the place of a body: *state for wend_edge_page_body(), whose first call sends the page
 * whatever is pushed, and whose later ones send nothing. */
void *wend_edge_page_state(struct wend_exchange *x, int status);
enum wend_code wend_edge_page_body(struct wend_exchange *x, struct wend_filter_link *link,
                                   void *state);

#endif
