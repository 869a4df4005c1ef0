/*
 * From a measured program to a table and a recommendation, and the steps of a probe. Pure: no
 * program is measured here.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/stop_signals.h"
#include "cli/tune/calibration.h"
#include "cli/tune/measurement.h"
#include "cli/tune/model.h"
#include "cli/tune/probe.h"
#include "cli/tune/slices.h"
#include "profile/region_builder.h"
#include "profile/region_reader.h"
#include "tune/near.h"

/* Ten thousand waits of 20 us a second by one stack, and a few of 50 ms by another. */
static struct wp_tune_stack waiters[] = {
    {.delay_ns = 2e9, .longer = {.count = 1e5, .delay_ns = 2e9, .squares = 4e13}},
    {.stack = 1, .delay_ns = 5e9, .longer = {.count = 100, .delay_ns = 5e9, .squares = 2.5e17}},
};
static struct wp_tune_holder holders[] = {
    {.delay_ns = 1.5e9, .squares = 3e13},
    {.delay_ns = 1e6, .squares = 1e12}, /* below one percent of all */
};

/* Coarser than those of the measurement, as if that were a probe's. */
static const struct wp_tune_rates set = {1000000, 0};

static struct wp_tune_model
program(void)
{
    return (struct wp_tune_model){
        .span_ns = 1e10,
        .waits = 100100,
        .lock_waits = 100000,
        .registered = 10000,
        .rates = {100000, 10},
        .waiters = waiters,
        .waiter_count = 2,
        .holders = holders,
        .holder_count = 2,
        .unlocks = {.count = 100000, .waiters = 1},
        .costs = {.wait_ns = 300, .sample_ns = 200, .unlock_ns = 400, .register_ns = 100},
    };
}

static void
costs_add_up(void **state)
{
    (void)state;
    struct wp_tune_model model = program();
    struct wp_tune_outlook now = wp_tune_model_predict(&model, model.rates);

    assert_near(now.block_samples_per_s, 0.2 * 10000 + 10, 1);
    assert_near(now.mutex_samples_per_s, 1000, 1);
    assert_near(now.wait_cost, 10010 * 300, 1);
    assert_near(now.sample_cost, now.block_samples_per_s * 200, 1);
    assert_near(now.unlock_cost, 1000 * 400, 400);
    assert_near(now.cost_share * 1e9, now.wait_cost + now.sample_cost + now.unlock_cost, 1);
    assert_near(now.added_ns, now.cost_share * 1e9 / 10010, 0.01);
}

static void
registering_costs_as_the_fraction_says(void **state)
{
    (void)state;
    struct wp_tune_model model = program();
    struct wp_tune_outlook all = wp_tune_model_predict(&model, (struct wp_tune_rates){100000, 1});
    struct wp_tune_outlook none = wp_tune_model_predict(&model, (struct wp_tune_rates){100000, 0});

    assert_near(all.wait_cost, 10010 * 300 + 10000 * 0.9 * 100, 1);
    assert_near(none.wait_cost, 10010 * 300 - 10000 * 0.1 * 100, 1);
    assert_near(none.mutex_samples_per_s, 0, 0);
}

static void
what_is_rarer_costs_more_each_time(void **state)
{
    (void)state;
    struct wp_tune_model model = program();
    struct wp_tune_rates rare = {100000, 1000};
    double warm = wp_tune_model_predict(&model, rare).unlock_cost, cold;

    model.costs.unlocks_per_s = wp_tune_model_predict(&model, model.rates).mutex_samples_per_s;
    cold = wp_tune_model_predict(&model, rare).unlock_cost;
    assert_near(cold / warm, pow(100, 0.3), 0.01);
    rare.mutex_fraction = 10;
    assert_near(wp_tune_model_predict(&model, rare).unlock_cost, 1000 * 400, 400);
    model.costs.unlocks_per_s = 1e9;
    assert_near(wp_tune_model_predict(&model, rare).unlock_cost, 4 * 1000 * 400, 1600);
}

static void
what_is_off_costs_nothing(void **state)
{
    (void)state;
    struct wp_tune_model model = program();
    struct wp_tune_outlook off = wp_tune_model_predict(&model, (struct wp_tune_rates){0, 0});

    assert_near(off.cost_share, 0, 0);
    assert_near(off.block_samples_per_s, 0, 0);
    assert_near(off.added_ns, 0, 0);
}

static void
errors_are_of_the_stacks_that_matter(void **state)
{
    (void)state;
    struct wp_tune_model model = program();
    struct wp_tune_errors block = wp_tune_model_block_errors(&model, 1000000);
    struct wp_tune_errors mutex = wp_tune_model_mutex_errors(&model, 11);
    /* 3e5 waits of 20 us, each kept with a probability of 1/50, in 30 s. */
    double short_error = 1.959964 * sqrt(3e5 * 2e4 * (1e6 - 2e4)) / 6e9;

    assert_int_equal(block.stacks, 2);
    assert_near(block.worst, short_error, 1e-5);
    assert_near(block.median, short_error / 2, 1e-5); /* the long ones are all kept */
    assert_int_equal(mutex.stacks, 1);
    assert_near(mutex.worst, 1.959964 * sqrt(10 * 9e13) / 4.5e9, 1e-5);
    assert_near(wp_tune_model_mutex_errors(&model, 1).worst, 0, 0);
}

static void
slices_of_a_stack_are_one_stack(void **state)
{
    (void)state;
    struct wp_tune_model model = program();
    struct wp_tune_stack halves[4];
    struct wp_tune_errors whole = wp_tune_model_block_errors(&model, 1000000), sliced;

    for (size_t i = 0; i < 4; i++) {
        halves[i] = waiters[i / 2];
        halves[i].delay_ns /= 2;
        halves[i].longer.count /= 2;
        halves[i].longer.delay_ns /= 2;
        halves[i].longer.squares /= 2;
    }
    model.waiters = halves;
    model.waiter_count = 4;
    sliced = wp_tune_model_block_errors(&model, 1000000);
    assert_int_equal(sliced.stacks, 2);
    assert_near(sliced.worst, whole.worst, 1e-9);
    assert_near(sliced.median, whole.median, 1e-9);
}

/* A snapshot with stacks of one frame each, and their delays. The sum of squares is told like them.
 */
static struct wp_snapshot *
snapshot_of(uint16_t count, const uint64_t frames[], const uint64_t delays_ns[],
            enum wp_region_profile profile)
{
    struct region_builder builder;
    struct wp_snapshot *snapshot = NULL;
    struct wp_error error = {""};
    uint16_t function;
    int fd;

    region_builder_init(&builder, NULL);
    function = region_builder_function(&builder, "sem_wait", "semaphore", 0, 0);
    for (uint16_t i = 0; i < count; i++) {
        const struct region_builder_cost cost = {2 * WP_REGION_COUNT_ONE, delays_ns[i], 1, 3};
        struct wp_region_stack *stack =
            region_builder_stack(&builder, i, profile, function, &frames[i], 1, cost);
        double squares = (double)delays_ns[i];

        memcpy(&stack->squares_bits, &squares, sizeof squares);
    }
    fd = region_builder_memfd(&builder, builder.size_bytes);
    if (wp_reader_read(fd, "sample", &snapshot, &error) != 0)
        fail_msg("%s", error.text);
    close(fd);
    region_builder_free(&builder);
    return snapshot;
}

static void
slices_follow_stacks_through_the_region(void **state)
{
    (void)state;
    static const uint64_t frames[] = {11, 12}, more_frames[] = {11, 99, 12};
    static const uint64_t delays[] = {100, 200}, more_delays[] = {150, 40, 200};
    static const uint64_t last_delays[] = {150, 50, 260};
    struct wp_tune_slices slices = {0};
    struct wp_error error = {""};

    assert_int_equal(
        wp_tune_slices_add(&slices, snapshot_of(2, frames, delays, WP_PROFILE_BLOCK), &error), 0);
    assert_int_equal(slices.piece_count, 0);
    assert_int_equal(wp_tune_slices_add(&slices,
                                        snapshot_of(3, more_frames, more_delays, WP_PROFILE_BLOCK),
                                        &error),
                     0);
    assert_int_equal(slices.piece_count, 2); /* the third has nothing new */
    assert_int_equal(slices.pieces[0].stack, 0);
    assert_near(slices.pieces[0].kept.delay_ns, 50, 0);
    assert_near(slices.pieces[0].kept.contentions, 0, 0);
    assert_int_equal(slices.pieces[1].stack, 2);
    assert_int_equal(slices.pieces[1].function, slices.last->stacks[1].function);
    assert_near(slices.pieces[1].kept.delay_ns, 40, 0);
    assert_near(slices.pieces[1].kept.contentions, 2, 0);
    assert_int_equal(wp_tune_slices_add(&slices,
                                        snapshot_of(3, more_frames, last_delays, WP_PROFILE_BLOCK),
                                        &error),
                     0);
    assert_int_equal(slices.piece_count, 4);
    assert_int_equal(slices.pieces[2].stack, 2);
    assert_int_equal(slices.pieces[3].stack, 1);
    assert_near(slices.pieces[3].kept.delay_ns, 60, 0);
    wp_tune_slices_free(&slices);
}

static void
holders_add_up_over_the_slices(void **state)
{
    (void)state;
    static const uint64_t frames[] = {11, 12};
    static const uint64_t delays[3][2] = {{100, 200}, {150, 200}, {180, 210}};
    struct wp_tune_slices slices = {0};
    struct wp_error error = {""};

    for (int i = 0; i < 3; i++)
        assert_int_equal(wp_tune_slices_add(
                             &slices, snapshot_of(2, frames, delays[i], WP_PROFILE_MUTEX), &error),
                         0);
    assert_int_equal(slices.piece_count, 0);
    assert_true(slices.holder_room >= 2);
    assert_near(slices.holders[0].delay_ns, 80, 0);
    assert_near(slices.holders[0].squares, 80, 0);
    assert_near(slices.holders[1].delay_ns, 10, 0);
    wp_tune_slices_free(&slices);
}

/* A slice ends with these rates, and with so many registered waiters so far. */
static void
add_slice(struct wp_tune_slices *slices, uint64_t block_rate_ns, uint64_t fraction,
          uint64_t registered)
{
    struct wp_snapshot *snapshot = snapshot_of(0, NULL, NULL, WP_PROFILE_BLOCK);
    struct wp_error error = {""};

    snapshot->read_realtime_ns = 1000000;
    snapshot->block_rate_ns = block_rate_ns;
    snapshot->mutex_fraction = fraction;
    snapshot->wait_fraction = 1;
    snapshot->counters[WP_COUNTER_mutex_waiters] = registered;
    assert_int_equal(wp_tune_slices_add(slices, snapshot, &error), 0);
}

static void
rates_that_a_budget_changes_and_changes_back_are_seen(void **state)
{
    (void)state;
    struct wp_tune_slices steady = {0}, varied = {0};

    for (int i = 0; i < 3; i++) {
        add_slice(&steady, 100000, 10, 0);
        add_slice(&varied, i == 1 ? 200000 : 100000, 10, 0);
    }
    assert_false(steady.rates_varied);
    assert_true(varied.rates_varied);
    wp_tune_slices_free(&steady);
    wp_tune_slices_free(&varied);
}

static void
a_turn_of_a_budget_within_a_slice_is_seen(void **state)
{
    (void)state;
    struct wp_tune_slices slices = {0};
    struct wp_error error = {""};

    for (uint64_t turn = 0; turn < 2; turn++) {
        struct wp_snapshot *snapshot = snapshot_of(0, NULL, NULL, WP_PROFILE_BLOCK);

        /* The one before the span is no matter. */
        snapshot->budget_turns[turn] = (struct wp_reader_budget_turn){
            .realtime_ns = turn == 0 ? 500000 : 1500000, .block_rate_ns = 200000};
        snapshot->budget_turns_known = turn + 1;
        snapshot->read_realtime_ns = 1000000 * (turn + 1);
        snapshot->block_rate_ns = 100000;
        snapshot->wait_fraction = 1;
        assert_int_equal(wp_tune_slices_add(&slices, snapshot, &error), 0);
        assert_int_equal(slices.rates_varied, turn == 1);
    }
    wp_tune_slices_free(&slices);
}

static void
waiters_stand_for_as_many_as_the_fraction_of_their_slice_says(void **state)
{
    (void)state;
    struct wp_tune_slices slices = {0};

    add_slice(&slices, 100000, 10, 100);
    add_slice(&slices, 100000, 10, 200); /* 1000 waits */
    add_slice(&slices, 100000, 40, 250); /* 50 / ((1/10 + 1/40) / 2) = 800 */
    add_slice(&slices, 100000, 40, 260); /* 400 */
    assert_near(slices.registered, 160, 0);
    assert_near(slices.lock_waits, 2200, 1e-6);
    assert_false(slices.rates_varied); /* the block profile has one rate */
    wp_tune_slices_free(&slices);
}

static void
a_calibration_without_an_answer_ends(void **state)
{
    (void)state;
    struct wp_error error = {""};
    sigset_t stops, before;
    int answer[2];

    assert_int_equal(pipe(answer), 0);
    wp_stop_signals_block(&stops, &before);
    assert_int_equal(wp_tune_calibration_await(answer[0], &stops, 20, &error), -ETIMEDOUT);
    assert_int_equal(raise(SIGTERM), 0);
    assert_int_equal(wp_tune_calibration_await(answer[0], &stops, -1, &error), -EINTR);
    assert_int_equal(sigtimedwait(&stops, NULL, &(struct timespec){0}),
                     SIGTERM); /* pending still */
    sigprocmask(SIG_SETMASK, &before, NULL);
    assert_int_equal(write(answer[1], ".", 1), 1);
    assert_int_equal(wp_tune_calibration_await(answer[0], &stops, -1, &error), 0);
    close(answer[1]);
    assert_int_equal(wp_tune_calibration_await(answer[0], &stops, -1, &error), -EIO);
    close(answer[0]);
}

static void
a_budget_buys_the_finest_rates_that_it_pays(void **state)
{
    (void)state;
    struct wp_tune_model model = program();
    struct wp_tune_goal goal = {.cost_ns_per_s = 6000000};
    struct wp_tune_advice advice = wp_tune_model_advise(&model, set, &goal);
    struct wp_tune_outlook chosen = wp_tune_model_predict(&model, advice.rates);

    assert_true(advice.knows_block && advice.knows_mutex);
    assert_true(advice.within_budget);
    assert_true(chosen.cost_share * 1e9 <= 6e6);
    for (size_t i = 0; i + 1 < WP_TUNE_BLOCK_RATES; i++) {
        if (wp_tune_block_rates[i + 1] == advice.rates.block_rate_ns) {
            struct wp_tune_rates finer = {wp_tune_block_rates[i], advice.rates.mutex_fraction};

            assert_true(wp_tune_model_predict(&model, finer).cost_share * 1e9 > 6e6);
        }
    }
}

static void
a_limit_on_samples_is_a_budget_as_well(void **state)
{
    (void)state;
    struct wp_tune_model model = program();
    struct wp_tune_goal goal = {.samples_per_s = 500};
    struct wp_tune_advice advice = wp_tune_model_advise(&model, set, &goal);
    struct wp_tune_outlook chosen = wp_tune_model_predict(&model, advice.rates);

    assert_true(advice.within_budget);
    assert_true(chosen.block_samples_per_s + chosen.mutex_samples_per_s <= 500);
    assert_true(chosen.block_samples_per_s + chosen.mutex_samples_per_s >= 100);
}

static void
a_budget_below_the_cost_of_timing_cannot_be_kept(void **state)
{
    (void)state;
    struct wp_tune_model model = program();
    struct wp_tune_goal goal = {.cost_ns_per_s = 1000000};
    struct wp_tune_advice advice = wp_tune_model_advise(&model, set, &goal);

    assert_false(advice.within_budget);
    assert_int_equal(advice.rates.block_rate_ns, 100000000);
    assert_int_equal(advice.rates.mutex_fraction, 1000);
}

static void
an_error_asks_for_the_coarsest_rates_that_keep_it(void **state)
{
    (void)state;
    struct wp_tune_model model = program();
    struct wp_tune_goal goal = {.error = 0.02};
    struct wp_tune_advice advice = wp_tune_model_advise(&model, set, &goal);

    assert_true(advice.within_error);
    assert_true(wp_tune_model_block_errors(&model, advice.rates.block_rate_ns).worst <= 0.02);
    for (size_t i = 0; i + 1 < WP_TUNE_BLOCK_RATES; i++) {
        if (wp_tune_block_rates[i] == advice.rates.block_rate_ns)
            assert_true(wp_tune_model_block_errors(&model, wp_tune_block_rates[i + 1]).worst >
                        0.02);
    }
}

static void
a_budget_goes_before_an_error(void **state)
{
    (void)state;
    struct wp_tune_model model = program();
    struct wp_tune_goal both = {.cost_ns_per_s = 6000000, .error = 0.02};
    struct wp_tune_goal error_alone = {.error = 0.02};
    struct wp_tune_advice advice = wp_tune_model_advise(&model, set, &both);
    struct wp_tune_advice alone = wp_tune_model_advise(&model, set, &error_alone);

    /* The budget pays for more than the error needs: the coarsest will do. */
    assert_int_equal(advice.rates.block_rate_ns, alone.rates.block_rate_ns);
    assert_true(advice.within_budget && advice.within_error);

    both = (struct wp_tune_goal){.cost_ns_per_s = 3200000, .error = 0.0001};
    advice = wp_tune_model_advise(&model, set, &both);
    assert_true(advice.within_budget);
    assert_false(advice.within_error);
}

static void
rates_of_a_profile_without_data_stay_as_they_were_set(void **state)
{
    (void)state;
    struct wp_tune_model model = program();
    struct wp_tune_goal goal = {.cost_ns_per_s = 6000000};
    struct wp_tune_advice advice;

    model.holder_count = 0;
    model.unlocks = (struct wp_tune_unlocks){.waiters = 1};
    advice = wp_tune_model_advise(&model, set, &goal);
    assert_false(advice.knows_mutex);
    assert_int_equal(advice.rates.mutex_fraction, 0);
    assert_true(advice.knows_block);
    assert_int_not_equal(advice.rates.block_rate_ns, set.block_rate_ns);

    model = program();
    model.waiter_count = 0;
    advice = wp_tune_model_advise(&model, set, &goal);
    assert_false(advice.knows_block);
    assert_int_equal(advice.rates.block_rate_ns, set.block_rate_ns);
    assert_true(advice.knows_mutex);
    assert_int_not_equal(advice.rates.mutex_fraction, 0);
}

static void
few_pieces_of_work_move_a_belief_little(void **state)
{
    (void)state;
    assert_near(wp_tune_cost_believed(1000, 0, 300), 300, 0);
    assert_true(wp_tune_cost_believed(1000, 1, 300) < 350);
    assert_true(wp_tune_cost_believed(1000, 10000, 300) > 990);
}

static const struct wp_tune_probe probe = {
    .span_ns = 1e10,
    .cost_ns_per_s = 5e6,
    .samples = 1000,
    .costs = {.wait_ns = 300, .sample_ns = 200, .unlock_ns = 400},
};

static void
a_probe_goes_on_until_there_is_enough(void **state)
{
    (void)state;
    struct wp_tune_rates rates = {1000000, 100};
    struct wp_tune_look look = {
        .span_ns = 5e8, .waits = 400, .block_samples = 3, .waiters = 2, .mutex_samples = 2};

    assert_true(wp_tune_probe_step(&probe, &look, &rates));
    assert_int_equal(rates.block_rate_ns, 100000);
    assert_int_equal(rates.mutex_fraction, 10);

    look.block_samples = 60;
    look.mutex_samples = 60;
    assert_false(wp_tune_probe_step(&probe, &look, &rates));
    assert_int_equal(rates.block_rate_ns, 100000);
}

static void
a_probe_begins_coarse_where_a_profile_is_off(void **state)
{
    (void)state;
    struct wp_tune_rates rates = {0, 0};
    struct wp_tune_look nothing = {.span_ns = 5e8};

    assert_true(wp_tune_probe_step(&probe, &nothing, &rates));
    assert_int_equal(rates.block_rate_ns, WP_TUNE_PROBE_BLOCK_RATE_NS);
    assert_int_equal(rates.mutex_fraction, WP_TUNE_PROBE_FRACTION);
}

static void
a_probe_stays_within_its_cost(void **state)
{
    (void)state;
    struct wp_tune_rates rates = {1000000, 100};
    /* Ten times as many samples would take more than 0.5 % of a processor. */
    struct wp_tune_probe poor = probe;
    struct wp_tune_look look = {
        .span_ns = 5e8, .waits = 6000, .block_samples = 40, .mutex_samples = 40};

    poor.samples = 100000;
    assert_true(wp_tune_probe_step(&poor, &look, &rates));
    look.waits = 8000;
    look.block_samples = 400;
    look.mutex_samples = 400;
    assert_false(wp_tune_probe_step(&poor, &look, &rates));
    assert_int_equal(rates.block_rate_ns, 100000);
    assert_int_equal(rates.mutex_fraction, 10);
}

static void
a_probe_ends_at_the_finest_rates(void **state)
{
    (void)state;
    struct wp_tune_rates rates = {10000000, 100};
    struct wp_tune_look look = {.span_ns = 5e8, .waits = 5, .block_samples = 1, .mutex_samples = 0};
    int steps = 0;

    while (wp_tune_probe_step(&probe, &look, &rates))
        assert_true(++steps < 10);
    assert_int_equal(rates.block_rate_ns, 1000);
    assert_int_equal(rates.mutex_fraction, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(costs_add_up),
        cmocka_unit_test(registering_costs_as_the_fraction_says),
        cmocka_unit_test(what_is_rarer_costs_more_each_time),
        cmocka_unit_test(what_is_off_costs_nothing),
        cmocka_unit_test(errors_are_of_the_stacks_that_matter),
        cmocka_unit_test(slices_of_a_stack_are_one_stack),
        cmocka_unit_test(slices_follow_stacks_through_the_region),
        cmocka_unit_test(holders_add_up_over_the_slices),
        cmocka_unit_test(rates_that_a_budget_changes_and_changes_back_are_seen),
        cmocka_unit_test(a_turn_of_a_budget_within_a_slice_is_seen),
        cmocka_unit_test(waiters_stand_for_as_many_as_the_fraction_of_their_slice_says),
        cmocka_unit_test(a_calibration_without_an_answer_ends),
        cmocka_unit_test(a_budget_buys_the_finest_rates_that_it_pays),
        cmocka_unit_test(a_limit_on_samples_is_a_budget_as_well),
        cmocka_unit_test(a_budget_below_the_cost_of_timing_cannot_be_kept),
        cmocka_unit_test(an_error_asks_for_the_coarsest_rates_that_keep_it),
        cmocka_unit_test(a_budget_goes_before_an_error),
        cmocka_unit_test(rates_of_a_profile_without_data_stay_as_they_were_set),
        cmocka_unit_test(few_pieces_of_work_move_a_belief_little),
        cmocka_unit_test(a_probe_goes_on_until_there_is_enough),
        cmocka_unit_test(a_probe_begins_coarse_where_a_profile_is_off),
        cmocka_unit_test(a_probe_stays_within_its_cost),
        cmocka_unit_test(a_probe_ends_at_the_finest_rates),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
