/*
 * The sampling rates of a region, as the program changes them: its own settings, the end of leases,
 * and what a budget chooses. The rules are in core/region_rates.h.
 */
#ifndef WP_CORE_RATES_H
#define WP_CORE_RATES_H

#include <stdint.h>

#include "core/atomic.h"
#include "core/region_format.h"

/*
 * Set one base rate; the base rate before is returned. In force at once in every process of the
 * region, unless a lease of a command overlays it: then when that ends. (So a program that puts
 * back what it found never makes a lease permanent.) Lock-free, no allocation; signal handlers.
 */
uint64_t wp_rates_set_block_rate(struct wp_region_header *region, uint64_t rate_ns);
uint64_t wp_rates_set_mutex_fraction(struct wp_region_header *region, uint64_t fraction);

/* The rates and the limits of the budget (0: none) that a region starts with; the rates are noted
 * as its first change. Constructor only. */
struct wp_rates_start {
    uint64_t block_rate_ns, mutex_fraction;
    uint64_t budget_cost_ns_per_s, budget_samples_per_s;
};
void wp_rates_init(struct wp_region_header *region, const struct wp_rates_start *start);

/* Works out the rates in force at `now_ns` (CLOCK_MONOTONIC), stores them, and notes a change, but
 * for those that the budget makes. Lock-free; signal handlers. */
void wp_rates_settle(struct wp_region_header *region, uint64_t now_ns);

/* The time has come: the budget has its turn (core/budget.h), or a lease ends. */
void wp_rates_due(struct wp_region_header *region, uint64_t now_ns);

/* Where a clock was read anyway: does what is due. Mostly one load. */
static inline void
wp_rates_obey(struct wp_region_header *region, uint64_t now_ns)
{
    uint64_t settle_at_ns = wp_atomic_load_64(&region->settle_at_ns);

    if (__builtin_expect(settle_at_ns != 0, 0) &&
        (now_ns >= settle_at_ns ||
         wp_atomic_load_64(&region->budget.spent) >= WP_REGION_BUDGET_SPENT))
        wp_rates_due(region, now_ns);
}

#endif
