/*
 * Signals waited for.
 */
#include <errno.h>

#include "timed.h"

int __sigpause(int argument, int is_number);
int __xpg_sigpause(int number);

WP_EXPORT int
sigwait(const sigset_t *set, int *number)
{
    WP_TIMED(process, WP_TIMED_READY_NS, sigwait, (set, number));
}

WP_EXPORT int
sigwaitinfo(const sigset_t *set, siginfo_t *info)
{
    WP_TIMED(process, WP_TIMED_READY_NS, sigwaitinfo, (set, info));
}

/* Had the call no time to wait in? Asked afterwards: only the kernel can tell whether `timeout`
 * points to something, and says EFAULT where a look at it would be the program's end. */
static bool
wp_signal_polled(int number, const struct timespec *timeout)
{
    if (number < 0 && errno == EFAULT)
        return true;
    return timeout != NULL && timeout->tv_sec == 0 && timeout->tv_nsec == 0;
}

WP_EXPORT int
sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout)
{
    if (!wp_wrapper_block_on(WP_FAMILY_process))
        return wp_real.sigtimedwait(set, info, timeout);

    wp_clock_mark start = wp_clock_now();
    int number = wp_real.sigtimedwait(set, info, timeout);

    if (__builtin_expect(wp_clock_waited(start), 0) && !wp_signal_polled(number, timeout))
        wp_timed_record(start, WP_TIMED_READY_NS, WP_FUNCTION_sigtimedwait, WP_UNWIND_FRAME());
    return number;
}
WP_EXPORT_ALIAS(__sigtimedwait, sigtimedwait);

WP_EXPORT int
pause(void)
{
    WP_TIMED(process, WP_TIMED_READY_NS, pause, ());
}

WP_EXPORT int
sigsuspend(const sigset_t *mask)
{
    WP_TIMED(process, WP_TIMED_READY_NS, sigsuspend, (mask));
}
WP_EXPORT_ALIAS(__sigsuspend, sigsuspend);

/* <signal.h> declares X/Open's function under this name: __xpg_sigpause. */
WP_EXPORT int wp_sigpause(int mask) __asm__("sigpause");

int
wp_sigpause(int mask)
{
    WP_TIMED(process, WP_TIMED_READY_NS, sigpause, (mask));
}

WP_EXPORT int
__sigpause(int argument, int is_number)
{
    WP_TIMED(process, WP_TIMED_READY_NS, __sigpause, (argument, is_number));
}

WP_EXPORT int
__xpg_sigpause(int number)
{
    WP_TIMED(process, WP_TIMED_READY_NS, __xpg_sigpause, (number));
}
