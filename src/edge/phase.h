/* edge/phase.h - the way of a request through the edge, as one list.
 *
 *      1  server rewrite    steps of the server block
 *      2  find location     by the path; a missing final slash is redirected
 *      3  rewrite           steps of the location, back to 2 when they changed the path
 *      4  preaccess         limits
 *      5  access            allow and deny, auth; all must agree, or any (satisfy)
 *      6  precontent        try_files
 *      7  content           the location's handler, or index, autoindex, static files in turn
 *      8  log               after the response
 *
 * An internal redirect (error_page, try_files, index) enters again at 1 or 2.
 */
#ifndef WEND_EDGE_PHASE_H
#define WEND_EDGE_PHASE_H

#include "edge/request.h"

/* Once, before the first request: who takes part in which phase. */
void wend_phases_prepare(void);

/* From phase 1 or, for a named location, from 3 on. */
enum wend_code wend_phases_run(struct wend_exchange *x);
enum wend_code wend_phases_run_named(struct wend_exchange *x);

/* Phase 8. */
void wend_phases_log(struct wend_exchange *x);

#endif
