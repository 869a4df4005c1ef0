/*
 * What the tests of the budget share: the weather that a budget meets, and what is recorded of it.
 */
#ifndef WP_TESTS_CORE_BUDGET_WEATHER_H
#define WP_TESTS_CORE_BUDGET_WEATHER_H

#include <stdint.h>

#include "core/budget.h"

/* Threads that wait; each wait is as long as it is, whatever the rates. */
struct weather {
    double waits_per_s;
    double least_delay_ns, mean_delay_ns; /* longer than the least, exponentially */
    double lock_share;                    /* of waits that are for locks */
    double unlocks_per_wait;              /* while somebody waits for a lock */
};

/* Short waits for locks; and next to nothing. */
extern const struct weather weather_storm, weather_calm;

/* A load in `turns` turns, of costs as they are measured on most machines. */
struct wp_budget_load weather_load_of(uint64_t turns, uint64_t waits, uint64_t samples,
                                      uint64_t unlocks);

/* What is recorded of the weather in span_ns at these rates; `random` is a state of
 * wp_sampling_next. */
struct wp_budget_load weather_record(const struct weather *weather,
                                     const struct wp_budget_choice *rates, uint64_t span_ns,
                                     uint64_t *random);

/* Nanoseconds in a nanosecond. */
double weather_cost_share(const struct wp_budget_load *load);

#endif
