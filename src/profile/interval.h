/*
 * How well a sampled delay is known: 95 % intervals, and the quantiles they are made of.
 *
 * The quantiles are our own few lines: the libraries that have them (GSL, R's) are under the GPL,
 * which would bind the whole command.
 */
#ifndef WP_PROFILE_INTERVAL_H
#define WP_PROFILE_INTERVAL_H

#include <stdbool.h>

#define WP_INTERVAL_CONFIDENCE 0.95

struct wp_interval {
    double low, high;
};

/* Quantiles of p in (0, 1), to at least 10 digits. NaN for arguments out of range; 0 or infinite
 * for what is beyond a double. */
double wp_quantile_normal(double p);
double wp_quantile_student(double p, double degrees); /* degrees > 0, need not be whole */
double wp_quantile_gamma(double p, double shape);     /* scale 1; shape > 0 */

/* P(T > t) of Student's distribution. */
double wp_tail_student(double t, double degrees);

/*
 * P(A / B > ratio) of two independent gamma variables of these shapes (> 0) and of scale 1;
 * ratio >= 0. Shapes above 1e8 count as 1e8.
 */
double wp_tail_gamma_ratio(double ratio, double shape_above, double shape_below);

/* The ratio that is exceeded with probability `tail`: the inverse of the function above. */
double wp_quantile_gamma_ratio(double tail, double shape_above, double shape_below);

/*
 * The 95 % interval of a delay (ns) that was estimated from `samples` kept samples with the
 * estimated `variance` (ns^2) of struct wp_profile_sample. False, and nothing is claimed: fewer
 * than two samples. A variance of 0 gives [delay, delay].
 *
 * Few samples make a skewed estimate, for which delay +- 1.96 standard errors is too short: the
 * interval is the exact one of a Poisson count (Garwood, Biometrika 28, 1936), of as many events of
 * equal weight as have the same variance, which becomes the normal one as samples grow.
 * docs/sampling.md says what it claims, and where it claims too much.
 */
bool wp_interval_of_delay(double delay_ns, double variance, double samples,
                          struct wp_interval *interval);

/* The same for another confidence, in (0, 1). */
bool wp_interval_of_delay_at(double confidence, double delay_ns, double variance, double samples,
                             struct wp_interval *interval);

#endif
