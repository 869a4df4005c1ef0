/* Every rwlock function, over every kind of rwlock: results, errno, deadlines. */
#include "expect.h"

#include <sys/mman.h>

typedef int plain_function(pthread_rwlock_t *);
typedef int timed_function(pthread_rwlock_t *, const struct timespec *);
typedef int clock_function(pthread_rwlock_t *, clockid_t, const struct timespec *);

static const struct timespec long_past = {1, 0};
static timed_function *libc_timed[2];
static clock_function *libc_clock[2];
static timed_function *const timed[2] = {pthread_rwlock_timedrdlock, pthread_rwlock_timedwrlock};
static clock_function *const clocked[2] = {pthread_rwlock_clockrdlock, pthread_rwlock_clockwrlock};

static void
init_rwlock(pthread_rwlock_t *lock, int kind, int shared)
{
    pthread_rwlockattr_t attributes;

    EXPECT_EQ(pthread_rwlockattr_init(&attributes), 0);
    EXPECT_EQ(pthread_rwlockattr_setkind_np(&attributes, kind), 0);
    EXPECT_EQ(pthread_rwlockattr_setpshared(&attributes, shared), 0);
    EXPECT_EQ(pthread_rwlock_init(lock, &attributes), 0);
    EXPECT_EQ(pthread_rwlockattr_destroy(&attributes), 0);
}

static int
read_lock(void *lock)
{
    EXPECT_RETURNS(pthread_rwlock_rdlock(lock), 0);
    return 0;
}

static int
write_lock(void *lock)
{
    EXPECT_RETURNS(pthread_rwlock_wrlock(lock), 0);
    return 0;
}

static int
unlock(void *lock)
{
    EXPECT_RETURNS(pthread_rwlock_unlock(lock), 0);
    return 0;
}

static int
read_lock_and_unlock(void *lock)
{
    return read_lock(lock) + unlock(lock);
}

static int
write_lock_and_unlock(void *lock)
{
    return write_lock(lock) + unlock(lock);
}

static int
undone(int result, pthread_rwlock_t *lock)
{
    if (result == 0)
        EXPECT_EQ(pthread_rwlock_unlock(lock), 0);
    return result;
}

/* libc checks the deadline and the clock even of a lock that is free: so must we. */
static void
odd_arguments_get_the_answer_of_libc(pthread_rwlock_t *lock)
{
    const struct timespec times[] = {{1, 0}, {-5, 0}, {1, -1}, {4000000000, 1000000000}};
    const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID,
                                CLOCK_BOOTTIME, -1};

    for (int write = 0; write < 2; write++) {
        for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
            EXPECT_RETURNS(undone(timed[write](lock, &times[i]), lock),
                           undone(libc_timed[write](lock, &times[i]), lock));
            for (size_t j = 0; j < sizeof(clocks) / sizeof(clocks[0]); j++)
                EXPECT_RETURNS(undone(clocked[write](lock, clocks[j], &times[i]), lock),
                               undone(libc_clock[write](lock, clocks[j], &times[i]), lock));
        }
    }
}

static void
a_free_lock_is_taken_by_every_function(pthread_rwlock_t *lock)
{
    struct timespec steady = expect_deadline(CLOCK_MONOTONIC, 5000);
    struct timespec soon = expect_deadline(CLOCK_REALTIME, 5000);
    plain_function *const plain[] = {pthread_rwlock_rdlock, pthread_rwlock_wrlock,
                                     pthread_rwlock_tryrdlock, pthread_rwlock_trywrlock};

    for (size_t i = 0; i < 4; i++) {
        EXPECT_RETURNS(plain[i](lock), 0);
        EXPECT_RETURNS(pthread_rwlock_unlock(lock), 0);
    }
    for (int write = 0; write < 2; write++) {
        EXPECT_RETURNS(undone(timed[write](lock, &soon), lock), 0);
        EXPECT_RETURNS(undone(clocked[write](lock, CLOCK_REALTIME, &soon), lock), 0);
        EXPECT_RETURNS(undone(clocked[write](lock, CLOCK_MONOTONIC, &steady), lock), 0);
    }
    odd_arguments_get_the_answer_of_libc(lock);
}

static void
the_timed_forms_time_out(pthread_rwlock_t *lock, bool write)
{
    const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC};
    struct timespec deadline = expect_deadline(CLOCK_REALTIME, 12);

    EXPECT_RETURNS(timed[write](lock, &deadline), ETIMEDOUT);
    EXPECT(expect_now_ns(CLOCK_REALTIME) >=
           (int64_t)deadline.tv_sec * 1000000000 + deadline.tv_nsec);
    for (size_t i = 0; i < 2; i++) {
        deadline = expect_deadline(clocks[i], 12);
        EXPECT_RETURNS(clocked[write](lock, clocks[i], &deadline), ETIMEDOUT);
        EXPECT(expect_now_ns(clocks[i]) >=
               (int64_t)deadline.tv_sec * 1000000000 + deadline.tv_nsec);
    }
}

static void
a_write_locked_lock_refuses_all(pthread_rwlock_t *lock, struct actor *other)
{
    actor_do(other, write_lock, lock);
    EXPECT_RETURNS(pthread_rwlock_tryrdlock(lock), EBUSY);
    EXPECT_RETURNS(pthread_rwlock_trywrlock(lock), EBUSY);
    the_timed_forms_time_out(lock, false);
    the_timed_forms_time_out(lock, true);
    odd_arguments_get_the_answer_of_libc(lock);
    actor_do(other, unlock, lock);
}

static void
a_read_locked_lock_refuses_writers_alone(pthread_rwlock_t *lock, struct actor *other)
{
    actor_do(other, read_lock, lock);
    EXPECT_RETURNS(pthread_rwlock_trywrlock(lock), EBUSY);
    the_timed_forms_time_out(lock, true);
    EXPECT_RETURNS(pthread_rwlock_tryrdlock(lock), 0);
    EXPECT_RETURNS(pthread_rwlock_rdlock(lock), 0);
    EXPECT_RETURNS(pthread_rwlock_unlock(lock), 0);
    EXPECT_RETURNS(pthread_rwlock_unlock(lock), 0);
    actor_do(other, unlock, lock);
}

static void
a_writer_locking_again_is_told(pthread_rwlock_t *lock)
{
    struct timespec soon = expect_deadline(CLOCK_REALTIME, 1000);

    EXPECT_RETURNS(pthread_rwlock_wrlock(lock), 0);
    EXPECT_RETURNS(pthread_rwlock_rdlock(lock), EDEADLK);
    EXPECT_RETURNS(pthread_rwlock_wrlock(lock), EDEADLK);
    EXPECT_RETURNS(pthread_rwlock_timedrdlock(lock, &soon), EDEADLK);
    EXPECT_RETURNS(pthread_rwlock_timedwrlock(lock, &soon), EDEADLK);
    EXPECT_RETURNS(pthread_rwlock_clockrdlock(lock, CLOCK_REALTIME, &soon), EDEADLK);
    EXPECT_RETURNS(pthread_rwlock_clockwrlock(lock, CLOCK_REALTIME, &soon), EDEADLK);
    EXPECT_RETURNS(pthread_rwlock_tryrdlock(lock), EBUSY);
    EXPECT_RETURNS(pthread_rwlock_unlock(lock), 0);
}

/* Readers are counted above the three low bits; the count is set by hand to its limit. */
static void
one_reader_too_many_is_told_eagain(pthread_rwlock_t *lock)
{
    struct timespec soon = expect_deadline(CLOCK_REALTIME, 1000);
    unsigned full = 0x7ffffff8u;

    EXPECT_RETURNS(pthread_rwlock_rdlock(lock), 0);
    unsigned one_reader = lock->__data.__readers;
    lock->__data.__readers = full | (one_reader & 7u);
    EXPECT_RETURNS(pthread_rwlock_rdlock(lock), EAGAIN);
    EXPECT_RETURNS(pthread_rwlock_tryrdlock(lock), EAGAIN);
    EXPECT_RETURNS(pthread_rwlock_timedrdlock(lock, &soon), EAGAIN);
    lock->__data.__readers = one_reader;
    EXPECT_RETURNS(pthread_rwlock_unlock(lock), 0);
}

static void
waiters_get_the_lock_at_its_unlock(pthread_rwlock_t *lock, struct actor *other)
{
    EXPECT_EQ(write_lock(lock), 0);
    actor_begin(other, read_lock_and_unlock, lock);
    expect_blocked_in(other->tid, SYS_futex);
    EXPECT_EQ(unlock(lock), 0);
    EXPECT_EQ(actor_end(other), 0);

    EXPECT_EQ(read_lock(lock), 0);
    actor_begin(other, write_lock_and_unlock, lock);
    expect_blocked_in(other->tid, SYS_futex);
    EXPECT_EQ(unlock(lock), 0);
    EXPECT_EQ(actor_end(other), 0);
}

static void
a_waiting_writer_stops_new_readers_where_asked(pthread_rwlock_t *lock, struct actor *other,
                                               int kind)
{
    bool prefers_writer = kind == PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP;

    EXPECT_EQ(read_lock(lock), 0);
    actor_begin(other, write_lock_and_unlock, lock);
    expect_blocked_in(other->tid, SYS_futex);
    EXPECT_RETURNS(undone(pthread_rwlock_tryrdlock(lock), lock), prefers_writer ? EBUSY : 0);
    EXPECT_RETURNS(undone(pthread_rwlock_timedrdlock(lock, &long_past), lock),
                   prefers_writer ? ETIMEDOUT : 0);
    EXPECT_EQ(unlock(lock), 0);
    EXPECT_EQ(actor_end(other), 0);
}

static void
a_child_of_fork_contends_for_a_shared_lock(void)
{
    pthread_rwlock_t *lock =
        mmap(NULL, sizeof(*lock), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    EXPECT(lock != MAP_FAILED);
    init_rwlock(lock, PTHREAD_RWLOCK_PREFER_READER_NP, PTHREAD_PROCESS_SHARED);
    EXPECT_EQ(write_lock(lock), 0);
    pid_t child = fork();
    if (child == 0) {
        EXPECT_RETURNS(pthread_rwlock_tryrdlock(lock), EBUSY);
        EXPECT_EQ(read_lock_and_unlock(lock), 0);
        EXPECT_EQ(write_lock_and_unlock(lock), 0);
        _exit(23);
    }
    expect_pause_ms(20);
    EXPECT_EQ(unlock(lock), 0);
    EXPECT_EQ(expect_wait_status(child), 23 << 8);
}

int
main(void)
{
    const int kinds[] = {PTHREAD_RWLOCK_PREFER_READER_NP, PTHREAD_RWLOCK_PREFER_WRITER_NP,
                         PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP};
    struct actor other;

    libc_timed[0] = (timed_function *)expect_libc_function("pthread_rwlock_timedrdlock");
    libc_timed[1] = (timed_function *)expect_libc_function("pthread_rwlock_timedwrlock");
    libc_clock[0] = (clock_function *)expect_libc_function("pthread_rwlock_clockrdlock");
    libc_clock[1] = (clock_function *)expect_libc_function("pthread_rwlock_clockwrlock");
    actor_start(&other);
    for (int i = 0; i < 6; i++) {
        pthread_rwlock_t lock;

        init_rwlock(&lock, kinds[i / 2], i % 2);
        a_free_lock_is_taken_by_every_function(&lock);
        a_write_locked_lock_refuses_all(&lock, &other);
        a_read_locked_lock_refuses_writers_alone(&lock, &other);
        a_writer_locking_again_is_told(&lock);
        one_reader_too_many_is_told_eagain(&lock);
        waiters_get_the_lock_at_its_unlock(&lock, &other);
        a_waiting_writer_stops_new_readers_where_asked(&lock, &other, kinds[i / 2]);
        EXPECT_RETURNS(pthread_rwlock_destroy(&lock), 0);
    }
    actor_stop(&other);
    a_child_of_fork_contends_for_a_shared_lock();
    return 0;
}
