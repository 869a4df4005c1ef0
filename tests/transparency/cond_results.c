/* Condition variables: results, clocks, deadlines, and the mutex that comes back held. */
#include "expect.h"

#include <sys/mman.h>

typedef int clockwait_function(pthread_cond_t *, pthread_mutex_t *, clockid_t,
                               const struct timespec *);

static pthread_mutex_t mutex = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_cond_t steady_cond;
static int turn;

static void
expect_mutex_held_by_us(void)
{
    EXPECT_RETURNS(pthread_mutex_lock(&mutex), EDEADLK);
}

static int
wait_for_turn(void *unused)
{
    (void)unused;
    EXPECT_EQ(pthread_mutex_lock(&mutex), 0);
    while (turn == 0) {
        EXPECT_RETURNS(pthread_cond_wait(&cond, &mutex), 0);
        expect_mutex_held_by_us();
    }
    turn--;
    EXPECT_EQ(pthread_mutex_unlock(&mutex), 0);
    return 0;
}

static int
wait_for_turn_with_deadline(void *unused)
{
    struct timespec deadline = expect_deadline(CLOCK_REALTIME, 20000);

    (void)unused;
    EXPECT_EQ(pthread_mutex_lock(&mutex), 0);
    while (turn == 0) {
        EXPECT_RETURNS(pthread_cond_timedwait(&cond, &mutex, &deadline), 0);
        expect_mutex_held_by_us();
    }
    turn--;
    EXPECT_EQ(pthread_mutex_unlock(&mutex), 0);
    return 0;
}

static int
wait_for_turn_by_steady_clock(void *unused)
{
    struct timespec deadline = expect_deadline(CLOCK_MONOTONIC, 20000);

    (void)unused;
    EXPECT_EQ(pthread_mutex_lock(&mutex), 0);
    while (turn == 0) {
        EXPECT_RETURNS(pthread_cond_clockwait(&cond, &mutex, CLOCK_MONOTONIC, &deadline), 0);
        expect_mutex_held_by_us();
    }
    turn--;
    EXPECT_EQ(pthread_mutex_unlock(&mutex), 0);
    return 0;
}

static int (*const waits[])(void *) = {wait_for_turn, wait_for_turn_with_deadline,
                                       wait_for_turn_by_steady_clock};
#define WAIT_COUNT 3

static void
give_turns(int count, bool to_all)
{
    EXPECT_EQ(pthread_mutex_lock(&mutex), 0);
    turn = count;
    if (to_all)
        EXPECT_RETURNS(pthread_cond_broadcast(&cond), 0);
    else
        EXPECT_RETURNS(pthread_cond_signal(&cond), 0);
    expect_pause_ms(1);
    EXPECT_EQ(pthread_mutex_unlock(&mutex), 0);
}

static void
a_signal_wakes_one_and_a_broadcast_all(void)
{
    struct actor actors[WAIT_COUNT];

    for (int i = 0; i < WAIT_COUNT; i++) {
        actor_start(&actors[i]);
        actor_begin(&actors[i], waits[i], NULL);
        expect_blocked_in(actors[i].tid, SYS_futex);
        give_turns(1, false);
        EXPECT_EQ(actor_end(&actors[i]), 0);
    }
    for (int i = 0; i < WAIT_COUNT; i++) {
        actor_begin(&actors[i], waits[i], NULL);
        expect_blocked_in(actors[i].tid, SYS_futex);
    }
    give_turns(WAIT_COUNT, true);
    for (int i = 0; i < WAIT_COUNT; i++) {
        EXPECT_EQ(actor_end(&actors[i]), 0);
        actor_stop(&actors[i]);
    }
    EXPECT_EQ(turn, 0);
}

static void
nobody_waiting_is_no_error(void)
{
    EXPECT_RETURNS(pthread_cond_signal(&cond), 0);
    EXPECT_RETURNS(pthread_cond_broadcast(&cond), 0);
}

/* A wait of 12 ms on `which`, by the clock that it goes by; a spurious wake-up is allowed. */
static void
a_timeout_is_not_early(pthread_cond_t *which, clockid_t clock, bool by_clockwait)
{
    struct timespec deadline = expect_deadline(clock, 12);
    int result;

    EXPECT_EQ(pthread_mutex_lock(&mutex), 0);
    do {
        errno = EXPECT_ERRNO_MARK;
        result = by_clockwait ? pthread_cond_clockwait(which, &mutex, clock, &deadline)
                              : pthread_cond_timedwait(which, &mutex, &deadline);
        EXPECT_EQ(errno, EXPECT_ERRNO_MARK);
        expect_mutex_held_by_us();
    } while (result == 0);
    EXPECT_EQ(result, ETIMEDOUT);
    EXPECT(expect_now_ns(clock) >= (int64_t)deadline.tv_sec * 1000000000 + deadline.tv_nsec);
    EXPECT_EQ(pthread_mutex_unlock(&mutex), 0);
}

static void
odd_arguments_are_refused_and_the_mutex_stays_held(void)
{
    clockwait_function *libc_clockwait =
        (clockwait_function *)expect_libc_function("pthread_cond_clockwait");
    const struct timespec invalid[] = {{1, -1}, {4000000000, 1000000000}};
    const struct timespec past[] = {{1, 0}, {-5, 0}, {0, 0}};
    const clockid_t clocks[] = {CLOCK_PROCESS_CPUTIME_ID, CLOCK_BOOTTIME, -1, 12345};

    EXPECT_EQ(pthread_mutex_lock(&mutex), 0);
    for (size_t i = 0; i < 2; i++) {
        EXPECT_RETURNS(pthread_cond_timedwait(&cond, &mutex, &invalid[i]), EINVAL);
        EXPECT_RETURNS(pthread_cond_clockwait(&cond, &mutex, CLOCK_MONOTONIC, &invalid[i]), EINVAL);
        expect_mutex_held_by_us();
    }
    for (size_t i = 0; i < 3; i++) {
        EXPECT_RETURNS(pthread_cond_timedwait(&cond, &mutex, &past[i]), ETIMEDOUT);
        EXPECT_RETURNS(pthread_cond_clockwait(&cond, &mutex, CLOCK_REALTIME, &past[i]), ETIMEDOUT);
        expect_mutex_held_by_us();
    }
    for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
        EXPECT_RETURNS(pthread_cond_clockwait(&cond, &mutex, clocks[i], &past[0]),
                       libc_clockwait(&cond, &mutex, clocks[i], &past[0]));
        expect_mutex_held_by_us();
    }
    EXPECT_EQ(pthread_mutex_unlock(&mutex), 0);
}

static void
a_mutex_that_is_not_ours_is_told(void)
{
    struct timespec soon = expect_deadline(CLOCK_REALTIME, 1000);

    EXPECT_RETURNS(pthread_cond_wait(&cond, &mutex), EPERM);
    EXPECT_RETURNS(pthread_cond_timedwait(&cond, &mutex, &soon), EPERM);
    EXPECT_RETURNS(pthread_cond_clockwait(&cond, &mutex, CLOCK_REALTIME, &soon), EPERM);
}

static int
trylock_result(void *lock)
{
    return pthread_mutex_trylock(lock);
}

static int
wait_twice_locked(void *lock)
{
    pthread_cond_t own = PTHREAD_COND_INITIALIZER;
    struct timespec deadline = expect_deadline(CLOCK_REALTIME, 100);

    EXPECT_EQ(pthread_mutex_lock(lock), 0);
    EXPECT_EQ(pthread_mutex_lock(lock), 0);
    EXPECT_RETURNS(pthread_cond_timedwait(&own, lock, &deadline), ETIMEDOUT);
    EXPECT_RETURNS(pthread_mutex_unlock(lock), 0);
    EXPECT_RETURNS(pthread_mutex_unlock(lock), 0);
    EXPECT_RETURNS(pthread_mutex_unlock(lock), EPERM);
    return 0;
}

static void
a_wait_at_depth_two_keeps_a_recursive_mutex(void)
{
    static pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
    struct actor other;

    actor_start(&other);
    actor_begin(&other, wait_twice_locked, &recursive);
    expect_blocked_in(other.tid, SYS_futex);
    EXPECT_EQ(trylock_result(&recursive), EBUSY);
    EXPECT_EQ(actor_end(&other), 0);
    actor_stop(&other);
}

struct robust_wait {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
};

static int
wait_until_owner_died(void *argument)
{
    struct robust_wait *wait = argument;

    EXPECT_EQ(pthread_mutex_lock(&wait->mutex), 0);
    EXPECT_RETURNS(pthread_cond_wait(&wait->cond, &wait->mutex), EOWNERDEAD);
    EXPECT_EQ(pthread_mutex_consistent(&wait->mutex), 0);
    EXPECT_RETURNS(pthread_mutex_unlock(&wait->mutex), 0);
    return 0;
}

static void *
signal_and_die_with_the_lock(void *argument)
{
    struct robust_wait *wait = argument;

    EXPECT_EQ(pthread_mutex_lock(&wait->mutex), 0);
    EXPECT_EQ(pthread_cond_signal(&wait->cond), 0);
    expect_pause_ms(5);
    return NULL;
}

static void
a_waiter_learns_that_the_owner_died(void)
{
    struct robust_wait wait = {.cond = PTHREAD_COND_INITIALIZER};
    pthread_mutexattr_t attributes;
    struct actor waiter;

    EXPECT_EQ(pthread_mutexattr_init(&attributes), 0);
    EXPECT_EQ(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST), 0);
    EXPECT_EQ(pthread_mutex_init(&wait.mutex, &attributes), 0);
    actor_start(&waiter);
    actor_begin(&waiter, wait_until_owner_died, &wait);
    expect_blocked_in(waiter.tid, SYS_futex);
    expect_join(expect_thread(signal_and_die_with_the_lock, &wait));
    EXPECT_EQ(actor_end(&waiter), 0);
    actor_stop(&waiter);
}

struct shared_pair {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    int value;
};

static void
init_shared_pair(struct shared_pair *pair)
{
    pthread_mutexattr_t mutex_attributes;
    pthread_condattr_t cond_attributes;

    EXPECT_EQ(pthread_mutexattr_init(&mutex_attributes), 0);
    EXPECT_EQ(pthread_mutexattr_setpshared(&mutex_attributes, PTHREAD_PROCESS_SHARED), 0);
    EXPECT_EQ(pthread_mutex_init(&pair->mutex, &mutex_attributes), 0);
    EXPECT_EQ(pthread_condattr_init(&cond_attributes), 0);
    EXPECT_EQ(pthread_condattr_setpshared(&cond_attributes, PTHREAD_PROCESS_SHARED), 0);
    EXPECT_RETURNS(pthread_cond_init(&pair->cond, &cond_attributes), 0);
}

static void
take_turns(struct shared_pair *pair, int mine, int rounds)
{
    for (int i = 0; i < rounds; i++) {
        EXPECT_EQ(pthread_mutex_lock(&pair->mutex), 0);
        while (pair->value != mine)
            EXPECT_RETURNS(pthread_cond_wait(&pair->cond, &pair->mutex), 0);
        pair->value = !mine;
        EXPECT_RETURNS(pthread_cond_broadcast(&pair->cond), 0);
        EXPECT_EQ(pthread_mutex_unlock(&pair->mutex), 0);
    }
}

static void
two_processes_take_turns(void)
{
    struct shared_pair *pair =
        mmap(NULL, sizeof(*pair), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    EXPECT(pair != MAP_FAILED);
    init_shared_pair(pair);
    pid_t child = fork();
    take_turns(pair, child == 0, 500);
    if (child == 0)
        _exit(23);
    EXPECT_EQ(expect_wait_status(child), 23 << 8);
    EXPECT_RETURNS(pthread_cond_destroy(&pair->cond), 0);
}

int
main(void)
{
    pthread_condattr_t attributes;

    EXPECT_EQ(pthread_condattr_init(&attributes), 0);
    EXPECT_EQ(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC), 0);
    EXPECT_RETURNS(pthread_cond_init(&steady_cond, &attributes), 0);

    a_signal_wakes_one_and_a_broadcast_all();
    nobody_waiting_is_no_error();
    a_timeout_is_not_early(&cond, CLOCK_REALTIME, false);
    a_timeout_is_not_early(&steady_cond, CLOCK_MONOTONIC, false);
    a_timeout_is_not_early(&cond, CLOCK_MONOTONIC, true);
    a_timeout_is_not_early(&steady_cond, CLOCK_REALTIME, true);
    odd_arguments_are_refused_and_the_mutex_stays_held();
    a_mutex_that_is_not_ours_is_told();
    a_wait_at_depth_two_keeps_a_recursive_mutex();
    a_waiter_learns_that_the_owner_died();
    two_processes_take_turns();
    EXPECT_RETURNS(pthread_cond_destroy(&steady_cond), 0);
    return 0;
}
