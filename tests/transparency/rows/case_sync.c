/*
 * Semaphores, barriers, and what is done once: functions/sync.def.
 */
#include "row.h"

#include <signal.h>
#include <stdatomic.h>

#include "../expect.h"
#include "deadline.h"
#include "row_wait.h"

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

    sem->deadline = expect_deadline(sem->clock, DEADLINE_FAR_MS);
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
    deadline_expect_reached(sem->clock, &sem->deadline);
    row_waited();

    for (int value = 0; value < 2; value++) {
        for (size_t i = 0; i < 2; i++) {
            EXPECT_EQ(sem_init(&sem->object, 0, (unsigned)value), 0);
            sem->deadline = deadline_invalid[i];
            EXPECT_FAILS(sync_sem_call(sem), EINVAL);
            EXPECT_EQ(sync_sem_value(sem), value);
            sem->deadline = deadline_past[i];
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
    struct sync_sem sem = {.form = SYNC_CLOCK, .clockwait = function};

    for (size_t i = 0; i < DEADLINE_CLOCKS; i++) {
        sem.clock = deadline_clocks[i];
        sync_sem_waits(&sem);
        sync_sem_heeds_its_deadline(&sem);
    }
    for (size_t i = 0; i < DEADLINE_REFUSED_CLOCKS; i++) {
        sem.clock = deadline_refused_clocks[i];
        sem.deadline = expect_deadline(CLOCK_REALTIME, DEADLINE_FAR_MS);
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
