/*
 * The sampling rates of a region, and the record of their changes.
 */
#ifndef WP_CORE_RATES_H
#define WP_CORE_RATES_H

#include <stdint.h>

#include "core/region_format.h"

/*
 * Set one rate; the value before is returned. In force at once in every process of the region. Each
 * change is noted in the ring of changes. Lock-free, no allocation; signal handlers.
 */
uint64_t wp_rates_set_block_rate(struct wp_region_header *region, uint64_t rate_ns);
uint64_t wp_rates_set_mutex_fraction(struct wp_region_header *region, uint64_t fraction);

/* Notes the rates now in force as a change. */
void wp_rates_note(struct wp_region_header *region);

#endif
