/* net/disk.h - files without stalling the loop.
 *
 * What it is for. A read or a sendfile of what the page cache has costs microseconds; of what it
 * has not, the disk's time, and the loop with all its connections would wait for it. Here the cache
 * is asked first (preadv2 with RWF_NOWAIT), and a thread does what the disk must.
 *
 * What it promises. wend_disk_warm() looks at one byte in WEND_DISK_SAMPLE (half of the kernel's
 * usual read-ahead) of a window of at most WEND_DISK_WINDOW: a smaller hole may be missed and
 * stalls the loop for one read. What was found or made warm is believed for WEND_DISK_WARM_MS, per
 * descriptor, so a file that is sent over and over costs no further system calls. File systems that
 * do not know RWF_NOWAIT are asked on a thread.
 *
 * What it does not do. Nothing here keeps pages in memory: under pressure they may be gone before
 * they are sent.
 */
#ifndef WEND_NET_DISK_H
#define WEND_NET_DISK_H

#include "fiber/task.h"

#include <sys/types.h>

#define WEND_DISK_WINDOW (512u << 10)
#define WEND_DISK_SAMPLE (64u << 10)
#define WEND_DISK_WARM_MS 1000

/* Suspends when a thread must read. Up to `room` bytes; *got == 0 at the end of the file. Outside
 * of the task (on a foreign thread) it reads at once. */
enum wend_code wend_disk_read(struct wend_task *task, int file, void *into, size_t room,
                              off_t offset, size_t *got) WEND_MUST_CHECK;

/* Suspends when a thread must read. Afterwards bytes [offset, offset + len) of `file`, at most
 * WEND_DISK_WINDOW, are in the page cache as far as they exist. */
enum wend_code wend_disk_warm(struct wend_task *task, int file, off_t offset,
                              size_t len) WEND_MUST_CHECK;

#endif
