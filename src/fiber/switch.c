/* fiber/switch.c - lays out the frame that wend_switch() pops the first time. */
#include "fiber/switch.h"

#include <stdint.h>
#include <string.h>

void *wend_switch_prepare(void *stack_top, void (*entry)(void *arg), void *arg)
{
    uint64_t *sp = (uint64_t *)((uintptr_t)stack_top & ~(uintptr_t)15);

#if defined(__x86_64__)
    /* r15 r14 r13 r12 rbx rbp, return address; after `ret` rsp must be 16-byte aligned, because
     * wend_switch_start is entered by a jump and its `call` pushes 8 bytes. */
    sp -= 9;
    memset(sp, 0, 9 * sizeof(*sp));
    sp[2] = (uint64_t)(uintptr_t)arg;
    sp[3] = (uint64_t)(uintptr_t)entry;
    sp[6] = (uint64_t)(uintptr_t)wend_switch_start;
    return sp;
#elif defined(__aarch64__)
    sp -= 20;
    memset(sp, 0, 20 * sizeof(*sp));
    sp[0] = (uint64_t)(uintptr_t)entry;
    sp[1] = (uint64_t)(uintptr_t)arg;
    sp[11] = (uint64_t)(uintptr_t)wend_switch_start;
    return sp;
#endif
}
