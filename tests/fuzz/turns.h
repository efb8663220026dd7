/* tests/fuzz/turns.h - a loop that a target turns by hand, and a peer that says its part in pieces.
 */
#ifndef WEND_FUZZ_TURNS_H
#define WEND_FUZZ_TURNS_H

#include "fiber/loop.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct wend_loop *loop;

static void stop(struct wend_post *post)
{
    (void)post;
    wend_loop_stop(loop);
}

/* One turn that does not wait. */
static void turn(void)
{
    struct wend_post post = {.deliver = stop};

    wend_loop_post(loop, &post);
    wend_loop_run(loop);
}

/* ends[0] is the loop's. */
static void make_pair(int ends[2])
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0 ||
        fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0)
        abort();
}

/* How much is said next of what stands at `at`; step 0: all of it. */
static size_t part_at(size_t at, size_t left, unsigned step)
{
    size_t part = step == 0 ? left : 1 + (at * 31 + step * 97) % (step * step * 8);

    return part < left ? part : left;
}

#endif
