/* net/member.h - one worker's place in a generation; one process after another fills it.
 *
 * What `at_ns` means depends on the state:
 *
 *   state      at_ns: then ...                            leaves it by
 *   NONE       -                                          -
 *   WAITING    start it (again)                           start
 *   RUNNING    not ready yet: kill it                     ready (no time any more), order, exit
 *   DRAINING   the drain timeout is over: stop it         stop, exit
 *   STOPPING   it did not obey: kill it                   exit
 *   KILLED     -                                          exit
 *
 * Who owns what. A member owns its process and the master's end of the channel to it. It lives as
 * long as the crew it is in (net/crew.h).
 *
 * What it does not do. It never decides that it is wanted again: that is net/succession.h.
 */
#ifndef WEND_NET_MEMBER_H
#define WEND_NET_MEMBER_H

#include "net/process.h"

struct wend_crew;
struct wend_master;

enum wend_member_state {
    WEND_MEMBER_NONE,
    WEND_MEMBER_WAITING,
    WEND_MEMBER_RUNNING, /* from here on there is a process */
    WEND_MEMBER_DRAINING,
    WEND_MEMBER_STOPPING,
    WEND_MEMBER_KILLED
};

struct wend_member {
    struct wend_crew *of;
    unsigned group, slot;
    enum wend_member_state state;
    bool ready;
    pid_t pid;
    int channel; /* -1: closed */
    int64_t started_ns, at_ns;
    unsigned crashes; /* young ones in a row */
};

const struct wend_worker_group *wend_member_group(const struct wend_member *member);

bool wend_member_is_none(const struct wend_member *member);
bool wend_member_is_alive(const struct wend_member *member);
bool wend_member_is_ready(const struct wend_member *member);
bool wend_member_has_crashed(const struct wend_member *member);

/* What can be done with each of many; see wend_crew_each(). All but those in the right state pass
 * it over. */
typedef void wend_member_fn(struct wend_master *master, struct wend_member *member);

/* It finishes its requests and exits. */
wend_member_fn wend_member_drain;
/* It exits now, or is killed when it does not. */
wend_member_fn wend_member_stop;
wend_member_fn wend_member_kill;
/* It opens its log files again. */
wend_member_fn wend_member_reopen;
/* Nothing is known against it: it starts at once. */
wend_member_fn wend_member_revive;
/* Does what the table above says when its time is over. */
wend_member_fn wend_member_tick;
wend_member_fn wend_member_close_channel;

/* It said that it serves. */
void wend_member_serves(struct wend_member *member);
/* waitpid() told its end: logs it and leaves the place empty. `expected` by whoever gave orders. */
void wend_member_ended(struct wend_master *master, struct wend_member *member, int status,
                       bool expected);
/* To be started again: at once the first time, then later and later as it crashes young. */
void wend_member_wait(struct wend_member *member);

#endif
