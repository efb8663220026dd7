/* base/arena_test.h - for tests: one arena, fresh for each test.
 *
 * The file, not a library, is shared: each test program has its own.
 */
#ifndef WEND_BASE_ARENA_TEST_H
#define WEND_BASE_ARENA_TEST_H

#include "base/arena.h"

#define ARENA_TEST_MAX (1u << 24)

static struct wend_arena arena;

static int open_arena(void **state)
{
    (void)state;
    wend_arena_init(&arena, ARENA_TEST_MAX);
    return 0;
}

static int close_arena(void **state)
{
    (void)state;
    wend_arena_release(&arena);
    return 0;
}

#endif
