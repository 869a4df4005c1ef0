/*
 * What recording costs the program, measured in the program itself: one piece of work in
 * WP_OWN_COST_EVERY is timed, and stands for that many. The number is odd and prime, so that pieces
 * that come in turns (the start and the end of a wait) are all met. Each thread begins at another
 * place in the turn, so that those of few events count as well.
 *
 * Pieces are of four classes, which never lie within each other: what is done for each call that
 * had to wait, what comes on top if it is kept as a sample, what is done to charge an unlock, and
 * what is done for a condition whose waiters a budget passes over. What a call costs that does not
 * wait is a matter of nanoseconds (docs/benchmarks.md), and so is any other wait that is passed
 * over: neither is counted.
 */
#ifndef WP_CORE_OWN_COST_H
#define WP_CORE_OWN_COST_H

#include "core/clock.h"
#include "core/region.h"
#include "core/thread.h"

#define WP_OWN_COST_EVERY 61u

/* A measurement counts so much at most: what takes longer was mostly the wait for the processor
 * after another thread had got it, and times 61 it would drown the rest. */
#define WP_OWN_COST_MAX_NS UINT64_C(20000)

/* Counted in WP_COUNTER_wait_cost_ns and those that follow it. */
enum wp_own_cost_class {
    WP_OWN_COST_wait,
    WP_OWN_COST_sample,
    WP_OWN_COST_unlock,
    WP_OWN_COST_condition,
    WP_OWN_COST_CLASSES
};

_Static_assert(WP_COUNTER_sample_cost_ns - WP_COUNTER_wait_cost_ns == WP_OWN_COST_sample &&
                   WP_COUNTER_unlock_cost_ns - WP_COUNTER_wait_cost_ns == WP_OWN_COST_unlock &&
                   WP_COUNTER_condition_cost_ns - WP_COUNTER_wait_cost_ns == WP_OWN_COST_condition,
               "a counter for each class");
_Static_assert(sizeof(((struct wp_region_budget *)0)->unit_costs) / sizeof(uint64_t) ==
                   WP_OWN_COST_CLASSES,
               "an account for each class");

/* 0: this piece is not timed. Signal handlers, here and below. */
static inline wp_clock_mark
wp_own_cost_begin(void)
{
    return ++wp_thread_self()->own_cost_event % WP_OWN_COST_EVERY == 0 ? wp_clock_now() : 0;
}

/* Returns the nanoseconds that were counted; 0: the piece is not timed. */
static inline uint64_t
wp_own_cost_end(wp_clock_mark start, enum wp_own_cost_class class)
{
    uint64_t cost_ns;

    if (__builtin_expect(start == 0, 1))
        return 0;
    cost_ns = wp_clock_elapsed_ns(start);
    if (cost_ns > WP_OWN_COST_MAX_NS)
        cost_ns = WP_OWN_COST_MAX_NS;
    wp_region_count((enum wp_region_counter)(WP_COUNTER_wait_cost_ns + class),
                    cost_ns * WP_OWN_COST_EVERY);
    return cost_ns * WP_OWN_COST_EVERY;
}

#endif
