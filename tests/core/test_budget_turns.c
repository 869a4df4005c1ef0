/*
 * Turns of the budget in a region: who takes them and when, what is in force after them, charges,
 * what one of a class costs, the ring.
 */
#include "core/budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/clock.h"
#include "core/condition.h"
#include "core/rates.h"
#include "core/region.h"

#include "budget_weather.h"
#include "region_fixture.h"

#define REGION_BYTES (UINT64_C(1) << 20)
#define HALF_PERCENT_NS UINT64_C(5000000) /* of a second */

/* --- Turns ----------------------------------------------------------------------------------- */

static int
set_up(void **state)
{
    struct wp_region_header *region = region_fixture_open(REGION_BYTES);
    const struct wp_rates_start start = {1000, 2, HALF_PERCENT_NS, 0};

    (void)state;
    if (region == NULL)
        return -1;
    wp_rates_init(region, &start);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    region_fixture_close();
    return 0;
}

/* Counts as the wrappers do. */
static void
record_waits(uint64_t count, uint64_t kept, uint64_t unlocks)
{
    wp_region_count(WP_COUNTER_waits, count);
    wp_region_count(WP_COUNTER_block_samples, kept);
    wp_region_count(WP_COUNTER_mutex_samples, unlocks);
    for (uint64_t i = 0; i < count; i++)
        wp_budget_spend(WP_OWN_COST_wait);
    for (uint64_t i = 0; i < kept; i++)
        wp_budget_spend(WP_OWN_COST_sample);
}

static void
the_first_event_takes_the_first_turn_and_chooses_nothing(void **state)
{
    struct wp_region_header *region = wp_region();
    uint64_t now_ns = wp_clock_ns();

    (void)state;
    assert_int_equal(region->settle_at_ns, 1);
    wp_rates_obey(region, now_ns);
    assert_int_equal(region->block_rate_ns, 1000);
    assert_int_equal(region->mutex_fraction, 2);
    assert_int_equal(region->wait_fraction, 1);
    assert_int_equal(region->settle_at_ns, now_ns + WP_BUDGET_TURN_NS);
    assert_int_equal(region->budget.turn_count, 0);
}

static void
a_turn_is_taken_once_and_not_before_its_time(void **state)
{
    struct wp_region_header *region = wp_region();
    uint64_t now_ns = wp_clock_ns();

    (void)state;
    assert_true(wp_budget_take_turn(region, now_ns));
    assert_false(wp_budget_take_turn(region, now_ns));
    assert_false(wp_budget_take_turn(region, now_ns + WP_BUDGET_TURN_NS - 1));
    assert_true(wp_budget_take_turn(region, now_ns + WP_BUDGET_TURN_NS));
    assert_false(wp_budget_take_turn(region, now_ns + WP_BUDGET_TURN_NS));
}

static void
without_a_budget_there_is_no_turn(void **state)
{
    struct wp_region_header *region = wp_region();

    (void)state;
    region->budget.cost_ns_per_s = 0;
    assert_false(wp_budget_take_turn(region, wp_clock_ns()));
    wp_rates_settle(region, wp_clock_ns());
    assert_int_equal(region->settle_at_ns, 0);
    record_waits(100000, 100000, 100000);
    assert_int_equal(region->budget.spent, 0);
}

static void
what_a_turn_chose_is_in_force_after_it(void **state)
{
    struct wp_region_header *region = wp_region();
    uint64_t now_ns = wp_clock_ns();

    (void)state;
    wp_rates_obey(region, now_ns);
    record_waits(10000, 10000, 100000);
    wp_rates_obey(region, now_ns + WP_BUDGET_TURN_NS);
    assert_true(region->wait_fraction >= 64);
    assert_true(region->mutex_fraction > 2);
    assert_int_equal(region->wait_fraction, region->budget.wait_fraction);
    /* Base rates and the ring of changes are the user's. */
    assert_int_equal(region->base_block_rate_ns, 1000);
    assert_int_equal(region->base_mutex_fraction, 2);
    assert_int_equal(region->rate_change_count, 1);
}

/* Waits that others stand for cost (next to) nothing. */
static void
waits_that_are_passed_over_are_no_load(void **state)
{
    struct wp_region_header *region = wp_region();
    uint64_t now_ns = wp_clock_ns();

    (void)state;
    wp_rates_obey(region, now_ns);
    wp_region_count(WP_COUNTER_waits, 100000);
    wp_region_count(WP_COUNTER_waits_passed_over, 100000 - 10);
    wp_rates_obey(region, now_ns + WP_BUDGET_TURN_NS);
    assert_int_equal(region->wait_fraction, 1);
}

/* --- Turns that are taken early -------------------------------------------------------------- */

static void
a_turn_that_has_spent_all_is_followed_by_the_next_at_once(void **state)
{
    struct wp_region_header *region = wp_region();
    uint64_t now_ns = wp_clock_ns();

    (void)state;
    wp_rates_obey(region, now_ns);
    /* 0.6 of 100 us. */
    record_waits(70, 70, 0);
    wp_rates_obey(region, now_ns + 1000000);
    assert_int_equal(region->wait_fraction, 1);
    record_waits(20, 20, 0);
    assert_true(region->budget.spent >= WP_REGION_BUDGET_SPENT);
    wp_rates_obey(region, now_ns + 1000000);
    assert_true(region->wait_fraction > 8);
    assert_int_equal(region->budget.spent, 0);
    assert_int_equal(region->settle_at_ns, now_ns + 1000000 + WP_BUDGET_TURN_NS);
}

static void
a_turn_lasts_a_while_whatever_was_spent(void **state)
{
    struct wp_region_header *region = wp_region();
    uint64_t now_ns = wp_clock_ns();

    (void)state;
    wp_rates_obey(region, now_ns);
    record_waits(1000, 1000, 0);
    assert_false(wp_budget_take_turn(region, now_ns + WP_BUDGET_LEAST_TURN_NS - 1));
    assert_true(wp_budget_take_turn(region, now_ns + WP_BUDGET_LEAST_TURN_NS));
    assert_false(wp_budget_take_turn(region, now_ns + 2 * WP_BUDGET_LEAST_TURN_NS));
}

static void
a_number_of_samples_is_spent_by_samples_alone(void **state)
{
    struct wp_region_budget *budget = &wp_region()->budget;

    (void)state;
    wp_rates_obey(wp_region(), wp_clock_ns());
    budget->cost_ns_per_s = 0;
    budget->samples_per_s = 2000;
    record_waits(100000, 0, 0);
    assert_int_equal(budget->spent, 0);
    record_waits(0, 15, 18); /* of 16 samples */
    assert_true(budget->spent < WP_REGION_BUDGET_SPENT);
    record_waits(0, 2, 0);
    assert_true(budget->spent >= WP_REGION_BUDGET_SPENT);
}

/* In the region: storms that come and go, one in 100 us, met by turns that are taken early. No 100
 * ms cost more than the budget, from the first on. */
static void
storms_that_come_and_go_are_held_from_the_first_on(void **state)
{
    struct wp_region_header *region = wp_region();
    const uint64_t tick_ns = 100000;
    uint64_t now_ns = wp_clock_ns(), random = 77;
    double spent[1000] = {0}, window = 0;

    (void)state;
    for (uint64_t tick = 0; tick < 30000; tick++, now_ns += tick_ns) {
        /* Calm for 70 ms, a storm for 60, and so on. */
        const struct weather *weather = tick % 1300 < 700 ? &weather_calm : &weather_storm;
        struct wp_budget_choice rates = {region->block_rate_ns, region->mutex_fraction,
                                         region->wait_fraction};
        struct weather tenfold = *weather;
        struct wp_budget_load load;

        tenfold.waits_per_s *= 10;
        load = weather_record(&tenfold, &rates, tick_ns, &random);
        record_waits(load.waits, load.samples, load.unlocks);
        wp_rates_obey(region, now_ns);
        window += weather_cost_share(&load) / 1000 - spent[tick % 1000];
        spent[tick % 1000] = weather_cost_share(&load) / 1000;
        if (window * 1e9 > 1.1 * (double)HALF_PERCENT_NS)
            fail_msg("%.1f ms: %.3f %% in the last 100 ms", (double)tick / 10, 100 * window);
    }
}

/* --- Charges --------------------------------------------------------------------------------- */

static void
a_turn_gives_as_many_charges_as_its_share_of_the_budget_pays(void **state)
{
    struct wp_region_header *region = wp_region();
    uint64_t now_ns = wp_clock_ns();

    (void)state;
    assert_true(wp_budget_has_charge()); /* no turn yet: no limit */
    wp_rates_obey(region, now_ns);
    assert_int_equal(region->budget.charges, 1 + 33); /* 20 us of 600 ns each */
    for (int i = 0; i < 33; i++) {
        assert_true(wp_budget_has_charge());
        wp_budget_spend_charge();
    }
    assert_false(wp_budget_has_charge());
    wp_budget_spend_charge();
    assert_false(wp_budget_has_charge());
    wp_rates_obey(region, now_ns + WP_BUDGET_TURN_NS);
    assert_true(wp_budget_has_charge());
}

static void
charges_that_are_left_over_are_kept_for_some_turns(void **state)
{
    struct wp_region_header *region = wp_region();
    uint64_t now_ns = wp_clock_ns(), of_turn;

    (void)state;
    wp_rates_obey(region, now_ns);
    of_turn = region->budget.charges - 1;
    wp_rates_obey(region, now_ns + WP_BUDGET_TURN_NS);
    assert_int_equal(region->budget.charges, 1 + 2 * of_turn);
    wp_budget_spend_charge();
    wp_rates_obey(region, now_ns + 2 * WP_BUDGET_TURN_NS);
    assert_int_equal(region->budget.charges, 3 * of_turn);
    wp_rates_obey(region, now_ns + 1000 * WP_BUDGET_TURN_NS);
    assert_int_equal(region->budget.charges, 1 + 8 * of_turn);
}

/* So that a starved waiter, who comes seldom, does not meet the finest fraction each time. */
static void
the_mutex_fraction_stays_for_a_while_after_all_charges_were_spent(void **state)
{
    struct wp_region_header *region = wp_region();
    uint64_t now_ns = wp_clock_ns(), coarse;

    (void)state;
    wp_rates_obey(region, now_ns);
    while (wp_budget_has_charge())
        wp_budget_spend_charge();
    wp_rates_obey(region, now_ns + WP_BUDGET_TURN_NS);
    coarse = region->mutex_fraction;
    assert_true(coarse >= 2 * region->base_mutex_fraction);
    for (uint64_t turn = 2; turn < 10; turn++)
        wp_rates_obey(region, now_ns + turn * WP_BUDGET_TURN_NS);
    assert_int_equal(region->mutex_fraction, coarse);
    wp_rates_obey(region, now_ns + 20 * WP_BUDGET_TURN_NS);
    assert_true(region->mutex_fraction < coarse);
}

static void
a_turn_that_is_taken_early_gives_no_new_charges(void **state)
{
    struct wp_region_header *region = wp_region();
    uint64_t now_ns = wp_clock_ns();

    (void)state;
    wp_rates_obey(region, now_ns);
    for (int i = 0; i < 33; i++)
        wp_budget_spend_charge();
    record_waits(1000, 1000, 50);
    assert_true(wp_budget_take_turn(region, now_ns + WP_BUDGET_TURN_NS / 2));
    assert_false(wp_budget_has_charge());
}

static void
the_smallest_budget_still_gives_a_charge(void **state)
{
    struct wp_region_header *region = wp_region();

    (void)state;
    region->budget.cost_ns_per_s = 1;
    region->budget.samples_per_s = 1;
    wp_rates_obey(region, wp_clock_ns());
    assert_true(wp_budget_has_charge());
    wp_budget_spend_charge();
    assert_false(wp_budget_has_charge());
}

static void
without_a_budget_charges_have_no_limit(void **state)
{
    (void)state;
    wp_region()->budget.cost_ns_per_s = 0;
    for (int i = 0; i < 1000; i++) {
        assert_true(wp_budget_has_charge());
        wp_budget_spend_charge();
    }
    assert_int_equal(wp_region()->budget.charges, 0);
    /* Left behind by a turn that met with the end of the budget. */
    wp_region()->budget.charges = 1;
    assert_true(wp_budget_has_charge());
}

/* --- What one costs -------------------------------------------------------------------------- */

static void
the_cost_of_a_wait_is_learned_from_what_is_measured(void **state)
{
    struct wp_region_header *region = wp_region();
    uint64_t now_ns = wp_clock_ns();

    (void)state;
    wp_rates_obey(region, now_ns);
    for (int turn = 1; turn <= 50; turn++) {
        wp_region_count(WP_COUNTER_waits, 6100);
        wp_region_count(WP_COUNTER_wait_cost_ns, UINT64_C(6100) * 2500);
        wp_rates_obey(region, now_ns + (uint64_t)turn * WP_BUDGET_TURN_NS);
    }
    assert_in_range(region->budget.unit_costs[WP_OWN_COST_wait], 2490, 2510);
    /* Nothing was measured of these. */
    assert_in_range(region->budget.unit_costs[WP_OWN_COST_sample], 100, 1000);
    assert_in_range(region->budget.unit_costs[WP_OWN_COST_unlock], 100, 1000);
}

/* Few pieces a turn, one of 61 measured: most turns have no measurement, and those that have one
 * say far too much. What is kept must be true in the long run, and not drift. */
static void
the_cost_stays_true_where_turns_have_few_pieces(void **state)
{
    static const unsigned pieces[] = {1, 2, 5, 15, 60, 200};
    struct wp_region_header *region = wp_region();
    uint64_t now_ns = wp_clock_ns();
    unsigned event = 0;

    (void)state;
    wp_rates_obey(region, now_ns);
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        double sum = 0;

        for (unsigned turn = 0; turn < 20000; turn++) {
            wp_region_count(WP_COUNTER_waits, pieces[i]);
            for (unsigned piece = 0; piece < pieces[i]; piece++) {
                if (++event % WP_OWN_COST_EVERY == 0)
                    wp_region_count(WP_COUNTER_wait_cost_ns,
                                    WP_OWN_COST_EVERY * (event % 2 == 0 ? 500 : 1500));
            }
            now_ns += WP_BUDGET_TURN_NS;
            wp_rates_obey(region, now_ns);
            if (turn >= 10000)
                sum += (double)region->budget.unit_costs[WP_OWN_COST_wait] / 10000;
        }
        assert_in_range(sum, 900, 1100);
    }
}

/* In a calm nothing is measured for hours. */
static void
a_cost_that_is_not_measured_stays_what_it_was(void **state)
{
    struct wp_region_header *region = wp_region();
    uint64_t now_ns = wp_clock_ns(), before_ns;

    (void)state;
    wp_rates_obey(region, now_ns);
    before_ns = region->budget.unit_costs[WP_OWN_COST_wait];
    for (uint64_t turn = 1; turn <= 1000; turn++) {
        wp_region_count(WP_COUNTER_waits, 1);
        wp_rates_obey(region, now_ns + turn * WP_BUDGET_TURN_NS);
    }
    assert_int_equal(region->budget.unit_costs[WP_OWN_COST_wait], before_ns);
}

/* One measurement in a turn, that was preempted in the middle, is no reason to believe it. */
static void
a_single_measurement_changes_the_cost_little(void **state)
{
    struct wp_region_header *region = wp_region();
    uint64_t now_ns = wp_clock_ns(), before_ns;

    (void)state;
    wp_rates_obey(region, now_ns);
    before_ns = region->budget.unit_costs[WP_OWN_COST_wait];
    wp_region_count(WP_COUNTER_waits, WP_OWN_COST_EVERY);
    wp_region_count(WP_COUNTER_wait_cost_ns, WP_OWN_COST_EVERY * 200 * before_ns);
    wp_rates_obey(region, now_ns + WP_BUDGET_TURN_NS);
    assert_in_range(region->budget.unit_costs[WP_OWN_COST_wait], before_ns, before_ns * 3 / 2);
}

/* --- Conditions ------------------------------------------------------------------------------ */

/* A second of turns, in each of which so many waits for conditions are passed over. While they are
 * split each costs 100 ns. */
static uint64_t
pass_a_second(uint64_t now_ns, uint64_t conditions)
{
    for (int turn = 0; turn < 51; turn++) {
        bool is_split = wp_condition_is_split();

        wp_region_count(WP_COUNTER_condition_cost_ns, is_split ? conditions * 100 : 0);
        wp_region_count(is_split ? WP_COUNTER_conditions_passed_over
                                 : WP_COUNTER_conditions_unsplit,
                        conditions);
        now_ns += WP_BUDGET_TURN_NS;
        wp_rates_obey(wp_region(), now_ns);
    }
    return now_ns;
}

static void
conditions_that_cost_too_much_are_not_split_until_they_are_few(void **state)
{
    struct wp_region_header *region = wp_region();
    uint64_t now_ns = wp_clock_ns();

    (void)state;
    wp_rates_obey(region, now_ns);
    assert_true(wp_condition_is_split());
    now_ns = pass_a_second(now_ns, 100); /* 10 us, of the 20 us of a turn */
    assert_true(wp_condition_is_split());
    now_ns = pass_a_second(now_ns, 400);
    assert_false(wp_condition_is_split());
    now_ns = pass_a_second(now_ns, 400);
    assert_false(wp_condition_is_split());
    now_ns = pass_a_second(now_ns, 20);
    now_ns = pass_a_second(now_ns, 20);
    assert_true(wp_condition_is_split());
}

static void
a_measurement_is_no_reason_not_to_split(void **state)
{
    struct wp_region_header *region = wp_region();
    uint64_t now_ns = wp_clock_ns();

    (void)state;
    wp_rates_obey(region, now_ns);
    for (int turn = 0; turn < 1000; turn++) {
        /* 1 us, as 61 cost: three turns' share. */
        if (turn % 10 == 0)
            wp_region_count(WP_COUNTER_condition_cost_ns, 61 * 1000);
        wp_region_count(WP_COUNTER_conditions_passed_over, 6);
        now_ns += WP_BUDGET_TURN_NS;
        wp_rates_obey(region, now_ns);
        assert_true(wp_condition_is_split());
    }
}

static void
a_budget_that_is_taken_away_leaves_conditions_split(void **state)
{
    struct wp_region_header *region = wp_region();
    uint64_t now_ns = wp_clock_ns();

    (void)state;
    wp_rates_obey(region, now_ns);
    now_ns = pass_a_second(now_ns, 400);
    assert_false(wp_condition_is_split());
    region->budget.cost_ns_per_s = 0;
    assert_true(wp_condition_is_split());
}

static void
measured_conditions_spend_a_turn(void **state)
{
    struct wp_region_header *region = wp_region();

    (void)state;
    wp_rates_obey(region, wp_clock_ns());
    wp_budget_end_condition(0);
    assert_int_equal(region->budget.spent, 0);
    wp_budget_end_condition(wp_clock_now());
    assert_true(region->budget.spent > 0);
    assert_true(region->counters[0].value[WP_COUNTER_condition_cost_ns] > 0);
}

/* --- The ring -------------------------------------------------------------------------------- */

static const struct wp_region_budget_turn *
row_of(uint64_t number)
{
    const struct wp_region_budget_turn *rows = wp_region_rows(wp_region(), WP_TABLE_BUDGET);

    return &rows[number % WP_REGION_BUDGET_TURNS];
}

static void
each_second_gets_a_row_that_tells_what_was_done_in_it(void **state)
{
    struct wp_region_header *region = wp_region();
    const struct wp_region_budget_turn *row = row_of(0);
    uint64_t now_ns = wp_clock_ns();

    (void)state;
    wp_rates_obey(region, now_ns);
    for (uint64_t turn = 1; turn <= 51; turn++) {
        record_waits(10, 5, 3);
        wp_rates_obey(region, now_ns + turn * WP_BUDGET_TURN_NS);
    }
    assert_int_equal(region->budget.turn_count, 1);
    assert_int_equal(row->span_ns, 1000000000);
    assert_int_equal(row->block_rate_ns, 1000);
    assert_int_equal(row->mutex_fraction, 2);
    assert_int_equal(row->wait_fraction, 1);
    assert_int_equal(row->waits, 500);
    assert_int_equal(row->samples, 400);
    assert_true(row->realtime_ns > 0);
    /* 50 turns of 10, 5 and 3 pieces, of which nothing was measured. */
    assert_in_range(row->cost_ns, 50 * 7800 - 1000, 50 * 7800 + 1000);
}

static void
the_ring_keeps_the_latest_rows(void **state)
{
    struct wp_region_header *region = wp_region();
    uint64_t now_ns = wp_clock_ns();
    const uint64_t rows = WP_REGION_BUDGET_TURNS + 10;

    (void)state;
    wp_rates_obey(region, now_ns);
    for (uint64_t second = 1; second <= rows + 1; second++) {
        wp_region_count(WP_COUNTER_waits, second);
        wp_rates_obey(region, now_ns + second * 1000000000);
    }
    assert_int_equal(region->budget.turn_count, rows);
    for (uint64_t number = 10; number < rows; number++)
        assert_int_equal(row_of(number)->waits, number + 2);
}

#define TURN_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TURN_TEST(the_first_event_takes_the_first_turn_and_chooses_nothing),
        TURN_TEST(a_turn_is_taken_once_and_not_before_its_time),
        TURN_TEST(without_a_budget_there_is_no_turn),
        TURN_TEST(what_a_turn_chose_is_in_force_after_it),
        TURN_TEST(waits_that_are_passed_over_are_no_load),
        TURN_TEST(a_turn_that_has_spent_all_is_followed_by_the_next_at_once),
        TURN_TEST(a_turn_lasts_a_while_whatever_was_spent),
        TURN_TEST(a_number_of_samples_is_spent_by_samples_alone),
        TURN_TEST(storms_that_come_and_go_are_held_from_the_first_on),
        TURN_TEST(a_turn_gives_as_many_charges_as_its_share_of_the_budget_pays),
        TURN_TEST(charges_that_are_left_over_are_kept_for_some_turns),
        TURN_TEST(the_mutex_fraction_stays_for_a_while_after_all_charges_were_spent),
        TURN_TEST(a_turn_that_is_taken_early_gives_no_new_charges),
        TURN_TEST(the_smallest_budget_still_gives_a_charge),
        TURN_TEST(without_a_budget_charges_have_no_limit),
        TURN_TEST(the_cost_of_a_wait_is_learned_from_what_is_measured),
        TURN_TEST(the_cost_stays_true_where_turns_have_few_pieces),
        TURN_TEST(a_cost_that_is_not_measured_stays_what_it_was),
        TURN_TEST(a_single_measurement_changes_the_cost_little),
        TURN_TEST(conditions_that_cost_too_much_are_not_split_until_they_are_few),
        TURN_TEST(a_measurement_is_no_reason_not_to_split),
        TURN_TEST(a_budget_that_is_taken_away_leaves_conditions_split),
        TURN_TEST(measured_conditions_spend_a_turn),
        TURN_TEST(each_second_gets_a_row_that_tells_what_was_done_in_it),
        TURN_TEST(the_ring_keeps_the_latest_rows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
