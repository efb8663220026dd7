/* net/succession.h - which crew serves, which comes and which leaves.
 *
 * What it is for. A reload makes a second crew; it takes over when all of its members serve, or is
 * given up when one fails before that. Members that end are refilled or not. All of this is decided
 * in one place, wend_succession_settle(), which looks at the members as they are after any event.
 */
#ifndef WEND_NET_SUCCESSION_H
#define WEND_NET_SUCCESSION_H

#include "net/crew.h"
#include "net/master.h"

/* After each round of events. */
void wend_succession_settle(struct wend_master *master);

/* A member's process has ended, as waitpid() says: is another one to take its place? */
void wend_succession_ended(struct wend_master *master, struct wend_member *member, int status);

/* The first crew, or a reload's, would be more processes than WEND_WORKERS_MAX; logged. */
bool wend_succession_is_too_many(const struct wend_master *master, size_t more);

/* No generation is started any more and all members leave; WEND_QUIT_STOP twice: are killed. */
void wend_succession_quit(struct wend_master *master, enum wend_quitting how);

/* The workers of the serving crew go, and the master stays. */
void wend_succession_send_away(struct wend_master *master);
/* And come back as they were: the file may be another executable's now. false: they never went.
 * (Pools of applications gave up their sockets; with them it takes a reload.) */
bool wend_succession_call_back(struct wend_master *master);

#endif
