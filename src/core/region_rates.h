/*
 * Which sampling rates are in force: a function of the base rates, the leases, the budget and the
 * time. Part of the region's format: the program and the command work out the same.
 *
 * The base rates are those that the program was started with, or that it set itself, or that
 * `waitprof rate` set for good. A budget makes them coarser, as its last turn chose. A lease
 * overlays both until its deadline, even if the command that asked for it is dead by then. Of
 * several leases that name a rate the latest counts; when it ends, the one before it that still
 * runs; at last the base. The budget holds the cost under a lease, too: it then looks at one of
 * `wait_fraction` waits, whatever the rates.
 *
 * How changes meet. Whoever changes the base, the leases or the limits of the budget counts up a
 * word of its own after the change (the program settings_by_program, commands settings_by_command
 * under flock), works out the rates, stores them, and does it again if either word has moved
 * meanwhile, or if others than it stored are in force. So a stale result, of somebody who was slow,
 * is followed by a fresh one of the same writer. What the budget chose is stored anew at its next
 * turn.
 */
#ifndef WP_CORE_REGION_RATES_H
#define WP_CORE_REGION_RATES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/region_format.h"

/* As the header has them; `settle_at_ns` 0: no lease runs, and there is no budget. */
struct wp_region_rates {
    uint64_t block_rate_ns; /* may be WP_REGION_BLOCK_RATE_PAUSED */
    uint64_t mutex_fraction;
    uint64_t wait_fraction;
    uint64_t settle_at_ns;
};

/* What the rates follow from: copies of the fields of the header. */
struct wp_region_rate_sources {
    uint64_t base_block_rate_ns;
    uint64_t base_mutex_fraction;
    struct wp_region_budget budget;
    struct wp_region_lease leases[WP_REGION_LEASES];
};

static inline bool
wp_region_lease_runs(const struct wp_region_lease *lease, uint64_t now_ns)
{
    return lease->number != 0 && lease->deadline_monotonic_ns > now_ns;
}

static inline bool
wp_region_budget_limits(const struct wp_region_budget *budget)
{
    return (budget->cost_ns_per_s | budget->samples_per_s) != 0;
}

/* A rate that a budget has made coarser; 0 stays off. */
static inline uint64_t
wp_region_rate_at_least(uint64_t rate, uint64_t least)
{
    return rate != 0 && rate < least ? least : rate;
}

/* Base rates and budget, without leases. */
static inline struct wp_region_rates
wp_region_rates_of_base(const struct wp_region_rate_sources *sources)
{
    const struct wp_region_budget *budget = &sources->budget;
    struct wp_region_rates rates = {sources->base_block_rate_ns, sources->base_mutex_fraction, 1,
                                    0};

    if (!wp_region_budget_limits(budget))
        return rates;
    rates.block_rate_ns = wp_region_rate_at_least(rates.block_rate_ns, budget->block_rate_ns);
    rates.mutex_fraction = wp_region_rate_at_least(rates.mutex_fraction, budget->mutex_fraction);
    rates.wait_fraction = budget->wait_fraction > 1 ? budget->wait_fraction : 1;
    rates.settle_at_ns = budget->turn_ns > 0 ? budget->turn_ns : 1;
    return rates;
}

/*
 * The rates in force at `now_ns` of CLOCK_MONOTONIC. A pause in place of block rate 0 is needed
 * wherever a lease keeps the wrappers from running that shall notice its end.
 */
static inline struct wp_region_rates
wp_region_rates_in_force(const struct wp_region_rate_sources *sources, uint64_t now_ns)
{
    struct wp_region_rates rates = wp_region_rates_of_base(sources);
    uint64_t latest_block = 0, latest_mutex = 0;
    bool comes_back = (rates.block_rate_ns | rates.mutex_fraction) != 0;
    bool is_leased = false;

    for (unsigned i = 0; i < WP_REGION_LEASES; i++) {
        const struct wp_region_lease *lease = &sources->leases[i];

        if (!wp_region_lease_runs(lease, now_ns))
            continue;
        is_leased = true;
        if (rates.settle_at_ns == 0 || lease->deadline_monotonic_ns < rates.settle_at_ns)
            rates.settle_at_ns = lease->deadline_monotonic_ns;
        if (lease->block_rate_ns != WP_REGION_RATE_UNCHANGED && lease->number > latest_block) {
            latest_block = lease->number;
            rates.block_rate_ns = lease->block_rate_ns;
            comes_back |= lease->block_rate_ns != 0;
        }
        if (lease->mutex_fraction != WP_REGION_RATE_UNCHANGED && lease->number > latest_mutex) {
            latest_mutex = lease->number;
            rates.mutex_fraction = lease->mutex_fraction;
            comes_back |= lease->mutex_fraction != 0;
        }
    }
    if (is_leased && rates.block_rate_ns == 0 && comes_back)
        rates.block_rate_ns = WP_REGION_BLOCK_RATE_PAUSED;
    return rates;
}

/* What a block rate of the header means to people. */
static inline uint64_t
wp_region_block_rate_meant(uint64_t block_rate_ns)
{
    return block_rate_ns == WP_REGION_BLOCK_RATE_PAUSED ? 0 : block_rate_ns;
}

#endif
