#include "futex.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>

#include "core/region.h"
#include "timed.h"

#ifndef FUTEX_LOCK_PI2
#define FUTEX_LOCK_PI2 13
#endif

#define WP_FUTEX_LOCKS 1024u

/* Words that were seen to be locks, each in the one place that its address chooses: where two lay
 * claim to a place, the later has it, and the other's next hand-over goes without blame. */
static uint64_t wp_futex_locks[WP_FUTEX_LOCKS];

static uint64_t *
wp_futex_place(const uint32_t *word)
{
    uintptr_t address = (uintptr_t)word >> 2;

    return &wp_futex_locks[(address ^ address >> 10) % WP_FUTEX_LOCKS];
}

static bool
wp_futex_is_lock(const uint32_t *word)
{
    return wp_atomic_load_64(wp_futex_place(word)) == (uintptr_t)word;
}

/*
 * Is the word 0? The kernel reads it: the object of which it is a part may be gone, page and all,
 * when its waiter is back. The operation wakes nobody and requeues nobody. A seccomp filter might
 * kill for it.
 */
static bool
wp_futex_is_zero(const uint32_t *word)
{
    long address = (long)(uintptr_t)word;

    return !wp_region_is_frozen() &&
           wp_real.syscall(SYS_futex, address, FUTEX_CMP_REQUEUE_PRIVATE, 0, 0, address, 0) == 0;
}

/*
 * A waiter that waited while the word was `value` was woken: what does it find? 0 after 2 is a
 * released lock: 2 says "locked, and waited for" in all of these protocols. 1 is what a parked
 * thread and a flag wait for as well, and more is a count or a set of flags.
 */
static void
wp_futex_learn(const uint32_t *word, uint32_t value)
{
    int saved = errno;

    if (value != 2 && wp_futex_is_lock(word))
        wp_atomic_store_64(wp_futex_place(word), 0);
    else if (value == 2 && !wp_futex_is_lock(word) && wp_futex_is_zero(word))
        wp_atomic_store_64(wp_futex_place(word), (uintptr_t)word);
    errno = saved;
}

static bool
wp_futex_is_plain_wait(const struct wp_futex_call *call)
{
    int command = call->operation & FUTEX_CMD_MASK;

    return command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET;
}

static bool
wp_futex_waits(const struct wp_futex_call *call)
{
    int command = call->operation & FUTEX_CMD_MASK;

    return wp_futex_is_plain_wait(call) || command == FUTEX_LOCK_PI || command == FUTEX_LOCK_PI2 ||
           command == FUTEX_WAIT_REQUEUE_PI;
}

/* Wakes one waiter, or unlocks. A wake-up of many is an event, not a lock. */
static bool
wp_futex_releases(const struct wp_futex_call *call)
{
    int command = call->operation & FUTEX_CMD_MASK;

    return command == FUTEX_UNLOCK_PI ||
           ((command == FUTEX_WAKE || command == FUTEX_WAKE_BITSET) && call->value == 1);
}

/* Is the holder to be blamed for this wait? */
static bool
wp_futex_has_holder(const struct wp_futex_call *call)
{
    int command = call->operation & FUTEX_CMD_MASK;

    if (wp_futex_is_plain_wait(call))
        return call->value != 0 && wp_futex_is_lock(call->word);
    return command == FUTEX_LOCK_PI || command == FUTEX_LOCK_PI2;
}

enum wp_futex_role
wp_futex_begin(struct wp_futex_wait *wait, const struct wp_futex_call *call)
{
    if (!wp_wrapper_lock_on(WP_FAMILY_sync))
        return WP_FUTEX_PASSES;
    if (wp_futex_waits(call)) {
        wait->call = *call;
        wait->blamed = wp_futex_has_holder(call);
        if (wait->blamed)
            wp_blame_wait_begin(&wait->blame, call->word);
        wait->start = wp_clock_now();
        return WP_FUTEX_WAITS;
    }
    if (wp_futex_releases(call) && wp_blame_waited_for(call->word)) {
        wait->call = *call;
        wait->now_ns = wp_clock_ns();
        if (wp_blame_charge(call->word, wait->now_ns, &wait->charge))
            return WP_FUTEX_RELEASES;
    }
    return WP_FUTEX_PASSES;
}

/* The timeout of a plain FUTEX_WAIT is a span, that of all others a point in time. */
static uint64_t
wp_futex_ready_ns(const struct wp_futex_call *call, long result)
{
    return wp_timed_ready_ns(result < 0 && errno == ETIMEDOUT &&
                                 (call->operation & FUTEX_CMD_MASK) == FUTEX_WAIT,
                             call->timeout);
}

long
wp_futex_end_wait(struct wp_futex_wait *wait, long result)
{
    /* Other errors came without waiting; a value that had changed already (EAGAIN) was a release
     * that came first. */
    if (wait->blamed)
        wp_blame_wait_end(&wait->blame, result == 0 || (errno != ETIMEDOUT && errno != EINTR));
    if (result == 0 && wait->call.value != 0 && wp_futex_is_plain_wait(&wait->call))
        wp_futex_learn(wait->call.word, wait->call.value);
    if (wp_clock_waited(wait->start))
        wp_timed_record_io(wait->start, wp_futex_ready_ns(&wait->call, result), result,
                           WP_FUNCTION_syscall, wait->call.frame);
    return result;
}

long
wp_futex_end_release(const struct wp_futex_wait *wait, long result)
{
    struct wp_unwind_registers caller = wp_unwind_caller(wait->call.frame);

    if (result >= 0)
        wp_unlock_record(&wait->charge, wait->now_ns, WP_FUNCTION_syscall, &caller);
    else
        wp_blame_refund(wait->call.word, &wait->charge);
    return result;
}
