#include "core/unwind_arch.h"

#include <pthread.h>
#include <signal.h>
#include <ucontext.h>

#include "core/unwind.h"
#include "core/unwind_expression.h"

/* The kernel's FPSIMD_MAGIC: the first record behind the general registers, always there. */
#define WP_UNWIND_FIRST_RECORD UINT32_C(0x46508001)

/* The descriptor ends where the thread pointer points to; thread-local data lie behind. */
uint32_t
wp_unwind_arch_descriptor(const uintptr_t **words)
{
    uintptr_t start = (uintptr_t)pthread_self();
    uintptr_t end = (uintptr_t)__builtin_thread_pointer();

    *words = (const uintptr_t *)start;
    if (start % sizeof(uintptr_t) != 0 || end <= start ||
        end - start > WP_UNWIND_DESCRIPTOR_LARGEST)
        return 0;
    return (uint32_t)((end - start) / sizeof(uintptr_t));
}

/* The kernel's signal frame: a siginfo_t, then the context. The trampoline runs with the stack
 * pointer at its start. */
static int
wp_unwind_signal_offset(size_t in_machine_context)
{
    return (int)(sizeof(siginfo_t) + offsetof(ucontext_t, uc_mcontext) + in_machine_context);
}

int
wp_unwind_arch_signal_offset(uint32_t dwarf_register)
{
    if (dwarf_register >= WP_UNWIND_DWARF_REGISTERS)
        return -1;
    if (dwarf_register == WP_UNWIND_DWARF_SP)
        return wp_unwind_signal_offset(offsetof(mcontext_t, sp));
    return wp_unwind_signal_offset(offsetof(mcontext_t, regs) + dwarf_register * sizeof(uint64_t));
}

static bool
wp_unwind_load_saved(const struct wp_unwind_view *view, int offset, uintptr_t *value)
{
    return wp_unwind_view_load(view, view->sp + (uintptr_t)offset, value);
}

/*
 * The trampoline is the kernel's and has no tables: they would say too little, and unwinders know
 * its frame by heart. So do we, without reading code at an address that may be anything: the
 * kernel puts a frame record with x29 and x30 behind what it saved, and points x29 there; both are
 * also among what it saved, and the first record behind that has a number of its own.
 */
bool
wp_unwind_arch_interrupted(const struct wp_unwind_view *view,
                           struct wp_unwind_registers *interrupted)
{
    uintptr_t record[2], saved_lr, first;

    if (!wp_unwind_view_load(view, view->fp, &record[0]) ||
        !wp_unwind_view_load(view, view->fp + sizeof(uintptr_t), &record[1]) ||
        !wp_unwind_load_saved(view, wp_unwind_arch_signal_offset(WP_UNWIND_DWARF_FP),
                              &interrupted->fp) ||
        !wp_unwind_load_saved(view, wp_unwind_arch_signal_offset(WP_UNWIND_DWARF_RA), &saved_lr) ||
        !wp_unwind_load_saved(view, wp_unwind_signal_offset(offsetof(mcontext_t, __reserved)),
                              &first))
        return false;
    if (record[0] != interrupted->fp || record[1] != saved_lr ||
        (uint32_t)first != WP_UNWIND_FIRST_RECORD)
        return false;
    interrupted->exact = 1;
    return wp_unwind_load_saved(view, wp_unwind_arch_signal_offset(WP_UNWIND_DWARF_SP),
                                &interrupted->sp) &&
           wp_unwind_load_saved(view, wp_unwind_signal_offset(offsetof(mcontext_t, pc)),
                                &interrupted->pc);
}
