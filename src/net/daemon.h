/* net/daemon.h - leaving the terminal.
 *
 * What it promises. The process that was started does not end before the daemon serves or has
 * failed, and its exit status says which: an init system need not guess.
 */
#ifndef WEND_NET_DAEMON_H
#define WEND_NET_DAEMON_H

#include <stdbool.h>

/* Returns in the daemon only: what wend_daemon_ready() is to be told. The process that called waits
 * for that, then exits 0; or 1 when the daemon ended without it. */
int wend_daemon_start(bool keep_stderr);
/* -1: nobody waits. */
void wend_daemon_ready(int starter);

#endif
