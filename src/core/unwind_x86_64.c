#include "core/unwind_arch.h"

#include <ucontext.h>

uint32_t
wp_unwind_arch_descriptor(const uintptr_t **words)
{
    /* Its first word is its own address, by the psABI. */
    __asm__("movq %%fs:0, %0" : "=r"(*words));
    return 256; /* less than sizeof(struct pthread) since glibc 2.35 */
}

int
wp_unwind_arch_signal_offset(uint32_t dwarf_register)
{
    /* In the order of DWARF numbers, psABI figure 3.36. */
    static const int8_t saved_index[WP_UNWIND_DWARF_REGISTERS] = {
        REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP, REG_R8,
        REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP,
    };

    if (dwarf_register >= WP_UNWIND_DWARF_REGISTERS)
        return -1;
    /* The trampoline runs with the stack pointer at the ucontext. */
    return (int)(offsetof(ucontext_t, uc_mcontext.gregs) +
                 (size_t)saved_index[dwarf_register] * sizeof(greg_t));
}

bool
wp_unwind_arch_interrupted(const struct wp_unwind_view *view,
                           struct wp_unwind_registers *interrupted)
{
    (void)view;
    (void)interrupted;
    return false; /* libc's trampoline has tables */
}
