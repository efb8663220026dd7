/* net/daemon.c - see net/daemon.h. The two processes share a pipe: a byte in it is readiness, its
 * end without one is failure. */
#include "net/daemon.h"

#include "base/assert.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

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

__attribute__((noreturn)) static void await_daemon(int from)
{
    char byte;
    ssize_t got;

    do
        got = read(from, &byte, 1);
    while (got < 0 && errno == EINTR);
    _exit(got == 1 ? 0 : 1);
}

int wend_daemon_start(bool keep_stderr)
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
    redirect_to_null(!keep_stderr);
    return ends[1];
}

void wend_daemon_ready(int starter)
{
    ssize_t ignored;

    if (starter < 0)
        return;
    ignored = write(starter, "1", 1);
    (void)ignored;
    close(starter);
}
