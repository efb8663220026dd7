/* net/pidfile.h - the file that says which process is the master.
 *
 * What it is for. Whoever wants to signal a server reads its process id from a file. Writing
 * replaces the file in one step, so that who sees it sees a number.
 *
 * Who owns what. A struct wend_pidfile is the file this process wrote and will remove; it follows
 * the file when that is renamed for another executable (net/upgrade.h) and back.
 */
#ifndef WEND_NET_PIDFILE_H
#define WEND_NET_PIDFILE_H

#include "base/code.h"
#include "base/str.h"

#include <sys/types.h>

enum wend_code wend_pidfile_write(const char *path, pid_t pid) WEND_MUST_CHECK;
enum wend_code wend_pidfile_read(const char *path, pid_t *pid) WEND_MUST_CHECK;

struct wend_pidfile {
    char *path; /* NULL: none was written */
};

/* Writes our own pid to `path` and removes the file kept so far, if it has another name. A failure
 * is logged and leaves everything as it was; a `path` of NULL means the same. */
void wend_pidfile_keep(struct wend_pidfile *kept, const char *path);
/* To NAME.oldbin, since another executable will write NAME; and back when that one has ended. */
void wend_pidfile_set_aside(struct wend_pidfile *kept);
void wend_pidfile_bring_back(struct wend_pidfile *kept);
void wend_pidfile_remove(struct wend_pidfile *kept);

#endif
