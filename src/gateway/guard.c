/* gateway/guard.c - see gateway/guard.h. */
#include "gateway/guard.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

static atomic_int guarded[WEND_GUARDED_MAX]; /* a descriptor plus one; 0: free */

static void replace(int from, int to)
{
    for (size_t i = 0; i < WEND_GUARDED_MAX; i++) {
        if (atomic_load_explicit(&guarded[i], memory_order_relaxed) != from)
            continue;
        atomic_store_explicit(&guarded[i], to, memory_order_relaxed);
        return;
    }
}

void wend_guard_add(int fd)
{
    replace(0, fd + 1);
}

void wend_guard_remove(int fd)
{
    replace(fd + 1, 0);
}

/* In the child. */
static void close_guarded(void)
{
    for (size_t i = 0; i < WEND_GUARDED_MAX; i++) {
        int fd = atomic_exchange_explicit(&guarded[i], 0, memory_order_relaxed) - 1;

        if (fd >= 0)
            close(fd);
    }
}

void wend_guard_start(void)
{
    static bool registered;

    if (!registered)
        pthread_atfork(NULL, NULL, close_guarded);
    registered = true;
}
