/* cmd/fetch_request.h - from the options that were typed to the request that is sent. */
#ifndef WEND_CMD_FETCH_REQUEST_H
#define WEND_CMD_FETCH_REQUEST_H

#include "cmd/fetch_options.h"

/* Inside the task: what was typed becomes fetch->url, method, fields and body, and the task's
 * deadline. */
enum wend_code wend_fetch_request_fill(const struct wend_fetch_options *options,
                                       struct wend_task *task, struct wend_fetch *fetch);

#endif
