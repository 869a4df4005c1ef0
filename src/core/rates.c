#include "core/rates.h"

#include <time.h>

#include "core/atomic.h"

/*
 * Two who change rates at the same time take two rows of the ring; a row is valid once its time is
 * set (release), and a reader that sees 0 there passes over it.
 */
void
wp_rates_note(struct wp_region_header *region)
{
    uint64_t change = wp_atomic_add_64(&region->rate_change_count, 1);
    struct wp_region_rate_change *row = &region->rate_changes[change % WP_REGION_RATE_CHANGES];
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    wp_atomic_store_64_release(&row->realtime_ns, 0);
    wp_atomic_store_64(&row->block_rate_ns, wp_atomic_load_64(&region->block_rate_ns));
    wp_atomic_store_64(&row->mutex_fraction, wp_atomic_load_64(&region->mutex_fraction));
    wp_atomic_store_64_release(&row->realtime_ns,
                               (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec);
}

/* Swaps a rate for another; the change is noted if it is one. */
static uint64_t
wp_rates_swap(struct wp_region_header *region, uint64_t *rate, uint64_t value)
{
    uint64_t before;

    do {
        before = wp_atomic_load_64(rate);
    } while (!wp_atomic_cas_64(rate, before, value));
    if (before != value)
        wp_rates_note(region);
    return before;
}

uint64_t
wp_rates_set_block_rate(struct wp_region_header *region, uint64_t rate_ns)
{
    return wp_rates_swap(region, &region->block_rate_ns, rate_ns);
}

uint64_t
wp_rates_set_mutex_fraction(struct wp_region_header *region, uint64_t fraction)
{
    return wp_rates_swap(region, &region->mutex_fraction, fraction);
}
