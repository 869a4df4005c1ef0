/*
 * Rates that tune leases for its measurement, where those in force keep too few samples to predict
 * anything from: coarse first, finer in steps, as far as the cost allows.
 */
#ifndef WP_CLI_TUNE_PROBE_H
#define WP_CLI_TUNE_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/tune/model.h"

/* What a look of length `span_ns` at the program has counted. */
struct wp_tune_look {
    double span_ns;
    double waits;
    double block_samples;
    double waiters; /* registered for the mutex profile */
    double mutex_samples;
};

/* The limits of a probe. */
struct wp_tune_probe {
    double span_ns;       /* of the measurement that is to come */
    double cost_ns_per_s; /* at most */
    double samples;       /* of each profile that are enough, in that span */
    struct wp_tune_costs costs;
};

/*
 * The next rates to try after `look` at `rates`: each of them a step finer if it keeps too little,
 * and if the step stays within the cost even if it brings ten times as much. False: none is left to
 * try. Rates that are off begin with WP_TUNE_PROBE_BLOCK_RATE_NS and WP_TUNE_PROBE_FRACTION. Pure.
 */
bool wp_tune_probe_step(const struct wp_tune_probe *probe, const struct wp_tune_look *look,
                        struct wp_tune_rates *rates);

#define WP_TUNE_PROBE_BLOCK_RATE_NS UINT64_C(10000000)
#define WP_TUNE_PROBE_FRACTION UINT64_C(100)

#endif
