/*
 * Which sampling rates are in force: a function of the base rates, the leases and the time. Part of
 * the region's format: the program and the command work out the same.
 *
 * The base rates are those that the program was started with, or that it set itself, or that
 * `waitprof rate` set for good. A lease overlays them until its deadline, even if the command that
 * asked for it is dead by then. Of several leases that name a rate the latest counts; when it ends,
 * the one before it that still runs; at last the base.
 *
 * How changes meet. Whoever changes the base or the leases counts up a word of its own after the
 * change (the program settings_by_program, commands settings_by_command under flock), works out the
 * rates, stores them, and does it again if either word has moved meanwhile, or if others than it
 * stored are in force. So a stale result, of somebody who was slow, is followed by a fresh one of
 * the same writer.
 */
#ifndef WP_CORE_REGION_RATES_H
#define WP_CORE_REGION_RATES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/region_format.h"

/* As the header has them; `deadline_ns` 0: no lease runs. */
struct wp_region_rates {
    uint64_t block_rate_ns; /* may be WP_REGION_BLOCK_RATE_PAUSED */
    uint64_t mutex_fraction;
    uint64_t deadline_ns;
};

static inline bool
wp_region_lease_runs(const struct wp_region_lease *lease, uint64_t now_ns)
{
    return lease->number != 0 && lease->deadline_monotonic_ns > now_ns;
}

/*
 * The rates in force at `now_ns` of CLOCK_MONOTONIC. `leases` is a copy. A pause in place of block
 * rate 0 is needed wherever a lease keeps the wrappers from running that shall notice its end.
 */
static inline struct wp_region_rates
wp_region_rates_in_force(uint64_t base_block_rate_ns, uint64_t base_mutex_fraction,
                         const struct wp_region_lease leases[WP_REGION_LEASES], uint64_t now_ns)
{
    struct wp_region_rates rates = {base_block_rate_ns, base_mutex_fraction, 0};
    uint64_t latest_block = 0, latest_mutex = 0;
    bool comes_back = (base_block_rate_ns | base_mutex_fraction) != 0;

    for (unsigned i = 0; i < WP_REGION_LEASES; i++) {
        const struct wp_region_lease *lease = &leases[i];

        if (!wp_region_lease_runs(lease, now_ns))
            continue;
        if (rates.deadline_ns == 0 || lease->deadline_monotonic_ns < rates.deadline_ns)
            rates.deadline_ns = lease->deadline_monotonic_ns;
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
    if (rates.deadline_ns != 0 && rates.block_rate_ns == 0 && comes_back)
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
