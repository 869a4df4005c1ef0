#include "cond_call.h"

#include "core/own_cost.h"
#include "core/thread.h"
#include "mutex_layout.h"

/* To wait for a condition is to unlock the mutex. `now_ns` 0: not known yet. */
static void
wp_cond_call_charge(const struct wp_cond_call *call, pthread_mutex_t *mutex, uint64_t now_ns)
{
    struct wp_sample charge;

    if (!wp_blame_waited_for(mutex) || wp_mutex_unlock_is_inner(mutex))
        return;
    if (now_ns == 0)
        now_ns = wp_clock_ns();
    if (wp_blame_charge(mutex, now_ns, &charge))
        wp_unlock_record(&charge, now_ns, call->events.unlock, &call->caller);
}

void
wp_cond_call_begin(struct wp_cond_call *call, const void *frame, const void *condition,
                   pthread_mutex_t *mutex, const struct timespec *deadline,
                   const struct wp_cond_events *events)
{
    wp_clock_mark cost;

    call->caller = wp_unwind_caller(frame);
    call->events = *events;
    call->wait.rates = wp_wait_rates_now();
    call->is_looked_at = wp_wait_looks_at(&call->wait.rates);
    if (!call->is_looked_at) {
        wp_cond_call_charge(call, mutex, 0);
        wp_condition_enter(&call->waiter, condition, mutex);
        return;
    }
    call->deadline = deadline != NULL ? *deadline : (struct timespec){.tv_nsec = -1};
    wp_wait_begin(&call->wait, events->wait);
    wp_cond_call_charge(call, mutex, call->wait.start_ns);
    cost = wp_own_cost_begin();
    wp_condition_enter(&call->waiter, condition, mutex);
    wp_own_cost_end(cost, WP_OWN_COST_wait);
}

/* Nanoseconds by which `clock` is past the deadline; negative if it is not. */
static int64_t
wp_cond_call_overdue_ns(const struct wp_cond_call *call, clockid_t clock)
{
    struct timespec now;

    if (clock_gettime(clock, &now) != 0)
        return -1;
    return (now.tv_sec - call->deadline.tv_sec) * INT64_C(1000000000) +
           (now.tv_nsec - call->deadline.tv_nsec);
}

/*
 * When a wait that timed out was over. Which clock a condition waits by is its own secret; but a
 * deadline that was reached within the wait was so on one of the two clocks that it can be, and on
 * the other it lies decades away.
 */
static uint64_t
wp_cond_call_timeout_ns(const struct wp_cond_call *call, uint64_t now_ns)
{
    static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC};
    uint64_t waited_ns = now_ns - call->wait.start_ns;

    for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
        int64_t overdue_ns = wp_cond_call_overdue_ns(call, clocks[i]);

        if (overdue_ns >= 0 && (uint64_t)overdue_ns < waited_ns)
            return now_ns - (uint64_t)overdue_ns;
    }
    /* It had passed before: there was nothing but the mutex to wait for. */
    return call->wait.start_ns;
}

void
wp_cond_call_end(struct wp_cond_call *call, enum wp_lock_outcome outcome)
{
    uint64_t now_ns, start_ns, split_ns;
    wp_clock_mark cost;

    if (!call->is_looked_at) {
        (void)wp_condition_leave(
            &call->waiter,
            outcome == WP_LOCK_ACQUIRED ? WP_CONDITION_WOKEN : WP_CONDITION_TIMED_OUT, 0, 0);
        return;
    }
    now_ns = wp_clock_ns();
    start_ns = split_ns = call->wait.start_ns;
    wp_thread_end_wait();
    if (now_ns <= start_ns)
        now_ns = start_ns + 1;
    if (outcome == WP_LOCK_TIMED_OUT && call->deadline.tv_nsec >= 0)
        split_ns = wp_cond_call_timeout_ns(call, now_ns);
    cost = wp_own_cost_begin();
    if (outcome == WP_LOCK_ACQUIRED)
        split_ns = wp_condition_leave(&call->waiter, WP_CONDITION_WOKEN, start_ns, now_ns);
    else
        (void)wp_condition_leave(&call->waiter, WP_CONDITION_TIMED_OUT, split_ns, now_ns);
    wp_own_cost_end(cost, WP_OWN_COST_wait);
    if (outcome == WP_LOCK_REFUSED)
        return;
    /* Not split: all of it was the wait. */
    if (split_ns == 0 || split_ns > now_ns)
        split_ns = now_ns;
    wp_wait_record_drawn(split_ns - start_ns, &call->wait.rates, split_ns, call->events.wait,
                         &call->caller);
    wp_wait_record_drawn(now_ns - split_ns, &call->wait.rates, now_ns, call->events.again,
                         &call->caller);
}
