/*
 * What each program has waited for since its last profiles were handed over.
 *
 * Where a program's count begins only moves when its profiles are safe with the sink, so that what
 * was handed over adds up to what the program counted.
 */
#ifndef WP_CLI_PUSH_COLLECTOR_H
#define WP_CLI_PUSH_COLLECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/target.h"
#include "cli/push/begun_regions.h"
#include "cli/push/push_profile.h"
#include "cli/push/series_name.h"
#include "cli/view_options.h"
#include "profile/error.h"

/* All pointers outlive the collector. */
struct wp_collector_options {
    const struct wp_series_naming *naming;
    struct wp_push_sink *sink;
    struct wp_begun_regions *begun;
    struct wp_view_values view; /* checked */
};

struct wp_collector;

/* On success the caller frees it. */
int wp_collector_new(const struct wp_collector_options *options, struct wp_collector **collector,
                     struct wp_error *error);
void wp_collector_free(struct wp_collector *collector); /* NULL is fine */

/* Follows one more program: counted from now on, or from its start, unless profiles of it were
 * handed over before. Holds the target. */
int wp_collector_add(struct wp_collector *collector, struct wp_target *target, bool from_start,
                     struct wp_error *error);

/* The program has ended: its last profiles are handed over, now or as soon as the sink takes
 * them. */
void wp_collector_end(struct wp_collector *collector, const struct wp_target *target);

/* Hands over what all programs have waited for since the last time. Trouble is told once and
 * leaves the others alone. */
void wp_collector_collect(struct wp_collector *collector);

/* Programs that are followed, with those that have ended but whose last profiles are not safe. */
size_t wp_collector_programs(const struct wp_collector *collector);

/* Whether the sink has refused the last profiles of a program, so that they would be lost. */
bool wp_collector_is_stuck(const struct wp_collector *collector);

#endif
