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
    WP_TIMED(process, wp_signal_polled(result_, timeout) ? WP_TIMED_NEVER_NS : WP_TIMED_READY_NS,
             sigtimedwait, (set, info, timeout));
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
