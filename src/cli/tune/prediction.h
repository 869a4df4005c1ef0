/*
 * What other sampling rates would keep, cost and be worth: predicted from what was measured at the
 * rates in force. Pure functions; docs/tuning.md derives them.
 *
 * Block profile. A stack's waits d_1, d_2 ... are known by what the kept ones add up to: their
 * number, sum and sum of squares (all three estimated without bias), and how many were kept. At
 * rate r the stack will keep sum min(1, d/r) samples, and the variance of its delay will be the sum
 * of d(r - d) over the waits shorter than r. Both need the distribution of d, which is taken as one
 * log-normal for the waits shorter than the rate of the measurement and one for the others.
 *
 * Mutex profile. At fraction f a waiter is registered with probability 1/f, and an unlock is
 * charged if any of the m waiters in its way is.
 */
#ifndef WP_CLI_TUNE_PREDICTION_H
#define WP_CLI_TUNE_PREDICTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the kept samples of a span say of one stack; as in struct wp_profile_sample. */
struct wp_tune_kept {
    double contentions;
    double delay_ns;
    double samples;
    double variance;
    double squares;
};

/* Waits that are taken as log-normal: the first three moments of their lengths, not divided by
 * their number. */
struct wp_tune_waits {
    double count;
    double delay_ns;
    double squares;
};

/*
 * The waits of one stack of the block profile, in the span or in a slice of it: short slices, each
 * with a distribution of its own, tell a few long waits from the others.
 */
struct wp_tune_stack {
    uint32_t stack; /* number that the slices of a stack have in common */
    uint16_t function;
    double delay_ns;              /* of all */
    struct wp_tune_waits shorter; /* than the rate of the measurement; without a split, all */
    struct wp_tune_waits longer;
};

/*
 * Works out a stack's waits from what was kept at a block rate that was the same over the span and
 * with every wait looked at. rate_ns 0: it was not, and the waits are taken as one log-normal.
 */
struct wp_tune_stack wp_tune_stack_fit(const struct wp_tune_kept *kept, double rate_ns,
                                       uint16_t function);

/*
 * The number of waits of each function is counted exactly, while kept samples of short waits stand
 * for hundreds: scales the numbers of the shorter ones to `waits`. Only stacks of the function are
 * touched. False: there is no stack of it.
 */
bool wp_tune_stacks_count(struct wp_tune_stack *stacks, size_t count, uint16_t function,
                          double waits);

/* Kept samples, and the variance of the stack's delay by sampling (ns^2), at a block rate (>= 1)
 * over the same span. */
double wp_tune_stack_samples(const struct wp_tune_stack *stack, double rate_ns);
double wp_tune_stack_variance(const struct wp_tune_stack *stack, double rate_ns);

/* The unlocks that made somebody wait in the span. */
struct wp_tune_unlocks {
    double count;
    double waiters; /* in the way of one of them, on average; at least 1 */
};

/* From the unlocks that were charged at `fraction` (>= 1) and the registered waiters in their way,
 * each time. */
struct wp_tune_unlocks wp_tune_unlocks_fit(double charged, double shares, double fraction);

/* How many of them are charged at `fraction`. */
double wp_tune_unlocks_charged(const struct wp_tune_unlocks *unlocks, double fraction);

/* Variance of a delay of the mutex profile at `fraction`, of waits whose squares sum to that. */
double wp_tune_mutex_variance(double squares, double fraction);

/* Half of the 95 % interval of a delay, divided by the delay, when the span it comes from is scaled
 * from span_ns to capture_ns. Infinite for no delay. */
double wp_tune_relative_error(double delay_ns, double variance, double span_ns, double capture_ns);

#endif
