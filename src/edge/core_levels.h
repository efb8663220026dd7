/* edge/core_levels.h - the settings every place has, where a configuration says nothing of them.
 *
 * What it is for. A new level knows nothing (WEND_UNSET); when all is read, each takes what its
 * outer level has, or nginx's default. Of a location's result the exchange's policy is made.
 */
#ifndef WEND_EDGE_CORE_LEVELS_H
#define WEND_EDGE_CORE_LEVELS_H

#include "edge/location.h"

/* The functions of struct wend_edge_module, for the core. */
void wend_core_init_server(void *settings);
void wend_core_init_location(void *settings);
enum wend_code wend_core_merge_server(struct wend_conf *conf, void *parent, void *child);
enum wend_code wend_core_merge_location(struct wend_conf *conf, void *parent, void *child);

#endif
