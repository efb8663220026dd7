/* net/command.h - what a master is told: by signals, by its workers, and by a master above it.
 *
 * The meaning of each signal is in net/process.h. Nothing here starts or ends a worker: it sets in
 * motion what net/succession.h carries out.
 */
#ifndef WEND_NET_COMMAND_H
#define WEND_NET_COMMAND_H

#include "net/master.h"
#include "net/member.h"

void wend_command_catch_signals(void);
/* Hears all signals that have come. */
void wend_command_signals(struct wend_master *master);
/* Hears what a worker says. */
void wend_command_worker(struct wend_master *master, struct wend_member *member);
/* Hears the master above, which speaks to us as to a worker. */
void wend_command_above(struct wend_master *master, struct wend_worker *above);

#endif
