#include "core/wait.h"

#include <errno.h>
#include <stddef.h>

#include "core/capture.h"
#include "core/own_cost.h"
#include "core/rates.h"
#include "core/region.h"
#include "core/sampling.h"
#include "core/stack_table.h"
#include "core/thread.h"

uint64_t
wp_wait_block_rate_ns(void)
{
    uint64_t rate = wp_atomic_load_64(&wp_region()->block_rate_ns);

    if (rate == WP_REGION_BLOCK_RATE_PAUSED)
        return 0;
    return rate < WP_SAMPLING_MAX_BLOCK_RATE_NS ? rate : WP_SAMPLING_MAX_BLOCK_RATE_NS;
}

uint64_t
wp_wait_mutex_fraction(void)
{
    uint64_t fraction = wp_atomic_load_64(&wp_region()->mutex_fraction);

    return fraction < WP_SAMPLING_MAX_FRACTION ? fraction : WP_SAMPLING_MAX_FRACTION;
}

void
wp_wait_begin(struct wp_wait *wait, uint16_t function)
{
    int saved = errno;

    wait->start_ns = wp_clock_ns();
    wp_rates_obey(wp_region(), wait->start_ns);
    wait->block_rate_ns = wp_wait_block_rate_ns();
    wp_thread_begin_wait(wait->start_ns, function);
    errno = saved;
}

void
wp_wait_end(const struct wp_wait *wait, uint16_t function, const struct wp_unwind_registers *caller)
{
    uint64_t now_ns = wp_clock_ns();

    wp_thread_end_wait();
    wp_wait_record(now_ns > wait->start_ns ? now_ns - wait->start_ns : 1, wait->block_rate_ns,
                   now_ns, function, caller);
}

void
wp_wait_record(uint64_t delay_ns, uint64_t block_rate_ns, uint64_t now_ns, uint16_t function,
               const struct wp_unwind_registers *caller)
{
    int saved = errno;

    if (block_rate_ns != 0 && delay_ns != 0) {
        wp_clock_mark cost = wp_own_cost_begin();
        uint64_t threshold = wp_sampling_below(wp_thread_random(), block_rate_ns);

        wp_region_count_wait(function);
        wp_thread_add_wait(delay_ns, now_ns);
        if (wp_sampling_block_keeps(delay_ns, threshold)) {
            struct wp_sample sample = wp_sampling_block_sample(delay_ns, block_rate_ns);

            wp_region_count(WP_COUNTER_block_samples, 1);
            wp_stack_table_add(wp_capture_stack(WP_PROFILE_BLOCK, function, caller), &sample,
                               now_ns);
        }
        wp_own_cost_end(cost);
    }
    errno = saved;
}

void
wp_wait_record_now(uint64_t delay_ns, uint16_t function, const struct wp_unwind_registers *caller)
{
    uint64_t now_ns = wp_clock_ns();

    wp_rates_obey(wp_region(), now_ns);
    wp_wait_record(delay_ns, wp_wait_block_rate_ns(), now_ns, function, caller);
}

/* What a wait that is over adds to its stack, and to the lock's account. */
static void
wp_lock_wait_settle(const struct wp_lock_wait *wait, enum wp_lock_outcome outcome)
{
    uint64_t now_ns = wp_clock_ns();
    uint64_t delay_ns = now_ns > wait->start_ns ? now_ns - wait->start_ns : 1;
    wp_clock_mark cost = wp_own_cost_begin();

    wp_thread_add_wait(delay_ns, now_ns);
    wp_blame_leave(&wait->ticket, outcome != WP_LOCK_TIMED_OUT, now_ns);
    if (outcome != WP_LOCK_REFUSED && wait->stack != 0 &&
        wp_sampling_block_keeps(delay_ns, wait->threshold_ns)) {
        struct wp_sample sample = wp_sampling_block_sample(delay_ns, wait->block_rate_ns);

        wp_region_count(WP_COUNTER_block_samples, 1);
        wp_stack_table_add(wait->stack, &sample, now_ns);
    }
    wp_own_cost_end(cost);
}

/* The thread was cancelled in its wait, or jumped out of it: it waited in vain until now. */
static void
wp_lock_wait_abandon(void *wait)
{
    wp_lock_wait_settle(wait, WP_LOCK_TIMED_OUT);
}

void
wp_lock_wait_begin(struct wp_lock_wait *wait, const void *lock, uint16_t function,
                   const struct wp_unwind_registers *caller)
{
    int saved = errno;
    wp_clock_mark cost = wp_own_cost_begin();
    uint64_t fraction;
    int cancelable;

    /* An asynchronous cancellation must find the waiter either unregistered or in libc's list. */
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelable);
    wait->ticket.record = 0;
    wait->stack = 0;
    wait->start_ns = wp_clock_ns();
    wp_rates_obey(wp_region(), wait->start_ns);
    wait->block_rate_ns = wp_wait_block_rate_ns();
    fraction = wp_wait_mutex_fraction();
    wp_region_count_wait(function);
    wp_thread_begin_wait(wait->start_ns, function);

    /* Blame first: an unlock that comes before the registration charges somebody else's. */
    if (fraction != 0 && wp_sampling_mutex_selects(wp_thread_random(), fraction))
        wait->ticket = wp_blame_register(lock, wait->start_ns, fraction);
    if (wait->ticket.record != 0)
        _pthread_cleanup_push(&wait->cleanup, wp_lock_wait_abandon, wait);
    if (wait->block_rate_ns != 0) {
        wait->threshold_ns = wp_sampling_below(wp_thread_random(), wait->block_rate_ns);
        wait->stack = wp_capture_stack(WP_PROFILE_BLOCK, function, caller);
    }
    wp_own_cost_end(cost);
    (void)pthread_setcancelstate(cancelable, NULL);
    errno = saved;
}

void
wp_lock_wait_end(struct wp_lock_wait *wait, enum wp_lock_outcome outcome)
{
    int saved = errno;
    int cancelable;

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
    uint64_t fraction = wp_wait_mutex_fraction();
    int cancelable;

    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelable);
    wait->ticket.record = 0;
    if (fraction != 0 && wp_sampling_mutex_selects(wp_thread_random(), fraction))
        wait->ticket = wp_blame_register(lock, wp_clock_ns(), fraction);
    if (wait->ticket.record != 0)
        _pthread_cleanup_push(&wait->cleanup, wp_blame_wait_abandon, wait);
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
    wp_stack_table_add(wp_capture_stack(WP_PROFILE_MUTEX, function, caller), charge, now_ns);
    wp_own_cost_end(cost);
    errno = saved;
}
