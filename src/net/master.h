/* net/master.h - what the parts of a master share. Nobody outside net/ needs it: net/process.h is
 * the way in.
 *
 *   master.c       the whole life, and waiting in it
 *   command.c      what it is told, by signals, by its workers and by a master above it
 *   succession.c   which crew serves, which comes, which leaves: settle() and what leads there
 *   crew.c         the workers of one generation
 *   member.c       one worker's place: its states and times
 *   spawn.c        from fork to the worker's own code
 *
 * Each file calls those below it, and none above.
 */
#ifndef WEND_NET_MASTER_H
#define WEND_NET_MASTER_H

#include "base/list.h"
#include "net/pidfile.h"
#include "net/process.h"

struct wend_crew;

enum wend_quitting { WEND_QUIT_NOT, WEND_QUIT_DRAIN, WEND_QUIT_STOP };

struct wend_master {
    const struct wend_master_policy *policy;
    const struct wend_master_options *options;
    struct wend_list crews;    /* oldest first */
    struct wend_crew *current; /* serves */
    struct wend_crew *coming;  /* starts; NULL most of the time */
    struct wend_pidfile pid_file;
    unsigned numbers; /* generations so far */
    bool reload_wanted;
    enum wend_quitting quitting;
    int status;
};

#endif
