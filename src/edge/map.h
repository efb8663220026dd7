/* edge/map.h - map: a variable whose value is looked up by another's. */
#ifndef WEND_EDGE_MAP_H
#define WEND_EDGE_MAP_H

#include "edge/module.h"

extern const struct wend_edge_module wend_edge_map;

#endif
