/*
 * Conditions: cond_call.h says what is made of a wait. A signal that finds waiters grants one of
 * them the way to the mutex, a broadcast all of them.
 */
#include "cond_call.h"

/* Ends a call and passes its result on. 0 and ETIMEDOUT have waited; so has EOWNERDEAD of a robust
 * mutex. Other errors came at once. */
static int
wp_cond_end(struct wp_cond_call *call, int error)
{
    wp_cond_call_end(call, wp_lock_outcome_of(error));
    return error;
}

#define WP_COND_BEGIN(call, cond, mutex, deadline, id)                                             \
    wp_cond_call_begin((call), WP_UNWIND_FRAME(), (cond), (mutex), (deadline), WP_COND_EVENTS(id))

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
    wp_cond_call_grant(cond, false);
    return wp_real.cond_signal(cond);
}
WP_EXPORT_VERSION(wp_cond_signal, "pthread_cond_signal", WP_COND_VERSION);

int
wp_cond_broadcast(pthread_cond_t *cond)
{
    wp_cond_call_grant(cond, true);
    return wp_real.cond_broadcast(cond);
}
WP_EXPORT_VERSION(wp_cond_broadcast, "pthread_cond_broadcast", WP_COND_VERSION);

int
wp_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    if (!wp_wrapper_lock_on(WP_FAMILY_sync))
        return wp_real.cond_wait(cond, mutex);

    struct wp_cond_call call;

    WP_COND_BEGIN(&call, cond, mutex, NULL, cond_wait);
    return wp_cond_end(&call, wp_real.cond_wait(cond, mutex));
}
WP_EXPORT_VERSION(wp_cond_wait, "pthread_cond_wait", WP_COND_VERSION);

int
wp_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *deadline)
{
    if (!wp_wrapper_lock_on(WP_FAMILY_sync))
        return wp_real.cond_timedwait(cond, mutex, deadline);

    struct wp_cond_call call;

    WP_COND_BEGIN(&call, cond, mutex, deadline, cond_timedwait);
    return wp_cond_end(&call, wp_real.cond_timedwait(cond, mutex, deadline));
}
WP_EXPORT_VERSION(wp_cond_timedwait, "pthread_cond_timedwait", WP_COND_VERSION);

WP_EXPORT int
pthread_cond_clockwait(pthread_cond_t *cond, pthread_mutex_t *mutex, clockid_t clock,
                       const struct timespec *deadline)
{
    if (!wp_wrapper_lock_on(WP_FAMILY_sync))
        return wp_real.pthread_cond_clockwait(cond, mutex, clock, deadline);

    struct wp_cond_call call;

    WP_COND_BEGIN(&call, cond, mutex, deadline, pthread_cond_clockwait);
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
    wp_cond_call_grant(cond, false);
    return wp_real.cond_signal_old(cond);
}
WP_EXPORT_OLD_VERSION(wp_cond_signal_old, "pthread_cond_signal", WP_COND_OLD_VERSION);

int
wp_cond_broadcast_old(pthread_cond_t *cond)
{
    wp_cond_call_grant(cond, true);
    return wp_real.cond_broadcast_old(cond);
}
WP_EXPORT_OLD_VERSION(wp_cond_broadcast_old, "pthread_cond_broadcast", WP_COND_OLD_VERSION);

int
wp_cond_wait_old(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    if (!wp_wrapper_lock_on(WP_FAMILY_sync))
        return wp_real.cond_wait_old(cond, mutex);

    struct wp_cond_call call;

    WP_COND_BEGIN(&call, cond, mutex, NULL, cond_wait_old);
    return wp_cond_end(&call, wp_real.cond_wait_old(cond, mutex));
}
WP_EXPORT_OLD_VERSION(wp_cond_wait_old, "pthread_cond_wait", WP_COND_OLD_VERSION);

int
wp_cond_timedwait_old(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *deadline)
{
    if (!wp_wrapper_lock_on(WP_FAMILY_sync))
        return wp_real.cond_timedwait_old(cond, mutex, deadline);

    struct wp_cond_call call;

    WP_COND_BEGIN(&call, cond, mutex, deadline, cond_timedwait_old);
    return wp_cond_end(&call, wp_real.cond_timedwait_old(cond, mutex, deadline));
}
WP_EXPORT_OLD_VERSION(wp_cond_timedwait_old, "pthread_cond_timedwait", WP_COND_OLD_VERSION);

#endif
