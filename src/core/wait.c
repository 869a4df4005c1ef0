#include "core/wait.h"

#include <errno.h>
#include <stddef.h>

#include "core/budget.h"
#include "core/capture.h"
#include "core/own_cost.h"
#include "core/rates.h"
#include "core/region.h"
#include "core/sampling.h"
#include "core/stack_table.h"
#include "core/thread.h"

static uint64_t
wp_wait_fraction_now(void)
{
    uint64_t fraction = wp_atomic_load_64(&wp_region()->wait_fraction);

    if (__builtin_expect(fraction <= 1, 1))
        return 1;
    return fraction < WP_BUDGET_MAX_WAIT_FRACTION ? fraction : WP_BUDGET_MAX_WAIT_FRACTION;
}

struct wp_wait_rates
wp_wait_rates_now(void)
{
    uint64_t rate = wp_atomic_load_64(&wp_region()->block_rate_ns);

    if (rate == WP_REGION_BLOCK_RATE_PAUSED)
        rate = 0;
    return (struct wp_wait_rates){
        .block_rate_ns =
            rate < WP_SAMPLING_MAX_BLOCK_RATE_NS ? rate : WP_SAMPLING_MAX_BLOCK_RATE_NS,
        .wait_fraction = wp_wait_fraction_now(),
    };
}

uint64_t
wp_wait_mutex_fraction(uint64_t wait_fraction)
{
    uint64_t fraction = wp_atomic_load_64(&wp_region()->mutex_fraction);
    uint64_t most = WP_SAMPLING_MAX_FRACTION / wait_fraction;

    return fraction < most ? fraction : most;
}

uint64_t
wp_wait_whole_fraction(void)
{
    uint64_t wait_fraction = wp_wait_fraction_now();

    return wp_wait_mutex_fraction(wait_fraction) * wait_fraction;
}

/* Where waits are passed over, one of so many looks whether the rates are to change, whether it is
 * looked at or not: a turn of the budget lengthens the wait of the thread that takes it, and a wait
 * that stands for others must not be one of those more often than they. A power of two. */
#define WP_WAIT_OBEYS_EVERY 16u

/* Draws whether a wait is looked at. */
static bool
wp_wait_is_looked_at(uint64_t wait_fraction)
{
    uint64_t random;

    if (__builtin_expect(wait_fraction == 1, 1))
        return true;
    random = wp_thread_random();
    /* The draw below uses the upper bits. */
    if (random % WP_WAIT_OBEYS_EVERY == 0)
        wp_rates_obey(wp_region(), wp_clock_ns());
    return wp_sampling_looks_at(random, wait_fraction);
}

/* A wait that was drawn has begun at its start_ns: it obeys, unless the draw saw to that. */
static void
wp_wait_obey(const struct wp_wait_rates *rates, uint64_t start_ns)
{
    if (rates->wait_fraction == 1)
        wp_rates_obey(wp_region(), start_ns);
}

bool
wp_wait_looks_at(const struct wp_wait_rates *rates)
{
    int saved = errno;
    bool is_looked_at = wp_wait_is_looked_at(rates->wait_fraction);

    errno = saved;
    return is_looked_at;
}

void
wp_wait_begin(struct wp_wait *wait, uint16_t function)
{
    int saved = errno;

    wait->start_ns = wp_clock_ns();
    wp_wait_obey(&wait->rates, wait->start_ns);
    wait->rates.block_rate_ns = wp_wait_rates_now().block_rate_ns;
    wp_thread_begin_wait(wait->start_ns, function);
    errno = saved;
}

void
wp_wait_end(const struct wp_wait *wait, uint16_t function, const struct wp_unwind_registers *caller)
{
    uint64_t now_ns = wp_clock_ns();

    wp_thread_end_wait();
    wp_wait_record(now_ns > wait->start_ns ? now_ns - wait->start_ns : 1, &wait->rates, now_ns,
                   function, caller);
}

/* A wait that is kept, to the stack of `caller`. */
static void
wp_wait_keep(uint64_t delay_ns, const struct wp_wait_rates *rates, uint64_t now_ns,
             uint16_t function, const struct wp_unwind_registers *caller)
{
    wp_clock_mark cost = wp_own_cost_begin();
    struct wp_sample sample =
        wp_sampling_block_sample(delay_ns, rates->block_rate_ns, rates->wait_fraction);

    wp_region_count(WP_COUNTER_block_samples, 1);
    wp_budget_spend(WP_OWN_COST_sample);
    wp_stack_table_add(wp_capture_stack(WP_PROFILE_BLOCK, function, caller), &sample, now_ns);
    wp_own_cost_end(cost, WP_OWN_COST_sample);
}

/* Counts a wait that is over; `cost` is the mark of the piece that the caller began. Returns
 * whether it is kept. */
static bool
wp_wait_decide(uint64_t delay_ns, const struct wp_wait_rates *rates, uint64_t now_ns,
               uint16_t function, wp_clock_mark cost)
{
    bool is_kept = wp_sampling_block_keeps(
        delay_ns, wp_sampling_below(wp_thread_random(), rates->block_rate_ns));

    wp_budget_spend(WP_OWN_COST_wait);
    wp_region_count_wait(function, rates->wait_fraction);
    wp_thread_add_wait(delay_ns, rates->wait_fraction, now_ns);
    wp_own_cost_end(cost, WP_OWN_COST_wait);
    return is_kept;
}

void
wp_wait_record_drawn(uint64_t delay_ns, const struct wp_wait_rates *rates, uint64_t now_ns,
                     uint16_t function, const struct wp_unwind_registers *caller)
{
    int saved = errno;

    if (rates->block_rate_ns == 0 || delay_ns == 0)
        return;
    wp_thread_see_wait(delay_ns);
    if (wp_wait_decide(delay_ns, rates, now_ns, function, wp_own_cost_begin()))
        wp_wait_keep(delay_ns, rates, now_ns, function, caller);
    errno = saved;
}

void
wp_wait_record(uint64_t delay_ns, const struct wp_wait_rates *rates, uint64_t now_ns,
               uint16_t function, const struct wp_unwind_registers *caller)
{
    if (rates->block_rate_ns == 0 || delay_ns == 0)
        return;
    if (wp_wait_looks_at(rates))
        wp_wait_record_drawn(delay_ns, rates, now_ns, function, caller);
    else
        wp_thread_see_wait(delay_ns);
}

void
wp_wait_record_now(uint64_t delay_ns, uint16_t function, const struct wp_unwind_registers *caller)
{
    int saved = errno;
    struct wp_wait_rates rates = wp_wait_rates_now();
    wp_clock_mark cost;
    uint64_t now_ns;

    if (rates.block_rate_ns != 0)
        wp_thread_see_wait(delay_ns);
    if (delay_ns == 0 || !wp_wait_is_looked_at(rates.wait_fraction)) {
        errno = saved;
        return;
    }
    cost = wp_own_cost_begin();
    now_ns = wp_clock_ns();
    wp_rates_obey(wp_region(), now_ns);
    rates.block_rate_ns = wp_wait_rates_now().block_rate_ns;
    if (rates.block_rate_ns != 0 && wp_wait_decide(delay_ns, &rates, now_ns, function, cost))
        wp_wait_keep(delay_ns, &rates, now_ns, function, caller);
    errno = saved;
}

/* A lock that is free is had in less, even on a page that was not touched before; and all that we
 * do before a wait takes less, but in a process that is new. */
#define WP_WAIT_FREE_NS UINT64_C(4000)

/*
 * How long a wait was that is over now. Of one that stands for others, what we did before it must
 * not count: nothing was done for those. That shows in a process that was forked a moment ago,
 * where to walk a stack for the first time touches page after page, and may take longer than the
 * lock was held. When the lock was free by then, the wait was shorter, and counts as hardly any.
 */
static uint64_t
wp_lock_wait_delay_ns(const struct wp_lock_wait *wait, uint64_t now_ns)
{
    if (now_ns <= wait->start_ns)
        return 1;
    if (wait->rates.wait_fraction > 1 && wait->ready_ns > wait->start_ns + WP_WAIT_FREE_NS &&
        now_ns < wait->ready_ns + WP_WAIT_FREE_NS)
        return WP_WAIT_FREE_NS;
    return now_ns - wait->start_ns;
}

/* What a wait that is over adds to its stack, and to the lock's account. */
static void
wp_lock_wait_settle(const struct wp_lock_wait *wait, enum wp_lock_outcome outcome)
{
    wp_clock_mark cost = wp_own_cost_begin();
    uint64_t now_ns = wp_clock_ns();
    uint64_t delay_ns = wp_lock_wait_delay_ns(wait, now_ns);

    wp_thread_see_wait(delay_ns);
    wp_thread_add_wait(delay_ns, wait->rates.wait_fraction, now_ns);
    wp_blame_leave(&wait->ticket, outcome != WP_LOCK_TIMED_OUT, now_ns);
    wp_own_cost_end(cost, WP_OWN_COST_wait);
    if (outcome != WP_LOCK_REFUSED && wait->stack != 0 &&
        wp_sampling_block_keeps(delay_ns, wait->threshold_ns)) {
        struct wp_sample sample = wp_sampling_block_sample(delay_ns, wait->rates.block_rate_ns,
                                                           wait->rates.wait_fraction);

        cost = wp_own_cost_begin();
        wp_region_count(WP_COUNTER_block_samples, 1);
        wp_budget_spend(WP_OWN_COST_sample);
        wp_stack_table_add(wait->stack, &sample, now_ns);
        wp_own_cost_end(cost, WP_OWN_COST_sample);
    }
}

/* The thread was cancelled in its wait, or jumped out of it: it waited in vain until now. */
static void
wp_lock_wait_abandon(void *wait)
{
    wp_lock_wait_settle(wait, WP_LOCK_TIMED_OUT);
}

/* Draws for both profiles, and registers the waiter that is selected. */
static void
wp_lock_wait_draw(struct wp_lock_wait *wait, const void *lock, uint16_t function,
                  const struct wp_unwind_registers *caller)
{
    uint64_t fraction = wp_wait_mutex_fraction(wait->rates.wait_fraction);

    /* Blame first: an unlock that comes before the registration charges somebody else's. */
    if (fraction != 0 && wp_sampling_mutex_selects(wp_thread_random(), fraction))
        wait->ticket =
            wp_blame_register(lock, wait->start_ns, fraction * wait->rates.wait_fraction);
    if (wait->ticket.record != 0)
        _pthread_cleanup_push(&wait->cleanup, wp_lock_wait_abandon, wait);
    if (wait->rates.block_rate_ns != 0) {
        wait->threshold_ns = wp_sampling_below(wp_thread_random(), wait->rates.block_rate_ns);
        wait->stack = wp_capture_stack(WP_PROFILE_BLOCK, function, caller);
    }
}

void
wp_lock_wait_begin(struct wp_lock_wait *wait, const void *lock, uint16_t function,
                   const struct wp_unwind_registers *caller)
{
    int saved = errno;
    wp_clock_mark cost;
    int cancelable;

    wait->rates = wp_wait_rates_now();
    wait->is_looked_at = wp_wait_is_looked_at(wait->rates.wait_fraction);
    if (!wait->is_looked_at) {
        errno = saved;
        return;
    }
    cost = wp_own_cost_begin();
    /* An asynchronous cancellation must find the waiter either unregistered or in libc's list. */
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelable);
    wait->ticket.record = 0;
    wait->stack = 0;
    wait->start_ns = wp_clock_ns();
    wp_wait_obey(&wait->rates, wait->start_ns);
    wait->rates.block_rate_ns = wp_wait_rates_now().block_rate_ns;
    wp_budget_spend(WP_OWN_COST_wait);
    wp_region_count_wait(function, wait->rates.wait_fraction);
    wp_thread_begin_wait(wait->start_ns, function);
    wp_lock_wait_draw(wait, lock, function, caller);
    if (wait->rates.wait_fraction > 1)
        wait->ready_ns = wp_clock_ns();
    wp_own_cost_end(cost, WP_OWN_COST_wait);
    (void)pthread_setcancelstate(cancelable, NULL);
    errno = saved;
}

void
wp_lock_wait_end(struct wp_lock_wait *wait, enum wp_lock_outcome outcome)
{
    int saved = errno;
    int cancelable;

    if (!wait->is_looked_at)
        return;
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelable);
    if (wait->ticket.record != 0)
        _pthread_cleanup_pop(&wait->cleanup, 0);
    wp_lock_wait_settle(wait, outcome);
    (void)pthread_setcancelstate(cancelable, NULL);
    errno = saved;
}

static void
wp_blame_wait_abandon(void *wait)
{
    wp_blame_leave(&((const struct wp_blame_wait *)wait)->ticket, false, wp_clock_ns());
}

void
wp_blame_wait_begin(struct wp_blame_wait *wait, const void *lock)
{
    int saved = errno;
    uint64_t fraction = wp_wait_whole_fraction();
    wp_clock_mark cost = wp_own_cost_begin();
    int cancelable;

    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelable);
    wait->ticket.record = 0;
    if (fraction != 0 && wp_sampling_mutex_selects(wp_thread_random(), fraction))
        wait->ticket = wp_blame_register(lock, wp_clock_ns(), fraction);
    if (wait->ticket.record != 0)
        _pthread_cleanup_push(&wait->cleanup, wp_blame_wait_abandon, wait);
    wp_own_cost_end(cost, WP_OWN_COST_wait);
    (void)pthread_setcancelstate(cancelable, NULL);
    errno = saved;
}

void
wp_blame_wait_end(struct wp_blame_wait *wait, bool acquired)
{
    int saved = errno;
    int cancelable;

    if (wait->ticket.record == 0)
        return;
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelable);
    _pthread_cleanup_pop(&wait->cleanup, 0);
    wp_blame_leave(&wait->ticket, acquired, wp_clock_ns());
    (void)pthread_setcancelstate(cancelable, NULL);
    errno = saved;
}

enum wp_lock_outcome
wp_lock_outcome_of(int error)
{
    switch (error) {
    case 0:
    case EOWNERDEAD:
    case ENOTRECOVERABLE: /* waited until another gave the robust mutex up as lost */
        return WP_LOCK_ACQUIRED;
    case ETIMEDOUT:
        return WP_LOCK_TIMED_OUT;
    default:
        return WP_LOCK_REFUSED;
    }
}

void
wp_unlock_record(const struct wp_sample *charge, uint64_t now_ns, uint16_t function,
                 const struct wp_unwind_registers *caller)
{
    int saved = errno;
    wp_clock_mark cost = wp_own_cost_begin();

    wp_region_count(WP_COUNTER_mutex_samples, 1);
    wp_region_count(WP_COUNTER_mutex_shares, charge->waiters);
    wp_stack_table_add(wp_capture_stack(WP_PROFILE_MUTEX, function, caller), charge, now_ns);
    wp_own_cost_end(cost, WP_OWN_COST_unlock);
    errno = saved;
}
