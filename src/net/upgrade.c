/* net/upgrade.c - see net/upgrade.h. */
#include "net/upgrade.h"

#include "base/log.h"
#include "net/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
    bool read, inherited;
    pid_t parent; /* who started us, if it was an upgrade */
    int fds[WEND_UPGRADE_SOCKETS_MAX];
    size_t count;
} received;

static pid_t other;

/* --- taking over ------------------------------------------------------------------------------ */

static void complain(const char *text)
{
    wend_log(wend_log_process, WEND_LOG_ALERT, 0, 0, "%s in \"" WEND_UPGRADE_ENV "\"", text);
}

/* "6;7;" */
static void read_numbers(const char *text)
{
    while (*text != '\0') {
        char *end;
        long fd = strtol(text, &end, 10);

        if (end == text || *end != ';' || fd <= STDERR_FILENO || fd > 1 << 20) {
            complain("no socket number");
            return;
        }
        if (received.count == WEND_UPGRADE_SOCKETS_MAX) {
            complain("too many sockets");
            return;
        }
        received.fds[received.count++] = (int)fd;
        (void)fcntl((int)fd, F_SETFD, FD_CLOEXEC);
        text = end + 1;
    }
}

bool wend_upgrade_inherited(void)
{
    const char *text;
    sigset_t none;

    if (received.read)
        return received.inherited;
    received.read = true;
    text = getenv(WEND_UPGRADE_ENV);
    if (text == NULL)
        return false;
    wend_log(wend_log_process, WEND_LOG_NOTICE, 0, 0, "using inherited sockets from \"%s\"", text);
    read_numbers(text);
    (void)unsetenv(WEND_UPGRADE_ENV);
    received.inherited = received.count != 0;
    received.parent = getppid();
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL); /* nginx's master keeps its signals blocked */
    return received.inherited;
}

bool wend_upgrade_take(struct wend_listener *listener)
{
    char message[WEND_LISTEN_MESSAGE_MAX];

    for (size_t i = 0; i < received.count; i++) {
        if (received.fds[i] < 0 || wend_listen_adopt(listener, received.fds[i], message) != WEND_OK)
            continue;
        received.fds[i] = -1;
        wend_listen_apply(listener);
        return true;
    }
    return false;
}

void wend_upgrade_close_rest(void)
{
    for (size_t i = 0; i < received.count; i++)
        if (received.fds[i] >= 0)
            close(received.fds[i]);
    received.count = 0;
}

bool wend_upgrade_shares(void)
{
    return other != 0 || (received.inherited && getppid() == received.parent);
}

/* --- being followed --------------------------------------------------------------------------- */

static char given[WEND_UPGRADE_SOCKETS_MAX * 8];

void wend_upgrade_give(int fd)
{
    size_t len = strlen(given);

    if (fcntl(fd, F_SETFD, 0) == 0 && sizeof(given) - len > 16)
        snprintf(given + len, sizeof(given) - len, "%d;", fd);
}

/* The path that was called, so that a link that leads elsewhere by now is followed; without a slash
 * in it, the file that runs. */
static const char *executable(char *const *argv)
{
    static char path[4096];
    ssize_t len;
    char *deleted;

    if (strchr(argv[0], '/') != NULL)
        return argv[0];
    len = readlink("/proc/self/exe", path, sizeof(path) - 1);
    if (len <= 0)
        return argv[0];
    path[len] = '\0';
    deleted = strstr(path, " (deleted)");
    if (deleted != NULL)
        *deleted = '\0';
    return path;
}

__attribute__((noreturn)) static void become_other(void (*give)(void *data), void *data)
{
    char *const *argv = wend_title_arguments();
    sigset_t none;

    sigemptyset(&none);
    given[0] = '\0';
    give(data);
    if (argv != NULL && setenv(WEND_UPGRADE_ENV, given, 1) == 0) {
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        (void)signal(SIGPIPE, SIG_DFL);
        execv(executable(argv), argv);
    }
    wend_log(wend_log_process, WEND_LOG_ALERT, 0, errno, "execve() failed while executing \"%s\"",
             argv != NULL ? executable(argv) : "");
    _exit(1);
}

enum wend_code wend_upgrade_start(void (*give)(void *data), void *data)
{
    pid_t pid;

    if (wend_upgrade_shares())
        return WEND_E_STATE;
    pid = fork();
    if (pid < 0)
        return WEND_E_IO;
    if (pid == 0)
        become_other(give, data);
    other = pid;
    return WEND_OK;
}

pid_t wend_upgrade_pid(void)
{
    return other;
}

void wend_upgrade_ended(void)
{
    other = 0;
}
