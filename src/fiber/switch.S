/* fiber/switch.S - see fiber/switch.h. One half per processor. */

#if defined(__x86_64__)

        .text
        .globl  wend_switch
        .type   wend_switch, @function
        .p2align 4
wend_switch:
        .cfi_startproc
        pushq   %rbp
        pushq   %rbx
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        movq    %rsp, (%rdi)
        movq    %rsi, %rsp
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbx
        popq    %rbp
        ret
        .cfi_endproc
        .size   wend_switch, . - wend_switch

        /* A prepared stack holds the entry in r12 and its argument in r13. The return address of
         * this frame is undefined, so that debuggers and unwinders stop here. */
        .globl  wend_switch_start
        .type   wend_switch_start, @function
        .p2align 4
wend_switch_start:
        .cfi_startproc
        .cfi_undefined rip
        movq    %r13, %rdi
        call    *%r12
        ud2
        .cfi_endproc
        .size   wend_switch_start, . - wend_switch_start

#elif defined(__aarch64__)

        .text
        .globl  wend_switch
        .type   wend_switch, %function
        .p2align 4
wend_switch:
        .cfi_startproc
        sub     sp, sp, #160
        stp     x19, x20, [sp, #0]
        stp     x21, x22, [sp, #16]
        stp     x23, x24, [sp, #32]
        stp     x25, x26, [sp, #48]
        stp     x27, x28, [sp, #64]
        stp     x29, x30, [sp, #80]
        stp     d8, d9, [sp, #96]
        stp     d10, d11, [sp, #112]
        stp     d12, d13, [sp, #128]
        stp     d14, d15, [sp, #144]
        mov     x9, sp
        str     x9, [x0]
        mov     sp, x1
        ldp     x19, x20, [sp, #0]
        ldp     x21, x22, [sp, #16]
        ldp     x23, x24, [sp, #32]
        ldp     x25, x26, [sp, #48]
        ldp     x27, x28, [sp, #64]
        ldp     x29, x30, [sp, #80]
        ldp     d8, d9, [sp, #96]
        ldp     d10, d11, [sp, #112]
        ldp     d12, d13, [sp, #128]
        ldp     d14, d15, [sp, #144]
        add     sp, sp, #160
        ret
        .cfi_endproc
        .size   wend_switch, . - wend_switch

        /* A prepared stack holds the entry in x19 and its argument in x20. */
        .globl  wend_switch_start
        .type   wend_switch_start, %function
        .p2align 4
wend_switch_start:
        .cfi_startproc
        .cfi_undefined x30
        mov     x0, x20
        blr     x19
        brk     #0
        .cfi_endproc
        .size   wend_switch_start, . - wend_switch_start

#else
#error "fiber/switch.S knows x86-64 and aarch64; add your processor's callee-saved registers here"
#endif

        .section .note.GNU-stack, "", %progbits
