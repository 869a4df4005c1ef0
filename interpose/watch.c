/*
 * Calls that are not waits, but that the profiler must know of.
 */
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "core/process.h"
#include "core/region.h"
#include "wrapper.h"

int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d);
int dlclose(void *handle);

/*
 * Code goes: what was learned about the stack frames of its addresses goes with it. Before, for
 * walks that begin while other code may be mapped in its place already; after, for what was learned
 * about it up to the end.
 */
WP_EXPORT int
dlclose(void *handle)
{
    wp_unwind_forget();

    int error = wp_real.dlclose(handle);

    wp_unwind_forget();
    return error;
}

/*
 * A seccomp filter may kill for any call that the program itself does not make, so from then on we
 * make none: the region does not grow, and is not removed at the exit. A forked child that was not
 * seen yet is registered now: that takes a getpid. Strict mode faults the counter of the processor,
 * and with it the clock: nothing can be timed any more.
 */
static void
wp_watch_filter(bool strict)
{
    (void)wp_process_number();
    wp_region_freeze(true);
    wp_region_set_flag(WP_REGION_FLAG_SECCOMP);
    if (strict)
        wp_stop();
}

/* Variadic in libc's header; the five words it can take are forwarded, as libc itself does. */
WP_EXPORT int
prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
    bool was_frozen = wp_region_is_frozen();

    if (option == PR_SET_SECCOMP)
        wp_watch_filter(a == SECCOMP_MODE_STRICT);
    else if (option == PR_SET_TSC && a == PR_TSC_SIGSEGV)
        wp_stop();

    int result = wp_real.prctl(option, a, b, c, d);

    /* Many programs only ask, by a filter that cannot be, whether there are filters. */
    if (option == PR_SET_SECCOMP && result != 0)
        wp_region_freeze(was_frozen);
    return result;
}

#if defined(__x86_64__)

__attribute__((used)) void wp_watch_syscall(long number, unsigned long a, unsigned long b);

void
wp_watch_syscall(long number, unsigned long a, unsigned long b)
{
    if (number == SYS_seccomp && a <= SECCOMP_SET_MODE_FILTER)
        wp_watch_filter(a == SECCOMP_SET_MODE_STRICT);
    else if (number == SYS_prctl && a == PR_SET_SECCOMP)
        wp_watch_filter(b == SECCOMP_MODE_STRICT);
    else if (number == SYS_prctl && a == PR_SET_TSC && b == PR_TSC_SIGSEGV)
        wp_stop();
}

_Static_assert(offsetof(struct wp_real, syscall) == 0,
               "the assembly below jumps by wp_real itself");

#define WP_WATCH_TEXT_OF(number) #number
#define WP_WATCH_TEXT(number) WP_WATCH_TEXT_OF(number)

/*
 * syscall() can be vfork or clone, which return twice on one stack: a wrapper must not have a frame
 * when it calls them. So this one has none: it compares the number, and jumps. In between, for
 * SYS_seccomp and SYS_prctl alone, it saves the registers that hold their arguments and calls the
 * function above.
 */
/* clang-format off */
__asm__(".pushsection .text.syscall, \"ax\", @progbits\n"
        ".globl syscall\n"
        ".type syscall, @function\n"
        ".p2align 4\n"
        "syscall:\n"
        ".cfi_startproc\n"
        "    cmpq $" WP_WATCH_TEXT(SYS_seccomp) ", %rdi\n"
        "    je 1f\n"
        "    cmpq $" WP_WATCH_TEXT(SYS_prctl) ", %rdi\n"
        "    je 1f\n"
        "    jmp *wp_real(%rip)\n"
        "1:  pushq %rdi\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    pushq %rsi\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    pushq %rdx\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    pushq %rcx\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    pushq %r8\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    pushq %r9\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    subq $8, %rsp\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    call wp_watch_syscall\n"
        "    addq $8, %rsp\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    popq %r9\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    popq %r8\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    popq %rcx\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    popq %rdx\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    popq %rsi\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    popq %rdi\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    jmp *wp_real(%rip)\n"
        ".cfi_endproc\n"
        ".size syscall, . - syscall\n"
        ".popsection\n");
/* clang-format on */

#endif
