/* net/signals.c - the handler writes, the loop reads. */
#include "net/signals.h"

#include "base/assert.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static int ends[2] = {-1, -1};

static void make_pipe(void)
{
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        wend_die("pipe2() for signals");
}

static void on_signal(int number)
{
    unsigned char byte = (unsigned char)number;
    int error = errno;
    /* A full pipe holds 65,536 signals nobody read: one more says nothing new. */
    ssize_t ignored = write(ends[1], &byte, 1);

    (void)ignored;
    errno = error;
}

static void set_all(const int *signals, size_t count, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};

    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < count; i++)
        if (sigaction(signals[i], &action, NULL) != 0)
            wend_die("sigaction()");
}

void wend_signals_catch(const int *signals, size_t count)
{
    if (ends[0] < 0)
        make_pipe();
    set_all(signals, count, on_signal);
}

void wend_signals_ignore(const int *signals, size_t count)
{
    set_all(signals, count, SIG_IGN);
}

void wend_signals_default(const int *signals, size_t count)
{
    set_all(signals, count, SIG_DFL);
}

void wend_signals_renew(void)
{
    if (ends[0] >= 0) {
        close(ends[0]);
        close(ends[1]);
    }
    make_pipe();
}

int wend_signals_fd(void)
{
    return ends[0];
}

int wend_signals_next(void)
{
    unsigned char byte;
    ssize_t got;

    do
        got = read(ends[0], &byte, 1);
    while (got < 0 && errno == EINTR);
    return got == 1 ? byte : 0;
}
