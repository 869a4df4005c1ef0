/*
 * Internal to the reading of regions: the clock of the times in a region. They are CLOCK_MONOTONIC
 * of the program, which in another time namespace is another one than ours.
 */
#ifndef WP_PROFILE_REGION_CLOCK_H
#define WP_PROFILE_REGION_CLOCK_H

#include <stdint.h>

#include "core/region_format.h"

/*
 * How far the region's clock is ahead of ours (negative: behind), in ns: that of the process that
 * made it or, after its end, of the first forked child that runs. 0 when it is the same (or less
 * than 10 ms ahead or behind), and when no process of the family runs or can be seen from here.
 * Looks into /proc if the header's times of the start leave a doubt; fd is that of the region.
 */
int64_t wp_region_clock_ahead_ns(int fd, const struct wp_region_header *header);

/* What our clock shows, or showed, when the region's does; 0 stays 0, which is no time. Bounded. */
uint64_t wp_region_clock_to_ours(uint64_t region_ns, int64_t ahead_ns);

/* What the region's clock shows when ours does. Bounded. */
uint64_t wp_region_clock_from_ours(uint64_t our_ns, int64_t ahead_ns);

#endif
