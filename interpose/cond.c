/*
 * Conditions. pthread_cond_wait is an unlock, a wait and a lock: its entry is charged as an unlock,
 * and the whole call is timed.
 *
 * Both at a price, for want of something better: the stack of a charged entry is walked before the
 * real call, so while the mutex is still held, since the real unlock lies inside a call that may
 * never return; and the stack of a kept wait is walked after it, when the mutex is held again,
 * since the wait cannot be split. One walk per charged or kept event, none for the others.
 */
#include <errno.h>

#include "mutex_layout.h"
#include "wrapper.h"

/* A call of the wait family under way; on the wrapper's stack. */
struct wp_cond_call {
    struct wp_unwind_registers caller;
    struct wp_wait wait;
    uint16_t function;
};

static void
wp_cond_begin(struct wp_cond_call *call, const void *frame, pthread_mutex_t *mutex,
              uint16_t function)
{
    struct wp_sample charge;

    call->caller = wp_wrapper_caller(frame);
    call->function = function;
    wp_wait_begin(&call->wait);
    if (wp_blame_waited_for(mutex) && !wp_mutex_unlock_is_inner(mutex) &&
        wp_blame_charge(mutex, call->wait.start_ns, &charge))
        wp_unlock_record(&charge, call->wait.start_ns, function, &call->caller);
}

/* 0 and ETIMEDOUT have waited; so has EOWNERDEAD of a robust mutex. Other errors came at once. */
static int
wp_cond_end(const struct wp_cond_call *call, int error)
{
    if (wp_lock_outcome_of(error) != WP_LOCK_REFUSED)
        wp_wait_end(&call->wait, call->function, &call->caller);
    return error;
}

#define WP_COND_BEGIN(call, mutex, id)                                                             \
    wp_cond_begin((call), __builtin_frame_address(0), (mutex), WP_FUNCTION_##id)

WP_EXPORT int wp_cond_init(pthread_cond_t *cond, const pthread_condattr_t *attributes);
WP_EXPORT int wp_cond_destroy(pthread_cond_t *cond);
WP_EXPORT int wp_cond_signal(pthread_cond_t *cond);
WP_EXPORT int wp_cond_broadcast(pthread_cond_t *cond);
WP_EXPORT int wp_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex);
WP_EXPORT int wp_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                                const struct timespec *deadline);

int
wp_cond_init(pthread_cond_t *cond, const pthread_condattr_t *attributes)
{
    return wp_real.cond_init(cond, attributes);
}
WP_EXPORT_VERSION(wp_cond_init, "pthread_cond_init", WP_COND_VERSION);

int
wp_cond_destroy(pthread_cond_t *cond)
{
    return wp_real.cond_destroy(cond);
}
WP_EXPORT_VERSION(wp_cond_destroy, "pthread_cond_destroy", WP_COND_VERSION);

int
wp_cond_signal(pthread_cond_t *cond)
{
    return wp_real.cond_signal(cond);
}
WP_EXPORT_VERSION(wp_cond_signal, "pthread_cond_signal", WP_COND_VERSION);

int
wp_cond_broadcast(pthread_cond_t *cond)
{
    return wp_real.cond_broadcast(cond);
}
WP_EXPORT_VERSION(wp_cond_broadcast, "pthread_cond_broadcast", WP_COND_VERSION);

int
wp_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    if (!wp_wrapper_sync_on())
        return wp_real.cond_wait(cond, mutex);

    struct wp_cond_call call;

    WP_COND_BEGIN(&call, mutex, cond_wait);
    return wp_cond_end(&call, wp_real.cond_wait(cond, mutex));
}
WP_EXPORT_VERSION(wp_cond_wait, "pthread_cond_wait", WP_COND_VERSION);

int
wp_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *deadline)
{
    if (!wp_wrapper_sync_on())
        return wp_real.cond_timedwait(cond, mutex, deadline);

    struct wp_cond_call call;

    WP_COND_BEGIN(&call, mutex, cond_timedwait);
    return wp_cond_end(&call, wp_real.cond_timedwait(cond, mutex, deadline));
}
WP_EXPORT_VERSION(wp_cond_timedwait, "pthread_cond_timedwait", WP_COND_VERSION);

WP_EXPORT int
pthread_cond_clockwait(pthread_cond_t *cond, pthread_mutex_t *mutex, clockid_t clock,
                       const struct timespec *deadline)
{
    if (!wp_wrapper_sync_on())
        return wp_real.pthread_cond_clockwait(cond, mutex, clock, deadline);

    struct wp_cond_call call;

    WP_COND_BEGIN(&call, mutex, pthread_cond_clockwait);
    return wp_cond_end(&call, wp_real.pthread_cond_clockwait(cond, mutex, clock, deadline));
}

/* --- the conditions of binaries older than glibc 2.3.2 --------------------------------------- */

#if defined(WP_COND_OLD_VERSION)

WP_EXPORT int wp_cond_init_old(pthread_cond_t *cond, const pthread_condattr_t *attributes);
WP_EXPORT int wp_cond_destroy_old(pthread_cond_t *cond);
WP_EXPORT int wp_cond_signal_old(pthread_cond_t *cond);
WP_EXPORT int wp_cond_broadcast_old(pthread_cond_t *cond);
WP_EXPORT int wp_cond_wait_old(pthread_cond_t *cond, pthread_mutex_t *mutex);
WP_EXPORT int wp_cond_timedwait_old(pthread_cond_t *cond, pthread_mutex_t *mutex,
                                    const struct timespec *deadline);

int
wp_cond_init_old(pthread_cond_t *cond, const pthread_condattr_t *attributes)
{
    return wp_real.cond_init_old(cond, attributes);
}
WP_EXPORT_OLD_VERSION(wp_cond_init_old, "pthread_cond_init", WP_COND_OLD_VERSION);

int
wp_cond_destroy_old(pthread_cond_t *cond)
{
    return wp_real.cond_destroy_old(cond);
}
WP_EXPORT_OLD_VERSION(wp_cond_destroy_old, "pthread_cond_destroy", WP_COND_OLD_VERSION);

int
wp_cond_signal_old(pthread_cond_t *cond)
{
    return wp_real.cond_signal_old(cond);
}
WP_EXPORT_OLD_VERSION(wp_cond_signal_old, "pthread_cond_signal", WP_COND_OLD_VERSION);

int
wp_cond_broadcast_old(pthread_cond_t *cond)
{
    return wp_real.cond_broadcast_old(cond);
}
WP_EXPORT_OLD_VERSION(wp_cond_broadcast_old, "pthread_cond_broadcast", WP_COND_OLD_VERSION);

int
wp_cond_wait_old(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    if (!wp_wrapper_sync_on())
        return wp_real.cond_wait_old(cond, mutex);

    struct wp_cond_call call;

    WP_COND_BEGIN(&call, mutex, cond_wait_old);
    return wp_cond_end(&call, wp_real.cond_wait_old(cond, mutex));
}
WP_EXPORT_OLD_VERSION(wp_cond_wait_old, "pthread_cond_wait", WP_COND_OLD_VERSION);

int
wp_cond_timedwait_old(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *deadline)
{
    if (!wp_wrapper_sync_on())
        return wp_real.cond_timedwait_old(cond, mutex, deadline);

    struct wp_cond_call call;

    WP_COND_BEGIN(&call, mutex, cond_timedwait_old);
    return wp_cond_end(&call, wp_real.cond_timedwait_old(cond, mutex, deadline));
}
WP_EXPORT_OLD_VERSION(wp_cond_timedwait_old, "pthread_cond_timedwait", WP_COND_OLD_VERSION);

#endif
