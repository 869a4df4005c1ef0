/*
 * What a program waited for, by kind: totals over all stacks of a region. For views and metrics
 * that need no names of functions.
 */
#ifndef WP_PROFILE_KIND_TOTALS_H
#define WP_PROFILE_KIND_TOTALS_H

#include <stddef.h>
#include <stdint.h>

#include "profile/error.h"
#include "profile/region_reader.h"

/* What one profile says of a kind. All but the variance only grow while the region lives: delays
 * and the fixed count are sums of integers, which stop at the largest, since a sum of doubles
 * shrinks now and then when a new stack changes the order of its terms. */
struct wp_kind_amount {
    double contentions; /* scaled, with fractions: contentions_fixed / WP_REGION_COUNT_ONE */
    uint64_t contentions_fixed; /* the same as the region has it */
    uint64_t delay_ns;          /* scaled */
    uint64_t samples;           /* kept */
    double variance;            /* of delay_ns, ns^2: see struct wp_profile_sample */
};

/* A kind; rows are in the order of the functions table, "" (lost samples) last. Strings are the
 * snapshot's. */
struct wp_kind_total {
    const char *kind;
    const char *family;
    uint64_t waits; /* WP_COUNTER_waits of this kind */
    struct wp_kind_amount
        amount[2]; /* by profile: [WP_PROFILE_BLOCK - 1], [WP_PROFILE_MUTEX - 1] */
};

/* Rows for every kind that the library records, also those with nothing yet. The caller frees
 * *totals with free(). 0 or -ENOMEM. */
int wp_kind_totals(const struct wp_snapshot *snapshot, struct wp_kind_total **totals, size_t *count,
                   struct wp_error *error);

#endif
