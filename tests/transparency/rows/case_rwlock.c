/*
 * Read-write locks, spin locks, and the lock of a stream: functions/lock.def. rwlock_results.c
 * looks at every kind of read-write lock.
 *
 * Left out: EAGAIN of a read-write lock, which takes 2^29 readers.
 */
#include "../expect.h"
#include "../expect_region.h"
#include "deadline.h"
#include "lock.h"

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

    lock->deadline = expect_deadline(lock->clock, DEADLINE_FAR_MS);
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
