#include "watch.h"

#include <linux/prctl.h>
#include <linux/seccomp.h>
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
    if (option == PR_SET_SECCOMP)
        wp_watch_filter(a == SECCOMP_MODE_STRICT);
    else if (option == PR_SET_TSC && a == PR_TSC_SIGSEGV)
        wp_stop();

    int result = wp_real.prctl(option, a, b, c, d);

    /* Many programs only ask, by a filter that cannot be, whether there are filters. */
    if (option == PR_SET_SECCOMP && result != 0)
        wp_region_freeze(false);
    return result;
}

bool
wp_watch_syscall(long number, unsigned long a, unsigned long b)
{
    if (number == SYS_seccomp && a <= SECCOMP_SET_MODE_FILTER) {
        wp_watch_filter(a == SECCOMP_SET_MODE_STRICT);
        return true;
    }
    if (number == SYS_prctl && a == PR_SET_SECCOMP) {
        wp_watch_filter(b == SECCOMP_MODE_STRICT);
        return true;
    }
    if (number == SYS_prctl && a == PR_SET_TSC && b == PR_TSC_SIGSEGV)
        wp_stop();
    return false;
}
