/*
 * The sampling rules against what docs/sampling.md derives: expectation, variance, the ends of
 * their ranges. Every random experiment has a fixed seed, so its outcome is one and the same on
 * each run; the bounds are SIGMAS standard errors, which a correct rule misses in one of 3 million
 * experiments.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/sampling.h"

#define SIGMAS 5.0
#define DRAWS 400000u

/* Running sums of one estimated quantity. */
struct moments {
    double sum;
    double squares;
    uint64_t count;
};

static void
moments_add(struct moments *moments, double value)
{
    moments->sum += value;
    moments->squares += value * value;
    moments->count++;
}

static double
moments_mean(const struct moments *moments)
{
    return moments->sum / (double)moments->count;
}

static double
moments_variance(const struct moments *moments)
{
    double mean = moments_mean(moments);

    return moments->squares / (double)moments->count - mean * mean;
}

static void
assert_mean_within(const struct moments *moments, double expected, double variance)
{
    double error = sqrt(variance / (double)moments->count);
    double distance = fabs(moments_mean(moments) - expected);

    if (distance > SIGMAS * error + 1e-4 * expected)
        fail_msg("mean %g, expected %g, which is %.1f standard errors away", moments_mean(moments),
                 expected, distance / error);
}

/* Many events of one delay at one rate: expectation of contentions and delay, and the estimate of
 * the variance of delay against the variance itself. */
static void
check_block_rule(uint64_t delay_ns, uint64_t rate_ns, uint64_t seed)
{
    struct moments contentions = {0}, delay = {0}, variance = {0};
    double probability = delay_ns < rate_ns ? (double)delay_ns / (double)rate_ns : 1;
    double spread = (1 - probability) / probability;

    for (uint32_t i = 0; i < DRAWS; i++) {
        struct wp_sample sample = {0};

        if (wp_sampling_block_keeps(delay_ns, wp_sampling_below(wp_sampling_next(&seed), rate_ns)))
            sample = wp_sampling_block_sample(delay_ns, rate_ns, 1);
        moments_add(&contentions, (double)sample.contentions_fixed / WP_REGION_COUNT_ONE);
        moments_add(&delay, (double)sample.delay_ns);
        moments_add(&variance, sample.variance);
    }
    assert_mean_within(&contentions, 1, spread);
    assert_mean_within(&delay, (double)delay_ns, spread * (double)delay_ns * (double)delay_ns);

    /* E[variance] = var(delay) = d(r - d); each estimate is r(r - d) with probability d/r. */
    double expected = spread * (double)delay_ns * (double)delay_ns;

    assert_mean_within(&variance, expected, spread * expected * expected);
    if (probability < 1)
        assert_true(fabs(moments_variance(&delay) / moments_mean(&variance) - 1) < 0.1);
}

static void
totals_are_unbiased_for_waits_far_below_the_rate(void **state)
{
    (void)state;
    check_block_rule(1, 1000, 1);
    check_block_rule(100, 100000, 2);
    check_block_rule(999, 1000000, 3);
}

static void
totals_are_unbiased_for_waits_near_the_rate(void **state)
{
    (void)state;
    check_block_rule(99000, 100000, 4);
    check_block_rule(50000, 100000, 5);
    check_block_rule(33333, 100000, 6);
    check_block_rule(1, 2, 7);
}

/* The same where one of `wait_fraction` waits is looked at; and squares less variance against the
 * square of the wait itself. */
static void
check_wait_fraction(uint64_t delay_ns, uint64_t rate_ns, uint64_t wait_fraction, uint64_t seed)
{
    struct moments contentions = {0}, delay = {0}, variance = {0}, own_squares = {0};
    double true_ns = (double)delay_ns, square = true_ns * true_ns;
    double kept = (delay_ns < rate_ns ? true_ns / (double)rate_ns : 1) / (double)wait_fraction;
    double spread = (1 - kept) / kept;

    for (uint32_t i = 0; i < DRAWS; i++) {
        struct wp_sample sample = {0};

        if (wp_sampling_looks_at(wp_sampling_next(&seed), wait_fraction) &&
            wp_sampling_block_keeps(delay_ns, wp_sampling_below(wp_sampling_next(&seed), rate_ns)))
            sample = wp_sampling_block_sample(delay_ns, rate_ns, wait_fraction);
        moments_add(&contentions, (double)sample.contentions_fixed / WP_REGION_COUNT_ONE);
        moments_add(&delay, (double)sample.delay_ns);
        moments_add(&variance, sample.variance);
        moments_add(&own_squares, sample.squares - sample.variance);
    }
    assert_mean_within(&contentions, 1, spread);
    assert_mean_within(&delay, true_ns, spread * square);
    assert_mean_within(&variance, spread * square, spread * pow(spread * square, 2));
    /* Each estimate is d^2 / kept with probability `kept`. */
    assert_mean_within(&own_squares, square, spread * square * square);
    assert_true(fabs(moments_variance(&delay) / moments_mean(&variance) - 1) < 0.1);
}

static void
totals_are_unbiased_where_one_of_many_waits_is_looked_at(void **state)
{
    (void)state;
    check_wait_fraction(5000, 1000, 8, 51);
    check_wait_fraction(5000, 1, 100, 52);
    check_wait_fraction(100, 1000, 4, 53);
    check_wait_fraction(999, 1000, 32, 54);
}

/* Waits of all lengths, at rates that change all the time: the sum, its variance and the sum of the
 * waits' own squares, over many such programs. */
static void
sums_over_changing_rates_stay_unbiased(void **state)
{
    const uint32_t programs = 2000, waits = 200;
    struct moments delay = {0}, variance = {0}, own_squares = {0};
    double true_delay = 0, true_squares = 0;
    uint64_t seed = 55;

    (void)state;
    for (uint32_t program = 0; program < programs; program++) {
        struct moments sums[3];

        memset(sums, 0, sizeof(sums));
        true_delay = true_squares = 0;
        for (uint64_t wait = 0; wait < waits; wait++) {
            uint64_t delay_ns = 100 + wait * 37, rate_ns = 500 << (wait / 50);
            uint64_t wait_fraction = UINT64_C(1) << (wait / 40);
            struct wp_sample sample = {0};

            true_delay += (double)delay_ns;
            true_squares += (double)(delay_ns * delay_ns);
            if (wp_sampling_looks_at(wp_sampling_next(&seed), wait_fraction) &&
                wp_sampling_block_keeps(delay_ns,
                                        wp_sampling_below(wp_sampling_next(&seed), rate_ns)))
                sample = wp_sampling_block_sample(delay_ns, rate_ns, wait_fraction);
            moments_add(&sums[0], (double)sample.delay_ns);
            moments_add(&sums[1], sample.variance);
            moments_add(&sums[2], sample.squares - sample.variance);
        }
        moments_add(&delay, sums[0].sum);
        moments_add(&variance, sums[1].sum);
        moments_add(&own_squares, sums[2].sum);
    }
    assert_mean_within(&delay, true_delay, moments_variance(&delay));
    assert_mean_within(&own_squares, true_squares, moments_variance(&own_squares));
    assert_true(fabs(moments_mean(&variance) / moments_variance(&delay) - 1) < 0.15);
}

static void
at_wait_fraction_1_every_wait_is_looked_at(void **state)
{
    uint64_t seed = 56;

    (void)state;
    for (uint32_t i = 0; i < DRAWS; i++)
        assert_true(wp_sampling_looks_at(wp_sampling_next(&seed), 1));
    assert_true(wp_sampling_looks_at(UINT64_MAX, 1));
}

static void
the_largest_wait_fraction_and_the_longest_wait_do_not_wrap(void **state)
{
    struct wp_sample sample = wp_sampling_block_sample(UINT64_MAX, 1, 1000);

    (void)state;
    assert_true(sample.delay_ns <= WP_SAMPLING_MAX_DELAY_NS);
    assert_true(sample.delay_ns > WP_SAMPLING_MAX_DELAY_NS - 1000);
    assert_int_equal(sample.contentions_fixed, 1000 * WP_REGION_COUNT_ONE);
    assert_true(sample.variance < sample.squares);
}

static void
waits_of_the_rate_and_longer_are_all_kept_as_they_are(void **state)
{
    static const uint64_t delays[] = {100000, 100001, 250000, UINT64_C(3600000000000)};
    uint64_t seed = 8;

    (void)state;
    for (uint32_t i = 0; i < DRAWS; i++) {
        uint64_t delay = delays[i % 4];
        struct wp_sample sample = wp_sampling_block_sample(delay, 100000, 1);

        assert_true(
            wp_sampling_block_keeps(delay, wp_sampling_below(wp_sampling_next(&seed), 100000)));
        assert_int_equal(sample.contentions_fixed, WP_REGION_COUNT_ONE);
        assert_int_equal(sample.delay_ns, delay);
        assert_true(sample.variance == 0);
    }
}

static void
rate_1_keeps_every_wait_exactly(void **state)
{
    uint64_t seed = 9;

    (void)state;
    for (uint64_t delay = 1; delay < 10000; delay++) {
        uint64_t threshold = wp_sampling_below(wp_sampling_next(&seed), 1);
        struct wp_sample sample = wp_sampling_block_sample(delay, 1, 1);

        assert_int_equal(threshold, 0);
        assert_true(wp_sampling_block_keeps(delay, threshold));
        assert_int_equal(sample.contentions_fixed, WP_REGION_COUNT_ONE);
        assert_int_equal(sample.delay_ns, delay);
        assert_true(sample.variance == 0);
    }
}

/* Counts, for each delay, the thresholds that keep it: delay of rate, which >= would make delay +
 * 1. */
static void
exactly_delay_of_rate_thresholds_keep_a_wait(void **state)
{
    const uint64_t rate = 257;

    (void)state;
    for (uint64_t delay = 1; delay <= 2 * rate; delay++) {
        uint64_t kept = 0;

        for (uint64_t threshold = 0; threshold < rate; threshold++)
            kept += wp_sampling_block_keeps(delay, threshold);
        assert_int_equal(kept, delay < rate ? delay : rate);
    }
}

static void
a_wait_as_long_as_its_threshold_is_dropped(void **state)
{
    (void)state;
    assert_false(wp_sampling_block_keeps(1, 1));
    assert_true(wp_sampling_block_keeps(1, 0));
    assert_false(wp_sampling_block_keeps(0, 0));
    assert_false(wp_sampling_block_keeps(UINT64_MAX, UINT64_MAX));
}

/* What a kept wait adds times the probability to keep it is the wait: for all of a coarse grid, up
 * to the largest rate. */
static void
a_kept_wait_stands_for_what_was_dropped_at_every_rate(void **state)
{
    (void)state;
    for (uint64_t rate = 1; rate <= WP_SAMPLING_MAX_BLOCK_RATE_NS; rate = rate * 3 + 1) {
        for (uint64_t delay = 1; delay < rate; delay = delay * 5 + 2) {
            struct wp_sample sample = wp_sampling_block_sample(delay, rate, 1);
            double probability = (double)delay / (double)rate;

            assert_int_equal(sample.delay_ns, rate);
            assert_true(fabs((double)sample.contentions_fixed / WP_REGION_COUNT_ONE * probability -
                             1) < 1e-5);
        }
    }
}

static void
the_largest_rate_and_the_shortest_wait_do_not_overflow(void **state)
{
    struct wp_sample sample = wp_sampling_block_sample(1, WP_SAMPLING_MAX_BLOCK_RATE_NS, 1);

    (void)state;
    assert_int_equal(sample.contentions_fixed, WP_SAMPLING_MAX_BLOCK_RATE_NS * WP_REGION_COUNT_ONE);
    assert_int_equal(sample.delay_ns, WP_SAMPLING_MAX_BLOCK_RATE_NS);
    assert_true(sample.variance > 0.99e24 && sample.variance < 1.01e24);

    sample = wp_sampling_block_sample(UINT64_MAX, WP_SAMPLING_MAX_BLOCK_RATE_NS, 1);
    assert_int_equal(sample.contentions_fixed, WP_REGION_COUNT_ONE);
    assert_int_equal(sample.delay_ns, WP_SAMPLING_MAX_DELAY_NS);
}

static void
the_bounds_of_the_rules_are_those_of_the_region_format(void **state)
{
    (void)state;
    assert_int_equal(WP_SAMPLING_MAX_BLOCK_RATE_NS, WP_REGION_MAX_BLOCK_RATE_NS);
    assert_int_equal(WP_SAMPLING_MAX_FRACTION, WP_REGION_MAX_MUTEX_FRACTION);
}

/* Chi-squared over `bound` cells; its mean is bound - 1, its variance 2 (bound - 1). */
static void
check_uniform(uint64_t bound, uint64_t seed)
{
    uint32_t cells[256] = {0};
    double chi_squared = 0, expected = (double)DRAWS / (double)bound;

    assert_true(bound <= 256);
    for (uint32_t i = 0; i < DRAWS; i++) {
        uint64_t drawn = wp_sampling_below(wp_sampling_next(&seed), bound);

        assert_true(drawn < bound);
        cells[drawn]++;
    }
    for (uint64_t cell = 0; cell < bound; cell++)
        chi_squared += (cells[cell] - expected) * (cells[cell] - expected) / expected;
    assert_true(fabs(chi_squared - (double)(bound - 1)) < SIGMAS * sqrt(2.0 * (double)(bound - 1)));
}

static void
numbers_below_a_bound_are_uniform(void **state)
{
    (void)state;
    check_uniform(2, 11);
    check_uniform(3, 12);
    check_uniform(10, 13);
    check_uniform(100, 14);
    check_uniform(256, 15);
}

static void
numbers_below_a_large_bound_are_uniform(void **state)
{
    static const uint64_t bounds[] = {100000, WP_SAMPLING_MAX_BLOCK_RATE_NS, UINT64_MAX};

    (void)state;
    for (int i = 0; i < 3; i++) {
        double bound = (double)bounds[i];
        struct moments drawn = {0};
        uint64_t seed = 16;

        for (uint32_t draw = 0; draw < DRAWS; draw++)
            moments_add(&drawn,
                        (double)wp_sampling_below(wp_sampling_next(&seed), bounds[i]) / bound);
        assert_mean_within(&drawn, 0.5, 1.0 / 12);
        assert_true(fabs(moments_variance(&drawn) * 12 - 1) < 0.02);
    }
}

static void
the_ends_of_the_random_range_map_to_the_ends_of_the_bound(void **state)
{
    (void)state;
    assert_int_equal(wp_sampling_below(0, 1), 0);
    assert_int_equal(wp_sampling_below(UINT64_MAX, 1), 0);
    assert_int_equal(wp_sampling_below(0, 100000), 0);
    assert_int_equal(wp_sampling_below(UINT64_MAX, 100000), 99999);
    assert_int_equal(wp_sampling_below(UINT64_MAX, UINT64_MAX), UINT64_MAX - 1);
}

/* Streams of neighbouring states: none follows another at a short distance, no bit is stuck. */
static void
random_streams_of_neighbouring_seeds_differ(void **state)
{
    uint64_t ones = 0, total = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 1000; seed++) {
        uint64_t a = seed, b = seed + 1;

        for (int i = 0; i < 100; i++, total += 64)
            ones += (uint64_t)__builtin_popcountll(wp_sampling_next(&a) ^ wp_sampling_next(&b));
    }
    assert_true(fabs((double)ones / (double)total - 0.5) < SIGMAS * 0.5 / sqrt((double)total));
}

/* Waiters of unequal delays, each selected by itself: what is charged is unbiased in both totals.
 * */
static void
check_mutex_rule(uint64_t fraction, uint64_t seed)
{
    struct moments contentions = {0}, delay = {0}, variance = {0};
    const double mean_delay = 500.5;
    double mean_square = 0;

    for (uint64_t i = 1; i <= 1000; i++)
        mean_square += (double)(i * i) / 1000;
    for (uint32_t i = 0; i < DRAWS; i++) {
        struct wp_sample sample = {0};
        uint64_t waited = i % 1000 + 1;

        if (wp_sampling_mutex_selects(wp_sampling_next(&seed), fraction))
            sample = wp_sampling_mutex_sample(1, 1, waited, 0, fraction);
        moments_add(&contentions, (double)sample.contentions_fixed / WP_REGION_COUNT_ONE);
        moments_add(&delay, (double)sample.delay_ns);
        moments_add(&variance, sample.variance);
    }

    double spread = (double)fraction - 1;
    double expected = spread * mean_square;

    assert_mean_within(&contentions, 1, spread);
    assert_mean_within(&delay, mean_delay, expected);
    /* Fourth moment of a delay that is uniform up to 1000. */
    assert_mean_within(&variance, expected, spread * spread * (double)fraction * 1e12 / 5);
}

static void
mutex_totals_are_unbiased_at_every_fraction(void **state)
{
    (void)state;
    check_mutex_rule(1, 21);
    check_mutex_rule(10, 22);
    check_mutex_rule(100, 23);
}

static void
fraction_1_selects_every_waiter_exactly(void **state)
{
    struct wp_sample sample = wp_sampling_mutex_sample(3, 5, 12345, 0, 1);
    uint64_t seed = 24;

    (void)state;
    for (uint32_t i = 0; i < DRAWS; i++)
        assert_true(wp_sampling_mutex_selects(wp_sampling_next(&seed), 1));
    assert_true(wp_sampling_mutex_selects(UINT64_MAX, 1));
    assert_int_equal(sample.contentions_fixed, 3 * WP_REGION_COUNT_ONE);
    assert_int_equal(sample.delay_ns, 12345);
    assert_true(sample.variance == 0);
}

static void
the_largest_fraction_selects_the_lowest_numbers_only(void **state)
{
    uint64_t edge = UINT64_MAX / WP_SAMPLING_MAX_FRACTION;

    (void)state;
    assert_true(wp_sampling_mutex_selects(0, WP_SAMPLING_MAX_FRACTION));
    assert_true(wp_sampling_mutex_selects(edge, WP_SAMPLING_MAX_FRACTION));
    assert_false(wp_sampling_mutex_selects(edge + 1, WP_SAMPLING_MAX_FRACTION));
    assert_false(wp_sampling_mutex_selects(UINT64_MAX, WP_SAMPLING_MAX_FRACTION));
}

/* n waiters of equal shares d: n * w(w - 1) d^2, which is w(w - 1) (n d)^2 / n. */
static void
variance_of_a_charge_is_that_of_its_waiters_together(void **state)
{
    double together = wp_sampling_mutex_sample(4, 4, 4000, 0, 10).variance;
    double one = wp_sampling_mutex_sample(1, 1, 1000, 0, 10).variance;

    (void)state;
    assert_true(fabs(together / (4 * one) - 1) < 1e-12);
    assert_true(fabs(one - 10.0 * 9 * 1000 * 1000) < 1e-3);
    assert_true(wp_sampling_mutex_sample(0, 0, 0, 0, 10).variance == 0);
}

/* A lock that is held for days at the coarsest fraction: a longer wait never counts for less. */
static void
a_long_charge_at_the_largest_fraction_does_not_wrap(void **state)
{
    uint64_t shorter_ns = 0;

    (void)state;
    for (uint64_t delay_ns = 1; delay_ns < UINT64_C(1) << 50; delay_ns *= 2) {
        struct wp_sample sample =
            wp_sampling_mutex_sample(1, 1, delay_ns, 0, WP_SAMPLING_MAX_FRACTION);

        assert_true(sample.delay_ns >= shorter_ns);
        assert_true(sample.delay_ns >= delay_ns);
        shorter_ns = sample.delay_ns;
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(totals_are_unbiased_for_waits_far_below_the_rate),
        cmocka_unit_test(totals_are_unbiased_for_waits_near_the_rate),
        cmocka_unit_test(totals_are_unbiased_where_one_of_many_waits_is_looked_at),
        cmocka_unit_test(sums_over_changing_rates_stay_unbiased),
        cmocka_unit_test(at_wait_fraction_1_every_wait_is_looked_at),
        cmocka_unit_test(the_largest_wait_fraction_and_the_longest_wait_do_not_wrap),
        cmocka_unit_test(waits_of_the_rate_and_longer_are_all_kept_as_they_are),
        cmocka_unit_test(rate_1_keeps_every_wait_exactly),
        cmocka_unit_test(exactly_delay_of_rate_thresholds_keep_a_wait),
        cmocka_unit_test(a_wait_as_long_as_its_threshold_is_dropped),
        cmocka_unit_test(a_kept_wait_stands_for_what_was_dropped_at_every_rate),
        cmocka_unit_test(the_largest_rate_and_the_shortest_wait_do_not_overflow),
        cmocka_unit_test(the_bounds_of_the_rules_are_those_of_the_region_format),
        cmocka_unit_test(numbers_below_a_bound_are_uniform),
        cmocka_unit_test(numbers_below_a_large_bound_are_uniform),
        cmocka_unit_test(the_ends_of_the_random_range_map_to_the_ends_of_the_bound),
        cmocka_unit_test(random_streams_of_neighbouring_seeds_differ),
        cmocka_unit_test(mutex_totals_are_unbiased_at_every_fraction),
        cmocka_unit_test(fraction_1_selects_every_waiter_exactly),
        cmocka_unit_test(the_largest_fraction_selects_the_lowest_numbers_only),
        cmocka_unit_test(variance_of_a_charge_is_that_of_its_waiters_together),
        cmocka_unit_test(a_long_charge_at_the_largest_fraction_does_not_wrap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
