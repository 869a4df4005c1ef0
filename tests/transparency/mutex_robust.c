/* Robust mutexes whose owner dies: as a thread, as a process, before the lock call and within. */
#include "expect.h"

#include <signal.h>
#include <sys/mman.h>

typedef int acquire_function(pthread_mutex_t *);

static int
acquire_by_timedlock(pthread_mutex_t *mutex)
{
    struct timespec deadline = expect_deadline(CLOCK_REALTIME, 20000);

    return pthread_mutex_timedlock(mutex, &deadline);
}

static int
acquire_by_clocklock(pthread_mutex_t *mutex)
{
    struct timespec deadline = expect_deadline(CLOCK_REALTIME, 20000);

    return pthread_mutex_clocklock(mutex, CLOCK_REALTIME, &deadline);
}

/* trylock stands last: in glibc 2.36 a trylock that answers ENOTRECOVERABLE leaves the lock word
 * set, so that later calls answer EDEADLK. */
static acquire_function *const acquires[] = {pthread_mutex_lock, acquire_by_timedlock,
                                             acquire_by_clocklock, pthread_mutex_trylock};
#define ACQUIRE_COUNT (sizeof(acquires) / sizeof(acquires[0]))

static void
init_robust(pthread_mutex_t *mutex, int protocol)
{
    pthread_mutexattr_t attributes;

    EXPECT_EQ(pthread_mutexattr_init(&attributes), 0);
    EXPECT_EQ(pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK), 0);
    EXPECT_EQ(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST), 0);
    EXPECT_EQ(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), 0);
    EXPECT_EQ(pthread_mutexattr_setprotocol(&attributes, protocol), 0);
    EXPECT_EQ(pthread_mutex_init(mutex, &attributes), 0);
}

static void *
lock_and_die(void *mutex)
{
    EXPECT_RETURNS(pthread_mutex_lock(mutex), 0);
    return NULL;
}

static void
expect_ours_alone(pthread_mutex_t *mutex)
{
    EXPECT_RETURNS(pthread_mutex_lock(mutex), EDEADLK);
    EXPECT_RETURNS(pthread_mutex_unlock(mutex), 0);
    EXPECT_RETURNS(pthread_mutex_unlock(mutex), EPERM);
}

static void
the_next_locker_gets_the_lock_and_is_told(pthread_mutex_t *mutex, acquire_function *acquire)
{
    expect_join(expect_thread(lock_and_die, mutex));
    EXPECT_RETURNS(acquire(mutex), EOWNERDEAD);
    EXPECT_RETURNS(pthread_mutex_consistent(mutex), 0);
    expect_ours_alone(mutex);
    EXPECT_RETURNS(acquire(mutex), 0);
    expect_ours_alone(mutex);
}

static void
an_inconsistent_lock_is_lost_for_all(int protocol, acquire_function *acquire)
{
    pthread_mutex_t mutex;

    init_robust(&mutex, protocol);
    expect_join(expect_thread(lock_and_die, &mutex));
    EXPECT_RETURNS(acquire(&mutex), EOWNERDEAD);
    EXPECT_RETURNS(pthread_mutex_unlock(&mutex), 0);
    for (size_t i = 0; i < ACQUIRE_COUNT; i++)
        EXPECT_RETURNS(acquires[i](&mutex), ENOTRECOVERABLE);
    EXPECT_RETURNS(pthread_mutex_destroy(&mutex), 0);
}

struct blocked_acquire {
    pthread_mutex_t *mutex;
    acquire_function *acquire;
};

static int
acquire_after_death(void *argument)
{
    struct blocked_acquire *call = argument;

    EXPECT_RETURNS(call->acquire(call->mutex), EOWNERDEAD);
    EXPECT_RETURNS(pthread_mutex_consistent(call->mutex), 0);
    expect_ours_alone(call->mutex);
    return 0;
}

static int
lock_it(void *mutex)
{
    EXPECT_RETURNS(pthread_mutex_lock(mutex), 0);
    return 0;
}

static void
a_blocked_waiter_learns_of_the_death(pthread_mutex_t *mutex, acquire_function *acquire)
{
    struct blocked_acquire call = {mutex, acquire};
    struct actor owner;
    struct actor waiter;

    actor_start(&owner);
    actor_start(&waiter);
    actor_do(&owner, lock_it, mutex);
    actor_begin(&waiter, acquire_after_death, &call);
    expect_blocked_in(waiter.tid, SYS_futex);
    actor_stop(&owner);
    EXPECT_EQ(actor_end(&waiter), 0);
    actor_stop(&waiter);
}

static void
a_killed_process_leaves_its_lock_behind(pthread_mutex_t *mutex, acquire_function *acquire)
{
    int locked[2];
    char byte;

    EXPECT_EQ(pipe(locked), 0);
    pid_t child = fork();
    if (child == 0) {
        EXPECT_RETURNS(pthread_mutex_lock(mutex), 0);
        EXPECT_EQ(write(locked[1], "x", 1), 1);
        for (;;)
            pause();
    }
    EXPECT_EQ(read(locked[0], &byte, 1), 1);
    EXPECT_RETURNS(pthread_mutex_trylock(mutex), EBUSY);
    struct blocked_acquire call = {mutex, acquire};
    struct actor waiter;

    actor_start(&waiter);
    actor_begin(&waiter, acquire_after_death, &call);
    expect_blocked_in(waiter.tid, SYS_futex);
    EXPECT_EQ(kill(child, SIGKILL), 0);
    EXPECT_EQ(actor_end(&waiter), 0);
    actor_stop(&waiter);
    EXPECT(WIFSIGNALED(expect_wait_status(child)));
    close(locked[0]);
    close(locked[1]);
}

static void
a_child_of_fork_contends_for_a_shared_lock(pthread_mutex_t *mutex)
{
    EXPECT_RETURNS(pthread_mutex_lock(mutex), 0);
    pid_t child = fork();
    if (child == 0) {
        EXPECT_RETURNS(pthread_mutex_trylock(mutex), EBUSY);
        EXPECT_RETURNS(pthread_mutex_lock(mutex), 0);
        expect_ours_alone(mutex);
        _exit(23);
    }
    expect_pause_ms(20);
    EXPECT_RETURNS(pthread_mutex_unlock(mutex), 0);
    int status = expect_wait_status(child);
    EXPECT(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 23);
}

int
main(void)
{
    const int protocols[] = {PTHREAD_PRIO_NONE, PTHREAD_PRIO_INHERIT};
    pthread_mutex_t *mutex =
        mmap(NULL, sizeof(*mutex), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    EXPECT(mutex != MAP_FAILED);
    for (size_t p = 0; p < 2; p++) {
        init_robust(mutex, protocols[p]);
        for (size_t i = 0; i < ACQUIRE_COUNT; i++) {
            the_next_locker_gets_the_lock_and_is_told(mutex, acquires[i]);
            an_inconsistent_lock_is_lost_for_all(protocols[p], acquires[i]);
            if (acquires[i] == pthread_mutex_trylock)
                continue;
            a_blocked_waiter_learns_of_the_death(mutex, acquires[i]);
            a_killed_process_leaves_its_lock_behind(mutex, acquires[i]);
        }
        a_child_of_fork_contends_for_a_shared_lock(mutex);
        EXPECT_RETURNS(pthread_mutex_destroy(mutex), 0);
    }
    return 0;
}
