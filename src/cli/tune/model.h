/*
 * A program as tune has measured it, and what becomes of its profiles at other rates. Pure.
 */
#ifndef WP_CLI_TUNE_MODEL_H
#define WP_CLI_TUNE_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "cli/tune/prediction.h"

/* Errors are promised for a capture of so long. */
#define WP_TUNE_CAPTURE_NS UINT64_C(30000000000)

/* For so many stacks, those with the most delay; not for stacks with less than this share of it,
 * which are near the end of a list because the list is short. */
#define WP_TUNE_TOP_STACKS 10u
#define WP_TUNE_TOP_SHARE 0.01

/* 1-2-5 steps: block rates 1 us to 100 ms, mutex fractions 1 to 1000. Finest first. */
#define WP_TUNE_BLOCK_RATES 16u
#define WP_TUNE_FRACTIONS 10u
extern const uint64_t wp_tune_block_rates[WP_TUNE_BLOCK_RATES];
extern const uint64_t wp_tune_fractions[WP_TUNE_FRACTIONS];

struct wp_tune_rates {
    uint64_t block_rate_ns;  /* 0: off */
    uint64_t mutex_fraction; /* 0: off */
};

/* What one piece of recording costs the program. */
struct wp_tune_costs {
    double wait_ns;     /* for each wait, at the mutex fraction of the measurement */
    double sample_ns;   /* for each that is kept, on top */
    double unlock_ns;   /* for each unlock that is charged */
    double register_ns; /* for each waiter that is registered: part of wait_ns there */
    /* Samples and unlocks a second, at the measurement; 0: they cost the same however rare. */
    double samples_per_s, unlocks_per_s;
};

/* A stack of the mutex profile in the span. */
struct wp_tune_holder {
    double delay_ns;
    double squares; /* sum of the squares of its waiters' times, ns^2 */
};

struct wp_tune_model {
    double span_ns;
    double waits;                  /* calls that had to wait, in the span */
    double lock_waits;             /* those of them that a holder may be to blame for */
    double registered;             /* of these, waiters registered for the mutex profile */
    struct wp_tune_rates rates;    /* at which all this was measured */
    struct wp_tune_stack *waiters; /* slices of one stack stand together */
    size_t waiter_count;
    struct wp_tune_holder *holders;
    size_t holder_count; /* in any order */
    struct wp_tune_unlocks unlocks;
    struct wp_tune_costs costs;
};

/* Half widths of 95 % intervals relative to the delay, over the top stacks. */
struct wp_tune_errors {
    size_t stacks; /* 0: there is none, and the others mean nothing */
    double median;
    double worst;
};

struct wp_tune_outlook {
    double block_samples_per_s;
    double mutex_samples_per_s;
    /* Cost in ns a second: of timing waits, of keeping samples, of charging unlocks. */
    double wait_cost, sample_cost, unlock_cost;
    double cost_share; /* all three, of one processor */
    double added_ns;   /* all three, for each call that has to wait */
};

struct wp_tune_outlook wp_tune_model_predict(const struct wp_tune_model *model,
                                             struct wp_tune_rates rates);

/* Of the block profile at a block rate, of the mutex profile at a fraction. Both >= 1. */
struct wp_tune_errors wp_tune_model_block_errors(const struct wp_tune_model *model,
                                                 uint64_t block_rate_ns);
struct wp_tune_errors wp_tune_model_mutex_errors(const struct wp_tune_model *model,
                                                 uint64_t mutex_fraction);

/* What is wanted; 0: no matter. */
struct wp_tune_goal {
    uint64_t cost_ns_per_s;
    uint64_t samples_per_s; /* of both profiles together */
    double error;           /* of the worst of the top stacks */
};

/* What follows. */
struct wp_tune_advice {
    struct wp_tune_rates rates;
    bool knows_block, knows_mutex; /* false: nothing is, and its rate is no advice */
    bool within_budget;            /* true without a budget */
    bool within_error;             /* likewise */
};

/*
 * With an error, the coarsest rates of the steps that keep it; with a budget alone, the finest that
 * it pays, half of what remains after the timing of waits being for each profile. What cannot be
 * had is said, and the budget goes before the error. Where nothing is known of a profile its rate
 * is taken as the one that is set.
 */
struct wp_tune_advice wp_tune_model_advise(const struct wp_tune_model *model,
                                           struct wp_tune_rates set,
                                           const struct wp_tune_goal *goal);

#endif
