/* Mutexes with a priority ceiling, which need real-time scheduling; skipped where it is refused. */
#include "expect.h"

#include <sched.h>

#define SKIPPED 77
#define CEILING 5

static pthread_mutex_t mutex;

static void
init_mutex(void)
{
    pthread_mutexattr_t attributes;

    EXPECT_EQ(pthread_mutexattr_init(&attributes), 0);
    EXPECT_EQ(pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK), 0);
    EXPECT_EQ(pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_PROTECT), 0);
    EXPECT_EQ(pthread_mutexattr_setprioceiling(&attributes, CEILING), 0);
    EXPECT_EQ(pthread_mutex_init(&mutex, &attributes), 0);
    EXPECT_EQ(pthread_mutexattr_destroy(&attributes), 0);
}

static int
set_priority(int priority)
{
    struct sched_param parameters = {.sched_priority = priority};

    return pthread_setschedparam(pthread_self(), SCHED_FIFO, &parameters);
}

static int
priority_now(void)
{
    struct sched_param parameters = {0};

    EXPECT_EQ(syscall(SYS_sched_getparam, 0, &parameters), 0);
    return parameters.sched_priority;
}

static int
lock_and_unlock(void *unused)
{
    (void)unused;
    EXPECT_RETURNS(pthread_mutex_lock(&mutex), 0);
    EXPECT_EQ(priority_now(), CEILING);
    EXPECT_RETURNS(pthread_mutex_unlock(&mutex), 0);
    return 0;
}

static int
try_lock(void *unused)
{
    (void)unused;
    return pthread_mutex_trylock(&mutex);
}

static void
the_holder_runs_at_the_ceiling_and_returns_to_its_priority(void)
{
    int own = priority_now();

    for (int i = 0; i < 100; i++) {
        EXPECT_EQ(lock_and_unlock(NULL), 0);
        EXPECT_EQ(priority_now(), own);
        EXPECT_RETURNS(pthread_mutex_trylock(&mutex), 0);
        EXPECT_EQ(priority_now(), CEILING);
        EXPECT_RETURNS(pthread_mutex_unlock(&mutex), 0);
        EXPECT_EQ(priority_now(), own);
    }
}

static void
waiters_and_refusals_leave_priorities_as_they_were(void)
{
    struct actor other;

    actor_start(&other);
    for (int i = 0; i < 10; i++) {
        EXPECT_RETURNS(pthread_mutex_lock(&mutex), 0);
        EXPECT_EQ(actor_do(&other, try_lock, NULL), EBUSY);
        actor_begin(&other, lock_and_unlock, NULL);
        expect_blocked_in(other.tid, SYS_futex);
        EXPECT_RETURNS(pthread_mutex_unlock(&mutex), 0);
        EXPECT_EQ(actor_end(&other), 0);
    }
    actor_stop(&other);
}

int
main(void)
{
    int refused = set_priority(1);

    if (refused != 0) {
        printf("skipped: SCHED_FIFO is refused here: %s\n", strerror(refused));
        return SKIPPED;
    }
    init_mutex();
    the_holder_runs_at_the_ceiling_and_returns_to_its_priority();
    waiters_and_refusals_leave_priorities_as_they_were();
    EXPECT_RETURNS(pthread_mutex_lock(&mutex), 0);
    EXPECT_RETURNS(pthread_mutex_lock(&mutex), EDEADLK);
    EXPECT_RETURNS(pthread_mutex_unlock(&mutex), 0);
    EXPECT_RETURNS(pthread_mutex_unlock(&mutex), EPERM);
    EXPECT_EQ(set_priority(CEILING + 1), 0);
    EXPECT_RETURNS(pthread_mutex_lock(&mutex), EINVAL);
    EXPECT_RETURNS(pthread_mutex_trylock(&mutex), EINVAL);
    return 0;
}
