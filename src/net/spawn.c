/* net/spawn.c - see net/spawn.h. */
#include "net/spawn.h"

#include "base/assert.h"
#include "net/crew.h"
#include "net/master.h"
#include "net/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

void wend_spawn_drop_signals(void)
{
    static const int masters_only[] = {SIGUSR2, SIGWINCH, SIGCHLD};

    wend_signals_default(masters_only, WEND_COUNT(masters_only));
}

/* --- in the child ------------------------------------------------------------------------ */

static void export_worker(const struct wend_worker *worker)
{
    char text[96];

    snprintf(text, sizeof(text), "%d,%u,%u,%u,%d", worker->channel, worker->group, worker->slot,
             worker->generation, (int)worker->master);
    if (setenv(WEND_WORKER_ENV, text, 1) != 0 || fcntl(worker->channel, F_SETFD, 0) != 0)
        wend_die("the channel cannot be handed over");
}

/* Nothing of the master stays open or caught. */
static void leave_master(struct wend_master *master, const sigset_t *unblocked)
{
    struct wend_worker *above = master->options->above;

    wend_signals_renew();
    wend_spawn_drop_signals();
    sigprocmask(SIG_SETMASK, unblocked, NULL);
    wend_crews_each(master, wend_member_close_channel);
    if (above != NULL && above->channel >= 0)
        close(above->channel);
}

/* Signals are still blocked. */
__attribute__((noreturn)) static void be_worker(struct wend_master *master,
                                                struct wend_member *member, int channel,
                                                const sigset_t *unblocked)
{
    const struct wend_worker_group *group = wend_member_group(member);
    struct wend_identity identity = group->identity;
    struct wend_worker worker = {.group = member->group,
                                 .slot = member->slot,
                                 .generation = member->of->is.number,
                                 .master = getppid(),
                                 .channel = channel,
                                 .name = master->policy->name,
                                 .title = group->title};
    void *config = member->of->is.config;

    leave_master(master, unblocked);
    if (group->prepare != NULL)
        group->prepare(&worker, config, &identity);
    wend_title_set("%s: %s", worker.name, worker.title);
    if (wend_process_become(&identity) != WEND_OK)
        exit(WEND_EXIT_FATAL);
    if (group->exec == NULL)
        exit(group->run(&worker, config));
    export_worker(&worker);
    exit(group->exec(&worker, config));
}

/* --- in the master ----------------------------------------------------------------------- */

static pid_t fork_worker(struct wend_master *master, struct wend_member *member, const int pair[2])
{
    const struct wend_master_policy *policy = master->policy;
    sigset_t all, before;
    pid_t pid;

    /* A signal between fork and the child's own pipe would be written into the master's. */
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    fflush(NULL);
    if (policy->before_fork != NULL)
        policy->before_fork(policy->data);
    pid = fork();
    if (policy->after_fork != NULL)
        policy->after_fork(policy->data, pid == 0);
    if (pid == 0) {
        close(pair[0]);
        be_worker(master, member, pair[1], &before);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    return pid;
}

enum wend_code wend_spawn(struct wend_master *master, struct wend_member *member)
{
    int pair[2];
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        wend_log(wend_log_process, WEND_LOG_ALERT, 0, errno, "socketpair() failed");
        return WEND_E_IO;
    }
    pid = fork_worker(master, member, pair);
    close(pair[1]);
    if (pid < 0) {
        wend_log(wend_log_process, WEND_LOG_ALERT, 0, errno, "fork() failed while starting \"%s\"",
                 wend_member_group(member)->title);
        close(pair[0]);
        return WEND_E_IO;
    }
    member->pid = pid;
    member->channel = pair[0];
    return WEND_OK;
}
