/*
 * A span of a live program, measured for the model.
 */
#ifndef WP_CLI_TUNE_MEASUREMENT_H
#define WP_CLI_TUNE_MEASUREMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/target.h"
#include "cli/tune/calibration.h"
#include "cli/tune/model.h"
#include "profile/error.h"

/* Fewer kept samples of a profile than this tell too little of it. */
#define WP_TUNE_FEW_SAMPLES 200u

struct wp_tune_plan {
    uint64_t span_ns;
    bool may_probe;               /* finer rates, leased, if those in force keep too few samples */
    uint64_t probe_cost_ns_per_s; /* which the probe may cost at most, as far as can be told */
};

/* Events of a kind in the span. */
struct wp_tune_kind {
    char kind[16];
    double waits;
    double delay_ns[2]; /* block, mutex */
    double samples[2];
};

enum wp_tune_ending { WP_TUNE_ENDED_IN_TIME, WP_TUNE_ENDED_BY_SIGNAL, WP_TUNE_ENDED_BY_TARGET };

struct wp_tune_measurement {
    struct wp_tune_model model;
    struct wp_tune_rates before; /* in force when it began */
    struct wp_tune_rates base;   /* without leases and budget, likewise */
    bool leased;                 /* model.rates are a probe's */
    struct wp_tune_kind *kinds;  /* that had a wait or a delay */
    size_t kind_count;
    double samples[2];    /* kept in the span: block, mutex */
    double cpu_ns;        /* that the program used in the span; negative: not known */
    double cost_share;    /* of a processor, by the program's own account in the span */
    double timed[3];      /* pieces of work that it timed: waits, samples, unlocks */
    double wait_fraction; /* 1, or more under a budget */
    uint64_t budget_cost_ns_per_s, budget_samples_per_s; /* 0: none */
    enum wp_tune_ending ending;
};

/*
 * Measures, with the rates set back however it ends. Blocks INT, TERM and HUP meanwhile, which end
 * the span early. On success the caller frees what is in *measurement.
 */
int wp_tune_measure(const struct wp_target *target, const struct wp_tune_plan *plan,
                    const struct wp_tune_calibration *calibration,
                    struct wp_tune_measurement *measurement, struct wp_error *error);

void wp_tune_measurement_free(struct wp_tune_measurement *measurement); /* {0} is fine */

/*
 * What a piece of work costs, of `timed` pieces that took `mean_ns`, where before that `prior_ns`
 * was believed: few pieces move it little.
 */
double wp_tune_cost_believed(double mean_ns, double timed, double prior_ns);

#endif
