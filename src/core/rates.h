/*
 * The sampling rates of a region, as the program changes them: its own settings, and the end of
 * leases. The rules are in core/region_rates.h.
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

/* The rates that a region starts with, noted as its first change. Constructor only. */
void wp_rates_init(struct wp_region_header *region, uint64_t rate_ns, uint64_t fraction);

/* Works out the rates in force at `now_ns` (CLOCK_MONOTONIC), stores them, and notes a change.
 * Lock-free; signal handlers. */
void wp_rates_settle(struct wp_region_header *region, uint64_t now_ns);

/* Where a clock was read anyway: ends leases whose deadline has passed. Mostly one load. */
static inline void
wp_rates_obey(struct wp_region_header *region, uint64_t now_ns)
{
    uint64_t deadline_ns = wp_atomic_load_64(&region->lease_deadline_ns);

    if (__builtin_expect(deadline_ns != 0, 0) && now_ns >= deadline_ns)
        wp_rates_settle(region, now_ns);
}

#endif
