/*
 * The budget: what it chooses from a load, and how choices and loads follow each other. Time is made
 * up, so that storms of seconds pass at once and every outcome is one and the same on each run.
 */
#include "core/budget.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/clock.h"
#include "core/rates.h"
#include "core/region.h"
#include "core/sampling.h"

#include "region_fixture.h"

#define REGION_BYTES (UINT64_C(1) << 20)

#define HALF_PERCENT_NS UINT64_C(5000000) /* of a second */

static const struct wp_budget_choice finest = {1000, 2, 1};
static const struct wp_region_budget half_percent = {.cost_ns_per_s = HALF_PERCENT_NS};

/* A load in `turns` turns, of costs as they are measured on most machines. */
static struct wp_budget_load
load_of(uint64_t turns, uint64_t waits, uint64_t samples, uint64_t unlocks)
{
    return (struct wp_budget_load){
        .span_ns = turns * WP_BUDGET_TURN_NS,
        .waits = waits,
        .samples = samples,
        .unlocks = unlocks,
        .wait_cost_ns = 400,
        .sample_cost_ns = 400,
        .unlock_cost_ns = 600,
    };
}

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
    assert_choice(choose(load_of(1, 0, 0, 0), finest), 1000, 2, 1);
    assert_choice(choose(load_of(1, 10, 10, 5), finest), 1000, 2, 1);
    assert_choice(choose(load_of(50, 500, 500, 250), finest), 1000, 2, 1);
}

/* A turn of 0.5 % allows 35 us of timing, that is 87 waits. */
static void
too_many_waits_raise_the_wait_fraction_at_once(void **state)
{
    (void)state;
    assert_choice(choose(load_of(1, 87, 0, 0), finest), 1000, 2, 1);
    assert_choice(choose(load_of(1, 89, 0, 0), finest), 1000, 2, 2);
    assert_choice(choose(load_of(1, 8700, 0, 0), finest), 1000, 2, 128);
}

/* 62 samples. Samples are left to the block rate alone where the wait fraction need not hold
 * timing. */
static void
too_many_samples_raise_the_block_rate_at_once(void **state)
{
    (void)state;
    assert_choice(choose(load_of(1, 62, 62, 0), finest), 1000, 2, 1);
    assert_choice(choose(load_of(1, 70, 70, 0), finest), 2000, 2, 1);
    assert_int_equal(
        choose(load_of(1, 70, 70, 0), (struct wp_budget_choice){1024000, 2, 1}).block_rate_ns,
        2048000);
}

/* 50 unlocks. */
static void
too_many_charged_unlocks_raise_the_mutex_fraction_at_once(void **state)
{
    (void)state;
    assert_choice(choose(load_of(1, 10, 10, 49), finest), 1000, 2, 1);
    assert_choice(choose(load_of(1, 10, 10, 60), finest), 1000, 4, 1);
    assert_choice(choose(load_of(1, 10, 10, 1000), finest), 1000, 64, 1);
}

static void
finer_rates_come_a_step_in_a_turn(void **state)
{
    const struct wp_budget_choice coarse = {64000, 128, 64};

    (void)state;
    assert_choice(choose(load_of(1, 0, 0, 0), coarse), 32000, 64, 32);
    assert_choice(choose(load_of(3, 0, 0, 0), coarse), 8000, 16, 8);
}

/* A turn that was taken early, because all was spent, says nothing of the calm. */
static void
less_than_a_turn_makes_nothing_finer(void **state)
{
    const struct wp_budget_choice coarse = {64000, 128, 64};
    struct wp_budget_load load = load_of(1, 0, 0, 0);

    (void)state;
    load.span_ns = WP_BUDGET_TURN_NS - 1;
    assert_choice(choose(load, coarse), 64000, 128, 64);
}

static void
after_a_long_rest_the_finest_rates_are_back_at_once(void **state)
{
    struct wp_budget_choice coarsest = {UINT64_C(1000) << 19, 512, 512};

    (void)state;
    assert_choice(choose(load_of(1000, 0, 0, 0), coarsest), 1000, 2, 1);
}

/* What the finer step would bring must be less than what is allowed: else it came and went. */
static void
a_finer_step_is_not_taken_where_the_next_turn_would_take_it_back(void **state)
{
    (void)state;
    for (uint64_t waits = 1; waits < 200; waits++) {
        struct wp_budget_choice now = {1000, 2, 8}, next, after;

        next = choose(load_of(1, waits, 0, 0), now);
        after = choose(load_of(1, waits * 8 / next.wait_fraction, 0, 0), next);
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
        choice = choose(load_of(1, 1000000000, 1000000000, 1000000000), choice);
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
    struct wp_budget_load storm = load_of(1, 100000, 100000, 100000);

    (void)state;
    assert_choice(wp_budget_choose(&half_percent, &storm, &least, &least), least.block_rate_ns,
                  least.mutex_fraction, 512);
}

static void
a_profile_that_is_off_stays_off(void **state)
{
    const struct wp_budget_choice off = {0, 0, 1};
    struct wp_budget_load storm = load_of(1, 100000, 100000, 100000), calm = load_of(9, 0, 0, 0);
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
    struct wp_budget_load load = load_of(1, 1000000, 18, 18);

    (void)state;
    assert_choice(wp_budget_choose(&budget, &load, &finest, &finest), 1000, 2, 1);
    load.samples = 19;
    assert_true(wp_budget_choose(&budget, &load, &finest, &finest).block_rate_ns > 1000);
    load.samples = 18;
    load.unlocks = 19;
    assert_int_equal(wp_budget_choose(&budget, &load, &finest, &finest).mutex_fraction, 4);
}

static void
of_two_limits_the_narrower_one_is_held(void **state)
{
    struct wp_region_budget budget = {.cost_ns_per_s = HALF_PERCENT_NS, .samples_per_s = 1000000};
    struct wp_budget_load load = load_of(1, 70, 70, 0);

    (void)state;
    assert_int_equal(wp_budget_choose(&budget, &load, &finest, &finest).block_rate_ns, 2000);
    budget = (struct wp_region_budget){.cost_ns_per_s = 1000000000, .samples_per_s = 2000};
    assert_int_equal(wp_budget_choose(&budget, &load, &finest, &finest).block_rate_ns, 4000);
}

/* --- Choices and loads that follow each other ------------------------------------------------ */

/* Threads that wait; each wait is as long as it is, whatever the rates. */
struct weather {
    double waits_per_s;
    double least_delay_ns, mean_delay_ns; /* longer than the least, exponentially */
    double lock_share;                    /* of waits that are for locks */
    double unlocks_per_wait;              /* while somebody waits for a lock */
};

static double
uniform(uint64_t *random)
{
    return ((double)(wp_sampling_next(random) >> 11) + 0.5) / 9007199254740992.0;
}

/* A whole number whose mean is `mean`, as independent events have it (normal for large ones). */
static uint64_t
count_of(uint64_t *random, double mean)
{
    double value = 0, product = uniform(random);

    if (mean > 50) {
        for (int i = 0; i < 12; i++)
            value += uniform(random);
        value = mean + (value - 6) * sqrt(mean);
        return value > 0 ? (uint64_t)value : 0;
    }
    for (double bound = exp(-mean); product > bound; product *= uniform(random))
        value++;
    return (uint64_t)value;
}

static double
delay_of(uint64_t *random, const struct weather *weather)
{
    return weather->least_delay_ns - log(uniform(random)) * weather->mean_delay_ns;
}

/* What is recorded of it in span_ns at these rates. Waits are drawn one by one up to a number that
 * is enough for their mean. */
static struct wp_budget_load
load_of_weather(const struct weather *weather, const struct wp_budget_choice *rates,
                uint64_t span_ns, uint64_t *random)
{
    double waits = weather->waits_per_s * (double)span_ns / 1e9 / (double)rates->wait_fraction;
    struct wp_budget_load load = load_of(0, count_of(random, waits), 0, 0);
    uint64_t drawn = load.waits < 2000 ? load.waits : 2000;
    double kept = 0;

    load.span_ns = span_ns;
    for (uint64_t i = 0; i < drawn; i++)
        kept += uniform(random) * (double)rates->block_rate_ns < delay_of(random, weather);
    if (drawn != 0)
        load.samples = (uint64_t)(kept * (double)load.waits / (double)drawn);
    load.unlocks = count_of(random, (double)load.waits * weather->lock_share *
                                        weather->unlocks_per_wait / (double)rates->mutex_fraction);
    return load;
}

static double
cost_share(const struct wp_budget_load *load)
{
    return ((double)load->waits * load->wait_cost_ns +
            (double)load->samples * load->sample_cost_ns +
            (double)load->unlocks * load->unlock_cost_ns) /
           (double)load->span_ns;
}

static const struct weather storms[] = {
    {1e4, 500, 2e3, 1, 1},    /* short waits for locks */
    {1e6, 500, 2e3, 1, 1},    /* a machine of many processors */
    {5e4, 2e5, 1e5, 1, 1},    /* waits far longer than the rate: only the wait fraction helps */
    {2e3, 1e3, 1e6, 1, 300},  /* waiters that starve: each is in the way of many unlocks */
    {1e5, 9e3, 1e4, 0, 0},    /* reads of pipes */
    {1e5, 1e3, 5e5, 0.5, 20}, /* something of all */
};
#define STORMS (sizeof(storms) / sizeof(storms[0]))

static const struct weather calm = {100, 1e3, 1e6, 0.5, 2};

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
                load_of_weather(&storms[storm], &rates, WP_BUDGET_TURN_NS, &random);
            double share = cost_share(&load) * 1e9 / (double)HALF_PERCENT_NS;

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
                load_of_weather(&storms[storm], &rates, WP_BUDGET_TURN_NS, &random);

            sum += turn >= 100 ? cost_share(&load) * 1e9 / (double)HALF_PERCENT_NS / 400 : 0;
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
                choose(load_of_weather(&storms[storm], &rates, WP_BUDGET_TURN_NS, &random), rates);
        assert_true(rates.block_rate_ns > finest.block_rate_ns ||
                    rates.mutex_fraction > finest.mutex_fraction || rates.wait_fraction > 1);
        for (int turn = 0; turn < 25; turn++)
            rates = choose(load_of_weather(&calm, &rates, WP_BUDGET_TURN_NS, &random), rates);
        assert_choice(rates, 1000, 2, 1);
    }
}

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
    for (uint64_t i = 0; i < unlocks; i++)
        wp_budget_spend(WP_OWN_COST_unlock);
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
    /* 0.9 of 100 us. */
    record_waits(100, 100, 0);
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
    record_waits(0, 17, 18); /* of 36 */
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
        const struct weather *weather = tick % 1300 < 700 ? &calm : &storms[0];
        struct wp_budget_choice rates = {region->block_rate_ns, region->mutex_fraction,
                                         region->wait_fraction};
        struct weather tenfold = *weather;
        struct wp_budget_load load;

        tenfold.waits_per_s *= 10;
        load = load_of_weather(&tenfold, &rates, tick_ns, &random);
        record_waits(load.waits, load.samples, load.unlocks);
        wp_rates_obey(region, now_ns);
        window += cost_share(&load) / 1000 - spent[tick % 1000];
        spent[tick % 1000] = cost_share(&load) / 1000;
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
    assert_int_equal(region->budget.charges, 1 + 50); /* 30 us of 600 ns each */
    for (int i = 0; i < 50; i++) {
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
a_turn_that_is_taken_early_gives_no_new_charges(void **state)
{
    struct wp_region_header *region = wp_region();
    uint64_t now_ns = wp_clock_ns();

    (void)state;
    wp_rates_obey(region, now_ns);
    for (int i = 0; i < 50; i++)
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
    wp_region_count(WP_COUNTER_wait_cost_ns, WP_OWN_COST_EVERY * 10 * before_ns);
    wp_rates_obey(region, now_ns + WP_BUDGET_TURN_NS);
    assert_in_range(region->budget.unit_costs[WP_OWN_COST_wait], before_ns, before_ns * 3 / 2);
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
#define TURN_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
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
        TURN_TEST(a_turn_that_is_taken_early_gives_no_new_charges),
        TURN_TEST(the_smallest_budget_still_gives_a_charge),
        TURN_TEST(without_a_budget_charges_have_no_limit),
        TURN_TEST(the_cost_of_a_wait_is_learned_from_what_is_measured),
        TURN_TEST(a_cost_that_is_not_measured_stays_what_it_was),
        TURN_TEST(a_single_measurement_changes_the_cost_little),
        TURN_TEST(each_second_gets_a_row_that_tells_what_was_done_in_it),
        TURN_TEST(the_ring_keeps_the_latest_rows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
