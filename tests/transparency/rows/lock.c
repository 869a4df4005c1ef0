#include "lock.h"

#include <signal.h>
#include <stdatomic.h>

#include "../expect.h"
#include "../expect_region.h"
#include "deadline.h"

long
lock_and_unlock(void *argument)
{
    const struct lock *lock = argument;
    int result = lock->acquire(lock);

    if (result == 0)
        EXPECT_EQ(lock->let_go(lock->object), 0);
    return result;
}

void
lock_release(void *argument)
{
    const struct lock *lock = argument;

    EXPECT_EQ(lock->let_go(lock->object), 0);
}

static atomic_int lock_calls_by_other;

int
lock_by_other(void *argument)
{
    int result;

    atomic_fetch_add(&lock_calls_by_other, 1);
    errno = EXPECT_ERRNO_MARK;
    result = (int)lock_and_unlock(argument);
    EXPECT_EQ(errno, EXPECT_ERRNO_MARK);
    return result;
}

void
lock_expect_acquired(struct row_outcome outcome)
{
    EXPECT_EQ(outcome.result, 0);
    EXPECT_EQ(outcome.error, EXPECT_ERRNO_MARK);
    EXPECT(!outcome.cancelled);
}

void
lock_waits_until_released(struct lock *lock)
{
    const struct row_call call = {lock_and_unlock, lock, lock_release};
    struct row_outcome outcome;

    lock->deadline = expect_deadline(lock->clock, DEADLINE_FAR_MS);
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

void
lock_heeds_its_deadline(struct lock *lock)
{
    struct actor other;

    actor_start(&other);
    EXPECT_EQ(lock->hold(lock->object), 0);
    for (size_t i = 0; i < DEADLINE_PAST; i++) {
        lock->deadline = deadline_past[i];
        EXPECT_EQ(actor_do(&other, lock_by_other, lock), lock->timed_out);
    }
    lock->deadline = expect_deadline(lock->clock, 30);
    EXPECT_EQ(actor_do(&other, lock_by_other, lock), lock->timed_out);
    deadline_expect_reached(lock->clock, &lock->deadline);
    row_waited();
    for (size_t i = 0; i < DEADLINE_INVALID; i++) {
        lock->deadline = deadline_invalid[i];
        EXPECT_EQ(actor_do(&other, lock_by_other, lock), lock->invalid);
    }
    EXPECT_EQ(lock->let_go(lock->object), 0);

    /* The free lock. */
    lock->deadline = deadline_past[0];
    EXPECT_EQ(lock_by_other(lock), 0);
    lock->deadline = deadline_invalid[1];
    EXPECT_EQ(lock_by_other(lock), lock->checks_first ? lock->invalid : 0);
    actor_stop(&other);
}

/* Clocks other than the two are refused, whether the lock is free or not. */
static void
lock_refuses_other_clocks(struct lock *lock)
{
    lock->deadline = expect_deadline(CLOCK_REALTIME, DEADLINE_FAR_MS);
    for (size_t i = 0; i < DEADLINE_REFUSED_CLOCKS; i++) {
        struct actor other;

        lock->clock = deadline_refused_clocks[i];
        actor_start(&other);
        EXPECT_EQ(lock_by_other(lock), lock->invalid);
        EXPECT_EQ(lock->hold(lock->object), 0);
        EXPECT_EQ(actor_do(&other, lock_by_other, lock), lock->invalid);
        EXPECT_EQ(lock->let_go(lock->object), 0);
        actor_stop(&other);
    }
}

void
lock_check_clock_form(struct lock *lock)
{
    for (size_t i = 0; i < DEADLINE_CLOCKS; i++) {
        lock->clock = deadline_clocks[i];
        lock_waits_until_released(lock);
        lock_heeds_its_deadline(lock);
    }
    lock_refuses_other_clocks(lock);
}

void
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
