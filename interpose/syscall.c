/*
 * syscall(): the way by which C++20, Rust and databases with locks of their own reach futexes, and
 * by which io_uring is waited for.
 *
 * syscall() can be vfork or clone, which return twice on one stack: a wrapper must not have a frame
 * when it calls them. So this one has none: it compares the number, and jumps, to the real function
 * or to one of the functions below that take the call over whole.
 */
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "core/region.h"
#include "futex.h"
#include "timed.h"
#include "watch.h"

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
/* Linux 6.7 */
#define WP_SYSCALL_FUTEX_WAIT 455

_Static_assert(offsetof(struct wp_real, syscall) == 0,
               "the assembly below jumps by wp_real itself");

/* What the assembly jumps to: each has the parameters of syscall(), and its caller's frame. */
#define WP_SYSCALL_TAKE_OVER(name)                                                                 \
    __attribute__((used)) long name(long number, long a, long b, long c, long d, long e, long f)

WP_SYSCALL_TAKE_OVER(wp_syscall_futex);
WP_SYSCALL_TAKE_OVER(wp_syscall_futex_waitv);
WP_SYSCALL_TAKE_OVER(wp_syscall_io_uring_enter);
WP_SYSCALL_TAKE_OVER(wp_syscall_watched);

long
wp_syscall_futex(long number, long a, long b, long c, long d, long e, long f)
{
    const struct wp_futex_call call = {
        .word = (const uint32_t *)(uintptr_t)a,
        .operation = (int)b,
        .value = (uint32_t)c,
        .timeout = (const struct timespec *)(uintptr_t)d,
        .frame = WP_UNWIND_FRAME(),
    };
    struct wp_futex_wait wait;

    switch (wp_futex_begin(&wait, &call)) {
    case WP_FUTEX_WAITS:
        return wp_futex_end_wait(&wait, wp_real.syscall(number, a, b, c, d, e, f));
    case WP_FUTEX_RELEASES:
        return wp_futex_end_release(&wait, wp_real.syscall(number, a, b, c, d, e, f));
    default:
        return wp_real.syscall(number, a, b, c, d, e, f);
    }
}

/* futex_waitv waits for any of several words, futex_wait for one: waits without a holder. */
long
wp_syscall_futex_waitv(long number, long a, long b, long c, long d, long e, long f)
{
    WP_TIMED_INPUT(sync, syscall, (number, a, b, c, d, e, f));
}

/* Waits if it shall wait for at least one completion. */
long
wp_syscall_io_uring_enter(long number, long a, long b, long c, long d, long e, long f)
{
    if ((unsigned)c == 0 || ((unsigned long)d & IORING_ENTER_GETEVENTS) == 0)
        return wp_real.syscall(number, a, b, c, d, e, f);
    WP_TIMED_CALL(
        io,
        wp_timed_record(start_, WP_TIMED_READY_NS, WP_FUNCTION_syscall_io_uring, WP_UNWIND_FRAME()),
        syscall, (number, a, b, c, d, e, f));
}

long
wp_syscall_watched(long number, long a, long b, long c, long d, long e, long f)
{
    bool frozen = wp_watch_syscall(number, (unsigned long)a, (unsigned long)b);
    long result = wp_real.syscall(number, a, b, c, d, e, f);

    /* As in prctl: many only ask whether there are filters. */
    if (result < 0 && frozen)
        wp_region_freeze(false);
    return result;
}

#define WP_SYSCALL_TEXT_OF(number) #number
#define WP_SYSCALL_TEXT(number) WP_SYSCALL_TEXT_OF(number)

/* clang-format off */
#if defined(__x86_64__)
#define WP_SYSCALL_CASE(number, target)                                                            \
        "    cmpq $" WP_SYSCALL_TEXT(number) ", %rdi\n"                                            \
        "    je " #target "\n"
#define WP_SYSCALL_REAL                                                                            \
        "    jmp *wp_real(%rip)\n"
#define WP_SYSCALL_ENTRY
#elif defined(__aarch64__)
#define WP_SYSCALL_CASE(number, target)                                                            \
        "    cmp x0, #" WP_SYSCALL_TEXT(number) "\n"                                               \
        "    b.eq " #target "\n"
#define WP_SYSCALL_REAL                                                                            \
        "    adrp x16, wp_real\n"                                                                  \
        "    ldr x16, [x16, #:lo12:wp_real]\n"                                                     \
        "    br x16\n"
#define WP_SYSCALL_ENTRY                                                                           \
        "    hint #34\n" /* bti c */
#else
#error "waitprof: no wrapper of syscall() for this processor: write it here"
#endif

__asm__(".pushsection .text.syscall, \"ax\", %progbits\n"
        ".globl syscall\n"
        ".type syscall, %function\n"
        ".p2align 4\n"
        "syscall:\n"
        ".cfi_startproc\n"
        WP_SYSCALL_ENTRY
        WP_SYSCALL_CASE(SYS_futex, wp_syscall_futex)
        WP_SYSCALL_CASE(SYS_io_uring_enter, wp_syscall_io_uring_enter)
        WP_SYSCALL_CASE(SYS_futex_waitv, wp_syscall_futex_waitv)
        WP_SYSCALL_CASE(WP_SYSCALL_FUTEX_WAIT, wp_syscall_futex_waitv)
        WP_SYSCALL_CASE(SYS_seccomp, wp_syscall_watched)
        WP_SYSCALL_CASE(SYS_prctl, wp_syscall_watched)
        WP_SYSCALL_REAL
        ".cfi_endproc\n"
        ".size syscall, . - syscall\n"
        ".popsection\n");
/* clang-format on */
