/*
 * What the programs of these tests have in common: paths that wait, an account of their waits by
 * the program's own clock, and answers to who asks for it on standard input.
 */
#ifndef WP_TESTS_TUNE_OWN_WAITS_H
#define WP_TESTS_TUNE_OWN_WAITS_H

#include <pthread.h>
#include <stdint.h>

/* A thread's stream of random numbers; 0 is no state. */
uint64_t own_random(uint64_t *state);
double own_uniform(uint64_t *state); /* in (0, 1) */

/* Exponential with that mean; Pareto of exponent 1.5 from least_ns on, cut at 1000 times that. */
uint64_t own_exponential_ns(uint64_t *state, double mean_ns);
uint64_t own_heavy_tail_ns(uint64_t *state, double least_ns);

/* Counts a call of `path` (one of OWN_PATHS) that waited. Shorter than OWN_LEAST_NS: it did not. */
#define OWN_PATHS 16u
#define OWN_LEAST_NS UINT64_C(1000)
void own_wait(unsigned path, uint64_t start_ns, uint64_t end_ns);

/* Starts a thread that ends with the program; ends the program if it cannot. */
void own_start(void *(*run)(void *), void *argument);

/*
 * Prints "ready", then for every line on standard input one line
 *   NS COUNT:DELAY_NS COUNT:DELAY_NS ...
 * with CLOCK_MONOTONIC and the totals of the paths 0, 1, ... Returns when the input ends.
 */
void own_answer(unsigned paths);

#endif
