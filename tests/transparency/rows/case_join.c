/*
 * Joins: functions/sync.def.
 *
 * Left out: ESRCH, which libc tells of no thread that ever was, and EINVAL for a thread that
 * another joins already, which glibc 2.36 does not notice: it waits for ever.
 */
#include "row.h"

#include <signal.h>

#include "../expect.h"
#include "deadline.h"

enum join_form { JOIN_PLAIN, JOIN_TIMED, JOIN_CLOCK };

/* A thread to be joined, and the call under test. */
struct join {
    enum join_form form;
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
join_body(void *argument)
{
    struct join *join = argument;

    while (sem_wait(&join->end) != 0)
        continue;
    return &join->end;
}

static void
join_start(struct join *join)
{
    EXPECT_EQ(sem_init(&join->end, 0, 0), 0);
    join->thread = expect_thread(join_body, join);
    join->result = NULL;
}

static int
join_into(struct join *join, void **result)
{
    switch (join->form) {
    case JOIN_PLAIN:
        return join->join(join->thread, result);
    case JOIN_TIMED:
        return join->timedjoin(join->thread, result, join->deadline);
    default:
        return join->clockjoin(join->thread, result, join->clock, join->deadline);
    }
}

static long
join_call(void *argument)
{
    struct join *join = argument;

    return join_into(join, &join->result);
}

static void
join_release(void *argument)
{
    struct join *join = argument;

    EXPECT_EQ(sem_post(&join->end), 0);
}

static void
join_expect_joined(const struct join *join, struct row_outcome outcome)
{
    EXPECT_EQ(outcome.result, 0);
    EXPECT_EQ(outcome.error, EXPECT_ERRNO_MARK);
    EXPECT(join->result == &join->end);
}

static void
join_waits(struct join *join)
{
    const struct row_call call = {join_call, join, join_release};

    join_start(join);
    join_expect_joined(join, row_release(&call));
    for (int restart = 0; restart < 2; restart++) {
        struct row_outcome outcome;

        join_start(join);
        outcome = row_interrupt(&call, restart ? SA_RESTART : 0);
        EXPECT_EQ(outcome.handled, 1);
        join_expect_joined(join, outcome);
    }

    /* A cancelled join leaves the thread to be joined by another. */
    join_start(join);
    EXPECT(row_cancel(&call).cancelled);
    EXPECT(row_cancel_before(&call).cancelled);
    EXPECT(join->result == NULL);
    join_expect_joined(join, row_release(&call));
}

/* A thread that has ended; no result wanted; one that was cancelled. */
static void
join_takes_what_there_is(struct join *join)
{
    join_start(join);
    join_release(join);
    EXPECT_RETURNS(join_call(join), 0);
    EXPECT(join->result == &join->end);
    join_start(join);
    join_release(join);
    EXPECT_RETURNS(join_into(join, NULL), 0);
    join_start(join);
    EXPECT_EQ(pthread_cancel(join->thread), 0);
    EXPECT_RETURNS(join_call(join), 0);
    EXPECT(join->result == PTHREAD_CANCELED);
}

/* Oneself, and a detached thread. */
static void
join_refuses(struct join *join)
{
    static struct join detached; /* until the thread has ended */

    join->thread = pthread_self();
    EXPECT_RETURNS(join_call(join), EDEADLK);

    detached = *join;
    join_start(&detached);
    EXPECT_EQ(pthread_detach(detached.thread), 0);
    EXPECT_RETURNS(join_call(&detached), EINVAL);
    join_release(&detached);
}

static void
join_check(struct join *join)
{
    struct timespec deadline = expect_deadline(join->clock, DEADLINE_FAR_MS);

    join->deadline = &deadline;
    join_waits(join);
    join_takes_what_there_is(join);
    join_refuses(join);
}

static void
join_heeds_its_deadline(struct join *join)
{
    const struct row_call call = {join_call, join, join_release};
    struct timespec deadline = expect_deadline(join->clock, 30);

    join_start(join);
    join->deadline = &deadline;
    EXPECT_RETURNS(join_call(join), ETIMEDOUT);
    deadline_expect_reached(join->clock, &deadline);
    row_waited();
    for (size_t i = 0; i < 2; i++) {
        join->deadline = &deadline_past[i];
        EXPECT_RETURNS(join_call(join), ETIMEDOUT);
    }
    EXPECT(join->result == NULL);

    /* None at all: for ever. */
    join->deadline = NULL;
    join_expect_joined(join, row_release(&call));

    /* A deadline that is no time: libc asks the kernel again and again until the thread ends. */
    join_start(join);
    join_release(join);
    join->deadline = &deadline_invalid[1];
    EXPECT_RETURNS(join_call(join), 0);
}

ROW_CASE(pthread_join)
{
    struct join join = {.form = JOIN_PLAIN, .join = function};

    join_check(&join);
}

ROW_CASE(pthread_timedjoin_np)
{
    struct join join = {.form = JOIN_TIMED, .timedjoin = function, .clock = CLOCK_REALTIME};

    join_check(&join);
    join_heeds_its_deadline(&join);
}

ROW_CASE(pthread_clockjoin_np)
{
    struct join join = {.form = JOIN_CLOCK, .clockjoin = function};
    struct timespec deadline = expect_deadline(CLOCK_REALTIME, DEADLINE_FAR_MS);

    for (size_t i = 0; i < DEADLINE_CLOCKS; i++) {
        join.clock = deadline_clocks[i];
        join_check(&join);
        join_heeds_its_deadline(&join);
    }
    join_start(&join);
    join.deadline = &deadline;
    for (size_t i = 0; i < DEADLINE_REFUSED_CLOCKS; i++) {
        join.clock = deadline_refused_clocks[i];
        EXPECT_RETURNS(join_call(&join), EINVAL);
    }
    join_release(&join);
    EXPECT(expect_join(join.thread) == &join.end);
}

struct thrd {
    row_type_thrd_join join;
    thrd_t thread;
    sem_t end;
    int result;
};

static int
thrd_body(void *argument)
{
    struct thrd *thrd = argument;

    while (sem_wait(&thrd->end) != 0)
        continue;
    return 4711;
}

static void
thrd_start(struct thrd *thrd)
{
    EXPECT_EQ(sem_init(&thrd->end, 0, 0), 0);
    EXPECT_EQ(thrd_create(&thrd->thread, thrd_body, thrd), thrd_success);
    thrd->result = 0;
}

static long
thrd_call(void *argument)
{
    struct thrd *thrd = argument;

    return thrd->join(thrd->thread, &thrd->result);
}

static void
thrd_release(void *argument)
{
    struct thrd *thrd = argument;

    EXPECT_EQ(sem_post(&thrd->end), 0);
}

ROW_CASE(thrd_join)
{
    struct thrd thrd = {.join = function};
    const struct row_call call = {thrd_call, &thrd, thrd_release};

    for (int restart = 0; restart < 2; restart++) {
        struct row_outcome outcome;

        thrd_start(&thrd);
        outcome = row_interrupt(&call, restart ? SA_RESTART : 0);
        EXPECT_EQ(outcome.result, thrd_success);
        EXPECT_EQ(outcome.error, EXPECT_ERRNO_MARK);
        EXPECT_EQ(outcome.handled, 1);
        EXPECT_EQ(thrd.result, 4711);
    }
    thrd_start(&thrd);
    EXPECT(row_cancel(&call).cancelled);
    EXPECT(row_cancel_before(&call).cancelled);
    thrd_release(&thrd);
    EXPECT_RETURNS(function(thrd.thread, NULL), thrd_success);
    EXPECT_RETURNS(function(thrd_current(), &thrd.result), thrd_error);
}
