/* net/crew.h - the workers of one generation.
 *
 * Who owns what. A crew owns its members and gives the policy its generation back when it is
 * discarded. The master's list holds all crews, oldest first: the one that serves, perhaps one that
 * comes, and those that leave.
 */
#ifndef WEND_NET_CREW_H
#define WEND_NET_CREW_H

#include "base/list.h"
#include "net/member.h"

struct wend_crew {
    struct wend_list node;
    struct wend_generation is;
    struct wend_member *members;
    size_t member_count;
    bool leaving; /* nobody is started any more */
    bool failed;  /* a member ended before it was ready */
};

/* Reads the configuration anew; all members wait to be started. NULL: the policy said why. */
struct wend_crew *wend_crew_load(struct wend_master *master);
/* No process of it is left. */
void wend_crew_discard(struct wend_master *master, struct wend_crew *crew);

size_t wend_crew_count(const struct wend_crew *crew, bool (*is)(const struct wend_member *));
/* Whether all of its members are that. */
bool wend_crew_all(const struct wend_crew *crew, bool (*is)(const struct wend_member *));
void wend_crew_each(struct wend_master *master, struct wend_crew *crew, wend_member_fn *fn);

/* The same over all crews. */
size_t wend_crews_alive(const struct wend_master *master);
void wend_crews_each(struct wend_master *master, wend_member_fn *fn);
/* The living member with this process; NULL: there is none. */
struct wend_member *wend_crews_find(const struct wend_master *master, pid_t pid);

#endif
