/* net/master.c - the master's life: members, generations, signals.
 *
 * A member is one worker's place in a generation. What its time means depends on its state:
 *
 *   state      at_ns: then ...                            leaves it by
 *   NONE       -                                          -
 *   WAITING    start it (again)                           start
 *   RUNNING    not ready yet: kill it                     ready (no time any more), order, exit
 *   DRAINING   the drain timeout is over: stop it         stop, exit
 *   STOPPING   it did not obey: kill it                   exit
 *   KILLED     -                                          exit
 *
 * All transitions of generations are decided in one place, settle(), which looks at the members as
 * they are after any event. */
#include "net/process.h"

#include "base/assert.h"
#include "base/clock.h"
#include "net/channel.h"
#include "net/signals.h"
#include "net/upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define NESTED_STOP_MS 2000          /* ends before the master above loses its patience */
#define YOUNG_NS (5 * WEND_NS_PER_S) /* who crashes younger than this has to wait */
#define BACKOFF_FIRST_MS 100
#define BACKOFF_LAST_MS 5000

enum member_state { NONE, WAITING, RUNNING, DRAINING, STOPPING, KILLED };

struct member {
    struct generation *of;
    unsigned group, slot;
    enum member_state state;
    bool ready;
    pid_t pid;
    int channel;
    int64_t started_ns, at_ns;
    unsigned crashes; /* young ones in a row */
};

struct generation {
    struct wend_list node;
    struct wend_generation is;
    struct member *members;
    size_t member_count;
    bool leaving; /* nobody is started any more */
    bool failed;  /* a member ended before it was ready */
};

enum quitting { NOT, BY_DRAIN, BY_STOP };

struct wend_master {
    const struct wend_master_policy *policy;
    const struct wend_master_options *options;
    struct wend_list generations; /* oldest first */
    struct generation *current;   /* serves */
    struct generation *coming;    /* starts; NULL most of the time */
    char *pid_file;               /* written, to be removed; NULL: none */
    int starter;                  /* pipe to the process that waits for the daemon; -1 */
    unsigned numbers;             /* generations so far */
    bool reload_wanted;
    enum quitting quitting;
    int status;
};

static const int caught[] = {SIGHUP, SIGQUIT, SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCHLD};
/* What the master needs and a worker does not. */
static const int masters_only[] = {SIGUSR2, SIGWINCH, SIGCHLD};

#define NOTICE(...) wend_log(wend_log_process, WEND_LOG_NOTICE, 0, 0, __VA_ARGS__)

static const struct wend_worker_group *group_of(const struct member *member)
{
    return &member->of->is.groups[member->group];
}

static bool is_alive(const struct member *member)
{
    return member->state >= RUNNING;
}

static size_t count_state(const struct generation *generation, bool (*is)(const struct member *))
{
    size_t count = 0;

    for (size_t i = 0; i < generation->member_count; i++)
        count += is(&generation->members[i]);
    return count;
}

static void each_member(struct wend_master *master, struct generation *only,
                        void (*fn)(struct wend_master *, struct member *))
{
    WEND_LIST_EACH(&master->generations, node, after) {
        struct generation *generation = WEND_OF(node, struct generation, node);

        for (size_t i = 0; (only == NULL || only == generation) && i < generation->member_count;
             i++)
            fn(master, &generation->members[i]);
    }
}

/* --- starting a worker ------------------------------------------------------------------- */

static void close_channel(struct wend_master *master, struct member *member)
{
    (void)master;
    if (member->channel >= 0)
        close(member->channel);
    member->channel = -1;
}

static void export_worker(const struct wend_worker *worker)
{
    char text[96];

    snprintf(text, sizeof(text), "%d,%u,%u,%u,%d", worker->channel, worker->group, worker->slot,
             worker->generation, (int)worker->master);
    if (setenv(WEND_WORKER_ENV, text, 1) != 0 || fcntl(worker->channel, F_SETFD, 0) != 0)
        wend_die("the channel cannot be handed over");
}

/* In the child, signals still blocked. */
__attribute__((noreturn)) static void be_worker(struct wend_master *master, struct member *member,
                                                int channel, const sigset_t *unblocked)
{
    const struct wend_worker_group *group = group_of(member);
    struct wend_identity identity = group->identity;
    struct wend_worker worker = {.group = member->group,
                                 .slot = member->slot,
                                 .generation = member->of->is.number,
                                 .master = getppid(),
                                 .channel = channel,
                                 .name = master->policy->name,
                                 .title = group->title};
    void *config = member->of->is.config;
    int status;

    wend_signals_renew();
    wend_signals_default(masters_only, WEND_COUNT(masters_only));
    sigprocmask(SIG_SETMASK, unblocked, NULL);
    each_member(master, NULL, close_channel);
    if (master->options->above != NULL && master->options->above->channel >= 0)
        close(master->options->above->channel);
    if (group->prepare != NULL)
        group->prepare(&worker, config, &identity);
    wend_title_set("%s: %s", master->policy->name, group->title);
    if (wend_process_become(&identity) != WEND_OK)
        exit(WEND_EXIT_FATAL);
    if (group->exec != NULL) {
        export_worker(&worker);
        status = group->exec(&worker, config);
    } else {
        status = group->run(&worker, config);
    }
    exit(status);
}

static int64_t ready_timeout_ns(const struct generation *generation)
{
    int64_t ms = generation->is.ready_timeout_ms;

    return (ms > 0 ? ms : WEND_READY_TIMEOUT_MS) * WEND_NS_PER_MS;
}

static void wait_to_start(struct member *member)
{
    int64_t delay_ms = 0;

    if (member->crashes > 1) {
        unsigned doublings = member->crashes - 2 < 6 ? member->crashes - 2 : 6;

        delay_ms = (int64_t)BACKOFF_FIRST_MS << doublings;
    }
    if (delay_ms > BACKOFF_LAST_MS)
        delay_ms = BACKOFF_LAST_MS;
    member->state = WAITING;
    member->at_ns = wend_clock_monotonic_ns() + delay_ms * WEND_NS_PER_MS;
}

static void start(struct wend_master *master, struct member *member)
{
    sigset_t all, before;
    int pair[2];
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        wend_log(wend_log_process, WEND_LOG_ALERT, 0, errno, "socketpair() failed");
        member->crashes++;
        wait_to_start(member);
        return;
    }
    /* A signal between fork and the child's own pipe would be written into the master's. */
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    fflush(NULL);
    if (master->policy->before_fork != NULL)
        master->policy->before_fork(master->policy->data);
    pid = fork();
    if (master->policy->after_fork != NULL)
        master->policy->after_fork(master->policy->data, pid == 0);
    if (pid == 0) {
        close(pair[0]);
        be_worker(master, member, pair[1], &before);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(pair[1]);
    if (pid < 0) {
        wend_log(wend_log_process, WEND_LOG_ALERT, 0, errno, "fork() failed while starting \"%s\"",
                 group_of(member)->title);
        close(pair[0]);
        member->crashes++;
        wait_to_start(member);
        return;
    }
    NOTICE("start %s %d", group_of(member)->title, (int)pid);
    member->pid = pid;
    member->channel = pair[0];
    member->state = RUNNING;
    member->ready = false;
    member->started_ns = wend_clock_monotonic_ns();
    member->at_ns = member->started_ns + ready_timeout_ns(member->of);
}

/* --- orders ------------------------------------------------------------------------------ */

static void order(struct member *member, enum wend_channel_kind kind)
{
    if (member->channel < 0)
        return;
    /* A worker that does not read is found by the timeouts. */
    if (wend_channel_send(member->channel, kind) != WEND_OK)
        wend_log(wend_log_process, WEND_LOG_INFO, 0, errno, "%s %d takes no orders",
                 group_of(member)->title, (int)member->pid);
}

static void drain(struct wend_master *master, struct member *member)
{
    int64_t timeout_ms = member->of->is.drain_timeout_ms;

    (void)master;
    if (member->state == WAITING)
        member->state = NONE;
    if (member->state != RUNNING)
        return;
    order(member, WEND_CHANNEL_DRAIN);
    member->state = DRAINING;
    member->at_ns =
        timeout_ms > 0 ? wend_clock_monotonic_ns() + timeout_ms * WEND_NS_PER_MS : INT64_MAX;
}

static void stop(struct wend_master *master, struct member *member)
{
    if (member->state == WAITING)
        member->state = NONE;
    if (member->state != RUNNING && member->state != DRAINING)
        return;
    order(member, WEND_CHANNEL_STOP);
    (void)kill(member->pid, SIGTERM);
    member->state = STOPPING;
    member->at_ns =
        wend_clock_monotonic_ns() +
        (master->options->above != NULL ? NESTED_STOP_MS : WEND_STOP_TIMEOUT_MS) * WEND_NS_PER_MS;
}

static void kill_member(struct wend_master *master, struct member *member)
{
    (void)master;
    if (!is_alive(member))
        return;
    (void)kill(member->pid, SIGKILL);
    member->state = KILLED;
    member->at_ns = INT64_MAX;
}

static void reopen(struct wend_master *master, struct member *member)
{
    (void)master;
    if (is_alive(member))
        order(member, WEND_CHANNEL_REOPEN);
}

/* What a member's time being over means. */
static void time_over(struct wend_master *master, struct member *member)
{
    if (member->state == NONE || member->state == KILLED ||
        member->at_ns > wend_clock_monotonic_ns())
        return;
    switch (member->state) {
    case WAITING:
        start(master, member);
        break;
    case RUNNING:
        wend_log(wend_log_process, WEND_LOG_ALERT, 0, 0, "%s %d is not ready in time and is killed",
                 group_of(member)->title, (int)member->pid);
        kill_member(master, member);
        break;
    case DRAINING:
        NOTICE("%s %d has not finished in time and is stopped", group_of(member)->title,
               (int)member->pid);
        stop(master, member);
        break;
    default:
        wend_log(wend_log_process, WEND_LOG_WARN, 0, 0, "%s %d did not stop and is killed",
                 group_of(member)->title, (int)member->pid);
        kill_member(master, member);
        break;
    }
}

/* --- generations ------------------------------------------------------------------------- */

static bool is_none(const struct member *member)
{
    return member->state == NONE;
}
static bool is_ready(const struct member *member)
{
    return member->ready;
}

/* The one whose listeners are open: what serves, or else what tries to. */
static struct generation *newest(const struct wend_master *master)
{
    return master->current != NULL ? master->current : master->coming;
}

static struct generation *load(struct wend_master *master)
{
    struct generation *generation = calloc(1, sizeof(*generation));
    struct generation *old = newest(master);
    size_t at = 0;

    if (generation == NULL)
        wend_die("no memory for a generation");
    generation->is.number = master->numbers + 1;
    if (master->policy->load(master->policy->data, old == NULL ? NULL : &old->is,
                             &generation->is) != WEND_OK) {
        free(generation);
        return NULL;
    }
    master->numbers++;
    WEND_ASSERT(generation->is.group_count <= WEND_GROUPS_MAX);
    for (size_t g = 0; g < generation->is.group_count; g++)
        generation->member_count += generation->is.groups[g].count;
    generation->members = calloc(generation->member_count + 1, sizeof(*generation->members));
    if (generation->members == NULL)
        wend_die("no memory for a generation");
    for (unsigned g = 0; g < generation->is.group_count; g++)
        for (unsigned slot = 0; slot < generation->is.groups[g].count; slot++)
            generation->members[at++] = (struct member){
                .of = generation, .group = g, .slot = slot, .channel = -1, .state = WAITING};
    wend_list_append(&master->generations, &generation->node);
    return generation;
}

static void discard(struct wend_master *master, struct generation *generation)
{
    wend_list_remove(&generation->node);
    if (master->current == generation)
        master->current = NULL;
    if (master->coming == generation)
        master->coming = NULL;
    master->policy->discard(master->policy->data, &generation->is);
    free(generation->members);
    free(generation);
}

static void keep_pid_file(struct wend_master *master, const char *path)
{
    enum wend_code code;

    if (path == NULL || (master->pid_file != NULL && strcmp(master->pid_file, path) == 0) ||
        wend_upgrade_pid() != 0) /* the name is the other executable's */
        return;
    code = wend_pidfile_write(path, getpid());
    if (code != WEND_OK) {
        wend_log(wend_log_process, WEND_LOG_ALERT, 0, errno, "open() \"%s\" failed", path);
        return;
    }
    if (master->pid_file != NULL)
        (void)unlink(master->pid_file);
    free(master->pid_file);
    master->pid_file = strdup(path);
    if (master->pid_file == NULL)
        wend_die("no memory for the pid file's name");
}

static size_t count_alive(struct wend_master *master)
{
    size_t count = 0;

    WEND_LIST_EACH(&master->generations, node, after)
        count += count_state(WEND_OF(node, struct generation, node), is_alive);
    return count;
}

static bool is_too_many(struct wend_master *master, size_t more)
{
    if (count_alive(master) + more <= WEND_WORKERS_MAX)
        return false;
    wend_log(wend_log_process, WEND_LOG_EMERG, 0, 0, "more than %d workers at once",
             WEND_WORKERS_MAX);
    return true;
}

static void begin_reload(struct wend_master *master)
{
    struct generation *coming;

    master->reload_wanted = false;
    NOTICE("reconfiguring");
    coming = load(master);
    if (coming == NULL) {
        wend_log(wend_log_process, WEND_LOG_ERROR, 0, 0,
                 "the new configuration is not used, the old one stays");
        return;
    }
    if (is_too_many(master, coming->member_count)) {
        discard(master, coming);
        return;
    }
    if (master->coming != NULL) {
        /* It crashes and crashes before anything ever served: the new one takes its place. */
        master->coming->leaving = true;
        each_member(master, master->coming, stop);
    }
    master->coming = coming;
    keep_pid_file(master, coming->is.pid_file);
}

static void retire(struct wend_master *master, struct generation *generation,
                   void (*leave)(struct wend_master *, struct member *))
{
    if (master->policy->retired != NULL)
        master->policy->retired(master->policy->data, &generation->is);
    each_member(master, generation, leave);
}

/* All of the new ones serve: the old ones may go. */
static void promote(struct wend_master *master)
{
    struct generation *old = master->current;

    master->current = master->coming;
    master->coming = NULL;
    if (master->policy->started != NULL)
        master->policy->started(master->policy->data, &master->current->is);
    if (master->options->above != NULL)
        wend_worker_ready(master->options->above);
    if (old == NULL)
        return;
    old->leaving = true;
    retire(master, old, drain);
}

static void give_up_coming(struct wend_master *master)
{
    struct generation *coming = master->coming;

    master->coming = NULL;
    coming->leaving = true;
    each_member(master, coming, stop);
    if (master->current != NULL) {
        wend_log(wend_log_process, WEND_LOG_ERROR, 0, 0,
                 "the new workers failed before they were ready; the old ones stay");
        return;
    }
    master->quitting = BY_STOP;
    master->status = 1;
}

static bool has_crashed(const struct member *member)
{
    return member->crashes > 0;
}

/* One reload at a time; but a first start that only crashes must not keep its repair out. */
static bool may_reload(const struct wend_master *master)
{
    if (master->quitting != NOT)
        return false;
    return master->coming == NULL ||
           (master->current == NULL && count_state(master->coming, has_crashed) > 0);
}

static void settle(struct wend_master *master)
{
    if (master->coming != NULL) {
        if (master->coming->failed)
            give_up_coming(master);
        else if (count_state(master->coming, is_ready) == master->coming->member_count)
            promote(master);
    }
    if (master->reload_wanted && master->options->above != NULL) {
        wend_worker_ask_reload(master->options->above);
        master->reload_wanted = false;
    }
    if (master->reload_wanted && may_reload(master))
        begin_reload(master);
    WEND_LIST_EACH(&master->generations, node, after) {
        struct generation *generation = WEND_OF(node, struct generation, node);

        if (generation->leaving && count_state(generation, is_none) == generation->member_count)
            discard(master, generation);
    }
}

static void quit(struct wend_master *master, enum quitting how)
{
    /* Whoever is told by a terminal is told by the master above as well. */
    if (master->quitting == BY_STOP && master->options->above != NULL)
        return;
    if (master->quitting == BY_STOP && how == BY_STOP) {
        each_member(master, NULL, kill_member); /* asked twice */
        return;
    }
    if (master->quitting == NOT && master->policy->leaving != NULL)
        master->policy->leaving(master->policy->data);
    if (how > master->quitting)
        master->quitting = how;
    WEND_LIST_EACH(&master->generations, node, after)
        retire(master, WEND_OF(node, struct generation, node),
               master->quitting == BY_STOP ? stop : drain);
}

/* --- what happens ------------------------------------------------------------------------ */

static void log_end(const struct member *member, int status, bool expected)
{
    const char *title = group_of(member)->title;
    enum wend_log_level level = WEND_LOG_NOTICE;

    if (WIFSIGNALED(status)) {
        if (member->state < STOPPING)
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

/* Whether a new process is to take the place of the one that ended. */
static void refill(struct wend_master *master, struct member *member, int status, bool was_ready,
                   int64_t lived_ns)
{
    struct generation *generation = member->of;
    bool fatal = WIFEXITED(status) && WEXITSTATUS(status) == WEND_EXIT_FATAL;

    if (!was_ready && generation == master->coming && (fatal || master->current != NULL)) {
        generation->failed = true;
        return;
    }
    if (fatal) {
        wend_log(wend_log_process, WEND_LOG_ALERT, 0, 0,
                 "%s exited with fatal code %d and is not started again", group_of(member)->title,
                 WEND_EXIT_FATAL);
        return;
    }
    member->crashes = lived_ns < YOUNG_NS ? member->crashes + 1 : 1;
    wait_to_start(member);
}

static void ended(struct wend_master *master, struct member *member, int status)
{
    int64_t lived_ns = wend_clock_monotonic_ns() - member->started_ns;
    bool expected = member->state == DRAINING || member->state == STOPPING || member->of->leaving ||
                    master->quitting != NOT;
    bool was_ready = member->ready;
    pid_t pid = member->pid;

    log_end(member, status, expected);
    close_channel(master, member);
    member->state = NONE;
    member->ready = false;
    member->pid = 0;
    if (master->policy->worker_gone != NULL)
        master->policy->worker_gone(master->policy->data, &member->of->is, member->group,
                                    member->slot, pid, status);
    if (!expected)
        refill(master, member, status, was_ready, lived_ns);
}

static struct member *find_pid(struct wend_master *master, pid_t pid)
{
    WEND_LIST_EACH(&master->generations, node, after) {
        struct generation *generation = WEND_OF(node, struct generation, node);

        for (size_t i = 0; i < generation->member_count; i++)
            if (is_alive(&generation->members[i]) && generation->members[i].pid == pid)
                return &generation->members[i];
    }
    return NULL;
}

static void read_channel(struct wend_master *master, struct member *member)
{
    enum wend_channel_kind kind;
    enum wend_code code = WEND_OK;

    while (code == WEND_OK) {
        code = wend_channel_recv(member->channel, &kind);
        if (code != WEND_OK)
            break;
        if (kind == WEND_CHANNEL_READY && member->state == RUNNING) {
            member->ready = true;
            member->at_ns = INT64_MAX;
        } else if (kind == WEND_CHANNEL_RELOAD) {
            master->reload_wanted = true;
        }
    }
    /* Closed, though perhaps not gone: its end is told by waitpid(). */
    if (code == WEND_E_CLOSED)
        close_channel(master, member);
}

/* --- another executable; see net/upgrade.h ----------------------------------------------- */

#define OLD_SUFFIX ".oldbin"

/* Moves the pid file, and with it what will be removed at the end. */
static void rename_pid_file(struct wend_master *master, char *to)
{
    if (to == NULL)
        wend_die("no memory for the pid file's name");
    if (rename(master->pid_file, to) != 0)
        wend_log(wend_log_process, WEND_LOG_ALERT, 0, errno, "rename() \"%s\" to \"%s\" failed",
                 master->pid_file, to);
    free(master->pid_file);
    master->pid_file = to;
}

static void move_pid_file_away(struct wend_master *master)
{
    char *to = NULL;

    if (master->pid_file != NULL && asprintf(&to, "%s" OLD_SUFFIX, master->pid_file) >= 0)
        rename_pid_file(master, to);
}

static void move_pid_file_back(struct wend_master *master)
{
    size_t suffix = sizeof(OLD_SUFFIX) - 1, len;

    if (master->pid_file == NULL)
        return;
    len = strlen(master->pid_file);
    if (len > suffix && strcmp(master->pid_file + len - suffix, OLD_SUFFIX) == 0)
        rename_pid_file(master, strndup(master->pid_file, len - suffix));
}

static void upgrade(struct wend_master *master)
{
    enum wend_code code;

    if (master->policy->give == NULL || master->options->above != NULL || master->quitting != NOT) {
        wend_log(wend_log_process, WEND_LOG_WARN, 0, 0, "this server cannot change its executable");
        return;
    }
    if (wend_upgrade_shares()) {
        NOTICE("the signal is ignored: two executables serve already");
        return;
    }
    NOTICE("changing binary");
    move_pid_file_away(master);
    code = wend_upgrade_start(master->policy->give, master->policy->data);
    if (code == WEND_OK) {
        NOTICE("start new binary process %d", (int)wend_upgrade_pid());
        return;
    }
    wend_log(wend_log_process, WEND_LOG_ALERT, 0, errno, "fork() of a new binary failed");
    move_pid_file_back(master);
}

static void revive(struct wend_master *master, struct member *member)
{
    (void)master;
    member->crashes = 0;
    member->at_ns = 0;
    member->state = WAITING;
}

/* The workers that WINCH sent away come back as they were: the file may be the other one's now.
 * (Pools of applications gave up their sockets; with them it takes a reload.) */
static bool revive_current(struct wend_master *master)
{
    struct generation *current = master->current;

    if (current == NULL || current->leaving || current->is.group_count != 1 ||
        count_state(current, is_none) != current->member_count)
        return false;
    each_member(master, current, revive);
    return true;
}

static void other_ended(struct wend_master *master, pid_t pid)
{
    NOTICE("new binary process %d exited", (int)pid);
    wend_upgrade_ended();
    move_pid_file_back(master);
    if (master->quitting == NOT)
        (void)revive_current(master);
}

static void reap(struct wend_master *master)
{
    int status;
    pid_t pid;

    for (pid = waitpid(-1, &status, WNOHANG); pid > 0; pid = waitpid(-1, &status, WNOHANG)) {
        struct member *member = find_pid(master, pid);

        if (pid == wend_upgrade_pid())
            other_ended(master, pid);
        if (member == NULL)
            continue; /* somebody the policy started */
        /* What it said last may still wait in the channel. */
        if (member->channel >= 0)
            read_channel(master, member);
        ended(master, member, status);
    }
}

static void winch(struct wend_master *master)
{
    NOTICE("gracefully shutting down worker processes");
    if (master->current != NULL)
        retire(master, master->current, drain);
}

static void reopen_logs(struct wend_master *master)
{
    NOTICE("reopening logs");
    if (master->policy->reopen != NULL)
        master->policy->reopen(master->policy->data);
    each_member(master, NULL, reopen);
}

static void on_signal(struct wend_master *master, int number)
{
    if (master->options->above != NULL && (number == SIGHUP || number == SIGWINCH))
        return;
    if (number != SIGCHLD)
        NOTICE("signal %d (SIG%s) received", number, sigabbrev_np(number));
    switch (number) {
    case SIGHUP:
        if (wend_upgrade_pid() == 0 || !revive_current(master))
            master->reload_wanted = true;
        break;
    case SIGQUIT:
        quit(master, master->options->term_drains ? BY_STOP : BY_DRAIN);
        break;
    case SIGTERM:
        quit(master, master->options->term_drains ? BY_DRAIN : BY_STOP);
        break;
    case SIGINT:
        quit(master, BY_STOP);
        break;
    case SIGUSR1:
        reopen_logs(master);
        break;
    case SIGUSR2:
        upgrade(master);
        break;
    case SIGWINCH:
        winch(master);
        break;
    default:
        reap(master);
        break;
    }
}

/* The master above speaks to us as to a worker. STOP comes with SIGTERM, which is enough. */
static void hear_above(struct wend_master *master, struct wend_worker *above)
{
    enum wend_channel_kind kind;
    enum wend_code code = WEND_OK;

    while (code == WEND_OK) {
        code = wend_channel_recv(above->channel, &kind);
        if (code == WEND_OK && kind == WEND_CHANNEL_DRAIN)
            quit(master, BY_DRAIN);
        else if (code == WEND_OK && kind == WEND_CHANNEL_REOPEN)
            reopen_logs(master);
    }
    if (code != WEND_E_CLOSED)
        return;
    close(above->channel);
    above->channel = -1;
    quit(master, BY_DRAIN);
}

/* --- waiting ----------------------------------------------------------------------------- */

#define FIXED_FDS 2

struct waiting {
    struct pollfd fds[FIXED_FDS + WEND_WORKERS_MAX];
    struct member *members[FIXED_FDS + WEND_WORKERS_MAX];
    size_t count;
    int64_t next_ns;
};

static void collect(struct wend_master *master, struct waiting *waiting)
{
    waiting->next_ns = INT64_MAX;
    waiting->fds[0] = (struct pollfd){.fd = wend_signals_fd(), .events = POLLIN};
    waiting->fds[1] =
        (struct pollfd){.fd = master->options->above != NULL ? master->options->above->channel : -1,
                        .events = POLLIN};
    waiting->count = FIXED_FDS;
    WEND_LIST_EACH(&master->generations, node, after) {
        struct generation *generation = WEND_OF(node, struct generation, node);

        for (size_t i = 0; i < generation->member_count; i++) {
            struct member *member = &generation->members[i];

            if (member->state != NONE && member->at_ns < waiting->next_ns)
                waiting->next_ns = member->at_ns;
            if (!is_alive(member) || member->channel < 0 ||
                waiting->count == WEND_COUNT(waiting->fds))
                continue;
            waiting->members[waiting->count] = member;
            waiting->fds[waiting->count++] =
                (struct pollfd){.fd = member->channel, .events = POLLIN};
        }
    }
}

static int poll_ms(int64_t next_ns)
{
    int64_t ms;

    if (next_ns == INT64_MAX)
        return -1;
    ms = (next_ns - wend_clock_monotonic_ns() + WEND_NS_PER_MS - 1) / WEND_NS_PER_MS;
    return ms < 0 ? 0 : ms > 3600000 ? 3600000 : (int)ms;
}

static void one_round(struct wend_master *master, struct waiting *waiting)
{
    collect(master, waiting);
    if (poll(waiting->fds, waiting->count, poll_ms(waiting->next_ns)) < 0 && errno != EINTR)
        wend_die("poll() in the master");
    /* Channels first: reaping may take members away. */
    for (size_t i = FIXED_FDS; i < waiting->count; i++)
        if (waiting->fds[i].revents != 0)
            read_channel(master, waiting->members[i]);
    for (int number = wend_signals_next(); number != 0; number = wend_signals_next())
        on_signal(master, number);
    if (waiting->fds[1].revents != 0)
        hear_above(master, master->options->above);
    each_member(master, NULL, time_over);
    settle(master);
}

/* --- the whole life ---------------------------------------------------------------------- */

static void redirect_to_null(bool stderr_too)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null < 0)
        wend_die("open() \"/dev/null\"");
    (void)dup2(null, STDIN_FILENO);
    (void)dup2(null, STDOUT_FILENO);
    if (stderr_too)
        (void)dup2(null, STDERR_FILENO);
    if (null > STDERR_FILENO)
        close(null);
}

/* The process that was started waits here for the daemon's word. */
__attribute__((noreturn)) static void await_daemon(int from)
{
    char byte;
    ssize_t got;

    do
        got = read(from, &byte, 1);
    while (got < 0 && errno == EINTR);
    _exit(got == 1 ? 0 : 1);
}

static void daemonize(struct wend_master *master)
{
    int ends[2];
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) != 0)
        wend_die("pipe2() for the daemon");
    fflush(NULL);
    pid = fork();
    if (pid < 0)
        wend_die("fork() of the daemon");
    if (pid > 0) {
        close(ends[1]);
        await_daemon(ends[0]);
    }
    close(ends[0]);
    (void)setsid();
    redirect_to_null(!master->options->keep_stderr);
    master->starter = ends[1];
}

static void tell_starter(struct wend_master *master)
{
    ssize_t ignored;

    if (master->starter < 0)
        return;
    ignored = write(master->starter, "1", 1);
    (void)ignored;
    close(master->starter);
    master->starter = -1;
}

static int run_single(struct wend_master *master, struct generation *only)
{
    struct wend_worker worker = {.generation = only->is.number,
                                 .channel = -1,
                                 .name = master->policy->name,
                                 .title = only->is.groups[0].title};

    if (only->is.group_count == 0 || only->is.groups[0].run == NULL)
        return 0;
    wend_signals_default(masters_only, WEND_COUNT(masters_only));
    if (master->policy->started != NULL)
        master->policy->started(master->policy->data, &only->is);
    return only->is.groups[0].run(&worker, only->is.config);
}

static void run_with_workers(struct wend_master *master, struct generation *first)
{
    struct waiting *waiting = malloc(sizeof(*waiting));

    if (waiting == NULL)
        wend_die("no memory for the master");
    if (master->options->above != NULL)
        wend_title_set("%s: %s", master->policy->name, master->options->above->title);
    else
        wend_title_set("%s: master process %s", master->policy->name, wend_title_command());
    master->coming = first;
    each_member(master, NULL, time_over); /* starts all of them */
    settle(master);
    while (master->quitting == NOT || count_alive(master) > 0)
        one_round(master, waiting);
    free(waiting);
}

int wend_master_run(const struct wend_master_policy *policy,
                    const struct wend_master_options *options)
{
    struct wend_master master = {.policy = policy, .options = options, .starter = -1};
    struct generation *first;

    wend_list_init(&master.generations);
    first = load(&master);
    if (first == NULL)
        return 1;
    if (options->watch_parent && !wend_upgrade_inherited())
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (options->daemonize && !wend_upgrade_inherited()) /* it was started by a daemon */
        daemonize(&master);
    wend_signals_catch(caught, WEND_COUNT(caught));
    wend_signals_ignore((int[]){SIGPIPE}, 1);
    keep_pid_file(&master, first->is.pid_file);
    tell_starter(&master);
    if (options->single)
        master.status = run_single(&master, first);
    else if (is_too_many(&master, first->member_count))
        master.status = 1;
    else
        run_with_workers(&master, first);
    WEND_LIST_EACH(&master.generations, node, after)
        discard(&master, WEND_OF(node, struct generation, node));
    if (master.pid_file != NULL)
        (void)unlink(master.pid_file);
    free(master.pid_file);
    NOTICE("exit");
    return master.status;
}
