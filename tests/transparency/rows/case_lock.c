/*
 * Mutexes, of pthread and of C11: functions/lock.def. What pthread's answer for every kind of mutex
 * is looked at by mutex_results.c, mutex_robust.c and mutex_priority_protect.c.
 *
 * Left out: EAGAIN of a recursive mutex, which takes 2^32 calls.
 */
#include "../expect.h"
#include "deadline.h"
#include "lock.h"

/* --- mutexes ---------------------------------------------------------------------------------- */

static int
lock_hold_mutex(void *mutex)
{
    return pthread_mutex_lock(mutex);
}

static int
lock_let_go_of_mutex(void *mutex)
{
    return pthread_mutex_unlock(mutex);
}

static int
lock_acquire_mutex(const struct lock *lock)
{
    return ((row_type_pthread_mutex_lock)lock->function)(lock->object);
}

static int
lock_acquire_mutex_timed(const struct lock *lock)
{
    return ((row_type_pthread_mutex_timedlock)lock->function)(lock->object, &lock->deadline);
}

static int
lock_acquire_mutex_clock(const struct lock *lock)
{
    return ((row_type_pthread_mutex_clocklock)lock->function)(lock->object, lock->clock,
                                                              &lock->deadline);
}

#define LOCK_OF_MUTEX(form, under_test, mutex)                                                     \
    {                                                                                              \
        .acquire = (form), .function = (void (*)(void))(under_test), .object = (mutex),            \
        .hold = lock_hold_mutex, .let_go = lock_let_go_of_mutex, .clock = CLOCK_REALTIME,          \
        .timed_out = ETIMEDOUT, .invalid = EINVAL                                                  \
    }

static int
lock_and_die(void *mutex)
{
    EXPECT_EQ(pthread_mutex_lock(mutex), 0);
    return 0;
}

/* A robust mutex whose owner died is acquired, with EOWNERDEAD; left as it is, it is lost. */
static void
lock_mutex_of_the_dead(struct lock *lock)
{
    pthread_mutexattr_t attributes;
    pthread_mutex_t mutex;
    struct actor other;

    EXPECT_EQ(pthread_mutexattr_init(&attributes), 0);
    EXPECT_EQ(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST), 0);
    EXPECT_EQ(pthread_mutex_init(&mutex, &attributes), 0);
    actor_start(&other);
    EXPECT_EQ(actor_do(&other, lock_and_die, &mutex), 0);
    actor_stop(&other);

    lock->object = &mutex;
    lock->deadline = expect_deadline(lock->clock, DEADLINE_FAR_MS);
    EXPECT_RETURNS(lock->acquire(lock), EOWNERDEAD);
    EXPECT_RETURNS(pthread_mutex_unlock(&mutex), 0);
    EXPECT_RETURNS(lock->acquire(lock), ENOTRECOVERABLE);
    EXPECT_EQ(pthread_mutex_destroy(&mutex), 0);
    EXPECT_EQ(pthread_mutexattr_destroy(&attributes), 0);
}

/* The errors that all forms have in common. */
static void
lock_check_mutex_errors(struct lock lock)
{
    pthread_mutex_t checking = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
    pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
    pthread_mutex_t invalid;

    lock.deadline = expect_deadline(lock.clock, DEADLINE_FAR_MS);
    lock.object = &checking;
    EXPECT_RETURNS(lock.acquire(&lock), 0);
    EXPECT_RETURNS(lock.acquire(&lock), EDEADLK);
    EXPECT_RETURNS(pthread_mutex_unlock(&checking), 0);

    lock.object = &recursive;
    EXPECT_RETURNS(lock.acquire(&lock), 0);
    EXPECT_RETURNS(lock.acquire(&lock), 0);
    EXPECT_RETURNS(pthread_mutex_unlock(&recursive), 0);
    EXPECT_RETURNS(pthread_mutex_unlock(&recursive), 0);
    EXPECT_RETURNS(pthread_mutex_unlock(&recursive), EPERM);

    lock_mutex_of_the_dead(&lock);

    /* No kind that there is. */
    EXPECT_EQ(pthread_mutex_init(&invalid, NULL), 0);
    invalid.__data.__kind = 5;
    lock.object = &invalid;
    EXPECT_RETURNS(lock.acquire(&lock), EINVAL);
}

ROW_CASE(pthread_mutex_lock)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    struct lock lock = LOCK_OF_MUTEX(lock_acquire_mutex, function, &mutex);

    lock_waits_until_released(&lock);
    lock_check_mutex_errors(lock);
}

ROW_CASE(pthread_mutex_timedlock)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    struct lock lock = LOCK_OF_MUTEX(lock_acquire_mutex_timed, function, &mutex);

    lock_waits_until_released(&lock);
    lock_heeds_its_deadline(&lock);
    lock_check_mutex_errors(lock);
}

ROW_CASE(pthread_mutex_clocklock)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    struct lock lock = LOCK_OF_MUTEX(lock_acquire_mutex_clock, function, &mutex);

    lock_check_clock_form(&lock);
    lock.clock = CLOCK_MONOTONIC;
    lock_check_mutex_errors(lock);
}

static row_type_pthread_mutex_unlock lock_mutex_unlock;

static int
lock_unlock_mutex(void *mutex)
{
    return lock_mutex_unlock(mutex);
}

/* The inner unlock of a recursive mutex leaves it locked. */
static int
lock_hold_mutex_still(void *mutex)
{
    EXPECT_EQ(pthread_mutex_lock(mutex), 0);
    EXPECT_EQ(pthread_mutex_lock(mutex), 0);
    EXPECT_RETURNS(lock_mutex_unlock(mutex), 0);
    return 0;
}

ROW_CASE(pthread_mutex_unlock)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_t checking = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
    pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
    row_type_pthread_mutex_lock take = pthread_mutex_lock;
    struct lock lock = LOCK_OF_MUTEX(lock_acquire_mutex, take, &mutex);

    lock_mutex_unlock = function;
    lock.let_go = lock_unlock_mutex;
    lock_unlock_wakes(&lock, lock_hold_mutex, "pthread_mutex_unlock");

    EXPECT_RETURNS(function(&checking), EPERM);
    EXPECT_EQ(pthread_mutex_lock(&checking), 0);
    EXPECT_RETURNS(function(&checking), 0);

    lock.object = &recursive;
    lock_unlock_wakes(&lock, lock_hold_mutex_still, "pthread_mutex_unlock");
    EXPECT_RETURNS(function(&recursive), EPERM);

    mutex.__data.__kind = 5;
    EXPECT_RETURNS(function(&mutex), EINVAL);
}

/* --- C11 mutexes ------------------------------------------------------------------------------ */

static int
lock_hold_c11(void *mutex)
{
    return mtx_lock(mutex);
}

static int
lock_let_go_of_c11(void *mutex)
{
    return mtx_unlock(mutex);
}

static int
lock_acquire_c11(const struct lock *lock)
{
    return ((row_type_mtx_lock)lock->function)(lock->object);
}

static int
lock_acquire_c11_timed(const struct lock *lock)
{
    return ((row_type_mtx_timedlock)lock->function)(lock->object, &lock->deadline);
}

#define LOCK_OF_C11(form, under_test, mutex)                                                       \
    {                                                                                              \
        .acquire = (form), .function = (void (*)(void))(under_test), .object = (mutex),            \
        .hold = lock_hold_c11, .let_go = lock_let_go_of_c11, .clock = CLOCK_REALTIME,              \
        .timed_out = thrd_timedout, .invalid = thrd_error                                          \
    }

ROW_CASE(mtx_lock)
{
    mtx_t mutex;
    struct lock lock = LOCK_OF_C11(lock_acquire_c11, function, &mutex);

    EXPECT_EQ(mtx_init(&mutex, mtx_plain), thrd_success);
    lock_waits_until_released(&lock);
    EXPECT_EQ(mtx_init(&mutex, mtx_recursive), thrd_success);
    EXPECT_EQ(mtx_lock(&mutex), thrd_success);
    EXPECT_RETURNS(function(&mutex), thrd_success);
    EXPECT_EQ(mtx_unlock(&mutex), thrd_success);
    EXPECT_EQ(mtx_unlock(&mutex), thrd_success);
    lock_waits_until_released(&lock);
    ((pthread_mutex_t *)(void *)&mutex)->__data.__kind = 5;
    EXPECT_RETURNS(function(&mutex), thrd_error);
}

ROW_CASE(mtx_timedlock)
{
    mtx_t mutex;
    struct lock lock = LOCK_OF_C11(lock_acquire_c11_timed, function, &mutex);

    EXPECT_EQ(mtx_init(&mutex, mtx_timed), thrd_success);
    lock_waits_until_released(&lock);
    lock_heeds_its_deadline(&lock);
    EXPECT_EQ(mtx_init(&mutex, mtx_timed | mtx_recursive), thrd_success);
    lock_waits_until_released(&lock);
    lock_heeds_its_deadline(&lock);
}

static row_type_mtx_unlock lock_c11_unlock;

static int
lock_unlock_c11(void *mutex)
{
    return lock_c11_unlock(mutex);
}

ROW_CASE(mtx_unlock)
{
    mtx_t mutex;
    row_type_mtx_lock take = mtx_lock;
    struct lock lock = LOCK_OF_C11(lock_acquire_c11, take, &mutex);

    lock_c11_unlock = function;
    lock.let_go = lock_unlock_c11;
    EXPECT_EQ(mtx_init(&mutex, mtx_plain), thrd_success);
    lock_unlock_wakes(&lock, lock_hold_c11, "mtx_unlock");
    EXPECT_EQ(mtx_init(&mutex, mtx_recursive), thrd_success);
    EXPECT_EQ(mtx_lock(&mutex), thrd_success);
    EXPECT_EQ(mtx_lock(&mutex), thrd_success);
    EXPECT_RETURNS(function(&mutex), thrd_success);
    EXPECT_RETURNS(function(&mutex), thrd_success);
    EXPECT_RETURNS(function(&mutex), thrd_error);
}
