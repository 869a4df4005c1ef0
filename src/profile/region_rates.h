/*
 * Internal to the reading of regions: the rates of a header, and what they follow from.
 */
#ifndef WP_PROFILE_REGION_RATES_H
#define WP_PROFILE_REGION_RATES_H

#include "core/region_format.h"
#include "profile/region_reader.h"

/* The rates that the header's base and leases give now; fd is that of the region. */
struct wp_reader_rates wp_region_rates_now(int fd, const struct wp_region_header *header);

/* Fills in what a snapshot says of rates, leases and changes, as of its read_monotonic_ns.
 * `ahead_ns`: by how much the region's clock is ahead of ours. */
void wp_region_rates_read(const struct wp_region_header *header, int64_t ahead_ns,
                          struct wp_snapshot *snapshot);

#endif
