/* edge/temp_folder.h - the folders of client_body_temp_path, there before a worker needs them.
 *
 * They are made as nginx makes its own: when the configuration was read, by the master, and given
 * to the user the workers run as. */
#ifndef WEND_EDGE_TEMP_FOLDER_H
#define WEND_EDGE_TEMP_FOLDER_H

#include "edge/edge.h"

/* Makes the paths of all places whole, and the folders. */
enum wend_code wend_edge_temp_folders(struct wend_conf *conf,
                                      struct wend_edge *edge) WEND_MUST_CHECK;

#endif
