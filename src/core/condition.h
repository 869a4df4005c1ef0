/*
 * Conditions: which waiters were signalled, and wait for the mutex since then.
 *
 * The wait for a condition ends inside libc, where no wrapper sees it: the call returns when the
 * waiter has the mutex again. But the signal is seen. So each waiter stands in a record of its
 * condition; a signal grants one of them the way to the mutex, a broadcast all; and who returns has
 * been waiting for the mutex since such a grant. From the grant on, waiters that are selected for
 * the mutex profile are registered for blame under the mutex, whose holders pay for it (blame.h).
 *
 * Which of several waiters a signal woke is not known, and need not be: the sum over all of (return
 * - grant) is the same whoever is matched to which grant. So a record keeps the number of grants
 * that were not used yet and their mean time, and each returning waiter takes one at that mean.
 */
#ifndef WP_CORE_CONDITION_H
#define WP_CORE_CONDITION_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/address_set.h"
#include "core/atomic.h"
#include "core/region.h"
#include "core/visibility.h"

#define WP_CONDITION_SETS WP_ADDRESS_SETS

/* Records in use in each set of the table: zero tells a signal that nobody waits. */
extern WP_HIDDEN uint16_t wp_condition_active[];

static inline uint32_t
wp_condition_set(const void *condition)
{
    return wp_address_set(condition);
}

/* May somebody wait for this condition? One load. A waiter entered before it let go of the mutex:
 * whoever signals with what that mutex protects sees it. */
static inline bool
wp_condition_waited_for(const void *condition)
{
    return wp_atomic_load_16_fast(&wp_condition_active[wp_condition_set(condition)]) != 0;
}

/* Are waits for conditions split into that for the signal and that for the mutex? Else there are no
 * waiters here: a budget cannot pay for them. What a command left behind that took the budget away
 * has no meaning. */
static inline bool
wp_condition_is_split(void)
{
    const struct wp_region_budget *budget = &wp_region()->budget;

    return __builtin_expect(wp_atomic_load_64(&budget->unsplit) == 0, 1) ||
           wp_atomic_load_64(&budget->cost_ns_per_s) == 0;
}

/* A waiter; on the wrapper's stack. */
struct wp_condition_wait {
    uint32_t record;                        /* index + 1; 0: found no room, is not followed */
    struct _pthread_cleanup_buffer cleanup; /* in libc's list while followed */
};

/* The caller, who holds `mutex`, is about to wait. It stays a waiter until wp_condition_leave, or
 * until it is cancelled or jumps away. Those enter, too, for whom another stands (a budget's wait
 * fraction): else it would not be known for whom a signal is. Lock-free; no system call. errno
 * unchanged, here and below. */
void wp_condition_enter(struct wp_condition_wait *wait, const void *condition, const void *mutex);

/* How a wait ended. */
enum wp_condition_end {
    WP_CONDITION_WOKEN,     /* by a signal or broadcast, as far as the result says */
    WP_CONDITION_TIMED_OUT, /* or refused at once */
    WP_CONDITION_LEFT,      /* cancelled, or jumped out of */
};

/*
 * The caller has the mutex again, at now_ns. since_ns: when a waiter that was woken began to wait,
 * or when the time of one that timed out was up; a grant that it was given after that was given in
 * vain, and goes with it. Returns the time of the grant that a woken waiter takes; 0 if it takes
 * none, or one from before it began to wait (a spurious wake-up, a signal that was not seen). Of
 * one for whom another stands both times are 0: it takes its grant, and nothing is told of it.
 */
uint64_t wp_condition_leave(struct wp_condition_wait *wait, enum wp_condition_end end,
                            uint64_t since_ns, uint64_t now_ns);

/* A signal (all: a broadcast) is about to be made, at now_ns: grants. Only while waits are split:
 * the waiters of before have no part in what comes after, as others wait beside them unseen. */
void wp_condition_grant(const void *condition, bool all, uint64_t now_ns);

/*
 * Whether a mutex is free, as far as it shows; set before wp_start by who knows its layout, NULL if
 * nobody does. A waiter that is signalled while nobody holds the mutex waits for the processor, and
 * nobody is to blame. Asked only of a mutex on the same page as the condition: the caller vouches
 * for the condition alone, and the mutex may be gone with the last waiter.
 */
extern WP_HIDDEN bool (*wp_condition_mutex_is_free)(const void *mutex);

/* Makes the table forget its waiters in forked children. Constructor only. */
void wp_condition_init(void);

#endif
