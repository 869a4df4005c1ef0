/*
 * Waits: what a wrapper does before and after the real call that may wait. Everything here is on
 * the slow side: the lock was busy, the call took long.
 *
 * Nothing is held across the real call but a struct on the wrapper's stack: a siglongjmp, a
 * cancellation or a fork in the middle of the wait costs that one event and nothing else. A wait
 * for a lock is registered for blame, so it must also be ended if it is left that way: it stands in
 * libc's list of cleanup handlers, which longjmp and cancellation run (without any unwind table or
 * exception personality of ours, which would need another library).
 *
 * Why a lock waiter's stack is walked before it waits. It must not be walked once the lock is held,
 * and whether the wait will be kept depends on how long it gets. Bounding the wait by the sampling
 * threshold (clocklock) and walking only when the bound passes was measured: the timer costs far
 * more than the walk (1.7 times the CPU per operation against 1.02, see docs/sampling.md). So the
 * walk (about 100 ns when warm) comes first, for every wait of a busy lock.
 */
#ifndef WP_CORE_WAIT_H
#define WP_CORE_WAIT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/blame.h"
#include "core/clock.h"
#include "core/unwind.h"

/* What a wait is sampled at: in force when it began, or, where only its end is seen, when it
 * ended. */
struct wp_wait_rates {
    uint64_t block_rate_ns; /* 0 off */
    uint64_t wait_fraction; /* at least 1 */
};

/* A wait that has no holder: I/O, a condition. */
struct wp_wait {
    uint64_t start_ns;
    struct wp_wait_rates rates;
};

/* A wait for a lock. */
struct wp_lock_wait {
    bool is_looked_at; /* false: another wait stands for it, and no other field has a meaning */
    uint64_t start_ns;
    uint64_t ready_ns; /* if it stands for others: when our own work before the wait was done */
    struct wp_wait_rates rates;
    uint64_t threshold_ns; /* kept iff the delay is longer: see sampling.h */
    uint32_t stack;        /* record of the waiter's stack, 0 when the block rate is 0 */
    struct wp_blame_ticket ticket;
    struct _pthread_cleanup_buffer cleanup; /* in libc's list while the wait lasts */
};

/* A registration for blame alone, where the wait itself is timed otherwise (futexes). */
struct wp_blame_wait {
    struct wp_blame_ticket ticket;
    struct _pthread_cleanup_buffer cleanup; /* in libc's list while registered */
};

/* Those in force, within the bounds that the rules take. */
struct wp_wait_rates wp_wait_rates_now(void);

/* Draws whether a wait is looked at, at the rates that it began with. */
bool wp_wait_looks_at(const struct wp_wait_rates *rates);

/* libc's list of cleanup handlers of a thread: the plain form, without setjmp, which <pthread.h>
 * has hidden behind macros since. */
void _pthread_cleanup_push(struct _pthread_cleanup_buffer *buffer, void (*routine)(void *),
                           void *argument);
void _pthread_cleanup_pop(struct _pthread_cleanup_buffer *buffer, int execute);

/* Starts to time a wait in `function`, of whose rates the wait fraction is set: that at which it
 * was drawn, or of wp_wait_rates_now. errno unchanged, here and below. */
void wp_wait_begin(struct wp_wait *wait, uint16_t function);

/*
 * Ends it: decides, walks the stack of `caller` only if the event is kept, and records it under
 * `function`.
 */
void wp_wait_end(const struct wp_wait *wait, uint16_t function,
                 const struct wp_unwind_registers *caller);

/* The same for a wait whose length is known already and that ended at `now_ns`, sampled at the
 * rates of wp_wait_rates_now. delay 0 is no event. */
void wp_wait_record(uint64_t delay_ns, const struct wp_wait_rates *rates, uint64_t now_ns,
                    uint16_t function, const struct wp_unwind_registers *caller);

/* The same for a wait that was drawn before (wp_wait_looks_at): it is recorded. */
void wp_wait_record_drawn(uint64_t delay_ns, const struct wp_wait_rates *rates, uint64_t now_ns,
                          uint16_t function, const struct wp_unwind_registers *caller);

/* The same for a wait that ends now (I/O timed by marks), at the rate now in force. */
void wp_wait_record_now(uint64_t delay_ns, uint16_t function,
                        const struct wp_unwind_registers *caller);

/* The lock was busy: starts to time the wait, draws for both profiles, registers the waiter for
 * blame under the lock's address, walks its stack. */
void wp_lock_wait_begin(struct wp_lock_wait *wait, const void *lock, uint16_t function,
                        const struct wp_unwind_registers *caller);

/* How a wait for a lock ended. */
enum wp_lock_outcome {
    WP_LOCK_ACQUIRED,
    WP_LOCK_TIMED_OUT, /* waited, and gave up */
    WP_LOCK_REFUSED,   /* an error that came without waiting: no event */
};

/* What the error of a lock function means. EOWNERDEAD is acquired. */
enum wp_lock_outcome wp_lock_outcome_of(int error);

/* The real call is back. No stack is walked. */
void wp_lock_wait_end(struct wp_lock_wait *wait, enum wp_lock_outcome outcome);

/* The waiter of `lock` is registered, if it is selected, until wp_blame_wait_end, or until it is
 * cancelled or jumps away. */
void wp_blame_wait_begin(struct wp_blame_wait *wait, const void *lock);

/* `acquired` as for wp_blame_leave. errno unchanged. */
void wp_blame_wait_end(struct wp_blame_wait *wait, bool acquired);

/* The mutex fraction in force, 0 off; such that, times wait_fraction, it is within the bounds that
 * the rules take. */
uint64_t wp_wait_mutex_fraction(uint64_t wait_fraction);

/* The same for waiters of whom nothing was drawn before: one of so many is selected, and stands for
 * as many. */
uint64_t wp_wait_whole_fraction(void);

/* Adds a charge of wp_blame_charge to the stack of the unlocker. After the real unlock. */
void wp_unlock_record(const struct wp_sample *charge, uint64_t now_ns, uint16_t function,
                      const struct wp_unwind_registers *caller);

#endif
