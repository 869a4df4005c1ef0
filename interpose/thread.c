/*
 * Barriers, joins, and what is done once.
 */
#include "timed.h"

WP_EXPORT int
pthread_barrier_wait(pthread_barrier_t *barrier)
{
    /* In glibc the serial thread is the one that came last: it woke the others, and did
     * not wait. */
    WP_TIMED(sync, result_ == PTHREAD_BARRIER_SERIAL_THREAD ? WP_TIMED_NEVER_NS : WP_TIMED_READY_NS,
             pthread_barrier_wait, (barrier));
}

WP_EXPORT int
pthread_join(pthread_t thread, void **result)
{
    WP_TIMED(sync, WP_TIMED_READY_NS, pthread_join, (thread, result));
}

WP_EXPORT int
pthread_timedjoin_np(pthread_t thread, void **result, const struct timespec *deadline)
{
    WP_TIMED(sync, WP_TIMED_READY_NS, pthread_timedjoin_np, (thread, result, deadline));
}

WP_EXPORT int
pthread_clockjoin_np(pthread_t thread, void **result, clockid_t clock,
                     const struct timespec *deadline)
{
    WP_TIMED(sync, WP_TIMED_READY_NS, pthread_clockjoin_np, (thread, result, clock, deadline));
}

WP_EXPORT int
thrd_join(thrd_t thread, int *result)
{
    WP_TIMED(sync, WP_TIMED_READY_NS, thrd_join, (thread, result));
}

/*
 * Who finds an initialization under way waits for it; who starts it does not wait, it works. glibc
 * counts in the object: 0 not started, 2 done, odd under way. Nothing but the timing rests on that.
 * (A child that was forked in the middle finds it under way, and starts it anew: its work counts as
 * a wait, once.)
 */
static bool
wp_thread_once_is_under_way(const void *once)
{
    return (wp_atomic_load_32(once) & 1) != 0;
}

WP_EXPORT int
pthread_once(pthread_once_t *once, void (*initialize)(void))
{
    if (__builtin_expect(!wp_thread_once_is_under_way(once), 1))
        return wp_real.pthread_once(once, initialize);
    WP_TIMED(sync, WP_TIMED_READY_NS, pthread_once, (once, initialize));
}
WP_EXPORT_ALIAS(__pthread_once, pthread_once);

WP_EXPORT void
call_once(once_flag *once, void (*initialize)(void))
{
    if (__builtin_expect(!wp_thread_once_is_under_way(once), 1) ||
        !wp_wrapper_block_on(WP_FAMILY_sync)) {
        wp_real.call_once(once, initialize);
        return;
    }

    wp_clock_mark start = wp_clock_now();

    wp_real.call_once(once, initialize);
    wp_timed_record(start, WP_TIMED_READY_NS, WP_FUNCTION_call_once, WP_UNWIND_FRAME());
}
