/*
 * What recording costs the program, measured in the program itself: one event in WP_OWN_COST_EVERY
 * is timed, and stands for that many. The number is odd and prime, so that calls that come in turns
 * (the start and the end of a wait) are all met.
 *
 * Counted is what is done for a call that had to wait, or for an unlock that is charged. What a
 * call costs that does not wait is a matter of nanoseconds: docs/benchmarks.md.
 */
#ifndef WP_CORE_OWN_COST_H
#define WP_CORE_OWN_COST_H

#include "core/clock.h"
#include "core/region.h"
#include "core/thread.h"

#define WP_OWN_COST_EVERY 61u

/* 0: this event is not timed. Signal handlers, here and below. */
static inline wp_clock_mark
wp_own_cost_begin(void)
{
    return ++wp_thread_self()->own_cost_event % WP_OWN_COST_EVERY == 0 ? wp_clock_now() : 0;
}

static inline void
wp_own_cost_end(wp_clock_mark start)
{
    if (__builtin_expect(start != 0, 0))
        wp_region_count(WP_COUNTER_own_cost_ns, wp_clock_elapsed_ns(start) * WP_OWN_COST_EVERY);
}

#endif
