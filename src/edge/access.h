/* edge/access.h - allow and deny: who may come in, by address. */
#ifndef WEND_EDGE_ACCESS_H
#define WEND_EDGE_ACCESS_H

#include "edge/module.h"

extern const struct wend_edge_module wend_edge_access;

#endif
