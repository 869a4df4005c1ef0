/*
 * What a budget has chosen over time, in a few figures: of the turns that the region remembers.
 */
#ifndef WP_PROFILE_BUDGET_RANGE_H
#define WP_PROFILE_BUDGET_RANGE_H

#include <stddef.h>
#include <stdint.h>

#include "profile/region_reader.h"

struct wp_budget_bounds {
    uint64_t low, high;
};

/* Without turns all is 0. */
struct wp_budget_range {
    size_t turns;
    uint64_t span_ns; /* of all of them together */
    struct wp_budget_bounds block_rate_ns, mutex_fraction, wait_fraction;
    double cpu_share;       /* what recording cost in that span, of one processor */
    double worst_cpu_share; /* in the turn that was the dearest by that measure */
    double samples_per_s;   /* kept in that span */
};

struct wp_budget_range wp_budget_range_of(const struct wp_reader_budget_turn *turns, size_t count);

/* Cost of a turn, of one processor; 0 for a turn without a span. */
double wp_budget_turn_cpu_share(const struct wp_reader_budget_turn *turn);

/* A count of a turn by the second; 0 likewise. */
double wp_budget_turn_rate(const struct wp_reader_budget_turn *turn, uint64_t count);

#endif
