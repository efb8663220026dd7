/* cmd/app_provider.h - who makes applications of `app NAME { ... }` blocks.
 *
 * Both executables run applications in pools (cmd/app_block.h). wend-python3.11 contains a Python
 * and can run one inside the edge's workers, too. `wend` contains none: when a configuration asks
 * for an inline application it executes wend-python3.11 with its own command line, which is the
 * same server with a Python in it.
 */
#ifndef WEND_CMD_APP_PROVIDER_H
#define WEND_CMD_APP_PROVIDER_H

#include "edge/app.h"

/* In wend: before a configuration is read. argv is the program's own. */
void wend_app_provider_execute(int argc, char **argv);
/* In wend-python3.11. */
extern const struct wend_edge_app_provider wend_app_provider_python;

/* The program beside this one that contains a Python; false after a message to stderr. */
bool wend_app_find_worker(const char *name, char *path, size_t room);

#endif
