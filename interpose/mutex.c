/*
 * Mutexes. One that seems free and was not contended of late goes straight to the real lock; any
 * other is tried first, and only EBUSY is contention. Anything else that the try answers is the
 * answer: EOWNERDEAD means acquired, and locking again would hang.
 */
#include <errno.h>

#include "mutex_layout.h"
#include "wrapper.h"

static WP_SLOW int
wp_mutex_lock_slow(pthread_mutex_t *mutex)
{
    struct wp_unwind_registers caller = wp_unwind_caller(WP_UNWIND_FRAME());
    struct wp_lock_wait wait;

    if (!wp_wrapper_lock_on(WP_FAMILY_sync) || wp_mutex_try_harms(mutex))
        return wp_real.pthread_mutex_lock(mutex);

    int error = wp_real.pthread_mutex_trylock(mutex);

    if (error != EBUSY)
        return error;
    wp_mutex_wait_begin(&wait, mutex, WP_FUNCTION_pthread_mutex_lock, &caller);
    error = wp_real.pthread_mutex_lock(mutex);
    wp_lock_wait_end(&wait, wp_lock_outcome_of(error));
    return error;
}

WP_EXPORT int
pthread_mutex_lock(pthread_mutex_t *mutex)
{
    if (wp_mutex_seems_free(mutex))
        return wp_real.pthread_mutex_lock(mutex);
    return wp_mutex_lock_slow(mutex);
}
WP_EXPORT_ALIAS(__pthread_mutex_lock, pthread_mutex_lock);

static WP_SLOW int
wp_mutex_timedlock_slow(pthread_mutex_t *mutex, const struct timespec *deadline)
{
    struct wp_unwind_registers caller = wp_unwind_caller(WP_UNWIND_FRAME());
    struct wp_lock_wait wait;

    if (!wp_wrapper_lock_on(WP_FAMILY_sync) || wp_mutex_try_harms(mutex))
        return wp_real.pthread_mutex_timedlock(mutex, deadline);

    int error = wp_real.pthread_mutex_trylock(mutex);

    if (error != EBUSY)
        return error;
    wp_mutex_wait_begin(&wait, mutex, WP_FUNCTION_pthread_mutex_timedlock, &caller);
    error = wp_real.pthread_mutex_timedlock(mutex, deadline);
    wp_lock_wait_end(&wait, wp_lock_outcome_of(error));
    return error;
}

WP_EXPORT int
pthread_mutex_timedlock(pthread_mutex_t *mutex, const struct timespec *deadline)
{
    if (wp_mutex_seems_free(mutex))
        return wp_real.pthread_mutex_timedlock(mutex, deadline);
    return wp_mutex_timedlock_slow(mutex, deadline);
}

/* A clock that pthread_mutex_clocklock does not know is refused whether or not the mutex is free:
 * only the two that it knows may be answered by the try. */
static WP_SLOW int
wp_mutex_clocklock_slow(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *deadline)
{
    struct wp_unwind_registers caller = wp_unwind_caller(WP_UNWIND_FRAME());
    struct wp_lock_wait wait;

    if (!wp_wrapper_lock_on(WP_FAMILY_sync) || wp_mutex_try_harms(mutex) ||
        (clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME))
        return wp_real.pthread_mutex_clocklock(mutex, clock, deadline);

    int error = wp_real.pthread_mutex_trylock(mutex);

    if (error != EBUSY)
        return error;
    wp_mutex_wait_begin(&wait, mutex, WP_FUNCTION_pthread_mutex_clocklock, &caller);
    error = wp_real.pthread_mutex_clocklock(mutex, clock, deadline);
    wp_lock_wait_end(&wait, wp_lock_outcome_of(error));
    return error;
}

WP_EXPORT int
pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *deadline)
{
    if (wp_mutex_seems_free(mutex))
        return wp_real.pthread_mutex_clocklock(mutex, clock, deadline);
    return wp_mutex_clocklock_slow(mutex, clock, deadline);
}

/* The charge is taken while the mutex is held, so that no other unlock can come between; the stack
 * is walked after the real unlock, when the mutex may be gone already. */
static WP_SLOW int
wp_mutex_unlock_slow(pthread_mutex_t *mutex)
{
    struct wp_unwind_registers caller = wp_unwind_caller(WP_UNWIND_FRAME());
    uint64_t now_ns = wp_clock_ns();
    struct wp_sample charge;
    bool charged = !wp_mutex_unlock_is_inner(mutex) && wp_blame_charge(mutex, now_ns, &charge);
    int error = wp_real.pthread_mutex_unlock(mutex);

    if (charged && error == 0)
        wp_unlock_record(&charge, now_ns, WP_FUNCTION_pthread_mutex_unlock, &caller);
    else if (charged)
        wp_blame_refund(mutex, &charge);
    return error;
}

WP_EXPORT int
pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    if (!wp_blame_waited_for(mutex))
        return wp_real.pthread_mutex_unlock(mutex);
    return wp_mutex_unlock_slow(mutex);
}
WP_EXPORT_ALIAS(__pthread_mutex_unlock, pthread_mutex_unlock);
