/* Every mutex function, over every kind of mutex: results, errno, deadlines. */
#include "expect.h"

#include <limits.h>

struct kind {
    const char *name;
    int type;
    int protocol;
    int robust;
    int shared;
};

#define PLAIN PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE
static const struct kind kinds[] = {
    {"normal, marked against elision", PTHREAD_MUTEX_NORMAL, PLAIN},
    {"adaptive", PTHREAD_MUTEX_ADAPTIVE_NP, PLAIN},
    {"errorcheck", PTHREAD_MUTEX_ERRORCHECK, PLAIN},
    {"recursive", PTHREAD_MUTEX_RECURSIVE, PLAIN},
    {"normal robust", PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_ROBUST,
     PTHREAD_PROCESS_PRIVATE},
    {"errorcheck robust", PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_ROBUST,
     PTHREAD_PROCESS_PRIVATE},
    {"recursive robust shared", PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_ROBUST,
     PTHREAD_PROCESS_SHARED},
    {"normal shared", PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED,
     PTHREAD_PROCESS_SHARED},
    {"normal priority-inherit", PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_STALLED,
     PTHREAD_PROCESS_PRIVATE},
    {"errorcheck priority-inherit", PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_INHERIT,
     PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE},
    {"recursive priority-inherit", PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_INHERIT,
     PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE},
    {"robust priority-inherit", PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_INHERIT,
     PTHREAD_MUTEX_ROBUST, PTHREAD_PROCESS_PRIVATE},
};
#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

static const struct timespec long_past = {1, 0};
static const struct timespec before_epoch = {-5, 0};
static const struct timespec nsec_negative = {1, -1};
static const struct timespec nsec_too_large = {4000000000, 1000000000};

typedef int timedlock_function(pthread_mutex_t *, const struct timespec *);
typedef int clocklock_function(pthread_mutex_t *, clockid_t, const struct timespec *);
static timedlock_function *libc_timedlock;
static clocklock_function *libc_clocklock;

static void
init_mutex(pthread_mutex_t *mutex, const struct kind *kind)
{
    pthread_mutexattr_t attributes;

    EXPECT_EQ(pthread_mutexattr_init(&attributes), 0);
    EXPECT_EQ(pthread_mutexattr_settype(&attributes, kind->type), 0);
    EXPECT_EQ(pthread_mutexattr_setprotocol(&attributes, kind->protocol), 0);
    EXPECT_EQ(pthread_mutexattr_setrobust(&attributes, kind->robust), 0);
    EXPECT_EQ(pthread_mutexattr_setpshared(&attributes, kind->shared), 0);
    EXPECT_EQ(pthread_mutex_init(mutex, &attributes), 0);
    EXPECT_EQ(pthread_mutexattr_destroy(&attributes), 0);
}

static int
lock_it(void *mutex)
{
    EXPECT_RETURNS(pthread_mutex_lock(mutex), 0);
    return 0;
}

static int
lock_and_unlock_it(void *mutex)
{
    EXPECT_RETURNS(pthread_mutex_lock(mutex), 0);
    EXPECT_RETURNS(pthread_mutex_unlock(mutex), 0);
    return 0;
}

static int
unlock_it(void *mutex)
{
    EXPECT_RETURNS(pthread_mutex_unlock(mutex), 0);
    return 0;
}

static int
unlock_result(void *mutex)
{
    return pthread_mutex_unlock(mutex);
}

static int
trylock_result(void *mutex)
{
    return pthread_mutex_trylock(mutex);
}

/* The result of one acquisition, undone if it succeeded. */
static int
timedlock_result(timedlock_function *call, pthread_mutex_t *mutex, const struct timespec *deadline)
{
    errno = EXPECT_ERRNO_MARK;
    int result = call(mutex, deadline);

    EXPECT_EQ(errno, EXPECT_ERRNO_MARK);
    if (result == 0)
        EXPECT_EQ(pthread_mutex_unlock(mutex), 0);
    return result;
}

static int
clocklock_result(clocklock_function *call, pthread_mutex_t *mutex, clockid_t clock,
                 const struct timespec *deadline)
{
    errno = EXPECT_ERRNO_MARK;
    int result = call(mutex, clock, deadline);

    EXPECT_EQ(errno, EXPECT_ERRNO_MARK);
    if (result == 0)
        EXPECT_EQ(pthread_mutex_unlock(mutex), 0);
    return result;
}

/* Odd deadlines and clocks: whatever libc makes of them, in this state of the mutex. */
static void
odd_arguments_get_the_answer_of_libc(pthread_mutex_t *mutex)
{
    const struct timespec *times[] = {&long_past, &before_epoch, &nsec_negative, &nsec_too_large};
    const clockid_t clocks[] = {CLOCK_REALTIME,
                                CLOCK_MONOTONIC,
                                CLOCK_PROCESS_CPUTIME_ID,
                                CLOCK_MONOTONIC_COARSE,
                                CLOCK_BOOTTIME,
                                -1,
                                12345};

    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        EXPECT_EQ(timedlock_result(pthread_mutex_timedlock, mutex, times[i]),
                  timedlock_result(libc_timedlock, mutex, times[i]));
        for (size_t j = 0; j < sizeof(clocks) / sizeof(clocks[0]); j++)
            EXPECT_EQ(clocklock_result(pthread_mutex_clocklock, mutex, clocks[j], times[i]),
                      clocklock_result(libc_clocklock, mutex, clocks[j], times[i]));
    }
}

static void
a_free_lock_is_taken_by_every_function(pthread_mutex_t *mutex)
{
    struct timespec soon = expect_deadline(CLOCK_REALTIME, 5000);
    struct timespec steady = expect_deadline(CLOCK_MONOTONIC, 5000);

    EXPECT_RETURNS(pthread_mutex_lock(mutex), 0);
    EXPECT_RETURNS(pthread_mutex_unlock(mutex), 0);
    EXPECT_RETURNS(pthread_mutex_trylock(mutex), 0);
    EXPECT_RETURNS(pthread_mutex_unlock(mutex), 0);
    EXPECT_RETURNS(pthread_mutex_timedlock(mutex, &soon), 0);
    EXPECT_RETURNS(pthread_mutex_unlock(mutex), 0);
    EXPECT_RETURNS(pthread_mutex_clocklock(mutex, CLOCK_REALTIME, &soon), 0);
    EXPECT_RETURNS(pthread_mutex_unlock(mutex), 0);
    EXPECT_EQ(clocklock_result(pthread_mutex_clocklock, mutex, CLOCK_MONOTONIC, &steady),
              clocklock_result(libc_clocklock, mutex, CLOCK_MONOTONIC, &steady));
    odd_arguments_get_the_answer_of_libc(mutex);
}

static void
a_timeout_does_not_come_early(pthread_mutex_t *mutex, clockid_t clock)
{
    struct timespec deadline = expect_deadline(clock, 12);

    if (clock == CLOCK_MONOTONIC &&
        clocklock_result(libc_clocklock, mutex, clock, &long_past) == EINVAL)
        return; /* priority inheritance on kernels without FUTEX_LOCK_PI2 */
    EXPECT_RETURNS(pthread_mutex_clocklock(mutex, clock, &deadline), ETIMEDOUT);
    EXPECT(expect_now_ns(clock) >= (int64_t)deadline.tv_sec * 1000000000 + deadline.tv_nsec);
}

static void
a_held_lock_is_refused(pthread_mutex_t *mutex, struct actor *other)
{
    struct timespec deadline;

    actor_do(other, lock_it, mutex);
    EXPECT_RETURNS(pthread_mutex_trylock(mutex), EBUSY);
    deadline = expect_deadline(CLOCK_REALTIME, 12);
    EXPECT_RETURNS(pthread_mutex_timedlock(mutex, &deadline), ETIMEDOUT);
    EXPECT(expect_now_ns(CLOCK_REALTIME) >=
           (int64_t)deadline.tv_sec * 1000000000 + deadline.tv_nsec);
    EXPECT_RETURNS(pthread_mutex_timedlock(mutex, &long_past), ETIMEDOUT);
    a_timeout_does_not_come_early(mutex, CLOCK_REALTIME);
    a_timeout_does_not_come_early(mutex, CLOCK_MONOTONIC);
    odd_arguments_get_the_answer_of_libc(mutex);
    actor_do(other, unlock_it, mutex);
}

static int
timedlock_for_long_and_unlock(void *mutex)
{
    struct timespec deadline = expect_deadline(CLOCK_REALTIME, 20000);

    EXPECT_RETURNS(pthread_mutex_timedlock(mutex, &deadline), 0);
    EXPECT_RETURNS(pthread_mutex_unlock(mutex), 0);
    return 0;
}

static int
clocklock_for_long_and_unlock(void *mutex)
{
    struct timespec deadline = expect_deadline(CLOCK_REALTIME, 20000);

    EXPECT_RETURNS(pthread_mutex_clocklock(mutex, CLOCK_REALTIME, &deadline), 0);
    EXPECT_RETURNS(pthread_mutex_unlock(mutex), 0);
    return 0;
}

static void
a_waiter_gets_the_lock_at_its_unlock(pthread_mutex_t *mutex, struct actor *other)
{
    int (*const waits[])(void *) = {lock_and_unlock_it, timedlock_for_long_and_unlock,
                                    clocklock_for_long_and_unlock};

    for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
        EXPECT_RETURNS(pthread_mutex_lock(mutex), 0);
        actor_begin(other, waits[i], mutex);
        expect_blocked_in(other->tid, SYS_futex);
        EXPECT_RETURNS(pthread_mutex_unlock(mutex), 0);
        EXPECT_EQ(actor_end(other), 0);
    }
}

static bool
is_simple(const struct kind *kind)
{
    return kind->protocol == PTHREAD_PRIO_NONE && kind->robust == PTHREAD_MUTEX_STALLED;
}

/* trylock tells the owner EBUSY, but EDEADLK where the mutex is robust or inherits priority. */
static void
the_owner_locking_again_is_told(pthread_mutex_t *mutex, const struct kind *kind)
{
    struct timespec past = expect_deadline(CLOCK_REALTIME, -1);
    bool recursive = kind->type == PTHREAD_MUTEX_RECURSIVE;
    int again = recursive ? 0 : kind->type == PTHREAD_MUTEX_ERRORCHECK ? EDEADLK : ETIMEDOUT;

    int trying = recursive ? 0 : again == EDEADLK && !is_simple(kind) ? EDEADLK : EBUSY;

    EXPECT_RETURNS(pthread_mutex_lock(mutex), 0);
    EXPECT_RETURNS(pthread_mutex_trylock(mutex), trying);
    if (kind->protocol == PTHREAD_PRIO_NONE || kind->type != PTHREAD_MUTEX_NORMAL) {
        EXPECT_RETURNS(pthread_mutex_timedlock(mutex, &past), again);
        EXPECT_RETURNS(pthread_mutex_clocklock(mutex, CLOCK_REALTIME, &past), again);
    }
    if (kind->type == PTHREAD_MUTEX_ERRORCHECK)
        EXPECT_RETURNS(pthread_mutex_lock(mutex), EDEADLK);
    if (recursive) {
        EXPECT_RETURNS(pthread_mutex_lock(mutex), 0);
        for (int depth = 0; depth < 4; depth++)
            EXPECT_RETURNS(pthread_mutex_unlock(mutex), 0);
    }
    EXPECT_RETURNS(pthread_mutex_unlock(mutex), 0);
}

static void
a_recursive_lock_is_free_only_at_depth_zero(pthread_mutex_t *mutex, struct actor *other)
{
    EXPECT_RETURNS(pthread_mutex_lock(mutex), 0);
    EXPECT_RETURNS(pthread_mutex_lock(mutex), 0);
    actor_begin(other, lock_and_unlock_it, mutex);
    expect_blocked_in(other->tid, SYS_futex);
    EXPECT_RETURNS(pthread_mutex_unlock(mutex), 0);
    expect_pause_ms(3);
    EXPECT_EQ(sem_trywait(&other->done), -1);
    EXPECT_RETURNS(pthread_mutex_unlock(mutex), 0);
    EXPECT_EQ(actor_end(other), 0);
}

/* The depth is set by hand: four thousand million calls would take too long. */
static void
a_recursive_lock_at_its_limit_says_eagain(pthread_mutex_t *mutex)
{
    EXPECT_RETURNS(pthread_mutex_lock(mutex), 0);
    mutex->__data.__count = UINT_MAX;
    EXPECT_RETURNS(pthread_mutex_lock(mutex), EAGAIN);
    EXPECT_RETURNS(pthread_mutex_trylock(mutex), EAGAIN);
    EXPECT_RETURNS(pthread_mutex_timedlock(mutex, &long_past), EAGAIN);
    mutex->__data.__count = 1;
    EXPECT_RETURNS(pthread_mutex_unlock(mutex), 0);
}

static void
only_the_owner_may_unlock(pthread_mutex_t *mutex, struct actor *other)
{
    EXPECT_RETURNS(pthread_mutex_unlock(mutex), EPERM);
    EXPECT_RETURNS(pthread_mutex_lock(mutex), 0);
    EXPECT_EQ(actor_do(other, unlock_result, mutex), EPERM);
    EXPECT_EQ(actor_do(other, trylock_result, mutex), EBUSY);
    EXPECT_RETURNS(pthread_mutex_unlock(mutex), 0);
}

static void
a_destroyed_mutex_is_invalid(pthread_mutex_t *mutex)
{
    EXPECT_RETURNS(pthread_mutex_destroy(mutex), 0);
    EXPECT_RETURNS(pthread_mutex_lock(mutex), EINVAL);
    EXPECT_RETURNS(pthread_mutex_trylock(mutex), EINVAL);
    EXPECT_RETURNS(pthread_mutex_timedlock(mutex, &long_past), EINVAL);
    EXPECT_RETURNS(pthread_mutex_unlock(mutex), EINVAL);
}

static void
this_kind_answers_as_it_should(const struct kind *kind)
{
    struct actor other;
    pthread_mutex_t mutex;
    bool knows_owner = kind->type == PTHREAD_MUTEX_ERRORCHECK ||
                       kind->type == PTHREAD_MUTEX_RECURSIVE ||
                       kind->robust == PTHREAD_MUTEX_ROBUST;

    actor_start(&other);
    init_mutex(&mutex, kind);
    a_free_lock_is_taken_by_every_function(&mutex);
    a_held_lock_is_refused(&mutex, &other);
    a_waiter_gets_the_lock_at_its_unlock(&mutex, &other);
    the_owner_locking_again_is_told(&mutex, kind);
    if (kind->type == PTHREAD_MUTEX_RECURSIVE) {
        a_recursive_lock_is_free_only_at_depth_zero(&mutex, &other);
        a_recursive_lock_at_its_limit_says_eagain(&mutex);
    }
    if (knows_owner)
        only_the_owner_may_unlock(&mutex, &other);
    a_destroyed_mutex_is_invalid(&mutex);
    actor_stop(&other);
}

static void
a_static_mutex_works_in_every_initial_form(void)
{
    static pthread_mutex_t forms[] = {
        PTHREAD_MUTEX_INITIALIZER, PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP,
        PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP, PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP};
    struct actor other;

    actor_start(&other);
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        a_free_lock_is_taken_by_every_function(&forms[i]);
        a_held_lock_is_refused(&forms[i], &other);
        a_waiter_gets_the_lock_at_its_unlock(&forms[i], &other);
    }
    actor_stop(&other);
}

int
main(void)
{
    libc_timedlock = (timedlock_function *)expect_libc_function("pthread_mutex_timedlock");
    libc_clocklock = (clocklock_function *)expect_libc_function("pthread_mutex_clocklock");
    for (size_t i = 0; i < KIND_COUNT; i++) {
        printf("%s\n", kinds[i].name);
        fflush(stdout);
        this_kind_answers_as_it_should(&kinds[i]);
    }
    a_static_mutex_works_in_every_initial_form();
    return 0;
}
