/*
 * What a region could not keep or see, and what helps: for `doctor` and `ls`.
 */
#ifndef WP_CLI_REGION_LOSS_H
#define WP_CLI_REGION_LOSS_H

#include <stdint.h>

#include "cli/finding.h"
#include "core/region_format.h"
#include "profile/region_reader.h"

/* How many samples and waiters were lost; counters[i] is that of enum wp_region_counter. */
uint64_t wp_region_loss_count(const uint64_t counters[WP_COUNTER_COUNT]);

/* Adds a warning for every loss, and for every flag (WP_REGION_FLAG_*) that keeps the region from
 * growing. `object` is what the lines are about. */
void wp_region_loss_check(const char *object, uint32_t flags,
                          const uint64_t counters[WP_COUNTER_COUNT], struct wp_findings *findings);

/* Adds a warning if functions of the program's own hide wrapped ones, and says, as no fault, which
 * its libc does not have. */
void wp_region_loss_check_functions(const char *object, const struct wp_snapshot *snapshot,
                                    struct wp_findings *findings);

#endif
