/* gateway/guard.h - descriptors that a forked child of this process must not keep.
 *
 * What it is for. The kernel tells an edge worker that an application's process died when the last
 * copy of its connection is closed. A child that the application forks without executing anything
 * (multiprocessing) would hold one, and the requests of a crashed process would wait for that
 * child.
 *
 * What it promises. Any thread may fork at any time: the child sees each descriptor's entry or
 * none, and no lock is taken.
 */
#ifndef WEND_GATEWAY_GUARD_H
#define WEND_GATEWAY_GUARD_H

#define WEND_GUARDED_MAX 2048 /* more edge workers than there can be, of two generations */

/* From now on forked children close what is guarded. */
void wend_guard_start(void);
void wend_guard_add(int fd);
/* Before it is closed. */
void wend_guard_remove(int fd);

#endif
