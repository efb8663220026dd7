/* net/succession.c - see net/succession.h. */
#include "net/succession.h"

#include "base/clock.h"
#include "net/upgrade.h"

#include <sys/wait.h>

#define YOUNG_NS (5 * WEND_NS_PER_S) /* who crashes younger than this has to wait */

bool wend_succession_is_too_many(const struct wend_master *master, size_t more)
{
    if (wend_crews_alive(master) + more <= WEND_WORKERS_MAX)
        return false;
    wend_log(wend_log_process, WEND_LOG_EMERG, 0, 0, "more than %d workers at once",
             WEND_WORKERS_MAX);
    return true;
}

static void retire(struct wend_master *master, struct wend_crew *crew, wend_member_fn *leave)
{
    if (master->policy->retired != NULL)
        master->policy->retired(master->policy->data, &crew->is);
    wend_crew_each(master, crew, leave);
}

/* Never served: nobody is told that it retires. */
static void abandon(struct wend_master *master, struct wend_crew *crew)
{
    crew->leaving = true;
    wend_crew_each(master, crew, wend_member_stop);
}

/* --- a reload, from the wish to the change ----------------------------------------------- */

/* One reload at a time; but a first start that only crashes must not keep its repair out. */
static bool may_reload(const struct wend_master *master)
{
    if (master->quitting != WEND_QUIT_NOT)
        return false;
    return master->coming == NULL || (master->current == NULL &&
                                      wend_crew_count(master->coming, wend_member_has_crashed) > 0);
}

static void begin_reload(struct wend_master *master)
{
    struct wend_crew *coming;

    master->reload_wanted = false;
    wend_log(wend_log_process, WEND_LOG_NOTICE, 0, 0, "reconfiguring");
    coming = wend_crew_load(master);
    if (coming == NULL) {
        wend_log(wend_log_process, WEND_LOG_ERROR, 0, 0,
                 "the new configuration is not used, the old one stays");
        return;
    }
    if (wend_succession_is_too_many(master, coming->member_count)) {
        wend_crew_discard(master, coming);
        return;
    }
    /* It crashes and crashes before anything ever served: the new one takes its place. */
    if (master->coming != NULL)
        abandon(master, master->coming);
    master->coming = coming;
    if (wend_upgrade_pid() == 0) /* else the name is the other executable's */
        wend_pidfile_keep(&master->pid_file, coming->is.pid_file);
}

/* All of the new ones serve: the old ones may go. */
static void promote(struct wend_master *master)
{
    struct wend_crew *old = master->current;

    master->current = master->coming;
    master->coming = NULL;
    if (master->policy->started != NULL)
        master->policy->started(master->policy->data, &master->current->is);
    if (master->options->above != NULL)
        wend_worker_ready(master->options->above);
    if (old == NULL)
        return;
    old->leaving = true;
    retire(master, old, wend_member_drain);
}

static void give_up_coming(struct wend_master *master)
{
    abandon(master, master->coming);
    master->coming = NULL;
    if (master->current != NULL) {
        wend_log(wend_log_process, WEND_LOG_ERROR, 0, 0,
                 "the new workers failed before they were ready; the old ones stay");
        return;
    }
    master->quitting = WEND_QUIT_STOP;
    master->status = 1;
}

void wend_succession_settle(struct wend_master *master)
{
    if (master->coming != NULL) {
        if (master->coming->failed)
            give_up_coming(master);
        else if (wend_crew_all(master->coming, wend_member_is_ready))
            promote(master);
    }
    if (master->reload_wanted && master->options->above != NULL) {
        wend_worker_ask_reload(master->options->above);
        master->reload_wanted = false;
    }
    if (master->reload_wanted && may_reload(master))
        begin_reload(master);
    WEND_LIST_EACH(&master->crews, node, after) {
        struct wend_crew *crew = WEND_OF(node, struct wend_crew, node);

        if (crew->leaving && wend_crew_all(crew, wend_member_is_none))
            wend_crew_discard(master, crew);
    }
}

/* --- ends -------------------------------------------------------------------------------- */

/* Whether a new process is to take the place of the one that ended. */
static void refill(struct wend_master *master, struct wend_member *member, int status,
                   bool was_ready, int64_t lived_ns)
{
    struct wend_crew *crew = member->of;
    bool fatal = WIFEXITED(status) && WEXITSTATUS(status) == WEND_EXIT_FATAL;

    if (!was_ready && crew == master->coming && (fatal || master->current != NULL)) {
        crew->failed = true;
        return;
    }
    if (fatal) {
        wend_log(wend_log_process, WEND_LOG_ALERT, 0, 0,
                 "%s exited with fatal code %d and is not started again",
                 wend_member_group(member)->title, WEND_EXIT_FATAL);
        return;
    }
    member->crashes = lived_ns < YOUNG_NS ? member->crashes + 1 : 1;
    wend_member_wait(member);
}

void wend_succession_ended(struct wend_master *master, struct wend_member *member, int status)
{
    int64_t lived_ns = wend_clock_monotonic_ns() - member->started_ns;
    bool expected = member->state == WEND_MEMBER_DRAINING ||
                    member->state == WEND_MEMBER_STOPPING || member->of->leaving ||
                    master->quitting != WEND_QUIT_NOT;
    bool was_ready = member->ready;

    wend_member_ended(master, member, status, expected);
    if (!expected)
        refill(master, member, status, was_ready, lived_ns);
}

void wend_succession_quit(struct wend_master *master, enum wend_quitting how)
{
    /* Whoever is told by a terminal is told by the master above as well. */
    if (master->quitting == WEND_QUIT_STOP && master->options->above != NULL)
        return;
    if (master->quitting == WEND_QUIT_STOP && how == WEND_QUIT_STOP) {
        wend_crews_each(master, wend_member_kill); /* asked twice */
        return;
    }
    if (master->quitting == WEND_QUIT_NOT && master->policy->leaving != NULL)
        master->policy->leaving(master->policy->data);
    if (how > master->quitting)
        master->quitting = how;
    WEND_LIST_EACH(&master->crews, node, after)
        retire(master, WEND_OF(node, struct wend_crew, node),
               master->quitting == WEND_QUIT_STOP ? wend_member_stop : wend_member_drain);
}

void wend_succession_send_away(struct wend_master *master)
{
    if (master->current != NULL)
        retire(master, master->current, wend_member_drain);
}

bool wend_succession_call_back(struct wend_master *master)
{
    struct wend_crew *current = master->current;

    if (current == NULL || current->leaving || current->is.group_count != 1 ||
        !wend_crew_all(current, wend_member_is_none))
        return false;
    wend_crew_each(master, current, wend_member_revive);
    return true;
}
