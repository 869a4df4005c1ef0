/*
 * Captures of a program that does not exist: its functions, how runs of it differ, and what
 * sampling leaves of it. The same seed makes the same captures on every machine.
 */
#ifndef WP_TESTS_SIMULATED_RUNS_H
#define WP_TESTS_SIMULATED_RUNS_H

#include <stdint.h>

#include "compare/pprof_file.h"

#define SIMULATED_FUNCTIONS 14u

struct simulated_program {
    double delay_ns[SIMULATED_FUNCTIONS]; /* expected, a run */
    double rare_share;      /* of runs in which some functions wait at all; then so much longer */
    double wait_ns;         /* of a wait, exponentially distributed */
    double run_noise;       /* standard deviation of the logarithm of what all functions of a run
                            * have in common */
    double function_noise;  /* the same of each function by itself */
    double disturbed_share; /* of runs, something else disturbs the machine: */
    double disturbed_times; /* everything waits so many times as long */
    double rate_ns;         /* block rate; 0: every wait is kept */
};

/* Delay falls off as in real profiles: the first function has 40 %, the last ones less than 1 %. */
extern const struct simulated_program simulated_default;

struct simulated_random {
    uint64_t state;
};

/* What one run left; pprof.stacks points into it, so it must not be copied. */
struct simulated_run {
    struct wp_pprof pprof;
    struct wp_pprof_stack stacks[SIMULATED_FUNCTIONS];
};

void simulated_run_make(const struct simulated_program *program, struct simulated_random *random,
                        struct simulated_run *run);

#endif
