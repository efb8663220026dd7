/* app/python/memory.c - where Python's small objects live.
 *
 * Python takes memory for them in arenas of 1 MiB. A page of a site touches thousands of them all
 * over these arenas, more than a processor has entries for pages of 4 KiB; so arenas come in pairs
 * that the kernel may back with one huge page each.
 *
 * With a leak checker everything is malloc's: it neither looks for pointers in mappings nor sees
 * what is lost there.
 */
#include "app/python/python.h"

#include "base/assert.h"

#include <stdlib.h>
#include <sys/mman.h>

#ifdef WEND_LEAKS_COUNT

static void *take_arena(void *unused, size_t bytes)
{
    (void)unused;
    return malloc(bytes);
}

static void give_arena(void *unused, void *arena, size_t bytes)
{
    (void)unused;
    (void)bytes;
    free(arena);
}

#else

#define HUGE_PAGE ((size_t)2 << 20)

static char *second_half; /* of the newest pair; guarded by the interpreter's lock */

static char *map(size_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return at == MAP_FAILED ? NULL : at;
}

/* HUGE_PAGE bytes at a multiple of it. */
static char *map_aligned(void)
{
    char *wide = map(2 * HUGE_PAGE);
    size_t before;

    if (wide == NULL)
        return NULL;
    before = -(uintptr_t)wide & (HUGE_PAGE - 1);
    if (before != 0)
        munmap(wide, before);
    munmap(wide + before + HUGE_PAGE, HUGE_PAGE - before);
    return wide + before;
}

static void *take_arena(void *unused, size_t bytes)
{
    char *at = second_half;

    (void)unused;
    if (bytes != HUGE_PAGE / 2)
        return map(bytes);
    second_half = NULL;
    if (at != NULL)
        return at;
    at = map_aligned();
    if (at == NULL)
        return map(bytes);
    (void)madvise(at, HUGE_PAGE, MADV_HUGEPAGE); /* a kernel without them has small ones */
    second_half = at + bytes;
    return at;
}

static void give_arena(void *unused, void *arena, size_t bytes)
{
    (void)unused;
    munmap(arena, bytes);
}

#endif

void wend_py_choose_memory(PyPreConfig *config)
{
    PyObjectArenaAllocator arenas = {NULL, take_arena, give_arena};

    PyObject_SetArenaAllocator(&arenas);
#ifdef WEND_LEAKS_COUNT
    config->allocator = PYMEM_ALLOCATOR_MALLOC;
#else
    (void)config;
#endif
}
