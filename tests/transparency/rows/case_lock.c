/*
 * Locks: functions/lock.def. What they answer for every kind of mutex and read-write lock is looked
 * at by mutex_results.c, mutex_robust.c, mutex_priority_protect.c and rwlock_results.c.
 *
 * Left out: EAGAIN of a recursive mutex and of a read-write lock, which take 2^32 and 2^29 calls.
 */
#include "row.h"

#include <stdatomic.h>

#include "../expect.h"
#include "../expect_region.h"

static const struct timespec lock_past = {1, 0};
static const struct timespec lock_before_epoch = {-5, 0};
static const struct timespec lock_invalid[] = {{4000000000, -1}, {4000000000, 1000000000}};

typedef int lock_function(void *object);

/* A lock function with its arguments, and what the scenarios need beside it. */
struct lock {
    int (*acquire)(const struct lock *lock); /* calls `function`, which it knows the type of */
    void (*function)(void);
    void *object;
    lock_function *hold; /* exclusively */
    lock_function *let_go;
    clockid_t clock; /* of `deadline` */
    struct timespec deadline;
    int timed_out; /* results: pthread's or C11's */
    int invalid;
    bool checks_first; /* an invalid deadline is refused even if the lock is free */
};

/* --- scenarios for all forms ------------------------------------------------------------------ */

/* errno is the call's own afterwards: letting go leaves it alone. */
static long
lock_and_unlock(void *argument)
{
    const struct lock *lock = argument;
    int result = lock->acquire(lock);

    if (result == 0)
        EXPECT_EQ(lock->let_go(lock->object), 0);
    return result;
}

static void
lock_release(void *argument)
{
    const struct lock *lock = argument;

    EXPECT_EQ(lock->let_go(lock->object), 0);
}

static atomic_int lock_calls_by_other;

/* For an actor: no lock function touches errno, whatever it returns. */
static int
lock_by_other(void *argument)
{
    int result;

    atomic_fetch_add(&lock_calls_by_other, 1);
    errno = EXPECT_ERRNO_MARK;
    result = (int)lock_and_unlock(argument);
    EXPECT_EQ(errno, EXPECT_ERRNO_MARK);
    return result;
}

static void
lock_expect_acquired(struct row_outcome outcome)
{
    EXPECT_EQ(outcome.result, 0);
    EXPECT_EQ(outcome.error, EXPECT_ERRNO_MARK);
    EXPECT(!outcome.cancelled);
}

static void
lock_waits_until_released(struct lock *lock)
{
    const struct row_call call = {lock_and_unlock, lock, lock_release};
    struct row_outcome outcome;

    lock->deadline = expect_deadline(lock->clock, 60000);
    EXPECT_EQ(lock_by_other(lock), 0);
    EXPECT_EQ(lock->hold(lock->object), 0);
    lock_expect_acquired(row_release(&call));

    for (int restart = 0; restart < 2; restart++) {
        EXPECT_EQ(lock->hold(lock->object), 0);
        outcome = row_interrupt(&call, restart ? SA_RESTART : 0);
        lock_expect_acquired(outcome);
        EXPECT_EQ(outcome.handled, 1);
    }

    EXPECT_EQ(lock->hold(lock->object), 0);
    lock_expect_acquired(row_cancel(&call));
    lock_expect_acquired(row_cancel_before(&call));
}

/* How a busy lock answers to each deadline. */
static void
lock_heeds_its_deadline(struct lock *lock)
{
    struct actor other;

    actor_start(&other);
    EXPECT_EQ(lock->hold(lock->object), 0);
    lock->deadline = lock_past;
    EXPECT_EQ(actor_do(&other, lock_by_other, lock), lock->timed_out);
    lock->deadline = lock_before_epoch;
    EXPECT_EQ(actor_do(&other, lock_by_other, lock), lock->timed_out);
    lock->deadline = expect_deadline(lock->clock, 30);
    EXPECT_EQ(actor_do(&other, lock_by_other, lock), lock->timed_out);
    EXPECT(expect_now_ns(lock->clock) >=
           (int64_t)lock->deadline.tv_sec * 1000000000 + lock->deadline.tv_nsec);
    row_waited();
    for (size_t i = 0; i < 2; i++) {
        lock->deadline = lock_invalid[i];
        EXPECT_EQ(actor_do(&other, lock_by_other, lock), lock->invalid);
    }
    EXPECT_EQ(lock->let_go(lock->object), 0);

    /* The free lock. */
    lock->deadline = lock_past;
    EXPECT_EQ(lock_by_other(lock), 0);
    lock->deadline = lock_invalid[1];
    EXPECT_EQ(lock_by_other(lock), lock->checks_first ? lock->invalid : 0);
    actor_stop(&other);
}

/* Clocks other than the two are refused, whether the lock is free or not. */
static void
lock_refuses_other_clocks(struct lock *lock)
{
    static const clockid_t refused[] = {CLOCK_BOOTTIME, CLOCK_PROCESS_CPUTIME_ID, -1};

    lock->deadline = expect_deadline(CLOCK_REALTIME, 60000);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct actor other;

        lock->clock = refused[i];
        actor_start(&other);
        EXPECT_EQ(lock_by_other(lock), lock->invalid);
        EXPECT_EQ(lock->hold(lock->object), 0);
        EXPECT_EQ(actor_do(&other, lock_by_other, lock), lock->invalid);
        EXPECT_EQ(lock->let_go(lock->object), 0);
        actor_stop(&other);
    }
}

static void
lock_check_clock_form(struct lock *lock)
{
    static const clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_REALTIME};

    for (size_t i = 0; i < 2; i++) {
        lock->clock = clocks[i];
        lock_waits_until_released(lock);
        lock_heeds_its_deadline(lock);
    }
    lock_refuses_other_clocks(lock);
}

/* An unlock function: it wakes who waits by `lock`, and is charged for it under `leaf`. */
static void
lock_unlock_wakes(struct lock *lock, lock_function *take, const char *leaf)
{
    int calls = atomic_load(&lock_calls_by_other);
    struct actor other;

    actor_start(&other);
    EXPECT_EQ(take(lock->object), 0);
    actor_begin(&other, lock_by_other, lock);
    while (atomic_load(&lock_calls_by_other) == calls)
        expect_pause_ms(1);
    expect_blocked_in(other.tid, SYS_futex);
    EXPECT_RETURNS(lock->let_go(lock->object), 0);
    EXPECT_EQ(actor_end(&other), 0);
    actor_stop(&other);
    if (expect_is_preloaded())
        EXPECT(expect_contentions(expect_own_region(), WP_PROFILE_MUTEX, leaf) > 0);
}

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

/* A robust mutex whose owner died is acquired, with EOWNERDEAD; left as it is, it is lost for good. */
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
    lock->deadline = expect_deadline(lock->clock, 60000);
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

    lock.deadline = expect_deadline(lock.clock, 60000);
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

/* --- read-write locks ------------------------------------------------------------------------- */

static int
lock_hold_rwlock(void *rwlock)
{
    return pthread_rwlock_wrlock(rwlock);
}

static int
lock_share_rwlock(void *rwlock)
{
    return pthread_rwlock_rdlock(rwlock);
}

static int
lock_let_go_of_rwlock(void *rwlock)
{
    return pthread_rwlock_unlock(rwlock);
}

/* The forms that read and write are of the same types. */
static int
lock_acquire_rwlock(const struct lock *lock)
{
    return ((row_type_pthread_rwlock_rdlock)lock->function)(lock->object);
}

static int
lock_acquire_rwlock_timed(const struct lock *lock)
{
    return ((row_type_pthread_rwlock_timedrdlock)lock->function)(lock->object, &lock->deadline);
}

static int
lock_acquire_rwlock_clock(const struct lock *lock)
{
    return ((row_type_pthread_rwlock_clockrdlock)lock->function)(lock->object, lock->clock,
                                                                 &lock->deadline);
}

#define LOCK_OF_RWLOCK(form, under_test, rwlock)                                                   \
    {                                                                                              \
        .acquire = (form), .function = (void (*)(void))(under_test), .object = (rwlock),           \
        .hold = lock_hold_rwlock, .let_go = lock_let_go_of_rwlock, .clock = CLOCK_REALTIME,        \
        .timed_out = ETIMEDOUT, .invalid = EINVAL, .checks_first = true                            \
    }

/* The writer itself gets EDEADLK, from a form that reads and from one that writes. Readers share;
 * a form that writes waits for them. */
static void
lock_check_rwlock_modes(struct lock *lock, bool reads)
{
    const struct row_call call = {lock_and_unlock, lock, lock_release};
    struct actor other;

    lock->deadline = expect_deadline(lock->clock, 60000);
    EXPECT_EQ(pthread_rwlock_wrlock(lock->object), 0);
    EXPECT_RETURNS(lock->acquire(lock), EDEADLK);
    EXPECT_EQ(pthread_rwlock_unlock(lock->object), 0);

    EXPECT_EQ(pthread_rwlock_rdlock(lock->object), 0);
    if (reads) {
        actor_start(&other);
        EXPECT_EQ(actor_do(&other, lock_by_other, lock), 0);
        actor_stop(&other);
        EXPECT_EQ(pthread_rwlock_unlock(lock->object), 0);
        return;
    }
    lock_expect_acquired(row_release(&call));
}

static void
lock_check_rwlock(row_type_pthread_rwlock_rdlock function, bool reads)
{
    pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
    struct lock lock = LOCK_OF_RWLOCK(lock_acquire_rwlock, function, &rwlock);

    lock_waits_until_released(&lock);
    lock_check_rwlock_modes(&lock, reads);
}

static void
lock_check_rwlock_timed(row_type_pthread_rwlock_timedrdlock function, bool reads)
{
    pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
    struct lock lock = LOCK_OF_RWLOCK(lock_acquire_rwlock_timed, function, &rwlock);

    lock_waits_until_released(&lock);
    lock_heeds_its_deadline(&lock);
    lock_check_rwlock_modes(&lock, reads);
}

static void
lock_check_rwlock_clock(row_type_pthread_rwlock_clockrdlock function, bool reads)
{
    pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
    struct lock lock = LOCK_OF_RWLOCK(lock_acquire_rwlock_clock, function, &rwlock);

    lock_check_clock_form(&lock);
    lock.clock = CLOCK_MONOTONIC;
    lock_check_rwlock_modes(&lock, reads);
}

ROW_CASE(pthread_rwlock_rdlock)
{
    lock_check_rwlock(function, true);
}

ROW_CASE(pthread_rwlock_timedrdlock)
{
    lock_check_rwlock_timed(function, true);
}

ROW_CASE(pthread_rwlock_clockrdlock)
{
    lock_check_rwlock_clock(function, true);
}

ROW_CASE(pthread_rwlock_wrlock)
{
    lock_check_rwlock(function, false);
}

ROW_CASE(pthread_rwlock_timedwrlock)
{
    lock_check_rwlock_timed(function, false);
}

ROW_CASE(pthread_rwlock_clockwrlock)
{
    lock_check_rwlock_clock(function, false);
}

static row_type_pthread_rwlock_unlock lock_rwlock_unlock;

static int
lock_unlock_rwlock(void *rwlock)
{
    return lock_rwlock_unlock(rwlock);
}

ROW_CASE(pthread_rwlock_unlock)
{
    pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
    row_type_pthread_rwlock_wrlock take = pthread_rwlock_wrlock;
    struct lock lock = LOCK_OF_RWLOCK(lock_acquire_rwlock, take, &rwlock);

    lock_rwlock_unlock = function;
    lock.let_go = lock_unlock_rwlock;
    lock_unlock_wakes(&lock, lock_hold_rwlock, "pthread_rwlock_unlock");
    lock_unlock_wakes(&lock, lock_share_rwlock, "pthread_rwlock_unlock");
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

/* --- spin locks ------------------------------------------------------------------------------- */

struct lock_spin {
    row_type_pthread_spin_lock lock;
    row_type_pthread_spin_unlock unlock;
    pthread_spinlock_t object;
    int64_t took_ns;
};

static int
lock_spin_by_other(void *argument)
{
    struct lock_spin *spin = argument;
    int64_t start_ns = expect_now_ns(CLOCK_MONOTONIC);

    EXPECT_RETURNS(spin->lock(&spin->object), 0);
    spin->took_ns = expect_now_ns(CLOCK_MONOTONIC) - start_ns;
    EXPECT_RETURNS(spin->unlock(&spin->object), 0);
    return 0;
}

/* Nobody can see a thread spin: it tells by itself that it did. */
static void
lock_spin_until_one_waited(struct lock_spin *spin)
{
    struct actor other;

    EXPECT_EQ(pthread_spin_init(&spin->object, PTHREAD_PROCESS_PRIVATE), 0);
    actor_start(&other);
    for (int round = 0; spin->took_ns < 1000000; round++) {
        EXPECT(round < 100);
        EXPECT_RETURNS(spin->lock(&spin->object), 0);
        EXPECT_EQ(pthread_spin_trylock(&spin->object), EBUSY);
        actor_begin(&other, lock_spin_by_other, spin);
        expect_pause_ms(20);
        EXPECT_RETURNS(spin->unlock(&spin->object), 0);
        EXPECT_EQ(actor_end(&other), 0);
    }
    actor_stop(&other);
    EXPECT_RETURNS(pthread_spin_trylock(&spin->object), 0);
}

ROW_CASE(pthread_spin_lock)
{
    struct lock_spin spin = {.lock = function, .unlock = pthread_spin_unlock};

    lock_spin_until_one_waited(&spin);
    row_waited();
}

ROW_CASE(pthread_spin_unlock)
{
    struct lock_spin spin = {.lock = pthread_spin_lock, .unlock = function};

    lock_spin_until_one_waited(&spin);
    if (expect_is_preloaded())
        EXPECT(expect_contentions(expect_own_region(), WP_PROFILE_MUTEX, "pthread_spin_unlock") >
               0);
}

/* --- the lock of a stream --------------------------------------------------------------------- */

static int
lock_hold_stream(void *stream)
{
    return ftrylockfile(stream);
}

static int
lock_let_go_of_stream(void *stream)
{
    funlockfile(stream);
    return 0;
}

static int
lock_acquire_stream(const struct lock *lock)
{
    ((row_type_flockfile)lock->function)(lock->object);
    return 0;
}

static int
lock_try_stream(void *stream)
{
    int result = ftrylockfile(stream);

    if (result == 0)
        funlockfile(stream);
    return result != 0;
}

ROW_CASE(flockfile)
{
    FILE *stream = fopen("/dev/null", "r+");
    struct lock lock = {
        .acquire = lock_acquire_stream,
        .function = (void (*)(void))function,
        .object = stream,
        .hold = lock_hold_stream,
        .let_go = lock_let_go_of_stream,
    };
    struct actor other;

    EXPECT(stream != NULL);
    lock_waits_until_released(&lock);

    /* As often as its owner likes; free again only after the last unlock. */
    actor_start(&other);
    for (int depth = 0; depth < 3; depth++)
        function(stream);
    for (int depth = 0; depth < 3; depth++) {
        EXPECT_EQ(actor_do(&other, lock_try_stream, stream), 1);
        funlockfile(stream);
    }
    EXPECT_EQ(actor_do(&other, lock_try_stream, stream), 0);
    actor_stop(&other);
    EXPECT_EQ(fclose(stream), 0);
}
