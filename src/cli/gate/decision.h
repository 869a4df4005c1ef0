/*
 * Whether a release may pass: the verdict over the total of what was compared, and over each
 * function that matters.
 */
#ifndef WP_CLI_GATE_DECISION_H
#define WP_CLI_GATE_DECISION_H

#include <stdbool.h>
#include <stddef.h>

#include "compare/comparison.h"
#include "profile/error.h"

/*
 * The rule. With the limit 1 + tolerance, and a far limit that is twice as far from 1:
 *
 *   regression       the ratio of NEW to BASE is above the limit for certain: at these error rates,
 *                    of the total and of all functions together
 *   pass             it is below the far limit for certain: what is worse than that passes at most
 *                    at the miss rate
 *   too little data  neither
 *
 * With one limit for both, equal releases would need four times the captures, and those that are
 * just at it no end of them: see docs/gate.md for the error rates of both rules.
 */
#define WP_GATE_TOTAL_ERROR_RATE 0.01
#define WP_GATE_FUNCTIONS_ERROR_RATE 0.005
#define WP_GATE_MISS_RATE 0.05

/* The far limit is at least so far above the limit: with a tolerance of 0, too, there must be
 * something that can be told from it. */
#define WP_GATE_FAR_MIN 0.01

/* A function is judged by itself if it has this share of the delay of both sides together. Of both:
 * a share that is taken of one side alone would choose functions by the very chance that the
 * judgement must not mistake for a change. */
#define WP_GATE_FUNCTION_SHARE 0.01

/* Captures a side below which nothing is said, and for a first look. */
#define WP_GATE_CAPTURES_MIN 2u
#define WP_GATE_CAPTURES_FIRST 5u

/* A side whose captures differ by no more than this share is taken for copies of one. */
#define WP_GATE_COPY_ROUNDING 1e-12

/* Why nothing can be told. */
enum wp_gate_lack {
    WP_GATE_LACK_NOTHING,
    WP_GATE_LACK_CAPTURES,     /* a side has fewer than WP_GATE_CAPTURES_MIN */
    WP_GATE_LACK_WAITS,        /* no capture has any delay in what was selected */
    WP_GATE_LACK_WAITS_OF_NEW, /* none of NEW has, while BASE has */
    WP_GATE_LACK_COPIES,    /* captures that are equal to the last bit: nobody knows their noise */
    WP_GATE_LACK_FUNCTIONS, /* the total may pass, but too much of a side's delay has no function */
    WP_GATE_LACK_PRECISION, /* the captures differ too much */
};

struct wp_gate_function {
    const struct wp_comparison_row *row;
    struct wp_judgement judgement; /* as of `total` below, at its level of the functions' rate */
};

struct wp_gate_decision {
    const struct wp_comparison *comparison;
    double tolerance;
    enum wp_verdict verdict; /* of everything: REGRESSION if the total is one or any function */
    enum wp_gate_lack lack;  /* when the verdict is TOO_LITTLE */
    size_t more_captures;    /* the same: how many more a side; 0: cannot be told */
    /* The low end of the interval is the one that is compared with the limit, the high end the one
     * that is compared with the far limit. */
    struct wp_judgement total;

    /* Those that were judged, none where wp_gate_hides_functions: regressions first, then as the
     * comparison has its rows. */
    struct wp_gate_function *functions;
    size_t function_count;
    size_t count_of[WP_VERDICT_TOO_LITTLE + 1]; /* how many functions have each verdict */
};

/* True if more of the side's delay has no function than the regression that is looked for: by
 * function it would seem to be so much less. */
bool wp_gate_hides_functions(const struct wp_gate_decision *decision, enum wp_comparison_side side);

/*
 * `comparison` is by functions, and must outlive the decision. TOO_LITTLE if no function is a
 * regression and the total cannot be told, or is none and a function could be hidden. 0 or -ENOMEM.
 */
int wp_gate_decide(const struct wp_comparison *comparison, double tolerance,
                   struct wp_gate_decision *decision, struct wp_error *error);

void wp_gate_decision_free(struct wp_gate_decision *decision);

#endif
