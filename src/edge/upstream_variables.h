/* edge/upstream_variables.h - the $upstream_ variables, and $request_body as an upstream got it. */
#ifndef WEND_EDGE_UPSTREAM_VARIABLES_H
#define WEND_EDGE_UPSTREAM_VARIABLES_H

#include "edge/variable.h"

extern const struct wend_variable_row wend_upstream_variables[];

#endif
