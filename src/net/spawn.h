/* net/spawn.h - from the master's fork to the worker's own code.
 *
 * What it promises. The child starts with the signals' default actions or the master's pipe
 * replaced, without the channels of other workers, with its title set and its identity taken on.
 */
#ifndef WEND_NET_SPAWN_H
#define WEND_NET_SPAWN_H

#include "net/member.h"

/* Fills in pid and channel. WEND_E_IO: the system refuses, which is logged. Does not return in the
 * child. */
enum wend_code wend_spawn(struct wend_master *master, struct wend_member *member) WEND_MUST_CHECK;

/* Gives up the signals that mean something to a master and nothing to a worker. */
void wend_spawn_drop_signals(void);

#endif
