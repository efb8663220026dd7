/* net/member.c - see net/member.h. */
#include "net/member.h"

#include "base/clock.h"
#include "net/channel.h"
#include "net/crew.h"
#include "net/master.h"
#include "net/spawn.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define NESTED_STOP_MS 2000 /* ends before the master above loses its patience */
#define BACKOFF_FIRST_MS 100
#define BACKOFF_LAST_MS 5000

const struct wend_worker_group *wend_member_group(const struct wend_member *member)
{
    return &member->of->is.groups[member->group];
}

bool wend_member_is_none(const struct wend_member *member)
{
    return member->state == WEND_MEMBER_NONE;
}
bool wend_member_is_alive(const struct wend_member *member)
{
    return member->state >= WEND_MEMBER_RUNNING;
}
bool wend_member_is_ready(const struct wend_member *member)
{
    return member->ready;
}
bool wend_member_has_crashed(const struct wend_member *member)
{
    return member->crashes > 0;
}

void wend_member_close_channel(struct wend_master *master, struct wend_member *member)
{
    (void)master;
    if (member->channel >= 0)
        close(member->channel);
    member->channel = -1;
}

/* --- starting ---------------------------------------------------------------------------- */

void wend_member_wait(struct wend_member *member)
{
    int64_t delay_ms = 0;

    if (member->crashes > 1) {
        unsigned doublings = member->crashes - 2 < 6 ? member->crashes - 2 : 6;

        delay_ms = (int64_t)BACKOFF_FIRST_MS << doublings;
    }
    if (delay_ms > BACKOFF_LAST_MS)
        delay_ms = BACKOFF_LAST_MS;
    member->state = WEND_MEMBER_WAITING;
    member->at_ns = wend_clock_monotonic_ns() + delay_ms * WEND_NS_PER_MS;
}

void wend_member_revive(struct wend_master *master, struct wend_member *member)
{
    (void)master;
    member->crashes = 0;
    member->at_ns = 0;
    member->state = WEND_MEMBER_WAITING;
}

static int64_t ready_timeout_ns(const struct wend_crew *crew)
{
    int64_t ms = crew->is.ready_timeout_ms;

    return (ms > 0 ? ms : WEND_READY_TIMEOUT_MS) * WEND_NS_PER_MS;
}

static void start(struct wend_master *master, struct wend_member *member)
{
    if (wend_spawn(master, member) != WEND_OK) {
        member->crashes++;
        wend_member_wait(member);
        return;
    }
    wend_log(wend_log_process, WEND_LOG_NOTICE, 0, 0, "start %s %d",
             wend_member_group(member)->title, (int)member->pid);
    member->state = WEND_MEMBER_RUNNING;
    member->ready = false;
    member->started_ns = wend_clock_monotonic_ns();
    member->at_ns = member->started_ns + ready_timeout_ns(member->of);
}

void wend_member_serves(struct wend_member *member)
{
    if (member->state != WEND_MEMBER_RUNNING)
        return;
    member->ready = true;
    member->at_ns = INT64_MAX;
}

/* --- orders ------------------------------------------------------------------------------ */

static void order(struct wend_member *member, enum wend_channel_kind kind)
{
    if (member->channel < 0)
        return;
    /* A worker that does not read is found by the timeouts. */
    if (wend_channel_send(member->channel, kind) != WEND_OK)
        wend_log(wend_log_process, WEND_LOG_INFO, 0, errno, "%s %d takes no orders",
                 wend_member_group(member)->title, (int)member->pid);
}

/* Who was to be started is not; whether there is a process to be told. */
static bool no_longer_waits(struct wend_member *member)
{
    if (member->state == WEND_MEMBER_WAITING)
        member->state = WEND_MEMBER_NONE;
    return member->state == WEND_MEMBER_RUNNING || member->state == WEND_MEMBER_DRAINING;
}

void wend_member_drain(struct wend_master *master, struct wend_member *member)
{
    int64_t timeout_ms = member->of->is.drain_timeout_ms;

    (void)master;
    if (!no_longer_waits(member) || member->state == WEND_MEMBER_DRAINING)
        return;
    order(member, WEND_CHANNEL_DRAIN);
    member->state = WEND_MEMBER_DRAINING;
    member->at_ns =
        timeout_ms > 0 ? wend_clock_monotonic_ns() + timeout_ms * WEND_NS_PER_MS : INT64_MAX;
}

void wend_member_stop(struct wend_master *master, struct wend_member *member)
{
    int64_t patience_ms = master->options->above != NULL ? NESTED_STOP_MS : WEND_STOP_TIMEOUT_MS;

    if (!no_longer_waits(member))
        return;
    order(member, WEND_CHANNEL_STOP);
    (void)kill(member->pid, SIGTERM);
    member->state = WEND_MEMBER_STOPPING;
    member->at_ns = wend_clock_monotonic_ns() + patience_ms * WEND_NS_PER_MS;
}

void wend_member_kill(struct wend_master *master, struct wend_member *member)
{
    (void)master;
    if (!wend_member_is_alive(member))
        return;
    (void)kill(member->pid, SIGKILL);
    member->state = WEND_MEMBER_KILLED;
    member->at_ns = INT64_MAX;
}

void wend_member_reopen(struct wend_master *master, struct wend_member *member)
{
    (void)master;
    if (wend_member_is_alive(member))
        order(member, WEND_CHANNEL_REOPEN);
}

/* --- time and end ------------------------------------------------------------------------ */

static void log_late(const struct wend_member *member, enum wend_log_level level, const char *what)
{
    wend_log(wend_log_process, level, 0, 0, "%s %d %s", wend_member_group(member)->title,
             (int)member->pid, what);
}

void wend_member_tick(struct wend_master *master, struct wend_member *member)
{
    if (member->state == WEND_MEMBER_NONE || member->state == WEND_MEMBER_KILLED ||
        member->at_ns > wend_clock_monotonic_ns())
        return;
    switch (member->state) {
    case WEND_MEMBER_WAITING:
        start(master, member);
        break;
    case WEND_MEMBER_RUNNING:
        log_late(member, WEND_LOG_ALERT, "is not ready in time and is killed");
        wend_member_kill(master, member);
        break;
    case WEND_MEMBER_DRAINING:
        log_late(member, WEND_LOG_NOTICE, "has not finished in time and is stopped");
        wend_member_stop(master, member);
        break;
    default:
        log_late(member, WEND_LOG_WARN, "did not stop and is killed");
        wend_member_kill(master, member);
        break;
    }
}

static void log_end(const struct wend_member *member, int status, bool expected)
{
    const char *title = wend_member_group(member)->title;
    enum wend_log_level level = WEND_LOG_NOTICE;

    if (WIFSIGNALED(status)) {
        if (member->state < WEND_MEMBER_STOPPING)
            level = WEND_LOG_ALERT;
        wend_log(wend_log_process, level, 0, 0, "%s %d exited on signal %d%s", title,
                 (int)member->pid, WTERMSIG(status), WCOREDUMP(status) ? " (core dumped)" : "");
        return;
    }
    if (WEXITSTATUS(status) != 0)
        level = expected ? WEND_LOG_WARN : WEND_LOG_ERROR;
    wend_log(wend_log_process, level, 0, 0, "%s %d exited with code %d", title, (int)member->pid,
             WEXITSTATUS(status));
}

void wend_member_ended(struct wend_master *master, struct wend_member *member, int status,
                       bool expected)
{
    pid_t pid = member->pid;

    log_end(member, status, expected);
    wend_member_close_channel(master, member);
    member->state = WEND_MEMBER_NONE;
    member->ready = false;
    member->pid = 0;
    if (master->policy->worker_gone != NULL)
        master->policy->worker_gone(master->policy->data, &member->of->is, member->group,
                                    member->slot, pid, status);
}
