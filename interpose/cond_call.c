#include "cond_call.h"

#include "core/budget.h"
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

static void
wp_cond_call_end_cost(const struct wp_cond_call *call, wp_clock_mark cost)
{
    if (call->is_looked_at)
        wp_own_cost_end(cost, WP_OWN_COST_wait);
    else
        wp_budget_end_condition(cost);
}

static void
wp_cond_call_enter(struct wp_cond_call *call, const void *condition, pthread_mutex_t *mutex)
{
    wp_clock_mark cost;

    call->waiter.record = 0;
    call->is_split = wp_condition_is_split();
    if (!call->is_split)
        return;
    cost = wp_own_cost_begin();
    wp_condition_enter(&call->waiter, condition, mutex);
    wp_cond_call_end_cost(call, cost);
}

/* Returns when the part of the wait began that was for the mutex; 0: not known. */
static uint64_t
wp_cond_call_leave(struct wp_cond_call *call, enum wp_condition_end end, uint64_t since_ns,
                   uint64_t now_ns)
{
    uint64_t granted_ns;
    wp_clock_mark cost;

    if (!call->is_split)
        return 0;
    cost = wp_own_cost_begin();
    granted_ns = wp_condition_leave(&call->waiter, end, since_ns, now_ns);
    wp_cond_call_end_cost(call, cost);
    return granted_ns;
}

/* A wait that was looked at stands for others, for which the same was done. */
static void
wp_cond_call_count(const struct wp_cond_call *call)
{
    uint64_t stands_for = call->wait.rates.wait_fraction;

    if (!call->is_split)
        wp_region_count(WP_COUNTER_conditions_unsplit, stands_for);
    else if (stands_for > 1)
        wp_region_count(WP_COUNTER_conditions_passed_over, stands_for - 1);
}

void
wp_cond_call_begin(struct wp_cond_call *call, const void *frame, const void *condition,
                   pthread_mutex_t *mutex, const struct timespec *deadline,
                   const struct wp_cond_events *events)
{
    call->caller = wp_unwind_caller(frame);
    call->events = *events;
    call->wait.rates = wp_wait_rates_now();
    call->is_looked_at = wp_wait_looks_at(&call->wait.rates);
    if (!call->is_looked_at) {
        wp_cond_call_charge(call, mutex, 0);
        wp_cond_call_enter(call, condition, mutex);
        return;
    }
    call->deadline = deadline != NULL ? *deadline : (struct timespec){.tv_nsec = -1};
    wp_wait_begin(&call->wait, events->wait);
    wp_cond_call_charge(call, mutex, call->wait.start_ns);
    wp_cond_call_enter(call, condition, mutex);
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
    enum wp_condition_end end =
        outcome == WP_LOCK_ACQUIRED ? WP_CONDITION_WOKEN : WP_CONDITION_TIMED_OUT;
    uint64_t now_ns, start_ns, split_ns, granted_ns;

    if (!call->is_looked_at) {
        (void)wp_cond_call_leave(call, end, 0, 0);
        return;
    }
    now_ns = wp_clock_ns();
    start_ns = split_ns = call->wait.start_ns;
    wp_thread_end_wait();
    if (now_ns <= start_ns)
        now_ns = start_ns + 1;
    if (outcome == WP_LOCK_TIMED_OUT && call->deadline.tv_nsec >= 0)
        split_ns = wp_cond_call_timeout_ns(call, now_ns);
    granted_ns = wp_cond_call_leave(call, end, split_ns, now_ns);
    if (outcome == WP_LOCK_REFUSED)
        return;
    if (end == WP_CONDITION_WOKEN)
        split_ns = granted_ns;
    wp_cond_call_count(call);
    /* Not split: all of it was the wait. */
    if (split_ns == 0 || split_ns > now_ns)
        split_ns = now_ns;
    wp_wait_record_drawn(split_ns - start_ns, &call->wait.rates, split_ns, call->events.wait,
                         &call->caller);
    wp_wait_record_drawn(now_ns - split_ns, &call->wait.rates, now_ns, call->events.again,
                         &call->caller);
}
