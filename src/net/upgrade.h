/* net/upgrade.h - another executable takes over while this one serves (USR2).
 *
 * What it is for. The master starts the file it was started from, which by now may be a newer one,
 * with its listening sockets open and their numbers in the environment. Both serve; whoever sees
 * the new one do well tells the old one QUIT, else the new one. The variable and its form are
 * nginx's ("NGINX=6;7;"), so a running nginx can be followed by wend, and the other way round.
 *
 * Who owns what. One upgrade per process. Inherited descriptors nobody takes are closed by
 * wend_upgrade_close_rest().
 *
 * What it promises. An inherited descriptor is taken only for the address it listens on. While two
 * masters share their sockets neither removes the path of a unix socket.
 */
#ifndef WEND_NET_UPGRADE_H
#define WEND_NET_UPGRADE_H

#include "net/listen.h"

#define WEND_UPGRADE_ENV "NGINX"
#define WEND_UPGRADE_SOCKETS_MAX 1024

/* --- in the one that takes over --- */

/* Whether this process was started by an upgrade. The first call reads the environment and takes
 * the variable out of it. */
bool wend_upgrade_inherited(void);
/* Opens `listener` with the descriptor that came for its address; false: there is none. */
bool wend_upgrade_take(struct wend_listener *listener);
void wend_upgrade_close_rest(void);

/* --- in the one that leaves --- */

/* Starts the other executable; `give` calls wend_upgrade_give() for each listening socket, in the
 * child. WEND_E_STATE: one of the two is being upgraded already; WEND_E_IO: errno. */
enum wend_code wend_upgrade_start(void (*give)(void *data), void *data) WEND_MUST_CHECK;
void wend_upgrade_give(int fd);
/* The other master's pid; 0: there is none (any more). */
pid_t wend_upgrade_pid(void);
void wend_upgrade_ended(void);

/* Whether another master may still accept from the same sockets. */
bool wend_upgrade_shares(void);

#endif
