/* fiber/stack.h - guarded stacks, cut from slabs.
 *
 * What it is for. Each fiber needs WEND_STACK_BYTES with a page below that faults. Stacks are cut
 * from slabs of WEND_STACK_SLAB so that a thousand of them are few mappings; the guard is installed
 * with MADV_GUARD_INSTALL (Linux 6.13), which needs no mapping of its own, and with mprotect where
 * that is missing.
 *
 * Who owns what. The slabs are freed by wend_stacks_release() and not before: a stack is handed out
 * once and then recycled by its fiber (fiber/fiber.h keeps the idle ones).
 */
#ifndef WEND_FIBER_STACK_H
#define WEND_FIBER_STACK_H

#include <stddef.h>

#define WEND_STACK_SLAB 32

struct wend_stack_slab;

struct wend_stacks {
    struct wend_stack_slab *slabs;
    size_t made, max;
    struct wend_stack_slab *looked_at; /* by wend_stacks_most(), last */
    size_t most;
};

void wend_stacks_init(struct wend_stacks *stacks, size_t max);
void wend_stacks_release(struct wend_stacks *stacks);

/* The lowest usable byte of a fresh stack of WEND_STACK_USABLE bytes; NULL when `max` were made or
 * the kernel has no memory. */
#define WEND_STACK_GUARD 4096
#define WEND_STACK_USABLE (WEND_STACK_BYTES - WEND_STACK_GUARD)
char *wend_stack_new(struct wend_stacks *stacks);

/* Calls `fn` with the lowest usable byte of each stack that was handed out. */
void wend_stacks_each(const struct wend_stacks *stacks, void (*fn)(char *low));

/* Gives the pages of [low, low + bytes) back to the kernel, where `low` is the stack's lowest
 * usable byte; the addresses stay usable, and how deep they had been used is remembered. */
void wend_stacks_cool(struct wend_stacks *stacks, char *low, size_t bytes);

/* The most bytes any stack has used, as far as is known: each call looks at WEND_STACK_SLAB stacks
 * more, in turn. Untouched pages are zero, so the lowest byte that is not zero is the high-water
 * mark: the kernel's fresh pages are the paint. */
size_t wend_stacks_most(struct wend_stacks *stacks);

#endif
