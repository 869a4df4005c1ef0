#include "cli/gate/decision.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static double
both_sides(const struct wp_comparison_row *row)
{
    return wp_values_mean(&row->delay[WP_SIDE_BASE]) + wp_values_mean(&row->delay[WP_SIDE_NEW]);
}

static int
choose_functions(const struct wp_comparison *comparison, struct wp_gate_decision *decision,
                 struct wp_error *error)
{
    double least = both_sides(&comparison->total) * WP_GATE_FUNCTION_SHARE;

    decision->functions = calloc(comparison->row_count + 1, sizeof *decision->functions);
    if (decision->functions == NULL)
        return wp_error_set(error, ENOMEM, "out of memory");
    for (size_t i = 0; i < comparison->row_count; i++) {
        if (both_sides(&comparison->rows[i]) >= least)
            decision->functions[decision->function_count++].row = &comparison->rows[i];
    }
    return 0;
}

/* The smaller of two numbers of captures, of which 0 means none. */
static size_t
fewer(size_t one, size_t other)
{
    if (one == 0 || other == 0)
        return one + other;
    return one < other ? one : other;
}

static void
judge(const struct wp_comparison_row *row, double tolerance, double error_rate,
      struct wp_judgement *judgement)
{
    const struct wp_values *base = &row->delay[WP_SIDE_BASE], *new = &row->delay[WP_SIDE_NEW];
    double distance = tolerance > WP_GATE_FAR_MIN ? tolerance : WP_GATE_FAR_MIN;
    struct wp_judgement far;

    wp_change_judge(base, new, tolerance, error_rate, judgement);
    wp_change_judge(base, new, tolerance + distance, WP_GATE_MISS_RATE, &far);
    judgement->ratio.high = far.ratio.high;
    if (judgement->verdict == WP_VERDICT_REGRESSION)
        return;
    if (far.verdict == WP_VERDICT_PASS) {
        judgement->verdict = WP_VERDICT_PASS;
        judgement->more_captures = 0;
        return;
    }
    judgement->verdict = WP_VERDICT_TOO_LITTLE;
    judgement->more_captures = fewer(judgement->more_captures, far.more_captures);
}

/*
 * Holm's procedure (Scandinavian Journal of Statistics 6, 1979): with m functions left, all are
 * judged at rate / m; those that are regressions go, and the others are judged again at the rate
 * divided by fewer, until none goes.
 */
static void
judge_functions(struct wp_gate_decision *decision)
{
    size_t left = decision->function_count, found;

    /* It is the total, by another name. */
    if (decision->comparison->row_count == 1 && left == 1) {
        decision->functions[0].judgement = decision->total;
        return;
    }
    do {
        double rate = left > 0 ? WP_GATE_FUNCTIONS_ERROR_RATE / (double)left : 0;

        found = 0;
        for (size_t i = 0; i < decision->function_count; i++) {
            struct wp_gate_function *function = &decision->functions[i];

            if (function->judgement.verdict == WP_VERDICT_REGRESSION)
                continue;
            judge(function->row, decision->tolerance, rate, &function->judgement);
            found += function->judgement.verdict == WP_VERDICT_REGRESSION;
        }
        left -= found;
    } while (found > 0 && left > 0);
}

/* Keeps the order among them. */
static void
put_regressions_first(struct wp_gate_decision *decision)
{
    size_t regressions = 0;

    for (size_t i = 0; i < decision->function_count; i++) {
        struct wp_gate_function function = decision->functions[i];

        decision->count_of[function.judgement.verdict]++;
        if (function.judgement.verdict != WP_VERDICT_REGRESSION)
            continue;
        memmove(&decision->functions[regressions + 1], &decision->functions[regressions],
                (i - regressions) * sizeof function);
        decision->functions[regressions++] = function;
    }
}

static size_t
fewest_captures(const struct wp_comparison *comparison)
{
    size_t base = comparison->captures[WP_SIDE_BASE], new = comparison->captures[WP_SIDE_NEW];

    return base < new ? base : new;
}

/* Captures that know their own noise would be judged by it, which is not that between runs. */
static bool
are_copies(const struct wp_values *values)
{
    double mean = wp_values_mean(values);

    for (size_t i = 0; i < values->count; i++) {
        if (!(fabs(values->value[i] - mean) <= WP_GATE_COPY_ROUNDING * mean))
            return false;
    }
    return mean > 0;
}

static void
say_too_little(struct wp_gate_decision *decision, enum wp_gate_lack lack, size_t more_captures)
{
    decision->verdict = WP_VERDICT_TOO_LITTLE;
    decision->lack = lack;
    decision->more_captures = more_captures;
}

int
wp_gate_decide(const struct wp_comparison *comparison, double tolerance,
               struct wp_gate_decision *decision, struct wp_error *error)
{
    size_t fewest = fewest_captures(comparison);
    int status;

    *decision =
        (struct wp_gate_decision){.comparison = comparison,
                                  .tolerance = tolerance,
                                  .total = {.verdict = WP_VERDICT_TOO_LITTLE, .ratio = {NAN, NAN}}};
    if (!(both_sides(&comparison->total) > 0)) {
        say_too_little(decision, WP_GATE_LACK_WAITS, 0);
        return 0;
    }
    if (fewest < WP_GATE_CAPTURES_MIN) {
        say_too_little(decision, WP_GATE_LACK_CAPTURES, WP_GATE_CAPTURES_FIRST - fewest);
        return 0;
    }
    if (are_copies(&comparison->total.delay[WP_SIDE_BASE]) ||
        are_copies(&comparison->total.delay[WP_SIDE_NEW])) {
        say_too_little(decision, WP_GATE_LACK_COPIES, 0);
        return 0;
    }
    status = choose_functions(comparison, decision, error);
    if (status != 0)
        return status;
    judge(&comparison->total, tolerance, WP_GATE_TOTAL_ERROR_RATE, &decision->total);
    judge_functions(decision);
    put_regressions_first(decision);

    decision->verdict = decision->total.verdict;
    if (decision->count_of[WP_VERDICT_REGRESSION] > 0)
        decision->verdict = WP_VERDICT_REGRESSION;
    else if (decision->verdict == WP_VERDICT_TOO_LITTLE)
        say_too_little(decision, WP_GATE_LACK_PRECISION, decision->total.more_captures);
    return 0;
}

void
wp_gate_decision_free(struct wp_gate_decision *decision)
{
    free(decision->functions);
    decision->functions = NULL;
    decision->function_count = 0;
}
