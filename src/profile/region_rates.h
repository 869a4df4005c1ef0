/*
 * Internal to the reading of regions: the rates of a header, and what they follow from.
 */
#ifndef WP_PROFILE_REGION_RATES_H
#define WP_PROFILE_REGION_RATES_H

#include "core/region_format.h"
#include "profile/region_reader.h"

/* The rates that the header's base and leases give now. */
struct wp_reader_rates wp_region_rates_now(const struct wp_region_header *header);

/* Fills in what a snapshot says of rates, leases and changes, as of its read_monotonic_ns. */
void wp_region_rates_read(const struct wp_region_header *header, struct wp_snapshot *snapshot);

#endif
