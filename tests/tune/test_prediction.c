/*
 * Predictions against populations of waits that are known: what a rate keeps of them, and how far
 * that strays, is a plain sum then. Seeds are fixed, so that a run can be repeated; the bounds hold
 * for any of them.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cli/tune/prediction.h"
#include "core/sampling.h"
#include "tune/near.h"

#define WAITS 400000u

static const double rates[] = {1e3, 1e4, 1e5, 1e6, 1e7, 1e8};
static const double fractions[] = {1, 10, 100, 1000};

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

struct population {
    uint64_t *delay_ns;
    size_t count;
};

static double
uniform(uint64_t *seed)
{
    return ((double)(wp_sampling_next(seed) >> 11) + 0.5) / 9007199254740992.0;
}

static double
normal(uint64_t *seed)
{
    double radius = sqrt(-2 * log(uniform(seed)));

    return radius * cos(6.283185307179586 * uniform(seed));
}

static struct population
population_new(size_t count)
{
    struct population population = {calloc(count, sizeof(uint64_t)), count};

    assert_non_null(population.delay_ns);
    return population;
}

static struct population
log_normal_waits(size_t count, double median_ns, double deviation, uint64_t seed)
{
    struct population population = population_new(count);

    for (size_t i = 0; i < count; i++)
        population.delay_ns[i] = 1 + (uint64_t)(median_ns * exp(deviation * normal(&seed)));
    return population;
}

/* One in `every` takes long_ns, the others short_ns, both spread by a tenth. */
static struct population
waits_of_two_lengths(size_t count, double short_ns, double long_ns, size_t every, uint64_t seed)
{
    struct population population = population_new(count);

    for (size_t i = 0; i < count; i++) {
        double length = i % every == 0 ? long_ns : short_ns;

        population.delay_ns[i] = 1 + (uint64_t)(length * (0.95 + 0.1 * uniform(&seed)));
    }
    return population;
}

/* Pareto's distribution from `least_ns` on. */
static struct population
heavy_tailed_waits(size_t count, double least_ns, double exponent, uint64_t seed)
{
    struct population population = population_new(count);

    for (size_t i = 0; i < count; i++)
        population.delay_ns[i] = (uint64_t)(least_ns * pow(uniform(&seed), -1 / exponent));
    return population;
}

static struct wp_tune_kept
keep(const struct population *population, double rate_ns, uint64_t seed)
{
    struct wp_tune_kept kept = {0};

    for (size_t i = 0; i < population->count; i++) {
        uint64_t delay_ns = population->delay_ns[i];
        struct wp_sample sample;

        if (!wp_sampling_block_keeps(delay_ns,
                                     wp_sampling_below(wp_sampling_next(&seed), (uint64_t)rate_ns)))
            continue;
        sample = wp_sampling_block_sample(delay_ns, (uint64_t)rate_ns, 1);
        kept.contentions += (double)sample.contentions_fixed / WP_REGION_COUNT_ONE;
        kept.delay_ns += (double)sample.delay_ns;
        kept.variance += sample.variance;
        kept.squares += (double)sample.delay_ns * (double)sample.delay_ns;
        kept.samples++;
    }
    return kept;
}

static double
true_samples(const struct population *population, double rate_ns)
{
    double samples = 0;

    for (size_t i = 0; i < population->count; i++)
        samples += fmin(1, (double)population->delay_ns[i] / rate_ns);
    return samples;
}

static double
true_variance(const struct population *population, double rate_ns)
{
    double variance = 0;

    for (size_t i = 0; i < population->count; i++) {
        double delay_ns = (double)population->delay_ns[i];

        if (delay_ns < rate_ns)
            variance += delay_ns * (rate_ns - delay_ns);
    }
    return variance;
}

/* Larger by smaller. Where both are next to nothing, nothing can be said. */
static double
factor(double one, double other, double negligible)
{
    if (one < negligible && other < negligible)
        return 1;
    return one > other ? one / other : other / one;
}

/* The worst factors over all rates, of a measurement at `measured_ns`. */
static void
compare(const struct population *population, double measured_ns, bool split, double samples_factor,
        double variance_factor)
{
    struct wp_tune_kept kept = keep(population, measured_ns, 7);
    struct wp_tune_stack stack = wp_tune_stack_fit(&kept, split ? measured_ns : 0, 5);
    double delay_ns = kept.delay_ns;

    assert_true(kept.samples >= 200);
    assert_true(wp_tune_stacks_count(&stack, 1, 5, (double)population->count));
    for (size_t i = 0; i < COUNT_OF(rates); i++) {
        double expected = true_samples(population, rates[i]);
        double predicted = wp_tune_stack_samples(&stack, rates[i]);
        double spread = factor(wp_tune_stack_variance(&stack, rates[i]),
                               true_variance(population, rates[i]), 1e-6 * delay_ns * delay_ns);

        if (factor(predicted, expected, 10) > samples_factor || spread > variance_factor)
            print_error("measured at %g, rate %g: %g samples for %g, variance off by %g\n",
                        measured_ns, rates[i], predicted, expected, spread);
        assert_true(factor(predicted, expected, 10) <= samples_factor);
        assert_true(spread <= variance_factor);
    }
}

static void
log_normal_waits_are_predicted_from_any_rate(void **state)
{
    (void)state;
    static const double deviations[] = {0, 0.5, 1, 2};

    for (size_t i = 0; i < COUNT_OF(deviations); i++) {
        struct population population = log_normal_waits(WAITS, 5e4, deviations[i], 1);

        for (double measured_ns = 1e4; measured_ns <= 1e7; measured_ns *= 10) {
            compare(&population, measured_ns, true, 1.35, 1.4);
            compare(&population, measured_ns, false, 1.35, 1.4);
        }
        free(population.delay_ns);
    }
}

static void
waits_of_two_lengths_are_predicted_if_the_rate_lies_between(void **state)
{
    (void)state;
    struct population population = waits_of_two_lengths(WAITS, 300, 1e6, 1000, 2);

    compare(&population, 1e4, true, 1.15, 1.3);
    compare(&population, 1e5, true, 1.15, 1.3);
    free(population.delay_ns);
}

static void
heavy_tailed_waits_are_predicted_roughly(void **state)
{
    (void)state;
    struct population population = heavy_tailed_waits(WAITS, 2000, 1.5, 3);

    compare(&population, 1e4, true, 1.35, 2.2);
    compare(&population, 1e5, true, 1.35, 2.2);
    free(population.delay_ns);
}

/* Five waits to a slice: a long one is the only one of its slice that is thought to be long. */
static void
slices_tell_a_few_long_waits_from_the_others(void **state)
{
    (void)state;
    struct population all = waits_of_two_lengths(20000, 5e6, 1e9, 200, 6);
    struct wp_tune_kept kept = keep(&all, 1e5, 3);
    struct wp_tune_stack whole = wp_tune_stack_fit(&kept, 1e5, 0);
    double expected = true_samples(&all, 1e7), predicted = 0;

    for (size_t i = 0; i < all.count; i += 5) {
        struct population slice = {all.delay_ns + i, 5};
        struct wp_tune_kept piece = keep(&slice, 1e5, i);
        struct wp_tune_stack stack = wp_tune_stack_fit(&piece, 1e5, 0);

        predicted += wp_tune_stack_samples(&stack, 1e7);
    }
    assert_true(factor(predicted, expected, 0) < 1.05);
    assert_true(factor(wp_tune_stack_samples(&whole, 1e7), expected, 0) > 1.3);
    free(all.delay_ns);
}

static void
what_was_measured_is_predicted_for_the_same_rate(void **state)
{
    (void)state;
    struct population population = heavy_tailed_waits(WAITS, 300, 1.2, 4);

    for (double rate_ns = 1e4; rate_ns <= 1e6; rate_ns *= 10) {
        struct wp_tune_kept kept = keep(&population, rate_ns, 9);
        struct wp_tune_stack stack = wp_tune_stack_fit(&kept, rate_ns, 0);

        assert_true(factor(wp_tune_stack_samples(&stack, rate_ns), kept.samples, 0) < 1.2);
        assert_true(factor(wp_tune_stack_variance(&stack, rate_ns), kept.variance, 0) < 1.3);
    }
    free(population.delay_ns);
}

static void
a_single_sample_stands_for_waits_of_its_length(void **state)
{
    (void)state;
    struct population one = population_new(1);
    struct wp_tune_kept kept;
    struct wp_tune_stack stack;

    one.delay_ns[0] = 25000;
    for (uint64_t seed = 1;; seed++) {
        kept = keep(&one, 1e5, seed);
        if (kept.samples > 0)
            break;
    }
    stack = wp_tune_stack_fit(&kept, 1e5, 0);
    assert_near(wp_tune_stack_samples(&stack, 1e5), 1, 1e-3);
    assert_near(wp_tune_stack_samples(&stack, 1e6), 0.1, 1e-4);
    assert_near(wp_tune_stack_samples(&stack, 1), 4, 1e-3);

    one.delay_ns[0] = 3000000;
    kept = keep(&one, 1e5, 1);
    stack = wp_tune_stack_fit(&kept, 1e5, 0);
    assert_near(wp_tune_stack_samples(&stack, 1), 1, 1e-6);
    assert_near(wp_tune_stack_samples(&stack, 1e7), 0.3, 1e-4);
    assert_near(wp_tune_stack_variance(&stack, 1e6), 0, 1e-6);
    free(one.delay_ns);
}

static void
nothing_kept_predicts_nothing(void **state)
{
    (void)state;
    struct wp_tune_kept kept = {0};
    struct wp_tune_stack stack = wp_tune_stack_fit(&kept, 1e5, 3);

    assert_near(wp_tune_stack_samples(&stack, 1), 0, 0);
    assert_near(wp_tune_stack_variance(&stack, 1e9), 0, 0);
    assert_false(wp_tune_stacks_count(&stack, 1, 3, 1000));
    assert_true(isinf(wp_tune_relative_error(0, 0, 1e9, 3e10)));
}

static void
numbers_that_contradict_each_other_stay_finite(void **state)
{
    (void)state;
    uint64_t seed = 11;

    for (int i = 0; i < 20000; i++) {
        struct wp_tune_kept kept = {
            .contentions = pow(10, 12 * uniform(&seed) - 3),
            .delay_ns = pow(10, 15 * uniform(&seed) - 1),
            .samples = floor(pow(10, 6 * uniform(&seed))),
            .variance = pow(10, 25 * uniform(&seed)),
            .squares = pow(10, 25 * uniform(&seed)),
        };
        struct wp_tune_stack stack = wp_tune_stack_fit(&kept, pow(10, 9 * uniform(&seed)), 1);

        (void)wp_tune_stacks_count(&stack, 1, 1, pow(10, 9 * uniform(&seed)));
        for (size_t k = 0; k < COUNT_OF(rates); k++) {
            double samples = wp_tune_stack_samples(&stack, rates[k]);
            double variance = wp_tune_stack_variance(&stack, rates[k]);

            assert_true(isfinite(samples) && samples >= 0);
            assert_true(isfinite(variance) && variance >= 0);
        }
    }
}

static void
counted_waits_are_shared_out_among_the_stacks_of_the_function(void **state)
{
    (void)state;
    struct wp_tune_stack stacks[3] = {
        {.function = 1,
         .delay_ns = 1e4,
         .shorter = {.count = 100, .delay_ns = 1e4, .squares = 1e8}},
        {.function = 1,
         .delay_ns = 1.009e7,
         .shorter = {.count = 300, .delay_ns = 9e4, .squares = 1e9},
         .longer = {.count = 10, .delay_ns = 1e7, .squares = 1e14}},
        {.function = 2, .delay_ns = 1e4, .shorter = {.count = 50, .delay_ns = 1e4, .squares = 1e8}},
    };

    assert_true(wp_tune_stacks_count(stacks, 3, 1, 810));
    assert_near(stacks[0].shorter.count, 200, 1e-9);
    assert_near(stacks[1].shorter.count, 600, 1e-9);
    assert_near(stacks[1].longer.count, 10, 1e-9);
    assert_near(stacks[2].shorter.count, 50, 1e-9);
    assert_false(wp_tune_stacks_count(stacks, 3, 9, 100));
}

/* Registers each of `waiters` with probability 1 / fraction, `unlocks` times. */
static void
charge_unlocks(unsigned unlocks, unsigned waiters, uint64_t fraction, uint64_t seed,
               double *charged, double *shares)
{
    *charged = *shares = 0;
    for (unsigned i = 0; i < unlocks; i++) {
        unsigned registered = 0;

        for (unsigned k = 0; k < waiters; k++)
            registered += wp_sampling_mutex_selects(wp_sampling_next(&seed), fraction);
        *charged += registered > 0;
        *shares += registered;
    }
}

static void
charged_unlocks_are_predicted_from_any_fraction(void **state)
{
    (void)state;
    static const unsigned queues[] = {1, 2, 7, 40};

    for (size_t q = 0; q < COUNT_OF(queues); q++) {
        for (uint64_t measured = 1; measured <= 10; measured += 9) {
            double charged, shares;
            struct wp_tune_unlocks unlocks;

            charge_unlocks(WAITS, queues[q], measured, 21, &charged, &shares);
            unlocks = wp_tune_unlocks_fit(charged, shares, (double)measured);
            for (size_t i = 0; i < COUNT_OF(fractions); i++) {
                double expected = WAITS * -expm1(queues[q] * log1p(-1 / (fractions[i] + 1e-12)));

                assert_true(factor(wp_tune_unlocks_charged(&unlocks, fractions[i]), expected, 0) <
                            1.1);
            }
        }
    }
}

static void
no_unlock_was_charged_means_none_will_be(void **state)
{
    (void)state;
    struct wp_tune_unlocks unlocks = wp_tune_unlocks_fit(0, 0, 10);

    assert_near(wp_tune_unlocks_charged(&unlocks, 1), 0, 0);
    unlocks = wp_tune_unlocks_fit(50, 0, 10); /* by a torn reading */
    assert_near(wp_tune_unlocks_charged(&unlocks, 10), 50, 0.1);
}

/* The error that is promised is that of repeated captures. */
static void
errors_are_those_of_repeated_captures(void **state)
{
    (void)state;
    enum { CAPTURES = 400 };
    struct population population = log_normal_waits(20000, 2e4, 1, 5);
    struct wp_tune_kept kept = keep(&population, 1e4, 31);
    struct wp_tune_stack stack = wp_tune_stack_fit(&kept, 1e4, 0);
    double rate_ns = 1e6, sum = 0, squares = 0, mean, spread, promised;

    for (uint64_t seed = 1; seed <= CAPTURES; seed++) {
        double delay_ns = keep(&population, rate_ns, seed * 1000003).delay_ns;

        sum += delay_ns;
        squares += delay_ns * delay_ns;
    }
    mean = sum / CAPTURES;
    spread = 1.96 * sqrt(squares / CAPTURES - mean * mean) / mean;
    promised =
        wp_tune_relative_error(stack.delay_ns, wp_tune_stack_variance(&stack, rate_ns), 1e9, 1e9);
    /* The spread of 400 is known to 3.5 %. */
    assert_true(factor(promised, spread, 0) < 1.2);
    /* Four times as long, twice as good. */
    assert_near(wp_tune_relative_error(1e9, 1e16, 1e9, 4e9) * 2,
                wp_tune_relative_error(1e9, 1e16, 1e9, 1e9), 1e-9);
    assert_near(wp_tune_mutex_variance(5e9, 1), 0, 0);
    assert_near(wp_tune_mutex_variance(5e9, 11), 5e10, 1);
    free(population.delay_ns);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log_normal_waits_are_predicted_from_any_rate),
        cmocka_unit_test(waits_of_two_lengths_are_predicted_if_the_rate_lies_between),
        cmocka_unit_test(heavy_tailed_waits_are_predicted_roughly),
        cmocka_unit_test(slices_tell_a_few_long_waits_from_the_others),
        cmocka_unit_test(what_was_measured_is_predicted_for_the_same_rate),
        cmocka_unit_test(a_single_sample_stands_for_waits_of_its_length),
        cmocka_unit_test(nothing_kept_predicts_nothing),
        cmocka_unit_test(numbers_that_contradict_each_other_stay_finite),
        cmocka_unit_test(counted_waits_are_shared_out_among_the_stacks_of_the_function),
        cmocka_unit_test(charged_unlocks_are_predicted_from_any_fraction),
        cmocka_unit_test(no_unlock_was_charged_means_none_will_be),
        cmocka_unit_test(errors_are_those_of_repeated_captures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
