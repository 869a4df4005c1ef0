/*
 * Blame: who made the waiters of a lock wait, and for how long.
 *
 * Waiters that were selected for the mutex profile register under the lock's address; each unlock
 * of that address takes what has come together since the last one:
 *     n * now - sum over waiters of max(start, last charge)
 * in one step, whatever n is, and exactly: every nanosecond of a registered wait is charged once,
 * to the unlock that ended the critical section it fell in. The lock itself is never read: its
 * address is a key.
 */
#ifndef WP_CORE_BLAME_H
#define WP_CORE_BLAME_H

#include <stdbool.h>
#include <stdint.h>

#include "core/address_set.h"
#include "core/atomic.h"
#include "core/sampling.h"
#include "core/visibility.h"

#define WP_BLAME_SETS WP_ADDRESS_SETS

/* Records in use in each set of the table: zero tells an unlock that nobody waits. See blame.c. */
extern WP_HIDDEN uint16_t wp_blame_active[];

static inline uint32_t
wp_blame_set(const void *lock)
{
    return wp_address_set(lock);
}

/*
 * May somebody registered wait for this lock? One load, relaxed: a waiter that registers at this
 * very moment is missed by this unlock and charged at the next, from its start on; what is then
 * charged to the wrong unlock is the time from registration to here.
 */
static inline bool
wp_blame_waited_for(const void *lock)
{
    return __builtin_expect(wp_atomic_load_16_fast(&wp_blame_active[wp_blame_set(lock)]) != 0, 0);
}

/* A registration. record 0: not registered. */
struct wp_blame_ticket {
    uint64_t start_ns;
    uint32_t record; /* index + 1 of the record */
};

/*
 * Registers a waiter of `lock` from start_ns (monotonic) on, that stands for `fraction` waiters
 * (1..WP_SAMPLING_MAX_FRACTION). No room: counted as lost, and the ticket says not registered.
 * Lock-free; no system call.
 */
struct wp_blame_ticket wp_blame_register(const void *lock, uint64_t start_ns, uint64_t fraction);

/*
 * Ends a registration. `acquired`: the waiter has the lock, and what was not charged yet (from the
 * last unlock to its wake-up) is charged to nobody. Otherwise it gave up at now_ns, and what was
 * not charged yet will be charged to the next unlock: the holder did make it wait. So it is if a
 * budget has passed over unlocks meanwhile; the way to the processor then counts as well.
 */
void wp_blame_leave(const struct wp_blame_ticket *ticket, bool acquired, uint64_t now_ns);

#define WP_BLAME_WAYS 8u

/* In which of the WP_BLAME_WAYS records that `lock` can have a ticket (not 0) stands; and a ticket
 * of that record, for whoever keeps the number alone and about when the waiter was registered. */
uint32_t wp_blame_way_of(const struct wp_blame_ticket *ticket);
struct wp_blame_ticket wp_blame_ticket_at(const void *lock, uint32_t way, uint64_t start_ns);

/*
 * Charges what has come together at `lock` by now_ns: to be called by the holder just before the
 * real unlock. False: nothing. Otherwise *charge is what to add to the unlocker's stack.
 */
bool wp_blame_charge(const void *lock, uint64_t now_ns, struct wp_sample *charge);

/*
 * The unlock failed: gives back what wp_blame_charge took, for the next unlock to be charged with.
 * Where waiters were selected at different fractions, it goes to the record of the first of them.
 */
void wp_blame_refund(const void *lock, const struct wp_sample *charge);

/* Makes the table forget its waiters in forked children. Constructor only. */
void wp_blame_init(void);

#endif
