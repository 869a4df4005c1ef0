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

#include "core/atomic.h"
#include "core/visibility.h"

#define WP_CONDITION_SETS 2048u

/* Records in use in each set of the table: zero tells a signal that nobody waits. */
extern WP_HIDDEN uint16_t wp_condition_active[];

static inline uint32_t
wp_condition_set(const void *condition)
{
    uintptr_t address = (uintptr_t)condition >> 3;

    return (uint32_t)(address ^ address >> 11) % WP_CONDITION_SETS;
}

/* May somebody wait for this condition? One load. A waiter entered before it let go of the mutex:
 * whoever signals with what that mutex protects sees it. */
static inline bool
wp_condition_waited_for(const void *condition)
{
    return wp_atomic_load_16_fast(&wp_condition_active[wp_condition_set(condition)]) != 0;
}

/* A waiter; on the wrapper's stack. */
struct wp_condition_wait {
    uint32_t record;                        /* index + 1; 0: found no room, is not followed */
    struct _pthread_cleanup_buffer cleanup; /* in libc's list while record != 0 */
};

/* The caller, who holds `mutex`, is about to wait. It stays a waiter until wp_condition_leave, or
 * until it is cancelled or jumps away. Lock-free; no system call. errno unchanged, here
 * and below. */
void wp_condition_enter(struct wp_condition_wait *wait, const void *condition, const void *mutex);

/*
 * The caller has the mutex again, at now_ns. `woken`: by a signal or broadcast, as far as the
 * result says; false: it timed out. Returns the time of the grant that it takes, 0 if it takes
 * none (a time-out, a spurious wake-up, a signal that was not seen).
 */
uint64_t wp_condition_leave(struct wp_condition_wait *wait, bool woken, uint64_t now_ns);

/* A signal (all: a broadcast) is about to be made, at now_ns: grants. */
void wp_condition_grant(const void *condition, bool all, uint64_t now_ns);

/* Makes the table forget its waiters in forked children. Constructor only. */
void wp_condition_init(void);

#endif
