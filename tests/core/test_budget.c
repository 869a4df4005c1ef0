/*
 * The budget: what it chooses from a load, and how choices and loads follow each other. Time is
 * made up, so that storms of seconds pass at once and every outcome is one and the same on each
 * run. Turns in a region are in test_budget_turns.c.
 */
#include "core/budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/sampling.h"

#include "budget_weather.h"

#define HALF_PERCENT_NS UINT64_C(5000000) /* of a second */

static const struct wp_budget_choice finest = {1000, 2, 1};
static const struct wp_region_budget half_percent = {.cost_ns_per_s = HALF_PERCENT_NS};

static struct wp_budget_choice
choose(struct wp_budget_load load, struct wp_budget_choice now)
{
    return wp_budget_choose(&half_percent, &load, &finest, &now);
}

static void
assert_choice(struct wp_budget_choice choice, uint64_t block_rate_ns, uint64_t mutex_fraction,
              uint64_t wait_fraction)
{
    assert_int_equal(choice.block_rate_ns, block_rate_ns);
    assert_int_equal(choice.mutex_fraction, mutex_fraction);
    assert_int_equal(choice.wait_fraction, wait_fraction);
}

/* --- Choosing -------------------------------------------------------------------------------- */

static void
the_calm_gets_the_finest_rates(void **state)
{
    (void)state;
    assert_choice(choose(weather_load_of(1, 0, 0, 0), finest), 1000, 2, 1);
    assert_choice(choose(weather_load_of(1, 10, 10, 5), finest), 1000, 2, 1);
    assert_choice(choose(weather_load_of(50, 500, 500, 250), finest), 1000, 2, 1);
}

/* A turn of 0.5 % allows 35 us of timing, that is 87 waits. */
static void
too_many_waits_raise_the_wait_fraction_at_once(void **state)
{
    (void)state;
    assert_choice(choose(weather_load_of(1, 87, 0, 0), finest), 1000, 2, 1);
    assert_choice(choose(weather_load_of(1, 89, 0, 0), finest), 1000, 2, 2);
    assert_choice(choose(weather_load_of(1, 8700, 0, 0), finest), 1000, 2, 128);
}

/* 62 samples. Samples are left to the block rate alone where the wait fraction need not hold
 * timing. */
static void
too_many_samples_raise_the_block_rate_at_once(void **state)
{
    (void)state;
    assert_choice(choose(weather_load_of(1, 62, 62, 0), finest), 1000, 2, 1);
    assert_choice(choose(weather_load_of(1, 70, 70, 0), finest), 2000, 2, 1);
    assert_int_equal(choose(weather_load_of(1, 70, 70, 0), (struct wp_budget_choice){1024000, 2, 1})
                         .block_rate_ns,
                     2048000);
}

/* 50 unlocks. */
static void
too_many_charged_unlocks_raise_the_mutex_fraction_at_once(void **state)
{
    (void)state;
    assert_choice(choose(weather_load_of(1, 10, 10, 33), finest), 1000, 2, 1);
    assert_choice(choose(weather_load_of(1, 10, 10, 60), finest), 1000, 4, 1);
    assert_choice(choose(weather_load_of(1, 10, 10, 1000), finest), 1000, 64, 1);
}

static void
finer_rates_come_a_step_in_a_turn(void **state)
{
    const struct wp_budget_choice coarse = {64000, 128, 64};

    (void)state;
    assert_choice(choose(weather_load_of(1, 0, 0, 0), coarse), 32000, 64, 32);
    assert_choice(choose(weather_load_of(3, 0, 0, 0), coarse), 8000, 16, 8);
}

/* A turn that was taken early, because all was spent, says nothing of the calm. */
static void
less_than_a_turn_makes_nothing_finer(void **state)
{
    const struct wp_budget_choice coarse = {64000, 128, 64};
    struct wp_budget_load load = weather_load_of(1, 0, 0, 0);

    (void)state;
    load.span_ns = WP_BUDGET_TURN_NS - 1;
    assert_choice(choose(load, coarse), 64000, 128, 64);
}

static void
after_a_long_rest_the_finest_rates_are_back_at_once(void **state)
{
    struct wp_budget_choice coarsest = {UINT64_C(1000) << 19, 512, 512};

    (void)state;
    assert_choice(choose(weather_load_of(1000, 0, 0, 0), coarsest), 1000, 2, 1);
}

/* What the finer step would bring must be less than what is allowed: else it came and went. */
static void
a_finer_step_is_not_taken_where_the_next_turn_would_take_it_back(void **state)
{
    (void)state;
    for (uint64_t waits = 1; waits < 200; waits++) {
        struct wp_budget_choice now = {1000, 2, 8}, next, after;

        next = choose(weather_load_of(1, waits, 0, 0), now);
        after = choose(weather_load_of(1, waits * 8 / next.wait_fraction, 0, 0), next);
        if (next.wait_fraction < now.wait_fraction)
            assert_true(after.wait_fraction <= next.wait_fraction);
    }
}

static void
no_rate_gets_coarser_than_its_bound(void **state)
{
    struct wp_budget_choice choice = finest;

    (void)state;
    for (int turn = 0; turn < 50; turn++)
        choice = choose(weather_load_of(1, 1000000000, 1000000000, 1000000000), choice);
    assert_true(choice.block_rate_ns <= WP_BUDGET_MAX_BLOCK_RATE_NS);
    assert_true(choice.block_rate_ns > WP_BUDGET_MAX_BLOCK_RATE_NS / 2);
    assert_true(choice.mutex_fraction <= WP_BUDGET_MAX_MUTEX_FRACTION);
    assert_true(choice.mutex_fraction > WP_BUDGET_MAX_MUTEX_FRACTION / 2);
    assert_true(choice.wait_fraction <= WP_BUDGET_MAX_WAIT_FRACTION);
    assert_true(choice.wait_fraction > WP_BUDGET_MAX_WAIT_FRACTION / 2);
    assert_true(choice.mutex_fraction * choice.wait_fraction <= WP_SAMPLING_MAX_FRACTION);
}

static void
a_rate_that_was_asked_for_beyond_the_bound_stays_as_it_is(void **state)
{
    const struct wp_budget_choice least = {2 * WP_BUDGET_MAX_BLOCK_RATE_NS,
                                           3 * WP_BUDGET_MAX_MUTEX_FRACTION, 1};
    struct wp_budget_load storm = weather_load_of(1, 100000, 100000, 100000);

    (void)state;
    assert_choice(wp_budget_choose(&half_percent, &storm, &least, &least), least.block_rate_ns,
                  least.mutex_fraction, 512);
}

static void
a_profile_that_is_off_stays_off(void **state)
{
    const struct wp_budget_choice off = {0, 0, 1};
    struct wp_budget_load storm = weather_load_of(1, 100000, 100000, 100000),
                          calm = weather_load_of(9, 0, 0, 0);
    struct wp_budget_choice choice = wp_budget_choose(&half_percent, &storm, &off, &off);

    (void)state;
    assert_int_equal(choice.block_rate_ns, 0);
    assert_int_equal(choice.mutex_fraction, 0);
    choice = wp_budget_choose(&half_percent, &calm, &off, &choice);
    assert_int_equal(choice.block_rate_ns, 0);
    assert_int_equal(choice.mutex_fraction, 0);
}

/* 2000/s: 18 samples of waits and 18 of unlocks in a turn, whatever they cost. */
static void
a_number_of_samples_is_held_whatever_they_cost(void **state)
{
    const struct wp_region_budget budget = {.samples_per_s = 2000};
    struct wp_budget_load load = weather_load_of(1, 1000000, 16, 8);

    (void)state;
    assert_choice(wp_budget_choose(&budget, &load, &finest, &finest), 1000, 2, 1);
    load.samples = 17;
    assert_true(wp_budget_choose(&budget, &load, &finest, &finest).block_rate_ns > 1000);
    load.samples = 16;
    load.unlocks = 9;
    assert_int_equal(wp_budget_choose(&budget, &load, &finest, &finest).mutex_fraction, 4);
}

static void
of_two_limits_the_narrower_one_is_held(void **state)
{
    struct wp_region_budget budget = {.cost_ns_per_s = HALF_PERCENT_NS, .samples_per_s = 1000000};
    struct wp_budget_load load = weather_load_of(1, 70, 70, 0);

    (void)state;
    assert_int_equal(wp_budget_choose(&budget, &load, &finest, &finest).block_rate_ns, 2000);
    budget = (struct wp_region_budget){.cost_ns_per_s = 1000000000, .samples_per_s = 2000};
    assert_int_equal(wp_budget_choose(&budget, &load, &finest, &finest).block_rate_ns, 8000);
}

/* --- Choices and loads that follow each other ------------------------------------------------ */

static const struct weather storms[] = {
    {1e4, 500, 2e3, 1, 1},    /* short waits for locks */
    {1e6, 500, 2e3, 1, 1},    /* a machine of many processors */
    {5e4, 2e5, 1e5, 1, 1},    /* waits far longer than the rate: only the wait fraction helps */
    {2e3, 1e3, 1e6, 1, 300},  /* waiters that starve: each is in the way of many unlocks */
    {1e5, 9e3, 1e4, 0, 0},    /* reads of pipes */
    {1e5, 1e3, 5e5, 0.5, 20}, /* something of all */
};
#define STORMS (sizeof(storms) / sizeof(storms[0]))

/* After 5 turns no 5 of them, which are 100 ms, cost more than the budget, and none much more. */
static void
a_storm_is_held_within_100_ms(void **state)
{
    (void)state;
    for (size_t storm = 0; storm < STORMS; storm++) {
        struct wp_budget_choice rates = finest;
        uint64_t random = 100 + storm;
        double last[5] = {0}, window = 0;

        for (int turn = 0; turn < 500; turn++) {
            struct wp_budget_load load =
                weather_record(&storms[storm], &rates, WP_BUDGET_TURN_NS, &random);
            double share = weather_cost_share(&load) * 1e9 / (double)HALF_PERCENT_NS;

            window += (share - last[turn % 5]) / 5;
            last[turn % 5] = share;
            if (turn >= 5 && share > 1.25)
                fail_msg("storm %zu, turn %d: %.2f of the budget", storm, turn, share);
            if (turn >= 10 && window > 1)
                fail_msg("storm %zu, turn %d: %.2f of the budget in a while", storm, turn, window);
            rates = choose(load, rates);
        }
    }
}

/* Else the budget would be held by recording nothing. */
static void
in_a_storm_a_good_part_of_the_budget_is_used(void **state)
{
    (void)state;
    for (size_t storm = 0; storm < STORMS; storm++) {
        struct wp_budget_choice rates = finest;
        uint64_t random = 200 + storm;
        double sum = 0;

        for (int turn = 0; turn < 500; turn++) {
            struct wp_budget_load load =
                weather_record(&storms[storm], &rates, WP_BUDGET_TURN_NS, &random);

            sum +=
                turn >= 100 ? weather_cost_share(&load) * 1e9 / (double)HALF_PERCENT_NS / 400 : 0;
            rates = choose(load, rates);
        }
        if (sum < 0.2)
            fail_msg("storm %zu: %.2f of the budget is used", storm, sum);
    }
}

static void
after_a_storm_the_finest_rates_come_back_in_half_a_second(void **state)
{
    (void)state;
    for (size_t storm = 0; storm < STORMS; storm++) {
        struct wp_budget_choice rates = finest;
        uint64_t random = 300 + storm;

        for (int turn = 0; turn < 100; turn++)
            rates =
                choose(weather_record(&storms[storm], &rates, WP_BUDGET_TURN_NS, &random), rates);
        assert_true(rates.block_rate_ns > finest.block_rate_ns ||
                    rates.mutex_fraction > finest.mutex_fraction || rates.wait_fraction > 1);
        for (int turn = 0; turn < 25; turn++)
            rates =
                choose(weather_record(&weather_calm, &rates, WP_BUDGET_TURN_NS, &random), rates);
        assert_choice(rates, 1000, 2, 1);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_calm_gets_the_finest_rates),
        cmocka_unit_test(too_many_waits_raise_the_wait_fraction_at_once),
        cmocka_unit_test(too_many_samples_raise_the_block_rate_at_once),
        cmocka_unit_test(too_many_charged_unlocks_raise_the_mutex_fraction_at_once),
        cmocka_unit_test(finer_rates_come_a_step_in_a_turn),
        cmocka_unit_test(less_than_a_turn_makes_nothing_finer),
        cmocka_unit_test(after_a_long_rest_the_finest_rates_are_back_at_once),
        cmocka_unit_test(a_finer_step_is_not_taken_where_the_next_turn_would_take_it_back),
        cmocka_unit_test(no_rate_gets_coarser_than_its_bound),
        cmocka_unit_test(a_rate_that_was_asked_for_beyond_the_bound_stays_as_it_is),
        cmocka_unit_test(a_profile_that_is_off_stays_off),
        cmocka_unit_test(a_number_of_samples_is_held_whatever_they_cost),
        cmocka_unit_test(of_two_limits_the_narrower_one_is_held),
        cmocka_unit_test(a_storm_is_held_within_100_ms),
        cmocka_unit_test(in_a_storm_a_good_part_of_the_budget_is_used),
        cmocka_unit_test(after_a_storm_the_finest_rates_come_back_in_half_a_second),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
