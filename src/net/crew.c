/* net/crew.c - see net/crew.h. */
#include "net/crew.h"

#include "base/assert.h"
#include "net/master.h"

#include <stdlib.h>

/* The one whose listeners are open: what serves, or else what tries to. */
static const struct wend_crew *newest(const struct wend_master *master)
{
    return master->current != NULL ? master->current : master->coming;
}

static void make_members(struct wend_crew *crew)
{
    const struct wend_generation *is = &crew->is;
    size_t at = 0;

    WEND_ASSERT(is->group_count <= WEND_GROUPS_MAX);
    for (size_t g = 0; g < is->group_count; g++)
        crew->member_count += is->groups[g].count;
    crew->members = calloc(crew->member_count + 1, sizeof(*crew->members));
    if (crew->members == NULL)
        wend_die("no memory for a generation");
    for (unsigned g = 0; g < is->group_count; g++)
        for (unsigned slot = 0; slot < is->groups[g].count; slot++)
            crew->members[at++] = (struct wend_member){
                .of = crew, .group = g, .slot = slot, .channel = -1, .state = WEND_MEMBER_WAITING};
}

struct wend_crew *wend_crew_load(struct wend_master *master)
{
    struct wend_crew *crew = calloc(1, sizeof(*crew));
    const struct wend_crew *old = newest(master);

    if (crew == NULL)
        wend_die("no memory for a generation");
    crew->is.number = master->numbers + 1;
    if (master->policy->load(master->policy->data, old == NULL ? NULL : &old->is, &crew->is) !=
        WEND_OK) {
        free(crew);
        return NULL;
    }
    master->numbers++;
    make_members(crew);
    wend_list_append(&master->crews, &crew->node);
    return crew;
}

void wend_crew_discard(struct wend_master *master, struct wend_crew *crew)
{
    wend_list_remove(&crew->node);
    if (master->current == crew)
        master->current = NULL;
    if (master->coming == crew)
        master->coming = NULL;
    master->policy->discard(master->policy->data, &crew->is);
    free(crew->members);
    free(crew);
}

/* --- its members ------------------------------------------------------------------------- */

size_t wend_crew_count(const struct wend_crew *crew, bool (*is)(const struct wend_member *))
{
    size_t count = 0;

    for (size_t i = 0; i < crew->member_count; i++)
        count += is(&crew->members[i]);
    return count;
}

bool wend_crew_all(const struct wend_crew *crew, bool (*is)(const struct wend_member *))
{
    return wend_crew_count(crew, is) == crew->member_count;
}

void wend_crew_each(struct wend_master *master, struct wend_crew *crew, wend_member_fn *fn)
{
    for (size_t i = 0; i < crew->member_count; i++)
        fn(master, &crew->members[i]);
}

size_t wend_crews_alive(const struct wend_master *master)
{
    size_t count = 0;

    WEND_LIST_EACH(&master->crews, node, after)
        count += wend_crew_count(WEND_OF(node, struct wend_crew, node), wend_member_is_alive);
    return count;
}

void wend_crews_each(struct wend_master *master, wend_member_fn *fn)
{
    WEND_LIST_EACH(&master->crews, node, after)
        wend_crew_each(master, WEND_OF(node, struct wend_crew, node), fn);
}

struct wend_member *wend_crews_find(const struct wend_master *master, pid_t pid)
{
    WEND_LIST_EACH(&master->crews, node, after) {
        struct wend_crew *crew = WEND_OF(node, struct wend_crew, node);

        for (size_t i = 0; i < crew->member_count; i++)
            if (wend_member_is_alive(&crew->members[i]) && crew->members[i].pid == pid)
                return &crew->members[i];
    }
    return NULL;
}
