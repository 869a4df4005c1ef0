/*
 * C11 mutexes and conditions: pthread's own under other names, which libc does not reach through
 * pthread's entry points, and with results of their own (thrd_*).
 */
#include "cond_call.h"
#include "mutex_layout.h"

_Static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t), "a mtx_t holds a mutex of pthread");

/* What glibc keeps in a mtx_t. */
static pthread_mutex_t *
wp_c11_mutex(mtx_t *mutex)
{
    return (pthread_mutex_t *)(void *)mutex;
}

static enum wp_lock_outcome
wp_c11_outcome_of(int result)
{
    switch (result) {
    case thrd_success:
        return WP_LOCK_ACQUIRED;
    case thrd_timedout:
        return WP_LOCK_TIMED_OUT;
    default:
        return WP_LOCK_REFUSED;
    }
}

/* --- mutexes --------------------------------------------------------------------------------- */

static WP_SLOW int
wp_c11_lock_slow(mtx_t *mutex)
{
    struct wp_unwind_registers caller = wp_unwind_caller(WP_UNWIND_FRAME());
    struct wp_lock_wait wait;

    if (!wp_wrapper_lock_on(WP_FAMILY_sync))
        return wp_real.mtx_lock(mutex);

    int result = wp_real.mtx_trylock(mutex);

    if (result != thrd_busy)
        return result;
    wp_mutex_wait_begin(&wait, wp_c11_mutex(mutex), WP_FUNCTION_mtx_lock, &caller);
    result = wp_real.mtx_lock(mutex);
    wp_lock_wait_end(&wait, wp_c11_outcome_of(result));
    return result;
}

WP_EXPORT int
mtx_lock(mtx_t *mutex)
{
    if (wp_mutex_seems_free(wp_c11_mutex(mutex)))
        return wp_real.mtx_lock(mutex);
    return wp_c11_lock_slow(mutex);
}

static WP_SLOW int
wp_c11_timedlock_slow(mtx_t *mutex, const struct timespec *deadline)
{
    struct wp_unwind_registers caller = wp_unwind_caller(WP_UNWIND_FRAME());
    struct wp_lock_wait wait;

    if (!wp_wrapper_lock_on(WP_FAMILY_sync))
        return wp_real.mtx_timedlock(mutex, deadline);

    int result = wp_real.mtx_trylock(mutex);

    if (result != thrd_busy)
        return result;
    wp_mutex_wait_begin(&wait, wp_c11_mutex(mutex), WP_FUNCTION_mtx_timedlock, &caller);
    result = wp_real.mtx_timedlock(mutex, deadline);
    wp_lock_wait_end(&wait, wp_c11_outcome_of(result));
    return result;
}

WP_EXPORT int
mtx_timedlock(mtx_t *mutex, const struct timespec *deadline)
{
    if (wp_mutex_seems_free(wp_c11_mutex(mutex)))
        return wp_real.mtx_timedlock(mutex, deadline);
    return wp_c11_timedlock_slow(mutex, deadline);
}

static WP_SLOW int
wp_c11_unlock_slow(mtx_t *mutex)
{
    struct wp_unwind_registers caller = wp_unwind_caller(WP_UNWIND_FRAME());
    uint64_t now_ns = wp_clock_ns();
    struct wp_sample charge;
    bool charged =
        !wp_mutex_unlock_is_inner(wp_c11_mutex(mutex)) && wp_blame_charge(mutex, now_ns, &charge);
    int result = wp_real.mtx_unlock(mutex);

    if (charged && result == thrd_success)
        wp_unlock_record(&charge, now_ns, WP_FUNCTION_mtx_unlock, &caller);
    else if (charged)
        wp_blame_refund(mutex, &charge);
    return result;
}

WP_EXPORT int
mtx_unlock(mtx_t *mutex)
{
    if (!wp_blame_waited_for(mutex))
        return wp_real.mtx_unlock(mutex);
    return wp_c11_unlock_slow(mutex);
}

/* --- conditions ------------------------------------------------------------------------------ */

WP_EXPORT int
cnd_signal(cnd_t *cond)
{
    wp_cond_call_grant(cond, false);
    return wp_real.cnd_signal(cond);
}

WP_EXPORT int
cnd_broadcast(cnd_t *cond)
{
    wp_cond_call_grant(cond, true);
    return wp_real.cnd_broadcast(cond);
}

WP_EXPORT int
cnd_wait(cnd_t *cond, mtx_t *mutex)
{
    if (!wp_wrapper_lock_on(WP_FAMILY_sync))
        return wp_real.cnd_wait(cond, mutex);

    struct wp_cond_call call;

    wp_cond_call_begin(&call, WP_UNWIND_FRAME(), cond, wp_c11_mutex(mutex), NULL,
                       WP_COND_EVENTS(cnd_wait));
    int result = wp_real.cnd_wait(cond, mutex);
    wp_cond_call_end(&call, wp_c11_outcome_of(result));
    return result;
}

WP_EXPORT int
cnd_timedwait(cnd_t *cond, mtx_t *mutex, const struct timespec *deadline)
{
    if (!wp_wrapper_lock_on(WP_FAMILY_sync))
        return wp_real.cnd_timedwait(cond, mutex, deadline);

    struct wp_cond_call call;

    wp_cond_call_begin(&call, WP_UNWIND_FRAME(), cond, wp_c11_mutex(mutex), deadline,
                       WP_COND_EVENTS(cnd_timedwait));
    int result = wp_real.cnd_timedwait(cond, mutex, deadline);
    wp_cond_call_end(&call, wp_c11_outcome_of(result));
    return result;
}
