#include "compare/change.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void
assert_close(double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance * fabs(expected)))
        fail_msg("%.12g, expected %.12g within %g", value, expected, tolerance);
}

static struct wp_change
change_between(struct wp_values base, struct wp_values new)
{
    struct wp_change change;

    wp_change_measure(&base, &new, &change);
    return change;
}

static struct wp_judgement
judge(struct wp_values base, struct wp_values new)
{
    struct wp_judgement judgement;

    wp_change_judge(&base, &new, 0.05, 0.01, &judgement);
    return judgement;
}

static bool
contains(struct wp_interval interval, double value)
{
    return interval.low <= value && value <= interval.high;
}

/* --- By captures
 * -------------------------------------------------------------------------------- */

/* Worked out by hand: means 3 and 6, variances 2.5 and 10, error sqrt(2.5), 5.882 degrees. */
static void
captures_are_compared_by_the_test_of_welch(void **state)
{
    const double base[] = {1, 2, 3, 4, 5}, new[] = {2, 4, 6, 8, 10};
    struct wp_change change = change_between((struct wp_values){.value = base, .count = 5},
                                             (struct wp_values){.value = new, .count = 5});
    double half = sqrt(2.5) * wp_quantile_student(0.975, 12.5 * 12.5 / (6.25 + 100) * 4);

    (void)state;
    assert_int_equal(change.basis, WP_BASIS_CAPTURES);
    assert_close(change.base, 3, 1e-14);
    assert_close(change.new, 6, 1e-14);
    assert_close(change.difference.low, 3 - half, 1e-11);
    assert_close(change.difference.high, 3 + half, 1e-11);
    assert_close(change.p, 2 * wp_tail_student(3 / sqrt(2.5), 100 / 17.0), 1e-11);
    assert_close(change.base_interval.high, 3 + sqrt(0.5) * 2.7764451051977987, 1e-11);
    assert_false(change.is_change);
}

/* Two captures that are close by chance do not get the degrees of the twenty on the other side. */
static void
a_side_of_few_captures_is_not_lent_the_degrees_of_a_side_of_many(void **state)
{
    const double few[] = {99, 101};
    double many[20];
    struct wp_values base = {.value = few, .count = 2}, new = {.value = many, .count = 20};
    double error;

    (void)state;
    for (size_t i = 0; i < COUNT(many); i++)
        many[i] = 110 + (i % 2 == 0 ? 10 : -10);
    error = sqrt(1 + 2000 / 19.0 / 20);
    assert_close(change_between(base, new).p, 2 * wp_tail_student(10 / error, 1), 1e-9);
    assert_close(change_between(new, base).p, 2 * wp_tail_student(10 / error, 1), 1e-9);
}

/* The limits of Fieller solve a quadratic equation where the degrees are fixed; ours are those of
 * the limit itself. */
static void
the_limits_of_the_ratio_solve_the_equation_of_fieller(void **state)
{
    const double base[] = {10, 11, 9, 10.5}, new[] = {13, 12, 14, 13.5, 12.5};
    const double base_spread = 2.1875 / 3 / 4, new_spread = 2.5 / 4 / 5;
    struct wp_change change = change_between((struct wp_values){.value = base, .count = 4},
                                             (struct wp_values){.value = new, .count = 5});

    (void)state;
    for (int i = 0; i < 2; i++) {
        double ratio = i == 0 ? change.ratio.low : change.ratio.high;
        double part = ratio * ratio * base_spread;
        double sum = new_spread + part;
        double degrees = sum * sum / (new_spread * new_spread / 4 + part * part / 3);
        double t = (13 - ratio * 10.125) / sqrt(sum);

        assert_close(t, (i == 0 ? 1 : -1) * wp_quantile_student(0.975, degrees), 1e-9);
    }
    assert_true(contains(change.ratio, 13 / 10.125));
}

static void
the_interval_of_the_ratio_holds_1_as_long_as_no_difference_is_likely(void **state)
{
    (void)state;
    for (double shift = -4; shift <= 4; shift += 0.37) {
        const double base[] = {9, 10, 11, 10};
        const double new[] = {9.5 + shift, 10.1 + shift, 11 + shift};
        struct wp_change change = change_between((struct wp_values){.value = base, .count = 4},
                                                 (struct wp_values){.value = new, .count = 3});

        assert_int_equal(contains(change.ratio, 1), change.p >= 0.05);
        assert_int_equal(contains(change.difference, 0), change.p >= 0.05);
    }
}

static void
a_base_that_may_be_0_has_no_upper_limit(void **state)
{
    const double base[] = {0, 3, 0, 1}, new[] = {5, 6, 7, 5};
    struct wp_change change = change_between((struct wp_values){.value = base, .count = 4},
                                             (struct wp_values){.value = new, .count = 4});

    (void)state;
    assert_true(isinf(change.ratio.high));
    assert_true(change.ratio.low > 1);
    assert_true(change.base_interval.low == 0);
}

static void
captures_without_any_delay_have_not_changed(void **state)
{
    const double nothing[] = {0, 0, 0};
    struct wp_values values = {.value = nothing, .noise = nothing, .count = 3};
    struct wp_change change = change_between(values, values);

    (void)state;
    assert_int_equal(change.basis, WP_BASIS_CAPTURES);
    assert_true(change.p == 1);
    assert_true(change.difference.low == 0 && change.difference.high == 0);
    assert_true(change.ratio.low == 0 && isinf(change.ratio.high));
    assert_int_equal(judge(values, values).verdict, WP_VERDICT_PASS);
}

static void
what_is_new_in_every_capture_is_found(void **state)
{
    const double nothing[] = {0, 0, 0}, new[] = {100, 103, 98};
    struct wp_values base = {.value = nothing, .count = 3};
    struct wp_values values = {.value = new, .count = 3};
    struct wp_change change = change_between(base, values);

    (void)state;
    assert_true(change.p < 0.001);
    assert_true(change.ratio.low > 1000);
    assert_int_equal(judge(base, values).verdict, WP_VERDICT_REGRESSION);
    assert_int_equal(judge(values, base).verdict, WP_VERDICT_PASS);
    assert_true(change_between(values, base).ratio.high < 0.1);
}

static void
copies_of_a_capture_say_nothing_about_noise(void **state)
{
    const double base[] = {100, 100, 100}, new[] = {120, 120, 120}, noise[] = {900, 900, 900};
    struct wp_change unknown = change_between((struct wp_values){.value = base, .count = 3},
                                              (struct wp_values){.value = new, .count = 3});
    struct wp_change known =
        change_between((struct wp_values){.value = base, .noise = noise, .count = 3},
                       (struct wp_values){.value = new, .noise = noise, .count = 3});

    (void)state;
    assert_int_equal(unknown.basis, WP_BASIS_NONE);
    assert_true(unknown.p == 1 && isnan(unknown.difference.low));
    /* The samples still do: errors of sqrt(300) each. */
    assert_int_equal(known.basis, WP_BASIS_CAPTURES);
    assert_close(known.p, erfc(20 / sqrt(600) * M_SQRT1_2), 1e-6);
}

/* Go's files do not tell their noise. */
static void
copies_on_one_side_are_no_basis_either(void **state)
{
    const double copies[] = {100, 100, 100}, spread[] = {110, 110.5, 109.5}, unknown[] = {NAN};
    struct wp_values same = {.value = copies, .count = 3};
    struct wp_values other = {.value = spread, .count = 3};
    struct wp_values single = {.value = spread, .noise = spread, .count = 1};

    (void)state;
    assert_int_equal(change_between(same, other).basis, WP_BASIS_NONE);
    assert_int_equal(change_between(other, same).basis, WP_BASIS_NONE);
    assert_int_equal(change_between(same, single).basis, WP_BASIS_NONE);
    assert_int_equal(judge(same, other).verdict, WP_VERDICT_TOO_LITTLE);
    single.noise = unknown;
    assert_int_equal(change_between(single, same).basis, WP_BASIS_NONE);
}

/* One sample of 1000 in each capture of one side, and none in those of the other: no spread at all,
 * and yet 3 against 0 is chance. */
static void
captures_of_one_sample_each_are_not_certain(void **state)
{
    const double nothing[] = {0, 0, 0}, one[] = {1000, 1000, 1000}, square[] = {1e6, 1e6, 1e6};
    struct wp_values base = {.value = nothing, .noise = nothing, .sampling = nothing, .count = 3};
    struct wp_values new = {.value = one, .noise = square, .sampling = square, .count = 3};
    struct wp_change change = change_between(base, new);

    (void)state;
    /* Heads three times of three. */
    assert_close(change.p, 2 * 0.125, 1e-9);
    assert_true(change.difference.low < 0);
    assert_int_equal(judge(base, new).verdict, WP_VERDICT_TOO_LITTLE);
}

/* --- By samples
 * --------------------------------------------------------------------------------- */

static void
single_captures_are_compared_by_their_samples(void **state)
{
    const double base[] = {1e9}, new[] = {1.3e9}, base_noise[] = {1e15}, new_noise[] = {1.3e15};
    struct wp_change change =
        change_between((struct wp_values){.value = base, .noise = base_noise, .count = 1},
                       (struct wp_values){.value = new, .noise = new_noise, .count = 1});

    (void)state;
    /* 1000 and 1300 events of equal weight. */
    assert_int_equal(change.basis, WP_BASIS_SAMPLES);
    assert_true(change.p < 1e-8 && change.p > 1e-11);
    assert_close(change.ratio.low, 1.3 * exp(-1.96 * sqrt(1 / 1000.0 + 1 / 1300.0)), 0.005);
    assert_close(change.ratio.high, 1.3 * exp(1.96 * sqrt(1 / 1000.0 + 1 / 1300.0)), 0.005);
    assert_close(change.difference.low, 0.3e9 - 1.96 * sqrt(2.3e15), 0.03);
    assert_close(change.difference.high, 0.3e9 + 1.96 * sqrt(2.3e15), 0.03);
}

static struct wp_change
change_of_samples(double base_samples, double new_samples)
{
    const double base[] = {1e9 * base_samples}, new[] = {1e9 * new_samples};
    const double base_noise[] = {1e18 * base_samples}, new_noise[] = {1e18 * new_samples};

    return change_between((struct wp_values){.value = base,
                                             .noise = base_noise,
                                             .sampling = base_noise,
                                             .samples = &base_samples,
                                             .count = 1},
                          (struct wp_values){.value = new,
                                             .noise = new_noise,
                                             .sampling = new_noise,
                                             .samples = &new_samples,
                                             .count = 1});
}

static void
a_side_with_fewer_than_2_samples_has_no_interval(void **state)
{
    struct wp_change both = change_of_samples(3, 2), new = change_of_samples(1, 12);
    struct wp_change gone = change_of_samples(8, 0);

    (void)state;
    assert_true(both.has_base_interval && both.has_new_interval && !both.has_few_samples);
    assert_true(isfinite(both.base_interval.low) && isfinite(both.new_interval.high));
    assert_int_equal(new.basis, WP_BASIS_SAMPLES);
    assert_true(!new.has_base_interval &&isnan(new.base_interval.low));
    assert_true(new.has_new_interval &&isfinite(new.new_interval.high));
    assert_true(isfinite(new.difference.low) && new.ratio.low > 1 && new.p < 0.05);
    assert_true(gone.has_base_interval && !gone.has_new_interval && isnan(gone.new_interval.high));
    assert_true(gone.difference.high < 0 && gone.p < 0.05);
}

static void
sides_that_both_have_fewer_than_2_samples_claim_nothing(void **state)
{
    static const double samples[][2] = {{0, 1}, {1, 1}, {1, 0}};

    (void)state;
    for (size_t i = 0; i < COUNT(samples); i++) {
        struct wp_change change = change_of_samples(samples[i][0], samples[i][1]);

        assert_int_equal(change.basis, WP_BASIS_NONE);
        assert_true(change.has_few_samples && change.p == 1);
        assert_false(change.has_base_interval || change.has_new_interval);
        assert_true(isnan(change.difference.low) && isnan(change.ratio.high));
        assert_true(change.base == 1e9 * samples[i][0] && change.new == 1e9 * samples[i][1]);
    }
}

static void
a_few_samples_have_the_p_of_a_coin(void **state)
{
    const double nothing[] = {0}, none[] = {0}, five[] = {5e6}, noise[] = {5e12};
    struct wp_change change =
        change_between((struct wp_values){.value = nothing, .noise = none, .count = 1},
                       (struct wp_values){.value = five, .noise = noise, .count = 1});

    (void)state;
    assert_close(change.p, 2 / 32.0, 1e-9);
    assert_true(isinf(change.ratio.high) && change.ratio.low < 1);
    assert_true(change.base_interval.low == 0 && change.base_interval.high > 3e6);
}

static void
captures_of_unknown_noise_claim_nothing(void **state)
{
    const double base[] = {1e9}, new[] = {2e9}, unknown[] = {NAN};
    struct wp_change change =
        change_between((struct wp_values){.value = base, .noise = unknown, .count = 1},
                       (struct wp_values){.value = new, .noise = unknown, .count = 1});

    (void)state;
    assert_int_equal(change.basis, WP_BASIS_NONE);
    assert_true(change.base == 1e9 && change.new == 2e9);
    assert_true(change.p == 1 && isnan(change.ratio.low) && isnan(change.base_interval.high));
}

static void
a_capture_against_several_uses_their_spread_as_well(void **state)
{
    const double base[] = {80, 100, 120, 90, 110}, new[] = {130}, noise[] = {1, 1, 1, 1, 1};
    struct wp_change change =
        change_between((struct wp_values){.value = base, .noise = noise, .count = 5},
                       (struct wp_values){.value = new, .noise = noise, .count = 1});

    (void)state;
    assert_int_equal(change.basis, WP_BASIS_SAMPLES);
    assert_true(change.base_interval.high - change.base_interval.low > 30);
    assert_true(change.new_interval.high - change.new_interval.low < 5);
}

static void
nothing_at_all_is_no_basis(void **state)
{
    const double value[] = {1, 2};
    struct wp_values none = {.count = 0}, some = {.value = value, .count = 2};

    (void)state;
    assert_int_equal(change_between(none, none).basis, WP_BASIS_NONE);
    assert_int_equal(change_between(none, some).basis, WP_BASIS_NONE);
    assert_int_equal(change_between(some, none).basis, WP_BASIS_NONE);
    assert_int_equal(judge(none, some).verdict, WP_VERDICT_TOO_LITTLE);
    assert_in_range(judge(none, some).more_captures, 2, WP_MORE_CAPTURES_MAX);
}

/* --- Many
 * --------------------------------------------------------------------------------------- */

/* The example of Benjamini and Hochberg (1995): at 5 %, four of the fifteen. */
static void
many_are_marked_as_benjamini_and_hochberg_do(void **state)
{
    static const double p[] = {0.0278, 0.0001, 0.3240, 0.0004, 1.0000, 0.0019, 0.0095, 0.0201,
                               0.0298, 0.0344, 0.0459, 0.4262, 0.5719, 0.6528, 0.7590};
    struct wp_change changes[COUNT(p) + 1] = {0};
    struct wp_change *pointers[COUNT(p) + 1];
    size_t marked = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(p); i++)
        changes[i] = (struct wp_change){.basis = WP_BASIS_CAPTURES, .p = p[i]};
    /* One of which nothing is known is no test. */
    changes[COUNT(p)] = (struct wp_change){.basis = WP_BASIS_NONE, .p = 1, .is_change = true};
    for (size_t i = 0; i < COUNT(changes); i++)
        pointers[i] = &changes[i];
    wp_changes_mark(pointers, COUNT(pointers), 0.05);
    for (size_t i = 0; i < COUNT(p); i++) {
        marked += changes[i].is_change;
        assert_int_equal(changes[i].is_change, p[i] <= 0.0095);
    }
    assert_int_equal(marked, 4);
    assert_false(changes[COUNT(p)].is_change);
}

static void
a_small_p_lifts_those_that_are_larger(void **state)
{
    struct wp_change changes[3] = {{.basis = WP_BASIS_SAMPLES, .p = 0.04},
                                   {.basis = WP_BASIS_CAPTURES, .p = 0.01},
                                   {.basis = WP_BASIS_CAPTURES, .p = 0.05}};
    struct wp_change *pointers[] = {&changes[0], &changes[1], &changes[2]};

    (void)state;
    wp_changes_mark(pointers, 3, 0.05);
    assert_true(changes[0].is_change && changes[1].is_change && changes[2].is_change);
    changes[2].p = 0.06;
    changes[0].p = 0.035;
    wp_changes_mark(pointers, 3, 0.05);
    assert_false(changes[0].is_change || changes[2].is_change);
    assert_true(changes[1].is_change);
    wp_changes_mark(pointers, 0, 0.05);
}

/* --- Verdicts
 * ----------------------------------------------------------------------------------- */

static void
a_verdict_is_where_the_interval_lies(void **state)
{
    static const struct {
        double factor;
        enum wp_verdict verdict;
    } rows[] = {{0.8, WP_VERDICT_PASS},        {1, WP_VERDICT_PASS},
                {1.05, WP_VERDICT_TOO_LITTLE}, {1.07, WP_VERDICT_TOO_LITTLE},
                {1.2, WP_VERDICT_REGRESSION},  {3, WP_VERDICT_REGRESSION}};
    const double base[] = {99, 101, 100, 102, 98};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        double new[5];
        struct wp_judgement judgement;

        for (size_t j = 0; j < 5; j++)
            new[j] = 100 * rows[i].factor + 1.2 * (base[j] - 100);
        judgement = judge((struct wp_values){.value = base, .count = 5},
                          (struct wp_values){.value = new, .count = 5});
        assert_int_equal(judgement.verdict, rows[i].verdict);
        assert_int_equal(judgement.verdict == WP_VERDICT_REGRESSION, judgement.ratio.low > 1.05);
        assert_int_equal(judgement.verdict == WP_VERDICT_PASS, judgement.ratio.high < 1.05);
        assert_int_equal(judgement.verdict == WP_VERDICT_TOO_LITTLE, judgement.more_captures > 0);
        assert_true(contains(judgement.ratio, rows[i].factor));
    }
}

static void
a_single_capture_is_never_enough_for_a_verdict(void **state)
{
    const double base[] = {1e9}, new[] = {3e9}, noise[] = {1e12};
    struct wp_judgement judgement =
        judge((struct wp_values){.value = base, .noise = noise, .count = 1},
              (struct wp_values){.value = new, .noise = noise, .count = 1});

    (void)state;
    assert_int_equal(judgement.verdict, WP_VERDICT_TOO_LITTLE);
    assert_true(judgement.ratio.low > 2.9);
    assert_in_range(judgement.more_captures, 2, 3);
}

static void
captures_that_are_wanted_are_bounded(void **state)
{
    const double base[] = {90, 100, 110}, new[] = {95, 105, 115};
    const double wild[] = {1, 100, 199}, wilder[] = {2, 110, 250};

    (void)state;
    assert_int_equal(judge((struct wp_values){.value = base, .count = 3},
                           (struct wp_values){.value = new, .count = 3})
                         .more_captures,
                     WP_MORE_CAPTURES_MAX);
    assert_in_range(judge((struct wp_values){.value = wild, .count = 3},
                          (struct wp_values){.value = wilder, .count = 3})
                        .more_captures,
                    100, WP_MORE_CAPTURES_MAX);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(captures_are_compared_by_the_test_of_welch),
        cmocka_unit_test(a_side_of_few_captures_is_not_lent_the_degrees_of_a_side_of_many),
        cmocka_unit_test(the_limits_of_the_ratio_solve_the_equation_of_fieller),
        cmocka_unit_test(the_interval_of_the_ratio_holds_1_as_long_as_no_difference_is_likely),
        cmocka_unit_test(a_base_that_may_be_0_has_no_upper_limit),
        cmocka_unit_test(captures_without_any_delay_have_not_changed),
        cmocka_unit_test(what_is_new_in_every_capture_is_found),
        cmocka_unit_test(copies_of_a_capture_say_nothing_about_noise),
        cmocka_unit_test(copies_on_one_side_are_no_basis_either),
        cmocka_unit_test(captures_of_one_sample_each_are_not_certain),
        cmocka_unit_test(single_captures_are_compared_by_their_samples),
        cmocka_unit_test(a_side_with_fewer_than_2_samples_has_no_interval),
        cmocka_unit_test(sides_that_both_have_fewer_than_2_samples_claim_nothing),
        cmocka_unit_test(a_few_samples_have_the_p_of_a_coin),
        cmocka_unit_test(captures_of_unknown_noise_claim_nothing),
        cmocka_unit_test(a_capture_against_several_uses_their_spread_as_well),
        cmocka_unit_test(nothing_at_all_is_no_basis),
        cmocka_unit_test(many_are_marked_as_benjamini_and_hochberg_do),
        cmocka_unit_test(a_small_p_lifts_those_that_are_larger),
        cmocka_unit_test(a_verdict_is_where_the_interval_lies),
        cmocka_unit_test(a_single_capture_is_never_enough_for_a_verdict),
        cmocka_unit_test(captures_that_are_wanted_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
