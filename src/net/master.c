/* net/master.c - the master's life, and waiting in it. Its parts are listed in net/master.h. */
#include "net/master.h"

#include "base/assert.h"
#include "base/clock.h"
#include "net/command.h"
#include "net/crew.h"
#include "net/daemon.h"
#include "net/signals.h"
#include "net/spawn.h"
#include "net/succession.h"
#include "net/upgrade.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>

/* --- waiting ----------------------------------------------------------------------------- */

#define POLL_MAX_MS 3600000

enum { SIGNALS, ABOVE, FIXED_FDS };

struct waiting {
    struct pollfd fds[FIXED_FDS + WEND_WORKERS_MAX];
    struct wend_member *members[FIXED_FDS + WEND_WORKERS_MAX];
    size_t count;
    int64_t next_ns;
};

static void collect_member(struct waiting *waiting, struct wend_member *member)
{
    if (member->state != WEND_MEMBER_NONE && member->at_ns < waiting->next_ns)
        waiting->next_ns = member->at_ns;
    if (!wend_member_is_alive(member) || member->channel < 0 ||
        waiting->count == WEND_COUNT(waiting->fds))
        return;
    waiting->members[waiting->count] = member;
    waiting->fds[waiting->count++] = (struct pollfd){.fd = member->channel, .events = POLLIN};
}

static void collect(struct wend_master *master, struct waiting *waiting)
{
    const struct wend_worker *above = master->options->above;

    waiting->next_ns = INT64_MAX;
    waiting->fds[SIGNALS] = (struct pollfd){.fd = wend_signals_fd(), .events = POLLIN};
    waiting->fds[ABOVE] =
        (struct pollfd){.fd = above != NULL ? above->channel : -1, .events = POLLIN};
    waiting->count = FIXED_FDS;
    WEND_LIST_EACH(&master->crews, node, after) {
        struct wend_crew *crew = WEND_OF(node, struct wend_crew, node);

        for (size_t i = 0; i < crew->member_count; i++)
            collect_member(waiting, &crew->members[i]);
    }
}

static int poll_ms(int64_t next_ns)
{
    int64_t ms;

    if (next_ns == INT64_MAX)
        return -1;
    ms = (next_ns - wend_clock_monotonic_ns() + WEND_NS_PER_MS - 1) / WEND_NS_PER_MS;
    return ms < 0 ? 0 : ms > POLL_MAX_MS ? POLL_MAX_MS : (int)ms;
}

static void one_round(struct wend_master *master, struct waiting *waiting)
{
    collect(master, waiting);
    if (poll(waiting->fds, waiting->count, poll_ms(waiting->next_ns)) < 0 && errno != EINTR)
        wend_die("poll() in the master");
    /* Channels first: reaping may take members away. */
    for (size_t i = FIXED_FDS; i < waiting->count; i++)
        if (waiting->fds[i].revents != 0)
            wend_command_worker(master, waiting->members[i]);
    wend_command_signals(master);
    if (waiting->fds[ABOVE].revents != 0)
        wend_command_above(master, master->options->above);
    wend_crews_each(master, wend_member_tick);
    wend_succession_settle(master);
}

/* --- the whole life ---------------------------------------------------------------------- */

/* No workers: this process serves. */
static int run_single(struct wend_master *master, struct wend_crew *only)
{
    struct wend_worker worker = {.generation = only->is.number,
                                 .channel = -1,
                                 .name = master->policy->name,
                                 .title = only->is.groups[0].title};

    if (only->is.group_count == 0 || only->is.groups[0].run == NULL)
        return 0;
    wend_spawn_drop_signals();
    if (master->policy->started != NULL)
        master->policy->started(master->policy->data, &only->is);
    return only->is.groups[0].run(&worker, only->is.config);
}

static int run_with_workers(struct wend_master *master, struct wend_crew *first)
{
    struct waiting *waiting = malloc(sizeof(*waiting));

    if (waiting == NULL)
        wend_die("no memory for the master");
    if (master->options->above != NULL)
        wend_title_set("%s: %s", master->policy->name, master->options->above->title);
    else
        wend_title_set("%s: master process %s", master->policy->name, wend_title_command());
    master->coming = first;
    wend_crews_each(master, wend_member_tick); /* starts all of them */
    wend_succession_settle(master);
    while (master->quitting == WEND_QUIT_NOT || wend_crews_alive(master) > 0)
        one_round(master, waiting);
    free(waiting);
    return master->status;
}

static int run(struct wend_master *master, struct wend_crew *first)
{
    const struct wend_master_options *options = master->options;
    int starter = -1;

    if (options->watch_parent && !wend_upgrade_inherited())
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (options->daemonize && !wend_upgrade_inherited()) /* it was started by a daemon */
        starter = wend_daemon_start(options->keep_stderr);
    wend_command_catch_signals();
    wend_pidfile_keep(&master->pid_file, first->is.pid_file);
    wend_daemon_ready(starter);
    if (options->single)
        return run_single(master, first);
    if (wend_succession_is_too_many(master, first->member_count))
        return 1;
    return run_with_workers(master, first);
}

int wend_master_run(const struct wend_master_policy *policy,
                    const struct wend_master_options *options)
{
    struct wend_master master = {.policy = policy, .options = options};
    struct wend_crew *first;
    int status;

    wend_list_init(&master.crews);
    first = wend_crew_load(&master);
    if (first == NULL)
        return 1;
    status = run(&master, first);
    WEND_LIST_EACH(&master.crews, node, after)
        wend_crew_discard(&master, WEND_OF(node, struct wend_crew, node));
    wend_pidfile_remove(&master.pid_file);
    wend_log(wend_log_process, WEND_LOG_NOTICE, 0, 0, "exit");
    return status;
}
