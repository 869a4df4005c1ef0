/*
 * Captures of a program that does not exist: waits of random number and length, sampled by the real
 * rules, of runs that differ as runs of a program do.
 */
#ifndef WP_TESTS_SIMULATED_RUN_H
#define WP_TESTS_SIMULATED_RUN_H

#include <stddef.h>
#include <stdint.h>

struct simulated_program {
    double waits;         /* a capture, on average; their number is Poisson's */
    double mean_delay_ns; /* of exponential waits */
    uint64_t block_rate_ns;
    double run_noise; /* standard deviation of the logarithm of what a run multiplies waits with */
    double correlation; /* of that logarithm, from one run to the next */
};

#define SIMULATED_MEAN_DELAY_NS 20000u

/*
 * One of which captures differ by `noise` (relative standard deviation) all together: 0.8 of it
 * between runs, 0.6 by chance; a run resembles the one before by 0.2.
 */
struct simulated_program simulated_program_of_noise(double noise);

/* What a capture keeps of a stack. */
struct simulated_capture {
    double contentions;
    double delay_ns;
    double samples;
    double variance;
    double squares;
};

/* A series of runs, one after the other. Begins with a seed and all else 0. */
struct simulated_series {
    uint64_t seed;
    double state; /* of the run before, standard normal */
};

/* Uniform in (0, 1), and standard normal. */
double simulated_uniform(uint64_t *seed);
double simulated_normal(uint64_t *seed);

/* The next run multiplies the length of its waits with this. */
double simulated_run_factor(struct simulated_series *series,
                            const struct simulated_program *program);

/* A capture of a run in which waits are `factor` times as long. */
struct simulated_capture
simulated_capture_make(uint64_t *seed, const struct simulated_program *program, double factor);

#endif
