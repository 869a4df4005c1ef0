/*
 * Semaphores. As locks, they are tried first, and only a busy one reads a clock; as conditions,
 * they have no holder: whoever posts.
 */
#include <errno.h>

#include "timed.h"

/* Takes a semaphore that is free. errno unchanged: the real call leaves it alone when
 * it succeeds. */
static inline bool
wp_sem_try(sem_t *sem)
{
    int saved = errno;

    if (__builtin_expect(wp_real.sem_trywait(sem) == 0, 1))
        return true;
    errno = saved;
    return false;
}

/* A cancellation point whether or not it waits. */
WP_EXPORT int
sem_wait(sem_t *sem)
{
    if (!wp_wrapper_block_on(WP_FAMILY_sync))
        return wp_real.sem_wait(sem);
    pthread_testcancel();
    if (wp_sem_try(sem))
        return 0;
    WP_TIMED(sync, WP_TIMED_READY_NS, sem_wait, (sem));
}

/* The same, unless it refuses its deadline. */
WP_EXPORT int
sem_timedwait(sem_t *sem, const struct timespec *deadline)
{
    if (wp_wrapper_block_on(WP_FAMILY_sync) &&
        wp_wrapper_deadline_is_valid(CLOCK_REALTIME, deadline)) {
        pthread_testcancel();
        if (wp_sem_try(sem))
            return 0;
    }
    WP_TIMED(sync, WP_TIMED_READY_NS, sem_timedwait, (sem, deadline));
}

/* glibc makes this one a cancellation point only where it waits. */
WP_EXPORT int
sem_clockwait(sem_t *sem, clockid_t clock, const struct timespec *deadline)
{
    if (wp_wrapper_block_on(WP_FAMILY_sync) && wp_wrapper_deadline_is_valid(clock, deadline) &&
        wp_sem_try(sem))
        return 0;
    WP_TIMED(sync, WP_TIMED_READY_NS, sem_clockwait, (sem, clock, deadline));
}
