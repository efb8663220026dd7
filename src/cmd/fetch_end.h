/* cmd/fetch_end.h - how a fetch ended, for scripts and for people. */
#ifndef WEND_CMD_FETCH_END_H
#define WEND_CMD_FETCH_END_H

#include "cmd/fetch_options.h"

/* curl's exit code of a fetch that ended with `code` in fetch->phase; 0 for WEND_OK. */
int wend_fetch_exit_code(const struct wend_fetch *fetch, enum wend_code code);

/* One line on stderr: what failed, where, why. */
void wend_fetch_complain(const struct wend_fetch_options *options, const struct wend_task *task,
                         const struct wend_fetch *fetch, enum wend_code code);

#endif
