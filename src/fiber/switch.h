/* fiber/switch.h - leaving one stack and going on on another: the only assembly in the house.
 *
 * wend_switch() saves the callee-saved registers on the current stack, stores the stack pointer in
 * *from, and goes on where `to` was saved. wend_switch_prepare() makes a fresh stack look as if it
 * had been saved at the start of `entry(arg)`, which must never return.
 *
 * The floating point control words are not switched: nothing in this program changes them.
 */
#ifndef WEND_FIBER_SWITCH_H
#define WEND_FIBER_SWITCH_H

void wend_switch(void **from, void *to);
void *wend_switch_prepare(void *stack_top, void (*entry)(void *arg), void *arg);

/* Where a prepared stack starts; assembly. */
void wend_switch_start(void);

#endif
