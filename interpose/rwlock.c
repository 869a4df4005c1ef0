/*
 * Read-write locks. As mutexes: try first, and only EBUSY is contention. A reader that finds too
 * many readers gets EAGAIN, and a writer that holds the lock itself EDEADLK, from the real call.
 *
 * Several readers hold the lock at once. What a waiting writer waited since the last unlock is
 * charged to each unlock in turn, so to the reader that kept it waiting longest falls the last
 * piece.
 */
#include <errno.h>

#include "wrapper.h"

static WP_SLOW int
wp_rwlock_rdlock_slow(pthread_rwlock_t *rwlock)
{
    struct wp_unwind_registers caller = wp_unwind_caller(WP_UNWIND_FRAME());
    struct wp_lock_wait wait;

    wp_lock_wait_begin(&wait, rwlock, WP_FUNCTION_pthread_rwlock_rdlock, &caller);
    int error = wp_real.pthread_rwlock_rdlock(rwlock);
    wp_lock_wait_end(&wait, wp_lock_outcome_of(error));
    return error;
}

WP_EXPORT int
pthread_rwlock_rdlock(pthread_rwlock_t *rwlock)
{
    if (!wp_wrapper_lock_on(WP_FAMILY_sync))
        return wp_real.pthread_rwlock_rdlock(rwlock);

    int error = wp_real.pthread_rwlock_tryrdlock(rwlock);

    if (__builtin_expect(error != EBUSY, 1))
        return error;
    return wp_rwlock_rdlock_slow(rwlock);
}
WP_EXPORT_ALIAS(__pthread_rwlock_rdlock, pthread_rwlock_rdlock);

static WP_SLOW int
wp_rwlock_timedrdlock_slow(pthread_rwlock_t *rwlock, const struct timespec *deadline)
{
    struct wp_unwind_registers caller = wp_unwind_caller(WP_UNWIND_FRAME());
    struct wp_lock_wait wait;

    wp_lock_wait_begin(&wait, rwlock, WP_FUNCTION_pthread_rwlock_timedrdlock, &caller);
    int error = wp_real.pthread_rwlock_timedrdlock(rwlock, deadline);
    wp_lock_wait_end(&wait, wp_lock_outcome_of(error));
    return error;
}

WP_EXPORT int
pthread_rwlock_timedrdlock(pthread_rwlock_t *rwlock, const struct timespec *deadline)
{
    if (!wp_wrapper_lock_on(WP_FAMILY_sync) ||
        !wp_wrapper_deadline_is_valid(CLOCK_REALTIME, deadline))
        return wp_real.pthread_rwlock_timedrdlock(rwlock, deadline);

    int error = wp_real.pthread_rwlock_tryrdlock(rwlock);

    if (__builtin_expect(error != EBUSY, 1))
        return error;
    return wp_rwlock_timedrdlock_slow(rwlock, deadline);
}

static WP_SLOW int
wp_rwlock_clockrdlock_slow(pthread_rwlock_t *rwlock, clockid_t clock,
                           const struct timespec *deadline)
{
    struct wp_unwind_registers caller = wp_unwind_caller(WP_UNWIND_FRAME());
    struct wp_lock_wait wait;

    wp_lock_wait_begin(&wait, rwlock, WP_FUNCTION_pthread_rwlock_clockrdlock, &caller);
    int error = wp_real.pthread_rwlock_clockrdlock(rwlock, clock, deadline);
    wp_lock_wait_end(&wait, wp_lock_outcome_of(error));
    return error;
}

WP_EXPORT int
pthread_rwlock_clockrdlock(pthread_rwlock_t *rwlock, clockid_t clock,
                           const struct timespec *deadline)
{
    if (!wp_wrapper_lock_on(WP_FAMILY_sync) || !wp_wrapper_deadline_is_valid(clock, deadline))
        return wp_real.pthread_rwlock_clockrdlock(rwlock, clock, deadline);

    int error = wp_real.pthread_rwlock_tryrdlock(rwlock);

    if (__builtin_expect(error != EBUSY, 1))
        return error;
    return wp_rwlock_clockrdlock_slow(rwlock, clock, deadline);
}

static WP_SLOW int
wp_rwlock_wrlock_slow(pthread_rwlock_t *rwlock)
{
    struct wp_unwind_registers caller = wp_unwind_caller(WP_UNWIND_FRAME());
    struct wp_lock_wait wait;

    wp_lock_wait_begin(&wait, rwlock, WP_FUNCTION_pthread_rwlock_wrlock, &caller);
    int error = wp_real.pthread_rwlock_wrlock(rwlock);
    wp_lock_wait_end(&wait, wp_lock_outcome_of(error));
    return error;
}

WP_EXPORT int
pthread_rwlock_wrlock(pthread_rwlock_t *rwlock)
{
    if (!wp_wrapper_lock_on(WP_FAMILY_sync))
        return wp_real.pthread_rwlock_wrlock(rwlock);

    int error = wp_real.pthread_rwlock_trywrlock(rwlock);

    if (__builtin_expect(error != EBUSY, 1))
        return error;
    return wp_rwlock_wrlock_slow(rwlock);
}
WP_EXPORT_ALIAS(__pthread_rwlock_wrlock, pthread_rwlock_wrlock);

static WP_SLOW int
wp_rwlock_timedwrlock_slow(pthread_rwlock_t *rwlock, const struct timespec *deadline)
{
    struct wp_unwind_registers caller = wp_unwind_caller(WP_UNWIND_FRAME());
    struct wp_lock_wait wait;

    wp_lock_wait_begin(&wait, rwlock, WP_FUNCTION_pthread_rwlock_timedwrlock, &caller);
    int error = wp_real.pthread_rwlock_timedwrlock(rwlock, deadline);
    wp_lock_wait_end(&wait, wp_lock_outcome_of(error));
    return error;
}

WP_EXPORT int
pthread_rwlock_timedwrlock(pthread_rwlock_t *rwlock, const struct timespec *deadline)
{
    if (!wp_wrapper_lock_on(WP_FAMILY_sync) ||
        !wp_wrapper_deadline_is_valid(CLOCK_REALTIME, deadline))
        return wp_real.pthread_rwlock_timedwrlock(rwlock, deadline);

    int error = wp_real.pthread_rwlock_trywrlock(rwlock);

    if (__builtin_expect(error != EBUSY, 1))
        return error;
    return wp_rwlock_timedwrlock_slow(rwlock, deadline);
}

static WP_SLOW int
wp_rwlock_clockwrlock_slow(pthread_rwlock_t *rwlock, clockid_t clock,
                           const struct timespec *deadline)
{
    struct wp_unwind_registers caller = wp_unwind_caller(WP_UNWIND_FRAME());
    struct wp_lock_wait wait;

    wp_lock_wait_begin(&wait, rwlock, WP_FUNCTION_pthread_rwlock_clockwrlock, &caller);
    int error = wp_real.pthread_rwlock_clockwrlock(rwlock, clock, deadline);
    wp_lock_wait_end(&wait, wp_lock_outcome_of(error));
    return error;
}

WP_EXPORT int
pthread_rwlock_clockwrlock(pthread_rwlock_t *rwlock, clockid_t clock,
                           const struct timespec *deadline)
{
    if (!wp_wrapper_lock_on(WP_FAMILY_sync) || !wp_wrapper_deadline_is_valid(clock, deadline))
        return wp_real.pthread_rwlock_clockwrlock(rwlock, clock, deadline);

    int error = wp_real.pthread_rwlock_trywrlock(rwlock);

    if (__builtin_expect(error != EBUSY, 1))
        return error;
    return wp_rwlock_clockwrlock_slow(rwlock, clock, deadline);
}

static WP_SLOW int
wp_rwlock_unlock_slow(pthread_rwlock_t *rwlock)
{
    struct wp_unwind_registers caller = wp_unwind_caller(WP_UNWIND_FRAME());
    uint64_t now_ns = wp_clock_ns();
    struct wp_sample charge;
    bool charged = wp_blame_charge(rwlock, now_ns, &charge);
    int error = wp_real.pthread_rwlock_unlock(rwlock);

    if (charged && error == 0)
        wp_unlock_record(&charge, now_ns, WP_FUNCTION_pthread_rwlock_unlock, &caller);
    else if (charged)
        wp_blame_refund(rwlock, &charge);
    return error;
}

WP_EXPORT int
pthread_rwlock_unlock(pthread_rwlock_t *rwlock)
{
    if (!wp_blame_waited_for(rwlock))
        return wp_real.pthread_rwlock_unlock(rwlock);
    return wp_rwlock_unlock_slow(rwlock);
}
WP_EXPORT_ALIAS(__pthread_rwlock_unlock, pthread_rwlock_unlock);
