/* fiber/stack.c - see fiber/stack.h. */
#include "fiber/stack.h"

#include "base/assert.h"
#include "fiber/fiber.h"

#include <stdlib.h>
#include <sys/mman.h>

#ifdef WEND_FIBER_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>
#endif

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

struct wend_stack_slab {
    struct wend_stack_slab *next;
    char *at;
    size_t cut; /* stacks handed out of it */
};

void wend_stacks_init(struct wend_stacks *stacks, size_t max)
{
    stacks->slabs = NULL;
    stacks->made = 0;
    stacks->max = max;
    stacks->looked_at = NULL;
    stacks->most = 0;
}

/* What a suspended task holds is known to its stack alone, where a leak checker has to look when
 * the process ends before the task does. The stacks of a loop that was freed are gone, and what
 * they held is reported. */
static void slab_is_root(const struct wend_stack_slab *slab, bool root)
{
#ifdef WEND_FIBER_ASAN
    const size_t bytes = (size_t)WEND_STACK_SLAB * WEND_STACK_BYTES;

    if (root) {
        __lsan_register_root_region(slab->at, bytes);
    } else {
        __lsan_unregister_root_region(slab->at, bytes);
        __asan_unpoison_memory_region(slab->at, bytes); /* the addresses will be others' */
    }
#else
    (void)slab;
    (void)root;
#endif
}

void wend_stacks_release(struct wend_stacks *stacks)
{
    while (stacks->slabs != NULL) {
        struct wend_stack_slab *slab = stacks->slabs;

        stacks->slabs = slab->next;
        slab_is_root(slab, false);
        munmap(slab->at, (size_t)WEND_STACK_SLAB * WEND_STACK_BYTES);
        free(slab);
    }
}

static struct wend_stack_slab *add_slab(struct wend_stacks *stacks)
{
    struct wend_stack_slab *slab = malloc(sizeof(*slab));
    void *at;

    if (slab == NULL)
        wend_die("malloc of a stack slab");
    at = mmap(NULL, (size_t)WEND_STACK_SLAB * WEND_STACK_BYTES, PROT_READ | PROT_WRITE,
              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (at == MAP_FAILED) {
        free(slab);
        return NULL;
    }
    /* A huge page under 32 stacks would make each of them cost 64 KiB of memory. */
    (void)madvise(at, (size_t)WEND_STACK_SLAB * WEND_STACK_BYTES, MADV_NOHUGEPAGE);
    *slab = (struct wend_stack_slab){stacks->slabs, at, 0};
    stacks->slabs = slab;
    slab_is_root(slab, true);
    return slab;
}

static bool install_guard(char *at)
{
#ifndef WEND_FIBER_ASAN /* a leak checker would read a page that no mapping tells it to leave out  \
                         */
    if (madvise(at, WEND_STACK_GUARD, MADV_GUARD_INSTALL) == 0)
        return true;
#endif
    return mprotect(at, WEND_STACK_GUARD, PROT_NONE) == 0;
}

char *wend_stack_new(struct wend_stacks *stacks)
{
    struct wend_stack_slab *slab = stacks->slabs;
    char *base;

    if (stacks->made == stacks->max)
        return NULL;
    if (slab == NULL || slab->cut == WEND_STACK_SLAB)
        slab = add_slab(stacks);
    if (slab == NULL)
        return NULL;
    base = slab->at + slab->cut * WEND_STACK_BYTES;
    if (!install_guard(base))
        return NULL;
    slab->cut++;
    stacks->made++;
    return base + WEND_STACK_GUARD;
}

void wend_stacks_each(const struct wend_stacks *stacks, void (*fn)(char *low))
{
    for (const struct wend_stack_slab *slab = stacks->slabs; slab != NULL; slab = slab->next)
        for (size_t i = 0; i < slab->cut; i++)
            fn(slab->at + i * WEND_STACK_BYTES + WEND_STACK_GUARD);
}

__attribute__((no_sanitize("address"))) static size_t used_bytes(const char *low)
{
    unsigned char resident[WEND_STACK_USABLE / 4096];
    size_t page = 0;

    /* mincore tells which pages exist without bringing the others into being. */
    if (mincore((void *)(uintptr_t)low, WEND_STACK_USABLE, resident) != 0)
        return 0;
    for (; page < WEND_COUNT(resident); page++) {
        const uint64_t *words = (const uint64_t *)(const void *)(low + page * 4096);

        if ((resident[page] & 1) == 0)
            continue;
        for (size_t i = 0; i < 512; i++)
            if (words[i] != 0)
                return WEND_STACK_USABLE - page * 4096 - i * 8;
    }
    return 0;
}

static void note_use(struct wend_stacks *stacks, const char *low)
{
    size_t used = used_bytes(low);

    stacks->most = used > stacks->most ? used : stacks->most;
}

void wend_stacks_cool(struct wend_stacks *stacks, char *low, size_t bytes)
{
    note_use(stacks, low);
    (void)madvise(low, bytes & ~(size_t)4095, MADV_DONTNEED);
}

size_t wend_stacks_most(struct wend_stacks *stacks)
{
    struct wend_stack_slab *slab = stacks->looked_at == NULL ? NULL : stacks->looked_at->next;

    slab = slab == NULL ? stacks->slabs : slab;
    stacks->looked_at = slab;
    for (size_t i = 0; slab != NULL && i < slab->cut; i++)
        note_use(stacks, slab->at + i * WEND_STACK_BYTES + WEND_STACK_GUARD);
    return stacks->most;
}
