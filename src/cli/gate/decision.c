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
        const struct wp_comparison_row *row = &comparison->rows[i];

        if (both_sides(row) >= least && !wp_comparison_row_is_noted(row))
            decision->functions[decision->function_count++].row = row;
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

/* Of a tolerance: with 0, too, there must be something that can be told from the limit. */
static double
distance_of(double tolerance)
{
    return tolerance > WP_GATE_FAR_MIN ? tolerance : WP_GATE_FAR_MIN;
}

static void
judge(const struct wp_comparison_row *row, double tolerance, double error_rate,
      struct wp_judgement *judgement)
{
    const struct wp_values *base = &row->delay[WP_SIDE_BASE], *new = &row->delay[WP_SIDE_NEW];
    double far_tolerance = tolerance + distance_of(tolerance);
    struct wp_judgement far;

    wp_change_judge(base, new, tolerance, error_rate, judgement);
    wp_change_judge(base, new, far_tolerance, WP_GATE_MISS_RATE, &far);
    judgement->ratio.high = far.ratio.high;
    if (judgement->verdict == WP_VERDICT_REGRESSION)
        return;
    if (far.verdict == WP_VERDICT_PASS) {
        judgement->verdict = WP_VERDICT_PASS;
        judgement->more_captures = 0;
        return;
    }
    judgement->verdict = WP_VERDICT_TOO_LITTLE;
    /* What is above the far limit will not pass: to tell it from there is no verdict. */
    if (wp_values_mean(new) > (1 + far_tolerance) * wp_values_mean(base))
        return;
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
has_copies(const struct wp_comparison *comparison, enum wp_comparison_side side)
{
    const struct wp_values *values = &comparison->total.delay[side];
    double mean = wp_values_mean(values);

    if (comparison->faults[side].copies > 0)
        return true;
    for (size_t i = 0; i < values->count; i++) {
        if (!(fabs(values->value[i] - mean) <= WP_GATE_COPY_ROUNDING * mean))
            return false;
    }
    return mean > 0;
}

bool
wp_gate_hides_functions(const struct wp_gate_decision *decision, enum wp_comparison_side side)
{
    return decision->comparison->faults[side].noted_share > distance_of(decision->tolerance);
}

static bool
has_delay(const struct wp_comparison *comparison, enum wp_comparison_side side)
{
    return wp_values_mean(&comparison->total.delay[side]) > 0;
}

/* What was selected may be in NEW's delay without a function: only that can be told. */
static enum wp_gate_lack
why_new_is_empty(const struct wp_gate_decision *decision)
{
    if (!has_delay(decision->comparison, WP_SIDE_BASE))
        return WP_GATE_LACK_WAITS;
    return wp_gate_hides_functions(decision, WP_SIDE_NEW) ? WP_GATE_LACK_FUNCTIONS
                                                          : WP_GATE_LACK_WAITS_OF_NEW;
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
    bool hides_functions;
    int status;

    *decision =
        (struct wp_gate_decision){.comparison = comparison,
                                  .tolerance = tolerance,
                                  .total = {.verdict = WP_VERDICT_TOO_LITTLE, .ratio = {NAN, NAN}}};
    if (!has_delay(comparison, WP_SIDE_NEW)) {
        say_too_little(decision, why_new_is_empty(decision), 0);
        return 0;
    }
    if (fewest < WP_GATE_CAPTURES_MIN) {
        say_too_little(decision, WP_GATE_LACK_CAPTURES, WP_GATE_CAPTURES_FIRST - fewest);
        return 0;
    }
    if (has_copies(comparison, WP_SIDE_BASE) || has_copies(comparison, WP_SIDE_NEW)) {
        say_too_little(decision, WP_GATE_LACK_COPIES, 0);
        return 0;
    }
    hides_functions = wp_gate_hides_functions(decision, WP_SIDE_BASE) ||
                      wp_gate_hides_functions(decision, WP_SIDE_NEW);
    status = hides_functions ? 0 : choose_functions(comparison, decision, error);
    if (status != 0)
        return status;
    judge(&comparison->total, tolerance, WP_GATE_TOTAL_ERROR_RATE, &decision->total);
    judge_functions(decision);
    put_regressions_first(decision);

    decision->verdict = decision->total.verdict;
    if (decision->count_of[WP_VERDICT_REGRESSION] > 0)
        decision->verdict = WP_VERDICT_REGRESSION;
    else if (decision->verdict != WP_VERDICT_REGRESSION && hides_functions)
        say_too_little(decision, WP_GATE_LACK_FUNCTIONS, 0);
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
