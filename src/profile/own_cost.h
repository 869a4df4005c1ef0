/*
 * What recording costs a program, by its own account (core/own_cost.h): the one place where the
 * counters become figures for people.
 */
#ifndef WP_PROFILE_OWN_COST_H
#define WP_PROFILE_OWN_COST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/region_format.h"
#include "profile/region_reader.h"

struct wp_own_cost {
    double total_ns;
    bool is_rough;          /* from so few measurements that it may be off by a multiple */
    uint64_t waits;         /* calls that had to wait */
    uint64_t followed;      /* of those, the ones that were looked at: all, without a budget */
    uint64_t block_samples; /* kept for the block profile */
    uint64_t unlocks;       /* charged in the mutex profile */
    /* Means of one; 0 where there was none. */
    double wait_ns;      /* for each wait that was followed, without what follows */
    double sample_ns;    /* for each kept sample of a wait */
    double unlock_ns;    /* for each unlock that was charged */
    double condition_ns; /* for each wait for a condition that a budget passed over */
    double added_ns;     /* total for each call that had to wait */
    double cpu_share;    /* total_ns / span_ns: of one processor; 0 without a span */
};

/* From counters (of enum wp_region_counter), of a region since its start or of a span. */
struct wp_own_cost wp_own_cost_of(const uint64_t counters[WP_COUNTER_COUNT], uint64_t span_ns);

/* How long the program had run when it was read; of one that has ended, until the last sign of life
 * in its region. */
uint64_t wp_own_cost_span_ns(const struct wp_snapshot *snapshot, bool has_ended);

/* A buffer that the results below fit. */
#define WP_OWN_COST_TEXT_BYTES 160u

/* "12.3 %", "0.31 %", "0.004 %", "under 0.001 %", "0 %" of a part of 1; returns `text`. */
const char *wp_own_cost_format_share(double part, char *text, size_t size);

/* The limits of a budget in the words that WAITPROF_BUDGET takes: "0.5%", "2000/s", "off"; both
 * limits (0: none) as "0.5%, 2000/s". Returns `text`. */
const char *wp_own_cost_format_budget(uint64_t cost_ns_per_s, uint64_t samples_per_s, char *text,
                                      size_t size);

/* "180 ns a timed wait, 350 ns a kept wait, 420 ns a charged unlock, 80 ns a condition passed
 * over", as far as there were some; returns `text`. */
const char *wp_own_cost_describe_units(const struct wp_own_cost *cost, char *text, size_t size);

/* "0.012 % of a processor, 214 ns a wait (12345 waits, 678 samples)", with "roughly " before it if
 * it is; returns `text`. */
const char *wp_own_cost_describe(const struct wp_own_cost *cost, char *text, size_t size);

#endif
