/*
 * Waits for locks and conditions in every way (paths.h), and prints the truth about it (truth.h).
 *
 *   block_paths ROUNDS HOLD_NS
 */
#include <pthread.h>
#include <threads.h>

#include "paths.h"

static pthread_mutex_t normal = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t recursive;
static pthread_mutex_t errorcheck;
static pthread_mutex_t adaptive;
static pthread_mutex_t inheriting;
static pthread_mutex_t robust;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_spinlock_t spin;
static mtx_t mtx;
static pthread_mutex_t cond_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static mtx_t cnd_mutex;
static cnd_t cnd;
static uint64_t signalled_ns; /* when the condition was last signalled; the signal orders it */

/* --- Waits for locks -------------------------------------------------------------------------- */

#define DEFINE_MUTEX_WAIT(name, mutex)                                                             \
    DEFINE_WAIT_AS(name, "mutex", TRUTH_LOCK, mutex, (void)0, pthread_mutex_lock(mutex), 0,        \
                   pthread_mutex_unlock(mutex))

DEFINE_MUTEX_WAIT(wait_mutex_normal, &normal)
DEFINE_MUTEX_WAIT(wait_mutex_recursive, &recursive)
DEFINE_MUTEX_WAIT(wait_mutex_errorcheck, &errorcheck)
DEFINE_MUTEX_WAIT(wait_mutex_adaptive, &adaptive)
DEFINE_MUTEX_WAIT(wait_mutex_inheriting, &inheriting)
DEFINE_MUTEX_WAIT(wait_mutex_robust, &robust)
DEFINE_BOUNDED_WAIT(wait_mutex_timedlock, "mutex", TRUTH_LOCK, &normal, CLOCK_REALTIME,
                    pthread_mutex_timedlock(&normal, &until), pthread_mutex_unlock(&normal))
DEFINE_BOUNDED_WAIT(wait_mutex_clocklock, "mutex", TRUTH_LOCK, &normal, CLOCK_MONOTONIC,
                    pthread_mutex_clocklock(&normal, CLOCK_MONOTONIC, &until),
                    pthread_mutex_unlock(&normal))
DEFINE_TIMEOUT(wait_mutex_timedlock_in_vain, "mutex", TRUTH_LOCK_IN_VAIN, &normal, CLOCK_REALTIME,
               pthread_mutex_timedlock(&normal, &until), ETIMEDOUT)
DEFINE_TIMEOUT(wait_mutex_clocklock_in_vain, "mutex", TRUTH_LOCK_IN_VAIN, &normal, CLOCK_MONOTONIC,
               pthread_mutex_clocklock(&normal, CLOCK_MONOTONIC, &until), ETIMEDOUT)

DEFINE_WAIT_AS(wait_rwlock_rdlock, "rwlock.read", TRUTH_LOCK, &rwlock, (void)0,
               pthread_rwlock_rdlock(&rwlock), 0, pthread_rwlock_unlock(&rwlock))
DEFINE_WAIT_AS(wait_rwlock_wrlock, "rwlock.write", TRUTH_LOCK, &rwlock, (void)0,
               pthread_rwlock_wrlock(&rwlock), 0, pthread_rwlock_unlock(&rwlock))
DEFINE_BOUNDED_WAIT(wait_rwlock_timedrdlock, "rwlock.read", TRUTH_LOCK, &rwlock, CLOCK_REALTIME,
                    pthread_rwlock_timedrdlock(&rwlock, &until), pthread_rwlock_unlock(&rwlock))
DEFINE_BOUNDED_WAIT(wait_rwlock_timedwrlock, "rwlock.write", TRUTH_LOCK, &rwlock, CLOCK_REALTIME,
                    pthread_rwlock_timedwrlock(&rwlock, &until), pthread_rwlock_unlock(&rwlock))
DEFINE_BOUNDED_WAIT(wait_rwlock_clockrdlock, "rwlock.read", TRUTH_LOCK, &rwlock, CLOCK_MONOTONIC,
                    pthread_rwlock_clockrdlock(&rwlock, CLOCK_MONOTONIC, &until),
                    pthread_rwlock_unlock(&rwlock))
DEFINE_TIMEOUT(wait_rwlock_clockwrlock_in_vain, "rwlock.write", TRUTH_LOCK_IN_VAIN, &rwlock,
               CLOCK_MONOTONIC, pthread_rwlock_clockwrlock(&rwlock, CLOCK_MONOTONIC, &until),
               ETIMEDOUT)

DEFINE_WAIT_AS(wait_spin_lock, "spin", TRUTH_LOCK, (void *)&spin, (void)0, pthread_spin_lock(&spin),
               0, pthread_spin_unlock(&spin))
DEFINE_WAIT_AS(wait_mtx_lock, "mutex", TRUTH_LOCK, &mtx, (void)0, mtx_lock(&mtx), thrd_success,
               mtx_unlock(&mtx))
DEFINE_BOUNDED_WAIT(wait_mtx_timedlock, "mutex", TRUTH_LOCK, &mtx, CLOCK_REALTIME,
                    mtx_timedlock(&mtx, &until), mtx_unlock(&mtx))
DEFINE_TIMEOUT(wait_mtx_timedlock_in_vain, "mutex", TRUTH_LOCK_IN_VAIN, &mtx, CLOCK_REALTIME,
               mtx_timedlock(&mtx, &until), thrd_timedout)

/* --- Waits for conditions --------------------------------------------------------------------- */

/*
 * A wait in two parts: up to `split_ns`, an expression that may use end_ns, for the condition, and
 * from there on for the mutex, which others are to blame for if `truth` says so.
 */
#define DEFINE_COND_WAIT_AS(name, truth, mutex, set_up, call, expected, split_ns, finish)          \
    __attribute__((noinline)) static void name(void)                                               \
    {                                                                                              \
        uint64_t start_ns;                                                                         \
        uint64_t end_ns;                                                                           \
        uint64_t middle_ns;                                                                        \
        int result;                                                                                \
                                                                                                   \
        set_up;                                                                                    \
        start_ns = truth_now_ns();                                                                 \
        result = (call);                                                                           \
        end_ns = truth_now_ns();                                                                   \
        if (result != (expected))                                                                  \
            truth_fail(#name, result);                                                             \
        middle_ns = (split_ns);                                                                    \
        truth_wait(#name ":cond", TRUTH_OTHER, mutex, start_ns, middle_ns);                        \
        truth_wait(#name ":cond.reacquire", truth, mutex, middle_ns, end_ns);                      \
        finish;                                                                                    \
    }

#define DEFINE_COND_WAIT(name, call)                                                               \
    DEFINE_COND_WAIT_AS(name, TRUTH_LOCK, &cond_mutex, pthread_mutex_lock(&cond_mutex), call, 0,   \
                        signalled_ns, pthread_mutex_unlock(&cond_mutex))

/* `call` may use `until`, ten seconds ahead. */
#define DEFINE_BOUNDED_COND_WAIT(name, clock, call)                                                \
    DEFINE_COND_WAIT_AS(                                                                           \
        name, TRUTH_LOCK, &cond_mutex, struct timespec until = path_deadline(clock, 10000000000u); \
        pthread_mutex_lock(&cond_mutex), call, 0, signalled_ns, pthread_mutex_unlock(&cond_mutex))

/* `call` may use `until`, when it shall give up: from then on it waits for the mutex. Nobody sees
 * that moment, and so nobody is blamed for what follows. */
#define DEFINE_COND_TIMEOUT(name, clock, after_ns, call)                                           \
    DEFINE_COND_WAIT_AS(name, TRUTH_OTHER, &cond_mutex,                                            \
                        struct timespec until = path_deadline(clock, after_ns);                    \
                        pthread_mutex_lock(&cond_mutex), call, ETIMEDOUT,                          \
                        end_ns - since_ns(clock, &until), pthread_mutex_unlock(&cond_mutex))

static uint64_t
since_ns(clockid_t clock, const struct timespec *then)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)((now.tv_sec - then->tv_sec) * 1000000000 + now.tv_nsec - then->tv_nsec);
}

DEFINE_COND_WAIT(wait_cond_wait, pthread_cond_wait(&cond, &cond_mutex))
DEFINE_COND_WAIT(wait_cond_wait_at_once, pthread_cond_wait(&cond, &cond_mutex))
DEFINE_COND_WAIT(wait_cond_wait_broadcast, pthread_cond_wait(&cond, &cond_mutex))
DEFINE_BOUNDED_COND_WAIT(wait_cond_timedwait, CLOCK_REALTIME,
                         pthread_cond_timedwait(&cond, &cond_mutex, &until))
DEFINE_BOUNDED_COND_WAIT(wait_cond_clockwait, CLOCK_MONOTONIC,
                         pthread_cond_clockwait(&cond, &cond_mutex, CLOCK_MONOTONIC, &until))
DEFINE_COND_TIMEOUT(wait_cond_timedwait_in_vain, CLOCK_REALTIME, path_hold_ns,
                    pthread_cond_timedwait(&cond, &cond_mutex, &until))
DEFINE_COND_TIMEOUT(wait_cond_clockwait_in_vain, CLOCK_MONOTONIC, path_hold_ns,
                    pthread_cond_clockwait(&cond, &cond_mutex, CLOCK_MONOTONIC, &until))
DEFINE_COND_TIMEOUT(wait_cond_timedwait_too_long, CLOCK_REALTIME, 4 * path_hold_ns,
                    pthread_cond_timedwait(&cond, &cond_mutex, &until))
DEFINE_COND_WAIT_AS(wait_cnd_wait, TRUTH_LOCK, &cnd_mutex, mtx_lock(&cnd_mutex),
                    cnd_wait(&cnd, &cnd_mutex), thrd_success, signalled_ns, mtx_unlock(&cnd_mutex))
DEFINE_COND_WAIT_AS(wait_cnd_timedwait, TRUTH_LOCK, &cnd_mutex,
                    struct timespec until = path_deadline(CLOCK_REALTIME, 10000000000u);
                    mtx_lock(&cnd_mutex), cnd_timedwait(&cnd, &cnd_mutex, &until), thrd_success,
                    signalled_ns, mtx_unlock(&cnd_mutex))
DEFINE_COND_WAIT_AS(wait_cnd_timedwait_in_vain, TRUTH_OTHER, &cnd_mutex,
                    struct timespec until = path_deadline(CLOCK_REALTIME, path_hold_ns);
                    mtx_lock(&cnd_mutex), cnd_timedwait(&cnd, &cnd_mutex, &until), thrd_timedout,
                    end_ns - since_ns(CLOCK_REALTIME, &until), mtx_unlock(&cnd_mutex))

/* --- What the helper does --------------------------------------------------------------------- */

/* Names a function after the path, so that the unlock's blame can be told from all others. */
#define DEFINE_HOLDER(name, object, lock, unlock)                                                  \
    static void hold_##name(void)                                                                  \
    {                                                                                              \
        lock(object);                                                                              \
    }                                                                                              \
    __attribute__((noinline)) static void release_##name(void)                                     \
    {                                                                                              \
        truth_unlock("release_" #name, (const void *)(object), truth_now_ns());                    \
        unlock(object);                                                                            \
    }

DEFINE_HOLDER(normal, &normal, pthread_mutex_lock, pthread_mutex_unlock)
DEFINE_HOLDER(recursive, &recursive, pthread_mutex_lock, pthread_mutex_unlock)
DEFINE_HOLDER(errorcheck, &errorcheck, pthread_mutex_lock, pthread_mutex_unlock)
DEFINE_HOLDER(adaptive, &adaptive, pthread_mutex_lock, pthread_mutex_unlock)
DEFINE_HOLDER(inheriting, &inheriting, pthread_mutex_lock, pthread_mutex_unlock)
DEFINE_HOLDER(robust, &robust, pthread_mutex_lock, pthread_mutex_unlock)
DEFINE_HOLDER(writer, &rwlock, pthread_rwlock_wrlock, pthread_rwlock_unlock)
DEFINE_HOLDER(reader, &rwlock, pthread_rwlock_rdlock, pthread_rwlock_unlock)
DEFINE_HOLDER(spin, &spin, pthread_spin_lock, pthread_spin_unlock)
DEFINE_HOLDER(mtx, &mtx, mtx_lock, mtx_unlock)
DEFINE_HOLDER(cond_mutex, &cond_mutex, pthread_mutex_lock, pthread_mutex_unlock)
DEFINE_HOLDER(cnd_mutex, &cnd_mutex, mtx_lock, mtx_unlock)

/* Takes the mutex first: the waiter sleeps in the condition, so that it is free. Signals after the
 * unlock, so that the waiter need not wait for the mutex as well. */
static void
signal_condition_at_once(void)
{
    pthread_mutex_lock(&cond_mutex);
    pthread_mutex_unlock(&cond_mutex);
    signalled_ns = truth_now_ns();
    pthread_cond_signal(&cond);
}

/* These keep the mutex as long as the wait has lasted until then. */

static void
signal_condition(void)
{
    hold_cond_mutex();
    signalled_ns = truth_now_ns();
    pthread_cond_signal(&cond);
    truth_sleep_ns(path_hold_ns);
    release_cond_mutex();
}

static void
broadcast_condition(void)
{
    hold_cond_mutex();
    signalled_ns = truth_now_ns();
    pthread_cond_broadcast(&cond);
    truth_sleep_ns(path_hold_ns);
    release_cond_mutex();
}

static void
signal_cnd(void)
{
    hold_cnd_mutex();
    signalled_ns = truth_now_ns();
    cnd_signal(&cnd);
    truth_sleep_ns(path_hold_ns);
    release_cnd_mutex();
}

/* The waiter gives up while this holds the mutex. */
static void
hold_over_timeout(void)
{
    pthread_mutex_lock(&cond_mutex);
    truth_sleep_ns(4 * path_hold_ns);
    pthread_mutex_unlock(&cond_mutex);
}

static const struct path paths[] = {
    {wait_mutex_normal, hold_normal, release_normal, PATH_RELEASED},
    {wait_mutex_recursive, hold_recursive, release_recursive, PATH_RELEASED},
    {wait_mutex_errorcheck, hold_errorcheck, release_errorcheck, PATH_RELEASED},
    {wait_mutex_adaptive, hold_adaptive, release_adaptive, PATH_RELEASED},
    {wait_mutex_inheriting, hold_inheriting, release_inheriting, PATH_RELEASED},
    {wait_mutex_robust, hold_robust, release_robust, PATH_RELEASED},
    {wait_mutex_timedlock, hold_normal, release_normal, PATH_RELEASED},
    {wait_mutex_clocklock, hold_normal, release_normal, PATH_RELEASED},
    {wait_mutex_timedlock_in_vain, hold_normal, release_normal, PATH_ALONE},
    {wait_mutex_clocklock_in_vain, hold_normal, release_normal, PATH_ALONE},
    {wait_rwlock_rdlock, hold_writer, release_writer, PATH_RELEASED},
    {wait_rwlock_wrlock, hold_reader, release_reader, PATH_RELEASED},
    {wait_rwlock_timedrdlock, hold_writer, release_writer, PATH_RELEASED},
    {wait_rwlock_timedwrlock, hold_writer, release_writer, PATH_RELEASED},
    {wait_rwlock_clockrdlock, hold_writer, release_writer, PATH_RELEASED},
    {wait_rwlock_clockwrlock_in_vain, hold_reader, release_reader, PATH_ALONE},
    {wait_spin_lock, hold_spin, release_spin, PATH_SPINNING},
    {wait_mtx_lock, hold_mtx, release_mtx, PATH_RELEASED},
    {wait_mtx_timedlock, hold_mtx, release_mtx, PATH_RELEASED},
    {wait_mtx_timedlock_in_vain, hold_mtx, release_mtx, PATH_ALONE},
    {wait_cond_wait, path_do_nothing, signal_condition, PATH_RELEASED},
    {wait_cond_wait_at_once, path_do_nothing, signal_condition_at_once, PATH_RELEASED},
    {wait_cond_wait_broadcast, path_do_nothing, broadcast_condition, PATH_RELEASED},
    {wait_cond_timedwait, path_do_nothing, signal_condition, PATH_RELEASED},
    {wait_cond_clockwait, path_do_nothing, signal_condition, PATH_RELEASED},
    {wait_cond_timedwait_in_vain, path_do_nothing, path_do_nothing, PATH_ALONE},
    {wait_cond_clockwait_in_vain, path_do_nothing, path_do_nothing, PATH_ALONE},
    {wait_cond_timedwait_too_long, path_do_nothing, hold_over_timeout, PATH_RELEASED},
    {wait_cnd_wait, path_do_nothing, signal_cnd, PATH_RELEASED},
    {wait_cnd_timedwait, path_do_nothing, signal_cnd, PATH_RELEASED},
    {wait_cnd_timedwait_in_vain, path_do_nothing, path_do_nothing, PATH_ALONE},
};

static void
make_mutex(pthread_mutex_t *mutex, int type, int protocol, int robustness)
{
    pthread_mutexattr_t attributes;

    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, type);
    pthread_mutexattr_setprotocol(&attributes, protocol);
    pthread_mutexattr_setrobust(&attributes, robustness);
    if (pthread_mutex_init(mutex, &attributes) != 0)
        truth_fail("pthread_mutex_init", 0);
    pthread_mutexattr_destroy(&attributes);
}

int
main(int argc, char **argv)
{
    make_mutex(&recursive, PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED);
    make_mutex(&errorcheck, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED);
    make_mutex(&adaptive, PTHREAD_MUTEX_ADAPTIVE_NP, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED);
    make_mutex(&inheriting, PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_STALLED);
    make_mutex(&robust, PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_ROBUST);
    PATH_NEED(pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE) == 0, ENOMEM);
    PATH_NEED(mtx_init(&mtx, mtx_timed) == thrd_success, ENOMEM);
    PATH_NEED(mtx_init(&cnd_mutex, mtx_plain) == thrd_success, ENOMEM);
    PATH_NEED(cnd_init(&cnd) == thrd_success, ENOMEM);
    return paths_run(paths, sizeof paths / sizeof paths[0], argc, argv);
}
