/* net/command.c - see net/command.h. */
#include "net/command.h"

#include "net/channel.h"
#include "net/signals.h"
#include "net/succession.h"
#include "net/upgrade.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOTICE(...) wend_log(wend_log_process, WEND_LOG_NOTICE, 0, 0, __VA_ARGS__)

void wend_command_catch_signals(void)
{
    static const int caught[] = {SIGHUP,  SIGQUIT, SIGTERM,  SIGINT,
                                 SIGUSR1, SIGUSR2, SIGWINCH, SIGCHLD};

    wend_signals_catch(caught, WEND_COUNT(caught));
    wend_signals_ignore((int[]){SIGPIPE}, 1);
}

static void reopen_logs(struct wend_master *master)
{
    NOTICE("reopening logs");
    if (master->policy->reopen != NULL)
        master->policy->reopen(master->policy->data);
    wend_crews_each(master, wend_member_reopen);
}

/* --- another executable; see net/upgrade.h ----------------------------------------------- */

static void upgrade(struct wend_master *master)
{
    if (master->policy->give == NULL || master->options->above != NULL ||
        master->quitting != WEND_QUIT_NOT) {
        wend_log(wend_log_process, WEND_LOG_WARN, 0, 0, "this server cannot change its executable");
        return;
    }
    if (wend_upgrade_shares()) {
        NOTICE("the signal is ignored: two executables serve already");
        return;
    }
    NOTICE("changing binary");
    wend_pidfile_set_aside(&master->pid_file);
    if (wend_upgrade_start(master->policy->give, master->policy->data) == WEND_OK) {
        NOTICE("start new binary process %d", (int)wend_upgrade_pid());
        return;
    }
    wend_log(wend_log_process, WEND_LOG_ALERT, 0, errno, "fork() of a new binary failed");
    wend_pidfile_bring_back(&master->pid_file);
}

static void upgrade_ended(struct wend_master *master, pid_t pid)
{
    NOTICE("new binary process %d exited", (int)pid);
    wend_upgrade_ended();
    wend_pidfile_bring_back(&master->pid_file);
    if (master->quitting == WEND_QUIT_NOT)
        (void)wend_succession_call_back(master);
}

/* --- signals ----------------------------------------------------------------------------- */

static void reap(struct wend_master *master)
{
    int status;
    pid_t pid;

    for (pid = waitpid(-1, &status, WNOHANG); pid > 0; pid = waitpid(-1, &status, WNOHANG)) {
        struct wend_member *member = wend_crews_find(master, pid);

        if (pid == wend_upgrade_pid())
            upgrade_ended(master, pid);
        if (member == NULL)
            continue; /* somebody the policy started */
        /* What it said last may still wait in the channel. */
        if (member->channel >= 0)
            wend_command_worker(master, member);
        wend_succession_ended(master, member, status);
    }
}

static void on_signal(struct wend_master *master, int number)
{
    bool term_drains = master->options->term_drains;

    if (master->options->above != NULL && (number == SIGHUP || number == SIGWINCH))
        return;
    if (number != SIGCHLD)
        NOTICE("signal %d (SIG%s) received", number, sigabbrev_np(number));
    switch (number) {
    case SIGHUP:
        if (wend_upgrade_pid() == 0 || !wend_succession_call_back(master))
            master->reload_wanted = true;
        break;
    case SIGQUIT:
        wend_succession_quit(master, term_drains ? WEND_QUIT_STOP : WEND_QUIT_DRAIN);
        break;
    case SIGTERM:
        wend_succession_quit(master, term_drains ? WEND_QUIT_DRAIN : WEND_QUIT_STOP);
        break;
    case SIGINT:
        wend_succession_quit(master, WEND_QUIT_STOP);
        break;
    case SIGUSR1:
        reopen_logs(master);
        break;
    case SIGUSR2:
        upgrade(master);
        break;
    case SIGWINCH:
        NOTICE("gracefully shutting down worker processes");
        wend_succession_send_away(master);
        break;
    default:
        reap(master);
        break;
    }
}

void wend_command_signals(struct wend_master *master)
{
    for (int number = wend_signals_next(); number != 0; number = wend_signals_next())
        on_signal(master, number);
}

/* --- channels ---------------------------------------------------------------------------- */

void wend_command_worker(struct wend_master *master, struct wend_member *member)
{
    enum wend_channel_kind kind;
    enum wend_code code = WEND_OK;

    while (code == WEND_OK) {
        code = wend_channel_recv(member->channel, &kind);
        if (code == WEND_OK && kind == WEND_CHANNEL_READY)
            wend_member_serves(member);
        else if (code == WEND_OK && kind == WEND_CHANNEL_RELOAD)
            master->reload_wanted = true;
    }
    /* Closed, though perhaps not gone: its end is told by waitpid(). */
    if (code == WEND_E_CLOSED)
        wend_member_close_channel(master, member);
}

/* STOP comes with SIGTERM, which is enough. */
void wend_command_above(struct wend_master *master, struct wend_worker *above)
{
    enum wend_channel_kind kind;
    enum wend_code code = WEND_OK;

    while (code == WEND_OK) {
        code = wend_channel_recv(above->channel, &kind);
        if (code == WEND_OK && kind == WEND_CHANNEL_DRAIN)
            wend_succession_quit(master, WEND_QUIT_DRAIN);
        else if (code == WEND_OK && kind == WEND_CHANNEL_REOPEN)
            reopen_logs(master);
    }
    if (code != WEND_E_CLOSED)
        return;
    close(above->channel);
    above->channel = -1;
    wend_succession_quit(master, WEND_QUIT_DRAIN);
}
