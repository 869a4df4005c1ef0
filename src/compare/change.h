/*
 * Whether one set of measurements differs from another by more than noise.
 *
 * Noise is what captures of one side differ by. That holds all there is: sampling, the program's
 * own chance, the machine. With a single capture a side only the first two can be told, from its
 * samples; what such a comparison says is marked.
 */
#ifndef WP_COMPARE_CHANGE_H
#define WP_COMPARE_CHANGE_H

#include <stdbool.h>
#include <stddef.h>

#include "profile/interval.h"

/* The captures of one side: for each, its value (ns per unit) and, as far as its file tells, the
 * variance that chance alone gives it: of sampling, and of the number and length of waits if they
 * come independently (the sum of squares, per unit squared). NaN: unknown. */
struct wp_values {
    const double *value;
    const double *noise;
    const double *sampling; /* the part of noise that sampling makes: `variance` of the files, per
                             * unit squared; NaN or a NULL pointer: unknown */
    const double *samples;  /* kept ones; NaN or a NULL pointer: unknown */
    size_t count;
    bool has_copies; /* some captures are copies of others: what they differ by tells nothing */
};

/* Fewer kept samples tell nothing of how far they are from the truth. */
#define WP_CHANGE_SAMPLES_MIN 2.0

/* Of all captures; 0 without any. */
double wp_values_mean(const struct wp_values *values);

/* Of all captures together; NaN if that of one is unknown. */
double wp_values_samples(const struct wp_values *values);

enum wp_change_basis {
    WP_BASIS_CAPTURES, /* at least two captures on each side: their spread */
    WP_BASIS_SAMPLES,  /* a side is a single capture: its samples, without noise between runs */
    WP_BASIS_NONE,     /* nothing is known of the noise: no difference, nothing is claimed */
};

struct wp_change {
    double base, new; /* means */
    enum wp_change_basis basis;
    bool has_few_samples;                     /* why the basis is NONE: neither side kept
                                                * WP_CHANGE_SAMPLES_MIN */
    bool has_base_interval, has_new_interval; /* false with basis NONE, and of a side that kept
                                                * fewer than WP_CHANGE_SAMPLES_MIN */
    struct wp_interval base_interval, new_interval; /* 95 %; NaN: there is none */
    struct wp_interval difference; /* of new - base; NaN with basis NONE, as the ratio */
    struct wp_interval ratio; /* of new / base; high is INFINITY where base may be 0, low too where
                               * base is 0 and new is surely not */
    double p;                 /* two-sided, of no difference; 1 where nothing is known */
    bool is_change;           /* exceeds noise: set by wp_changes_mark */
};

/*
 * The spread of captures by Welch's test, its ratio by Fieller's; what samples say by two weighted
 * Poisson counts. With captures both must agree, as far as `sampling` is known: three captures that
 * each kept one sample have no spread at all. Captures of a side that are equal to the last
 * nanosecond are taken for copies: their spread says nothing. docs/sampling.md has the derivation.
 */
void wp_change_measure(const struct wp_values *base, const struct wp_values *new,
                       struct wp_change *change);

/*
 * Marks which of many are changes, so that at most a share `rate` of what is marked is noise
 * (Benjamini and Hochberg, 1995): of a thousand stacks that are the same, a test each at 5 % would
 * mark fifty.
 */
void wp_changes_mark(struct wp_change *const *changes, size_t count, double rate);

/* More is not asked for: it means "so many, or more". */
#define WP_MORE_CAPTURES_MAX 1000u

enum wp_verdict { WP_VERDICT_PASS, WP_VERDICT_REGRESSION, WP_VERDICT_TOO_LITTLE };

struct wp_judgement {
    enum wp_verdict verdict;
    struct wp_interval ratio; /* at the confidence that was asked for */
    size_t more_captures;     /* TOO_LITTLE: how many more a side would probably decide, from 1 to
                               * WP_MORE_CAPTURES_MAX; else 0 */
};

/*
 * Whether new exceeds base by more than `tolerance` (0.05: 5 %): REGRESSION if the whole interval
 * of the ratio lies above 1 + tolerance, PASS if it lies below, else TOO_LITTLE. `error_rate` is
 * the chance, one-sided, to call a regression what is exactly within the tolerance; who judges many
 * rows at once divides it by their number, or one of them will be wrong by chance. A side with
 * fewer than two captures is TOO_LITTLE, whatever its samples say: noise between runs is unknown.
 */
void wp_change_judge(const struct wp_values *base, const struct wp_values *new, double tolerance,
                     double error_rate, struct wp_judgement *judgement);

#endif
