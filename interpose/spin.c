/*
 * Spin locks. Their waiters burn the processor, which a CPU profile shows too; here they appear
 * with their holders. A family of its own, off unless asked for.
 */
#include <errno.h>

#include "wrapper.h"

static WP_SLOW int
wp_spin_lock_slow(pthread_spinlock_t *lock)
{
    struct wp_unwind_registers caller = wp_unwind_caller(WP_UNWIND_FRAME());
    struct wp_lock_wait wait;

    wp_lock_wait_begin(&wait, (const void *)lock, WP_FUNCTION_pthread_spin_lock, &caller);
    int error = wp_real.pthread_spin_lock(lock);
    wp_lock_wait_end(&wait, wp_lock_outcome_of(error));
    return error;
}

WP_EXPORT int
pthread_spin_lock(pthread_spinlock_t *lock)
{
    if (!wp_wrapper_lock_on(WP_FAMILY_spin))
        return wp_real.pthread_spin_lock(lock);

    int error = wp_real.pthread_spin_trylock(lock);

    if (__builtin_expect(error != EBUSY, 1))
        return error;
    return wp_spin_lock_slow(lock);
}

static WP_SLOW int
wp_spin_unlock_slow(pthread_spinlock_t *lock)
{
    struct wp_unwind_registers caller = wp_unwind_caller(WP_UNWIND_FRAME());
    uint64_t now_ns = wp_clock_ns();
    struct wp_sample charge;
    bool charged = wp_blame_charge((const void *)lock, now_ns, &charge);
    int error = wp_real.pthread_spin_unlock(lock);

    if (charged)
        wp_unlock_record(&charge, now_ns, WP_FUNCTION_pthread_spin_unlock, &caller);
    return error;
}

WP_EXPORT int
pthread_spin_unlock(pthread_spinlock_t *lock)
{
    if (!wp_blame_waited_for((const void *)lock))
        return wp_real.pthread_spin_unlock(lock);
    return wp_spin_unlock_slow(lock);
}
