/* net/signals.h - signals as bytes in a pipe, in the order they came.
 *
 * What it is for. Masters and workers wait for descriptors; this makes one of a process's signals.
 *
 * Who owns what. One pipe per process, made at the first catch. A forked child shares its parent's
 * until it calls wend_signals_renew(); signals stay blocked meanwhile.
 */
#ifndef WEND_NET_SIGNALS_H
#define WEND_NET_SIGNALS_H

#include <stddef.h>

/* From now on each of the signals is written to the pipe, or ignored, or does what it does by
 * default. */
void wend_signals_catch(const int *signals, size_t count);
void wend_signals_ignore(const int *signals, size_t count);
void wend_signals_default(const int *signals, size_t count);

/* In a forked child: a pipe of its own instead of the parent's. */
void wend_signals_renew(void);

int wend_signals_fd(void);   /* becomes readable */
int wend_signals_next(void); /* the next signal's number, 0: none waits */

#endif
