/*
 * syscall(): locks made of futexes, whose release is charged in the mutex profile.
 */
#include "syscall_futex.h"

#include "../expect.h"
#include "../expect_region.h"
#include "row_wait.h"

#ifndef FUTEX_LOCK_PI2
#define FUTEX_LOCK_PI2 13
#endif

/* Contentions that releases by syscall() were charged with. */
static uint64_t
futex_charges(void)
{
    if (!expect_is_preloaded())
        return 0;
    return expect_contentions(expect_own_region(), WP_PROFILE_MUTEX, "syscall");
}

static void
futex_expect_charged(uint64_t before, uint64_t contentions)
{
    if (expect_is_preloaded())
        EXPECT_EQ(futex_charges(), before + contentions);
}

/* --- a lock of the usual kind ----------------------------------------------------------------- */

#define FUTEX_LOCKED_AND_WAITED_FOR 2

static void
futex_release_lock(void *argument)
{
    struct futex *futex = argument;

    __atomic_store_n(&futex->words[0], 0, __ATOMIC_RELEASE);
    EXPECT_RETURNS(futex_do(futex, &futex->words[0], FUTEX_WAKE_PRIVATE, 1), 1);
}

/* Its waiters wait while the word is not 0, its release makes it 0 and wakes one: that shows that
 * it is a lock, and from then on who releases it is charged. */
static void
futex_lock_shows_itself(row_type_syscall function)
{
    struct futex futex;
    const struct row_call call = {futex_call, &futex, futex_release_lock};
    uint64_t charges = futex_charges();

    futex_set(&futex, function, FUTEX_WAIT_PRIVATE);
    futex.call.arguments[FUTEX_VALUE] = FUTEX_LOCKED_AND_WAITED_FOR;
    for (int round = 0; round < 3; round++) {
        futex.words[0] = FUTEX_LOCKED_AND_WAITED_FOR;
        row_expect_released(&call, 0);
    }
    futex_expect_charged(charges, 2);
}

/* --- priority inheritance --------------------------------------------------------------------- */

static void
futex_unlock(const struct futex *futex, const uint32_t *word)
{
    EXPECT_RETURNS(futex_do(futex, word, FUTEX_UNLOCK_PI_PRIVATE, 0), 0);
}

static void
futex_unlock_first(void *argument)
{
    struct futex *futex = argument;

    futex_unlock(futex, &futex->words[0]);
}

/* The caller has it: the kernel wrote so. */
static void
futex_lock(struct futex *futex, const uint32_t *word)
{
    EXPECT_RETURNS(futex_do(futex, word, FUTEX_LOCK_PI_PRIVATE, 0), 0);
    EXPECT_EQ(*word & FUTEX_TID_MASK, (uint32_t)expect_tid());
}

static long
futex_lock_and_unlock(void *argument)
{
    struct futex *futex = argument;
    long result = futex_call(futex);

    if (result == 0)
        futex_unlock_first(futex);
    return result;
}

/* What a lock that another holds answers. */
static int
futex_meet_held_lock(void *argument)
{
    struct futex *futex = argument;

    EXPECT_FAILS(futex_do(futex, &futex->words[0], FUTEX_UNLOCK_PI_PRIVATE, 0), EPERM);
    EXPECT_FAILS(futex_do(futex, &futex->words[0], FUTEX_TRYLOCK_PI_PRIVATE, 0), EAGAIN);
    EXPECT_FAILS(futex_call(futex), ETIMEDOUT);
    return 0;
}

/* False: the kernel has no such operation. */
static bool
futex_locks_with_priority(row_type_syscall function, int operation, clockid_t clock)
{
    struct futex futex;
    const struct row_call call = {futex_lock_and_unlock, &futex, futex_unlock_first};
    uint64_t charges = futex_charges();
    struct row_outcome outcome;
    struct actor other;

    futex_set(&futex, function, operation);
    futex.words[0] = 0;
    if (futex_call(&futex) != 0) {
        EXPECT_EQ(errno, ENOSYS);
        return false;
    }
    EXPECT_FAILS(futex_call(&futex), EDEADLK);
    row_expect_released(&call, 0);
    futex_lock(&futex, &futex.words[0]);
    outcome = row_interrupt(&call, 0); /* restarted whatever the handler's flags */
    EXPECT_EQ(outcome.result, 0);
    EXPECT_EQ(outcome.handled, 1);
    futex_lock(&futex, &futex.words[0]);
    outcome = row_cancel(&call);
    EXPECT_EQ(outcome.result, 0);
    EXPECT(!outcome.cancelled);
    futex_expect_charged(charges, 3);

    futex_lock(&futex, &futex.words[0]);
    futex_set_time(&futex, expect_deadline(clock, 30));
    actor_start(&other);
    EXPECT_EQ(actor_do(&other, futex_meet_held_lock, &futex), 0);
    actor_stop(&other);
    futex_unlock_first(&futex);
    futex.words[0] = 0x3ffffff0; /* nobody's number */
    EXPECT_FAILS(futex_call(&futex), ESRCH);
    return true;
}

/* --- conditions with priority inheritance ----------------------------------------------------- */

static long
futex_wait_and_unlock(void *argument)
{
    struct futex *futex = argument;
    long result = futex_call(futex);

    if (result == 0)
        futex_unlock(futex, &futex->words[1]);
    return result;
}

static void
futex_requeue_and_unlock(void *argument)
{
    struct futex *futex = argument;

    futex_lock(futex, &futex->words[1]);
    EXPECT_RETURNS(futex->call.function(SYS_futex, syscall_pointer(&futex->words[0]),
                                        FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, 9,
                                        syscall_pointer(&futex->words[1]), FUTEX_HELD_BACK),
                   1);
    futex_unlock(futex, &futex->words[1]);
}

static void
futex_waits_and_locks(row_type_syscall function)
{
    struct futex futex;
    const struct row_call call = {futex_wait_and_unlock, &futex, futex_requeue_and_unlock};
    struct row_outcome outcome;

    futex_set(&futex, function, FUTEX_WAIT_REQUEUE_PI_PRIVATE);
    futex.call.arguments[FUTEX_WORD2] = syscall_pointer(&futex.words[1]);
    futex.words[1] = 0;
    EXPECT_EQ(row_release(&call).result, 0);
    outcome = row_interrupt(&call, 0);
    EXPECT_EQ(outcome.result, 0);
    EXPECT_EQ(outcome.handled, 1);

    futex_set_time(&futex, expect_deadline(CLOCK_MONOTONIC, 30));
    EXPECT_FAILS(futex_call(&futex), ETIMEDOUT);
    futex.words[0] = 8;
    EXPECT_FAILS(futex_call(&futex), EAGAIN);
    futex.call.arguments[FUTEX_WORD2] = futex.call.arguments[FUTEX_WORD];
    EXPECT_FAILS(futex_call(&futex), EINVAL);
}

const char *
syscall_check_futex_locks(row_type_syscall function)
{
    futex_lock_shows_itself(function);
    if (!futex_locks_with_priority(function, FUTEX_LOCK_PI_PRIVATE, CLOCK_REALTIME))
        return "FUTEX_LOCK_PI";
    futex_waits_and_locks(function);
    return futex_locks_with_priority(function, FUTEX_LOCK_PI2 | FUTEX_PRIVATE_FLAG, CLOCK_MONOTONIC)
               ? NULL
               : "FUTEX_LOCK_PI2";
}
