/*
 * Quantiles against published tables and against values worked out with 40 digits; intervals by
 * their coverage: populations of waits whose total is known are sampled again and again by the real
 * rules, and the intervals must hold that total as often as they say. Every experiment has a fixed
 * seed, so its outcome is one and the same on each run. The table it prints is in docs/sampling.md.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/sampling.h"
#include "profile/interval.h"

static void
assert_close(double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance * fabs(expected)))
        fail_msg("%.17g, expected %.17g within %g", value, expected, tolerance);
}

/* --- Quantiles
 * ---------------------------------------------------------------------------------- */

static void
the_normal_quantile_is_that_of_the_tables(void **state)
{
    (void)state;
    assert_close(wp_quantile_normal(0.975), 1.959963984540054, 1e-14);
    assert_close(wp_quantile_normal(0.995), 2.575829303548901, 1e-14);
    assert_close(wp_quantile_normal(0.95), 1.6448536269514722, 1e-14);
    assert_close(wp_quantile_normal(0.9), 1.2815515655446004, 1e-14);
    assert_close(wp_quantile_normal(0.6), 0.2533471031357997, 1e-13);
    assert_close(wp_quantile_normal(1e-12), -7.034483825301132, 1e-13);
    assert_close(wp_quantile_normal(1e-300), -37.0471, 1e-6);
    assert_true(wp_quantile_normal(0.5) == 0);
    assert_true(wp_quantile_normal(0.25) == -wp_quantile_normal(0.75));
}

static void
the_student_quantile_is_that_of_the_tables(void **state)
{
    static const struct {
        double p, degrees, t;
    } rows[] = {
        {0.975, 1, 12.706204736174698},  {0.975, 2, 4.302652729749462},
        {0.975, 3, 3.182446305284263},   {0.975, 5, 2.570581835636314},
        {0.975, 10, 2.2281388519649385}, {0.975, 30, 2.0422724563012373},
        {0.975, 120, 1.979930405082422}, {0.995, 4, 4.604094871349993},
        {0.95, 8, 1.8595480375228421},   {0.9, 1, 3.0776835371752527},
        {0.9995, 7, 5.407882520861764},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_close(wp_quantile_student(rows[i].p, rows[i].degrees), rows[i].t, 1e-11);
        assert_close(wp_quantile_student(1 - rows[i].p, rows[i].degrees), -rows[i].t, 1e-11);
        assert_close(wp_tail_student(rows[i].t, rows[i].degrees), 1 - rows[i].p, 1e-10);
    }
    assert_close(wp_quantile_student(0.975, INFINITY), wp_quantile_normal(0.975), 1e-15);
    assert_true(wp_quantile_student(0.5, 3) == 0);
}

static void
student_with_one_and_two_degrees_is_the_formula(void **state)
{
    (void)state;
    for (double p = 1e-9; p < 0.5; p *= 1.7) {
        assert_close(wp_quantile_student(p, 1), -1 / tan(M_PI * p), 1e-11);
        assert_close(wp_quantile_student(p, 2), (2 * p - 1) / sqrt(2 * p * (1 - p)), 1e-11);
    }
}

/* The tables have no such arguments: these are of 40-digit arithmetic. */
static void
student_holds_far_out_and_for_any_degrees(void **state)
{
    (void)state;
    assert_close(wp_quantile_student(1e-100, 0.5), -1.02849115631634001e199, 1e-10);
    assert_close(wp_quantile_student(0.3, 0.5), -1.00952587860716602, 1e-11);
    assert_close(wp_quantile_student(1e-6, 1.7), -2023.88374766882506, 1e-11);
    assert_close(wp_quantile_student(0.025, 2.5), -3.57465484200368322, 1e-11);
    assert_close(wp_quantile_student(1e-300, 30.5), -34728106106.0155283, 1e-10);
    assert_close(wp_quantile_student(1e-12, 1000), -7.12422892531440914, 1e-10);
    assert_close(wp_quantile_student(0.4, 1e5), -0.253347777157179943, 1e-10);
    assert_close(wp_quantile_student(0.025, 1e6 + 1), -1.95996635681173476, 1e-11);
    assert_close(wp_quantile_student(0.025, 1e9), -1.95996398691232547, 1e-11);
    assert_close(wp_tail_student(1e10, 0.5), 3.207009754142229e-6, 1e-11);
    assert_close(wp_tail_student(-2, 3.3), 0.93452056778027526, 1e-11);
    assert_true(isinf(wp_quantile_student(1e-300, 0.5)));
    assert_true(wp_tail_student(INFINITY, 3) == 0);
}

static void
the_gamma_quantile_is_that_of_the_tables(void **state)
{
    (void)state;
    /* Chi-squared, of twice the shape in degrees. */
    assert_close(2 * wp_quantile_gamma(0.95, 5), 18.307038053275146, 1e-12);
    assert_close(2 * wp_quantile_gamma(0.975, 2), 11.143286781877796, 1e-12);
    assert_close(2 * wp_quantile_gamma(0.025, 0.5), 0.0009820691171752583, 1e-11);
    assert_close(2 * wp_quantile_gamma(0.99, 50), 135.80672317102676, 1e-12);
    /* Shape 1 is the exponential distribution. */
    for (double p = 1e-9; p < 1; p = p < 0.1 ? p * 1.7 : p + 0.07)
        assert_close(wp_quantile_gamma(p, 1), -log1p(-p), 1e-12);
}

static void
the_gamma_quantile_holds_for_any_shape(void **state)
{
    (void)state;
    assert_close(wp_quantile_gamma(0.975, 1e-3), 5.67925199682342625e-12, 1e-11);
    assert_close(wp_quantile_gamma(0.999999, 0.01), 7.15125347811045909, 1e-11);
    assert_close(wp_quantile_gamma(1e-12, 1), 1.0000000000005e-12, 1e-12);
    assert_close(wp_quantile_gamma(0.4, 0.3), 0.0337397926465841246, 1e-11);
    assert_close(wp_quantile_gamma(1e-300, 100), 0.038006988916941887, 1e-11);
    assert_close(wp_quantile_gamma(0.025, 1000), 938.973018407695216, 1e-12);
    assert_close(wp_quantile_gamma(0.9, 9.9e4), 99403.4443049976567, 1e-12);
    assert_close(wp_quantile_gamma(0.025, 1e6), 998040.98334029387, 1e-13);
    assert_close(wp_quantile_gamma(0.975, 1e9), 1000061980.4503779, 1e-13);
    assert_close(wp_quantile_gamma(1e-300, 1e12), 999962953360.86169, 1e-13);
    assert_true(wp_quantile_gamma(0.025, 1e-3) == 0);
}

/* Where the sum gives way to the expansion, both must say the same. */
static void
the_gamma_quantile_has_no_seam(void **state)
{
    (void)state;
    for (double p = 1e-12; p < 1; p = p < 0.1 ? p * 3 : p + 0.05) {
        double slope = wp_quantile_gamma(p, 100000 * (1 + 1e-9)) - wp_quantile_gamma(p, 100000);

        /* The quantile grows by about as much as the shape, which is 1e-4. */
        if (!(slope > 0.9e-4 && slope < 1.1e-4))
            fail_msg("at %g the quantile grows by %g", p, slope);
    }
}

static void
the_ratio_of_gamma_variables_is_that_of_the_tables_of_f(void **state)
{
    (void)state;
    assert_close(wp_quantile_gamma_ratio(0.05, 2.5, 5) * 2, 3.325834530413, 1e-11);
    assert_close(wp_tail_gamma_ratio(3.325834530413 / 2, 2.5, 5), 0.05, 1e-11);
    assert_close(wp_tail_gamma_ratio(1, 3, 4), 0.34375, 1e-12);
    assert_close(wp_tail_gamma_ratio(0.5, 1e-3, 5), 6.16501761844681307606e-5, 1e-11);
    assert_close(wp_tail_gamma_ratio(1, 1e6, 1e6), 0.5, 1e-9);
    assert_true(wp_tail_gamma_ratio(0, 3, 4) == 1);
    for (double tail = 1e-6; tail < 1; tail = tail < 0.1 ? tail * 7 : tail + 0.11)
        assert_close(wp_tail_gamma_ratio(wp_quantile_gamma_ratio(tail, 0.7, 31), 0.7, 31), tail,
                     1e-9);
}

static void
arguments_out_of_range_give_nan(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        double p = (double[]){0, 1, NAN}[i];

        assert_true(isnan(wp_quantile_normal(p)));
        assert_true(isnan(wp_quantile_student(p, 3)));
        assert_true(isnan(wp_quantile_gamma(p, 3)));
        assert_true(isnan(wp_quantile_gamma_ratio(p, 3, 3)));
    }
    assert_true(isnan(wp_quantile_student(0.3, 0)));
    assert_true(isnan(wp_quantile_student(0.3, NAN)));
    assert_true(isnan(wp_quantile_gamma(0.3, -1)));
    assert_true(isnan(wp_quantile_gamma(0.3, INFINITY)));
    assert_true(isnan(wp_tail_student(NAN, 3)));
    assert_true(isnan(wp_tail_gamma_ratio(-1, 3, 3)));
}

/* --- Intervals
 * ---------------------------------------------------------------------------------- */

static void
nothing_is_claimed_below_two_samples(void **state)
{
    struct wp_interval interval;

    (void)state;
    assert_false(wp_interval_of_delay(0, 0, 0, &interval));
    assert_false(wp_interval_of_delay(1e5, 9e9, 1, &interval));
    assert_true(wp_interval_of_delay(2e5, 1.8e10, 2, &interval));
}

static void
an_exact_delay_has_no_width(void **state)
{
    struct wp_interval interval;

    (void)state;
    assert_true(wp_interval_of_delay(12345, 0, 2, &interval));
    assert_true(interval.low == 12345 && interval.high == 12345);
}

/* Waits much shorter than the rate: the limits that Garwood gives for a count. */
static void
equal_weights_have_the_exact_limits_of_a_poisson_count(void **state)
{
    static const struct {
        double count, low, high;
    } rows[] = {{3, 0.618672, 8.767273}, {10, 4.795389, 18.390356}, {100, 81.363984, 121.627183}};
    const double rate = 1e5;
    struct wp_interval interval;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double count = rows[i].count;

        assert_true(wp_interval_of_delay(count * rate, count * rate * rate, count, &interval));
        assert_close(interval.low, rows[i].low * rate, 1e-5);
        assert_close(interval.high, rows[i].high * rate, 1e-5);
    }
}

static void
many_samples_have_the_normal_limits(void **state)
{
    struct wp_interval interval;

    (void)state;
    assert_true(wp_interval_of_delay(1e12, 1e12, 1e12, &interval));
    assert_close(interval.low - 1e12, -1.959964e6, 1e-5);
    assert_close(interval.high - 1e12, 1.959964e6, 1e-5);
}

static void
two_samples_beside_long_waits_keep_the_width_of_two_samples(void **state)
{
    struct wp_interval interval;

    (void)state;
    /* One wait of 1 s, and two samples of 1 ms. */
    assert_true(wp_interval_of_delay(1.002e9, 2e12, 3, &interval));
    assert_true(interval.high - 1.002e9 > 4.5e6);
    assert_true(interval.low > 0.999e9 && interval.low < 1.001e9);
}

/* --- Coverage
 * ----------------------------------------------------------------------------------- */

#define POPULATION_MAX 200000u

struct population {
    const char *name;
    /* A delay, in units of the rate (block) or of nanoseconds (mutex). */
    double (*delay)(uint64_t *seed);
};

static double
uniform(uint64_t *seed)
{
    return ((double)(wp_sampling_next(seed) >> 11) + 0.5) / 9007199254740992.0;
}

static double
short_delay(uint64_t *seed)
{
    return -log(uniform(seed)) / 10;
}

static double
heavy_delay(uint64_t *seed)
{
    return fmin(0.02 * pow(uniform(seed), -1 / 1.3), 1000);
}

static double
mixed_delay(uint64_t *seed)
{
    return uniform(seed) < 0.95 ? -log(uniform(seed)) / 10 : 1 + 9 * uniform(seed);
}

static double
even_delay(uint64_t *seed)
{
    return 0.5 + uniform(seed);
}

static const struct population populations[] = {
    {"all short", short_delay},
    {"heavy tail", heavy_delay},
    {"5 % longer than the rate", mixed_delay},
    {"about the rate", even_delay},
};

struct coverage {
    uint32_t runs, claimed, below, above;
};

static void
coverage_add(struct coverage *coverage, double truth, double delay, double variance, double samples)
{
    struct wp_interval interval;

    coverage->runs++;
    if (!wp_interval_of_delay(delay, variance, samples, &interval))
        return;
    coverage->claimed++;
    coverage->below += truth < interval.low;
    coverage->above += truth > interval.high;
}

/* Holds if no less of what was claimed was right than `least`, with 3 standard errors to spare. */
static void
coverage_check(const struct coverage *coverage, const char *profile, const char *name,
               double expected, double least)
{
    double claimed = (double)coverage->claimed;
    double missed = (double)(coverage->below + coverage->above);
    double held = 1 - missed / claimed;
    double error = sqrt(least * (1 - least) / claimed);

    print_message("%-6s %-26s %6.0f samples: claimed in %5.1f %%, true in %5.1f %% of them "
                  "(%.1f %% too low, %.1f %% too high)\n",
                  profile, name, expected, 100 * claimed / (double)coverage->runs, 100 * held,
                  100 * (double)coverage->above / claimed, 100 * (double)coverage->below / claimed);
    if (held < least - 3 * error)
        fail_msg("%s, %s, %.0f samples: only %.1f %% are true, not %.1f %%", profile, name,
                 expected, 100 * held, 100 * least);
}

static uint32_t
runs_for(double expected)
{
    return expected > 1000 ? 400 : expected > 100 ? 1000 : 4000;
}

/* Delays of which `expected` are kept on average, at `rate_ns`. */
static size_t
population_fill(const struct population *population, double expected, uint64_t rate_ns,
                uint64_t *delays_ns, uint64_t *seed)
{
    double kept = 0;
    size_t count = 0;

    while (kept < expected && count < POPULATION_MAX) {
        double delay = population->delay(seed) * (double)rate_ns;

        delays_ns[count] = delay < 1 ? 1 : (uint64_t)delay;
        kept += fmin(1, (double)delays_ns[count] / (double)rate_ns);
        count++;
    }
    assert_true(count < POPULATION_MAX);
    return count;
}

static void
cover_block(const struct population *population, double expected, uint64_t rate_ns,
            uint64_t wait_fraction, double least)
{
    uint64_t *delays_ns = malloc(POPULATION_MAX * sizeof *delays_ns);
    struct coverage coverage = {0};
    uint64_t seed = (uint64_t)expected * 977 + rate_ns + wait_fraction;
    double truth = 0;
    size_t count;

    assert_non_null(delays_ns);
    count =
        population_fill(population, expected * (double)wait_fraction, rate_ns, delays_ns, &seed);
    for (size_t i = 0; i < count; i++)
        truth += (double)delays_ns[i];
    for (uint32_t run = 0; run < runs_for(expected); run++) {
        double delay = 0, variance = 0, samples = 0;

        for (size_t i = 0; i < count; i++) {
            struct wp_sample sample;

            if (!wp_sampling_looks_at(wp_sampling_next(&seed), wait_fraction) ||
                !wp_sampling_block_keeps(delays_ns[i],
                                         wp_sampling_below(wp_sampling_next(&seed), rate_ns)))
                continue;
            sample = wp_sampling_block_sample(delays_ns[i], rate_ns, wait_fraction);
            delay += (double)sample.delay_ns;
            variance += sample.variance;
            samples++;
        }
        coverage_add(&coverage, truth, delay, variance, samples);
    }
    coverage_check(&coverage, wait_fraction > 1 ? "block*" : "block", population->name, expected,
                   least);
    free(delays_ns);
}

static void
intervals_of_the_block_profile_hold_the_truth(void **state)
{
    static const struct {
        double expected;
        uint64_t rate_ns;
    } rows[] = {{3, 1000}, {10, 100000}, {30, 10000}, {300, 1000000}, {10000, 50000}};
    /* What docs/sampling.md claims, by population. */
    static const double least[] = {0.95, 0.95, 0.95, 0.92};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t j = 0; j < 4; j++)
            cover_block(&populations[j], rows[i].expected, rows[i].rate_ns, 1, least[j]);
    }
}

static void
intervals_hold_the_truth_when_a_budget_passes_over_waits(void **state)
{
    static const double expected[] = {10, 300};
    /* One of 7 waits is looked at, the longest too: with it, 6/7 of the delay may be missed. */
    static const double least[] = {0.94, 0.8, 0.8, 0.94};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        for (size_t j = 0; j < 4; j++)
            cover_block(&populations[j], expected[i], 20000, 7, least[j]);
    }
}

/* A lock that threads take in turns, each holding it for a time of its own: whoever waits, waits
 * for all the others, and is charged at each of their unlocks. */
#define CONVOY_THREADS_MAX 16u

struct convoy {
    uint32_t threads; /* 2: a wait is charged once */
    uint64_t fraction;
    size_t turns;
    double (*delay)(uint64_t *seed);
    uint32_t stacks; /* threads unlock in so many functions; the first is looked at */
};

static void
convoy_run(const struct convoy *convoy, const uint64_t *turns_ns, uint64_t *seed,
           struct coverage *coverage)
{
    bool selected[CONVOY_THREADS_MAX] = {false};
    uint64_t charged_ns[CONVOY_THREADS_MAX] = {0};
    double truth = 0, delay = 0, variance = 0, samples = 0;

    for (size_t turn = 0; turn < convoy->turns; turn++) {
        uint32_t holder = (uint32_t)(turn % convoy->threads);
        bool is_looked_at = holder % convoy->stacks == 0;
        uint64_t waiters = 0, before_ns = 0;
        struct wp_sample sample;

        for (uint32_t i = 0; i < convoy->threads; i++) {
            waiters += i != holder && selected[i];
            before_ns += i != holder && selected[i] ? charged_ns[i] : 0;
            charged_ns[i] += turns_ns[turn];
        }
        truth += is_looked_at ? (double)(turns_ns[turn] * (convoy->threads - 1)) : 0;
        if (waiters > 0 && is_looked_at) {
            sample = wp_sampling_mutex_sample(0, waiters, waiters * turns_ns[turn], before_ns,
                                              convoy->fraction);
            delay += (double)sample.delay_ns;
            variance += sample.variance;
            samples++;
        }
        selected[holder] = wp_sampling_mutex_selects(wp_sampling_next(seed), convoy->fraction);
        charged_ns[holder] = 0;
    }
    coverage_add(coverage, truth, delay, variance, samples);
}

static void
cover_mutex(const char *name, struct convoy convoy, double expected, double least)
{
    struct coverage coverage = {0};
    uint64_t seed = (uint64_t)expected * 31 + convoy.threads;
    uint64_t *turns_ns;

    convoy.fraction = 10;
    /* A turn begins one wait; `expected` of them are selected. */
    convoy.turns = (size_t)(expected * (double)convoy.fraction);
    turns_ns = malloc(convoy.turns * sizeof *turns_ns);
    assert_non_null(turns_ns);
    for (size_t i = 0; i < convoy.turns; i++)
        turns_ns[i] = (uint64_t)(1 + 1e6 * convoy.delay(&seed));
    for (uint32_t run = 0; run < runs_for(expected); run++)
        convoy_run(&convoy, turns_ns, &seed, &coverage);
    coverage_check(&coverage, "mutex", name, expected, least);
    free(turns_ns);
}

static void
intervals_of_the_mutex_profile_hold_the_truth(void **state)
{
    static const double expected[] = {3, 10, 30, 300, 10000};
    /* What docs/sampling.md claims. The last is no claim: where one wait of a thousand is a large
     * part of the delay, no interval that does not know of it can hold the truth. */
    static const struct {
        const char *name;
        struct convoy convoy;
        double least;
    } rows[] = {
        {"two threads, alike", {.threads = 2, .delay = even_delay, .stacks = 1}, 0.95},
        {"two threads, exponential", {.threads = 2, .delay = short_delay, .stacks = 1}, 0.90},
        {"convoy of 8", {.threads = 8, .delay = short_delay, .stacks = 1}, 0.95},
        {"convoy of 16, 4 stacks", {.threads = 16, .delay = short_delay, .stacks = 4}, 0.95},
        {"two threads, heavy tail", {.threads = 2, .delay = heavy_delay, .stacks = 1}, 0.40},
    };

    (void)state;
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        for (size_t j = 0; j < sizeof rows / sizeof *rows; j++)
            cover_mutex(rows[j].name, rows[j].convoy, expected[i], rows[j].least);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_normal_quantile_is_that_of_the_tables),
        cmocka_unit_test(the_student_quantile_is_that_of_the_tables),
        cmocka_unit_test(student_with_one_and_two_degrees_is_the_formula),
        cmocka_unit_test(student_holds_far_out_and_for_any_degrees),
        cmocka_unit_test(the_gamma_quantile_is_that_of_the_tables),
        cmocka_unit_test(the_gamma_quantile_holds_for_any_shape),
        cmocka_unit_test(the_gamma_quantile_has_no_seam),
        cmocka_unit_test(the_ratio_of_gamma_variables_is_that_of_the_tables_of_f),
        cmocka_unit_test(arguments_out_of_range_give_nan),
        cmocka_unit_test(nothing_is_claimed_below_two_samples),
        cmocka_unit_test(an_exact_delay_has_no_width),
        cmocka_unit_test(equal_weights_have_the_exact_limits_of_a_poisson_count),
        cmocka_unit_test(many_samples_have_the_normal_limits),
        cmocka_unit_test(two_samples_beside_long_waits_keep_the_width_of_two_samples),
        cmocka_unit_test(intervals_of_the_block_profile_hold_the_truth),
        cmocka_unit_test(intervals_hold_the_truth_when_a_budget_passes_over_waits),
        cmocka_unit_test(intervals_of_the_mutex_profile_hold_the_truth),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
