/*
 * Semaphores, barriers, joins, and what is done once: functions/sync.def.
 *
 * Left out: ESRCH of the joins, which libc tells of no thread that ever was, and EINVAL for a thread
 * that another joins already, which glibc 2.36 does not notice: it waits for ever.
 */
#include "row.h"

#include <signal.h>
#include <stdatomic.h>

#include "../expect.h"
#include "row_wait.h"

static const struct timespec sync_past[] = {{1, 0}, {-5, 0}};
static const struct timespec sync_invalid[] = {{4000000000, -1}, {4000000000, 1000000000}};
static const clockid_t sync_refused_clocks[] = {CLOCK_BOOTTIME, CLOCK_THREAD_CPUTIME_ID, -1};

static void
sync_expect_not_earlier(clockid_t clock, const struct timespec *deadline)
{
    EXPECT(expect_now_ns(clock) >= (int64_t)deadline->tv_sec * 1000000000 + deadline->tv_nsec);
}

/* --- semaphores ------------------------------------------------------------------------------- */

enum sync_form { SYNC_PLAIN, SYNC_TIMED, SYNC_CLOCK };

/* A semaphore, and the call under test. */
struct sync_sem {
    enum sync_form form;
    row_type_sem_wait wait;
    row_type_sem_timedwait timedwait;
    row_type_sem_clockwait clockwait;
    sem_t object;
    clockid_t clock; /* of `deadline` */
    struct timespec deadline;
};

static long
sync_sem_call(void *argument)
{
    struct sync_sem *sem = argument;

    switch (sem->form) {
    case SYNC_PLAIN:
        return sem->wait(&sem->object);
    case SYNC_TIMED:
        return sem->timedwait(&sem->object, &sem->deadline);
    default:
        return sem->clockwait(&sem->object, sem->clock, &sem->deadline);
    }
}

static void
sync_sem_release(void *argument)
{
    struct sync_sem *sem = argument;

    EXPECT_EQ(sem_post(&sem->object), 0);
}

static int
sync_sem_value(struct sync_sem *sem)
{
    int value;

    EXPECT_EQ(sem_getvalue(&sem->object, &value), 0);
    return value;
}

/* The same call by libc's own function. */
static struct sync_sem
sync_sem_of_libc(const struct sync_sem *sem)
{
    static const char *const names[] = {"sem_wait", "sem_timedwait", "sem_clockwait"};
    void *function = expect_libc_function(names[sem->form]);
    struct sync_sem real = {.form = sem->form, .clock = sem->clock, .deadline = sem->deadline};

    memcpy(&real.wait, &function, sizeof(function));
    memcpy(&real.timedwait, &function, sizeof(function));
    memcpy(&real.clockwait, &function, sizeof(function));
    return real;
}

/* A cancellation that is pending acts as in libc though the semaphore is free. */
static void
sync_sem_free_but_cancelled(struct sync_sem *sem)
{
    const struct row_call call = {sync_sem_call, sem, sync_sem_release};
    struct sync_sem real = sync_sem_of_libc(sem);
    const struct row_call real_call = {sync_sem_call, &real, sync_sem_release};
    struct row_outcome expected;
    struct row_outcome outcome;

    EXPECT_EQ(sem_init(&real.object, 0, 1), 0);
    expected = row_cancel_before(&real_call);
    EXPECT_EQ(sem_init(&sem->object, 0, 1), 0);
    outcome = row_cancel_before(&call);
    EXPECT_EQ(outcome.cancelled, expected.cancelled);
    EXPECT_EQ(sync_sem_value(sem), expected.cancelled);
}

static void
sync_sem_waits(struct sync_sem *sem)
{
    const struct row_call call = {sync_sem_call, sem, sync_sem_release};

    sem->deadline = expect_deadline(sem->clock, 60000);
    EXPECT_EQ(sem_init(&sem->object, 0, 1), 0);
    EXPECT_RETURNS(sync_sem_call(sem), 0);
    EXPECT_EQ(sync_sem_value(sem), 0);
    /* With a deadline the kernel does not restart the wait. */
    row_expect_wait(&call, 0, ROW_CANCELS | (sem->form == SYNC_PLAIN ? ROW_RESTARTS : 0u));
    EXPECT_EQ(sync_sem_value(sem), 0);
    sync_sem_free_but_cancelled(sem);
}

static void
sync_sem_heeds_its_deadline(struct sync_sem *sem)
{
    EXPECT_EQ(sem_init(&sem->object, 0, 0), 0);
    sem->deadline = expect_deadline(sem->clock, 30);
    EXPECT_FAILS(sync_sem_call(sem), ETIMEDOUT);
    sync_expect_not_earlier(sem->clock, &sem->deadline);
    row_waited();

    for (int value = 0; value < 2; value++) {
        for (size_t i = 0; i < 2; i++) {
            EXPECT_EQ(sem_init(&sem->object, 0, (unsigned)value), 0);
            sem->deadline = sync_invalid[i];
            EXPECT_FAILS(sync_sem_call(sem), EINVAL);
            EXPECT_EQ(sync_sem_value(sem), value);
            sem->deadline = sync_past[i];
            if (value == 0)
                EXPECT_FAILS(sync_sem_call(sem), ETIMEDOUT);
            else
                EXPECT_RETURNS(sync_sem_call(sem), 0);
        }
    }
}

ROW_CASE(sem_wait)
{
    struct sync_sem sem = {.form = SYNC_PLAIN, .wait = function};

    sync_sem_waits(&sem);
}

ROW_CASE(sem_timedwait)
{
    struct sync_sem sem = {.form = SYNC_TIMED, .timedwait = function, .clock = CLOCK_REALTIME};

    sync_sem_waits(&sem);
    sync_sem_heeds_its_deadline(&sem);
}

ROW_CASE(sem_clockwait)
{
    static const clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_REALTIME};
    struct sync_sem sem = {.form = SYNC_CLOCK, .clockwait = function};

    for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
        sem.clock = clocks[i];
        sync_sem_waits(&sem);
        sync_sem_heeds_its_deadline(&sem);
    }
    for (size_t i = 0; i < sizeof(sync_refused_clocks) / sizeof(clockid_t); i++) {
        sem.clock = sync_refused_clocks[i];
        sem.deadline = expect_deadline(CLOCK_REALTIME, 60000);
        for (unsigned value = 0; value < 2; value++) {
            EXPECT_EQ(sem_init(&sem.object, 0, value), 0);
            EXPECT_FAILS(sync_sem_call(&sem), EINVAL);
            EXPECT_EQ(sync_sem_value(&sem), value);
        }
    }
}

/* --- barriers --------------------------------------------------------------------------------- */

struct sync_barrier {
    row_type_pthread_barrier_wait wait;
    pthread_barrier_t object;
    int serial; /* threads of the last round that were told to be the one */
};

static long
sync_barrier_call(void *argument)
{
    struct sync_barrier *barrier = argument;

    return barrier->wait(&barrier->object);
}

static void
sync_barrier_release(void *argument)
{
    struct sync_barrier *barrier = argument;
    int result;

    errno = EXPECT_ERRNO_MARK;
    result = barrier->wait(&barrier->object);
    EXPECT_EQ(errno, EXPECT_ERRNO_MARK);
    EXPECT(result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD);
    barrier->serial = result == PTHREAD_BARRIER_SERIAL_THREAD;
}

/* Both returned, one of them as the serial thread. */
static void
sync_barrier_expect_passed(struct sync_barrier *barrier, struct row_outcome outcome)
{
    EXPECT(!outcome.cancelled);
    EXPECT(outcome.result == 0 || outcome.result == PTHREAD_BARRIER_SERIAL_THREAD);
    EXPECT_EQ(outcome.error, EXPECT_ERRNO_MARK);
    EXPECT_EQ(barrier->serial + (outcome.result != 0), 1);
}

ROW_CASE(pthread_barrier_wait)
{
    struct sync_barrier barrier = {.wait = function};
    const struct row_call call = {sync_barrier_call, &barrier, sync_barrier_release};

    EXPECT_EQ(pthread_barrier_init(&barrier.object, NULL, 1), 0);
    EXPECT_RETURNS(function(&barrier.object), PTHREAD_BARRIER_SERIAL_THREAD);
    EXPECT_RETURNS(function(&barrier.object), PTHREAD_BARRIER_SERIAL_THREAD);
    EXPECT_EQ(pthread_barrier_destroy(&barrier.object), 0);

    EXPECT_EQ(pthread_barrier_init(&barrier.object, NULL, 2), 0);
    sync_barrier_expect_passed(&barrier, row_release(&call));
    for (int restart = 0; restart < 2; restart++) {
        struct row_outcome outcome = row_interrupt(&call, restart ? SA_RESTART : 0);

        EXPECT_EQ(outcome.handled, 1);
        sync_barrier_expect_passed(&barrier, outcome);
    }
    sync_barrier_expect_passed(&barrier, row_cancel(&call));
    sync_barrier_expect_passed(&barrier, row_cancel_before(&call));
    EXPECT_EQ(pthread_barrier_destroy(&barrier.object), 0);
}

/* --- joins ------------------------------------------------------------------------------------ */

/* A thread to be joined, and the call under test. */
struct sync_join {
    enum sync_form form;
    row_type_pthread_join join;
    row_type_pthread_timedjoin_np timedjoin;
    row_type_pthread_clockjoin_np clockjoin;
    pthread_t thread;
    sem_t end; /* posted for it to end */
    clockid_t clock;
    const struct timespec *deadline;
    void *result;
};

static void *
sync_join_body(void *argument)
{
    struct sync_join *join = argument;

    while (sem_wait(&join->end) != 0)
        continue;
    return &join->end;
}

static void
sync_join_start(struct sync_join *join)
{
    EXPECT_EQ(sem_init(&join->end, 0, 0), 0);
    join->thread = expect_thread(sync_join_body, join);
    join->result = NULL;
}

static int
sync_join_into(struct sync_join *join, void **result)
{
    switch (join->form) {
    case SYNC_PLAIN:
        return join->join(join->thread, result);
    case SYNC_TIMED:
        return join->timedjoin(join->thread, result, join->deadline);
    default:
        return join->clockjoin(join->thread, result, join->clock, join->deadline);
    }
}

static long
sync_join_call(void *argument)
{
    struct sync_join *join = argument;

    return sync_join_into(join, &join->result);
}

static void
sync_join_release(void *argument)
{
    struct sync_join *join = argument;

    EXPECT_EQ(sem_post(&join->end), 0);
}

static void
sync_join_expect_joined(const struct sync_join *join, struct row_outcome outcome)
{
    EXPECT_EQ(outcome.result, 0);
    EXPECT_EQ(outcome.error, EXPECT_ERRNO_MARK);
    EXPECT(join->result == &join->end);
}

static void
sync_join_waits(struct sync_join *join)
{
    const struct row_call call = {sync_join_call, join, sync_join_release};

    sync_join_start(join);
    sync_join_expect_joined(join, row_release(&call));
    for (int restart = 0; restart < 2; restart++) {
        struct row_outcome outcome;

        sync_join_start(join);
        outcome = row_interrupt(&call, restart ? SA_RESTART : 0);
        EXPECT_EQ(outcome.handled, 1);
        sync_join_expect_joined(join, outcome);
    }

    /* A cancelled join leaves the thread to be joined by another. */
    sync_join_start(join);
    EXPECT(row_cancel(&call).cancelled);
    EXPECT(row_cancel_before(&call).cancelled);
    EXPECT(join->result == NULL);
    sync_join_expect_joined(join, row_release(&call));
}

/* A thread that has ended; no result wanted; one that was cancelled. */
static void
sync_join_takes_what_there_is(struct sync_join *join)
{
    sync_join_start(join);
    sync_join_release(join);
    EXPECT_RETURNS(sync_join_call(join), 0);
    EXPECT(join->result == &join->end);
    sync_join_start(join);
    sync_join_release(join);
    EXPECT_RETURNS(sync_join_into(join, NULL), 0);
    sync_join_start(join);
    EXPECT_EQ(pthread_cancel(join->thread), 0);
    EXPECT_RETURNS(sync_join_call(join), 0);
    EXPECT(join->result == PTHREAD_CANCELED);
}

/* Oneself, and a detached thread. */
static void
sync_join_refuses(struct sync_join *join)
{
    join->thread = pthread_self();
    EXPECT_RETURNS(sync_join_call(join), EDEADLK);

    sync_join_start(join);
    EXPECT_EQ(pthread_detach(join->thread), 0);
    EXPECT_RETURNS(sync_join_call(join), EINVAL);
    sync_join_release(join);
}

static void
sync_join_check(struct sync_join *join)
{
    struct timespec deadline = expect_deadline(join->clock, 60000);

    join->deadline = &deadline;
    sync_join_waits(join);
    sync_join_takes_what_there_is(join);
    sync_join_refuses(join);
}

static void
sync_join_heeds_its_deadline(struct sync_join *join)
{
    const struct row_call call = {sync_join_call, join, sync_join_release};
    struct timespec deadline = expect_deadline(join->clock, 30);

    sync_join_start(join);
    join->deadline = &deadline;
    EXPECT_RETURNS(sync_join_call(join), ETIMEDOUT);
    sync_expect_not_earlier(join->clock, &deadline);
    row_waited();
    for (size_t i = 0; i < 2; i++) {
        join->deadline = &sync_past[i];
        EXPECT_RETURNS(sync_join_call(join), ETIMEDOUT);
    }
    EXPECT(join->result == NULL);

    /* None at all: for ever. */
    join->deadline = NULL;
    sync_join_expect_joined(join, row_release(&call));

    /* libc asks the kernel again and again with a deadline that is no time, until the thread ends. */
    sync_join_start(join);
    sync_join_release(join);
    join->deadline = &sync_invalid[1];
    EXPECT_RETURNS(sync_join_call(join), 0);
}

ROW_CASE(pthread_join)
{
    struct sync_join join = {.form = SYNC_PLAIN, .join = function};

    sync_join_check(&join);
}

ROW_CASE(pthread_timedjoin_np)
{
    struct sync_join join = {.form = SYNC_TIMED, .timedjoin = function, .clock = CLOCK_REALTIME};

    sync_join_check(&join);
    sync_join_heeds_its_deadline(&join);
}

ROW_CASE(pthread_clockjoin_np)
{
    static const clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_REALTIME};
    struct sync_join join = {.form = SYNC_CLOCK, .clockjoin = function};
    struct timespec deadline = expect_deadline(CLOCK_REALTIME, 60000);

    for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
        join.clock = clocks[i];
        sync_join_check(&join);
        sync_join_heeds_its_deadline(&join);
    }
    sync_join_start(&join);
    join.deadline = &deadline;
    for (size_t i = 0; i < sizeof(sync_refused_clocks) / sizeof(clockid_t); i++) {
        join.clock = sync_refused_clocks[i];
        EXPECT_RETURNS(sync_join_call(&join), EINVAL);
    }
    sync_join_release(&join);
    EXPECT(expect_join(join.thread) == &join.end);
}

struct sync_thrd {
    row_type_thrd_join join;
    thrd_t thread;
    sem_t end;
    int result;
};

static int
sync_thrd_body(void *argument)
{
    struct sync_thrd *thrd = argument;

    while (sem_wait(&thrd->end) != 0)
        continue;
    return 4711;
}

static void
sync_thrd_start(struct sync_thrd *thrd)
{
    EXPECT_EQ(sem_init(&thrd->end, 0, 0), 0);
    EXPECT_EQ(thrd_create(&thrd->thread, sync_thrd_body, thrd), thrd_success);
    thrd->result = 0;
}

static long
sync_thrd_call(void *argument)
{
    struct sync_thrd *thrd = argument;

    return thrd->join(thrd->thread, &thrd->result);
}

static void
sync_thrd_release(void *argument)
{
    struct sync_thrd *thrd = argument;

    EXPECT_EQ(sem_post(&thrd->end), 0);
}

ROW_CASE(thrd_join)
{
    struct sync_thrd thrd = {.join = function};
    const struct row_call call = {sync_thrd_call, &thrd, sync_thrd_release};

    for (int restart = 0; restart < 2; restart++) {
        struct row_outcome outcome;

        sync_thrd_start(&thrd);
        outcome = row_interrupt(&call, restart ? SA_RESTART : 0);
        EXPECT_EQ(outcome.result, thrd_success);
        EXPECT_EQ(outcome.error, EXPECT_ERRNO_MARK);
        EXPECT_EQ(outcome.handled, 1);
        EXPECT_EQ(thrd.result, 4711);
    }
    sync_thrd_start(&thrd);
    EXPECT(row_cancel(&call).cancelled);
    EXPECT(row_cancel_before(&call).cancelled);
    sync_thrd_release(&thrd);
    EXPECT_RETURNS(function(thrd.thread, NULL), thrd_success);
    EXPECT_RETURNS(function(thrd_current(), &thrd.result), thrd_error);
}

/* --- what is done once ------------------------------------------------------------------------ */

/* The functions that initialize have no argument. */
static struct sync_once {
    int (*call)(void (*initialize)(void)); /* the call under test, on the object of this round */
    pthread_once_t pthread_object;
    once_flag c11_object;
    atomic_int runs;
    sem_t started;
    sem_t end;
} sync_once;

static void
sync_once_initialize(void)
{
    atomic_fetch_add(&sync_once.runs, 1);
}

static void
sync_once_initialize_slowly(void)
{
    EXPECT_EQ(sem_post(&sync_once.started), 0);
    while (sem_wait(&sync_once.end) != 0)
        continue;
    atomic_fetch_add(&sync_once.runs, 1);
}

static void
sync_once_reset(void)
{
    sync_once.pthread_object = PTHREAD_ONCE_INIT;
    sync_once.c11_object = (once_flag)ONCE_FLAG_INIT;
    atomic_store(&sync_once.runs, 0);
    EXPECT_EQ(sem_init(&sync_once.started, 0, 0), 0);
    EXPECT_EQ(sem_init(&sync_once.end, 0, 0), 0);
}

static long
sync_once_call(void *unused)
{
    (void)unused;
    return sync_once.call(sync_once_initialize);
}

static void
sync_once_release(void *unused)
{
    (void)unused;
    EXPECT_EQ(sem_post(&sync_once.end), 0);
}

static void *
sync_once_begin(void *unused)
{
    (void)unused;
    EXPECT_EQ(sync_once.call(sync_once_initialize_slowly), 0);
    return NULL;
}

/* A thread that is under way in the initialization. */
static pthread_t
sync_once_start(void)
{
    pthread_t thread;

    sync_once_reset();
    thread = expect_thread(sync_once_begin, NULL);
    while (sem_wait(&sync_once.started) != 0)
        continue;
    return thread;
}

/* Whoever waited returned when the other was done, and did not run its own. */
static void
sync_once_expect_done(struct row_outcome outcome, pthread_t thread)
{
    EXPECT_EQ(outcome.result, 0);
    EXPECT_EQ(outcome.error, EXPECT_ERRNO_MARK);
    EXPECT(!outcome.cancelled);
    EXPECT_EQ(atomic_load(&sync_once.runs), 1);
    expect_join(thread);
}

/* Cancelled in the initialization, which is none then: the next caller runs its own. */
static void
sync_once_starts_anew_after_cancellation(void)
{
    pthread_t thread = sync_once_start();

    EXPECT_EQ(pthread_cancel(thread), 0);
    EXPECT(expect_join(thread) == PTHREAD_CANCELED);
    EXPECT_EQ(atomic_load(&sync_once.runs), 0);
    EXPECT_RETURNS(sync_once.call(sync_once_initialize), 0);
    EXPECT_EQ(atomic_load(&sync_once.runs), 1);
}

static void
sync_once_check(int (*call)(void (*initialize)(void)))
{
    const struct row_call row = {sync_once_call, NULL, sync_once_release};
    pthread_t thread;

    sync_once.call = call;
    sync_once_reset();
    EXPECT_RETURNS(call(sync_once_initialize), 0);
    EXPECT_RETURNS(call(sync_once_initialize), 0);
    EXPECT_EQ(atomic_load(&sync_once.runs), 1);

    thread = sync_once_start();
    sync_once_expect_done(row_release(&row), thread);
    for (int restart = 0; restart < 2; restart++) {
        struct row_outcome outcome;

        thread = sync_once_start();
        outcome = row_interrupt(&row, restart ? SA_RESTART : 0);
        EXPECT_EQ(outcome.handled, 1);
        sync_once_expect_done(outcome, thread);
    }
    thread = sync_once_start();
    sync_once_expect_done(row_cancel(&row), thread);
    sync_once_starts_anew_after_cancellation();
}

static row_type_pthread_once sync_pthread_once;

static int
sync_once_by_pthread(void (*initialize)(void))
{
    return sync_pthread_once(&sync_once.pthread_object, initialize);
}

static row_type_call_once sync_call_once;

static int
sync_once_by_c11(void (*initialize)(void))
{
    sync_call_once(&sync_once.c11_object, initialize);
    return 0;
}

ROW_CASE(pthread_once)
{
    sync_pthread_once = function;
    sync_once_check(sync_once_by_pthread);
}

ROW_CASE(call_once)
{
    sync_call_once = function;
    sync_once_check(sync_once_by_c11);
}
