/*
 * What recording costs and what the budget chose: from counters and turns to figures, and to the
 * comments of profiles.
 */
#include "profile/own_cost.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "profile/budget_range.h"
#include "profile/cmocka_all.h"
#include "profile/comments.h"
#include "profile/profile.h"
#include "profile/region_builder.h"

#define S UINT64_C(1000000000)

static const uint64_t sample_counters[WP_COUNTER_COUNT] = {
    [WP_COUNTER_waits] = 1000,          [WP_COUNTER_waits_passed_over] = 600,
    [WP_COUNTER_block_samples] = 50,    [WP_COUNTER_mutex_samples] = 20,
    [WP_COUNTER_wait_cost_ns] = 80000,  [WP_COUNTER_sample_cost_ns] = 15000,
    [WP_COUNTER_unlock_cost_ns] = 5000,
};

/* To nine digits; assert_float_equal has seven at most. */
static void
assert_near(double value, double expected)
{
    if (!(fabs(value - expected) <= 1e-9 * fabs(expected)))
        fail_msg("%.12g is not %.12g", value, expected);
}

static void
costs_are_divided_by_what_caused_them(void **state)
{
    struct wp_own_cost cost = wp_own_cost_of(sample_counters, S);

    (void)state;
    assert_int_equal(cost.waits, 1000);
    assert_int_equal(cost.followed, 400);
    assert_true(cost.total_ns == 100000);
    assert_true(cost.wait_ns == 200);
    assert_true(cost.sample_ns == 300);
    assert_true(cost.unlock_ns == 250);
    assert_true(cost.added_ns == 100);
    assert_near(cost.cpu_share, 1e-4);
}

static void
what_did_not_happen_has_no_cost(void **state)
{
    const uint64_t none[WP_COUNTER_COUNT] = {0};
    const uint64_t torn[WP_COUNTER_COUNT] = {
        [WP_COUNTER_waits] = 5, [WP_COUNTER_waits_passed_over] = 8};
    struct wp_own_cost cost = wp_own_cost_of(none, 0);

    (void)state;
    assert_true(cost.total_ns == 0 && cost.wait_ns == 0 && cost.sample_ns == 0);
    assert_true(cost.unlock_ns == 0 && cost.added_ns == 0 && cost.cpu_share == 0);
    assert_int_equal(wp_own_cost_of(torn, S).followed, 0);
}

static void
few_measurements_make_a_rough_estimate(void **state)
{
    const uint64_t counters[WP_COUNTER_COUNT] = {[WP_COUNTER_waits] = 90000,
                                                 [WP_COUNTER_waits_passed_over] = 86000,
                                                 [WP_COUNTER_block_samples] = 600,
                                                 [WP_COUNTER_mutex_samples] = 400};

    (void)state;
    assert_true(wp_own_cost_of(sample_counters, S).is_rough);
    assert_false(wp_own_cost_of(counters, S).is_rough);
}

static void
costs_are_told_in_a_sentence(void **state)
{
    struct wp_own_cost cost = wp_own_cost_of(sample_counters, S);
    char text[WP_OWN_COST_TEXT_BYTES];

    (void)state;
    assert_string_equal(wp_own_cost_describe(&cost, text, sizeof text),
                        "roughly 0.010 % of a processor, 100 ns a wait (1000 waits, 70 samples)");
    assert_string_equal(wp_own_cost_describe_units(&cost, text, sizeof text),
                        "200 ns a timed wait, 300 ns a kept wait, 250 ns a charged unlock");
    cost = (struct wp_own_cost){.waits = 1, .block_samples = 1};
    assert_string_equal(wp_own_cost_describe(&cost, text, sizeof text),
                        "0 ns a wait (1 wait, 1 sample)");
    cost = (struct wp_own_cost){.waits = 6000, .cpu_share = 0.5, .added_ns = 214.4};
    assert_string_equal(wp_own_cost_describe(&cost, text, sizeof text),
                        "50.0 % of a processor, 214 ns a wait (6000 waits, 0 samples)");
    assert_string_equal(wp_own_cost_describe_units(&cost, text, sizeof text), "");
    assert_string_equal(wp_own_cost_describe(&cost, text, 5), "50.0");
}

static void
shares_have_the_digits_that_count(void **state)
{
    static const struct {
        double part;
        const char *text;
    } cases[] = {
        {0, "0 %"},        {1e-7, "under 0.001 %"}, {0.00012, "0.012 %"},  {0.0031, "0.31 %"},
        {0.005, "0.50 %"}, {0.1234, "12.3 %"},      {0.000999, "0.100 %"}, {0.00999, "1.00 %"},
        {3, "300.0 %"}};
    char text[WP_OWN_COST_TEXT_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(wp_own_cost_format_share(cases[i].part, text, sizeof text),
                            cases[i].text);
}

static void
budgets_are_told_in_the_words_that_set_them(void **state)
{
    char text[WP_OWN_COST_TEXT_BYTES];

    (void)state;
    assert_string_equal(wp_own_cost_format_budget(0, 0, text, sizeof text), "off");
    assert_string_equal(wp_own_cost_format_budget(5000000, 0, text, sizeof text), "0.5%");
    assert_string_equal(wp_own_cost_format_budget(10000000, 0, text, sizeof text), "1%");
    assert_string_equal(wp_own_cost_format_budget(1, 0, text, sizeof text), "0.0000001%");
    assert_string_equal(wp_own_cost_format_budget(100 * UINT64_C(10000000), 0, text, sizeof text),
                        "100%");
    assert_string_equal(wp_own_cost_format_budget(0, 2000, text, sizeof text), "2000/s");
    assert_string_equal(wp_own_cost_format_budget(5000000, 2000, text, sizeof text),
                        "0.5%, 2000/s");
    wp_own_cost_format_budget(UINT64_MAX, UINT64_MAX, text, sizeof text);
    assert_true(strlen(text) < sizeof text - 1);
}

static const struct wp_reader_budget_turn turns[] = {
    {.span_ns = S,
     .block_rate_ns = 2000,
     .mutex_fraction = 10,
     .wait_fraction = 1,
     .cost_ns = 1000000,
     .waits = 500,
     .samples = 20},
    {.span_ns = 3 * S,
     .block_rate_ns = 64000,
     .mutex_fraction = 5,
     .wait_fraction = 4,
     .cost_ns = 15000000},
    {.span_ns = 0, .block_rate_ns = 1000, .mutex_fraction = 7, .wait_fraction = 2, .cost_ns = 9},
};

static void
a_range_has_the_bounds_of_all_turns(void **state)
{
    struct wp_budget_range range = wp_budget_range_of(turns, 3);

    (void)state;
    assert_int_equal(range.turns, 3);
    assert_int_equal(range.span_ns, 4 * S);
    assert_true(range.block_rate_ns.low == 1000 && range.block_rate_ns.high == 64000);
    assert_true(range.mutex_fraction.low == 5 && range.mutex_fraction.high == 10);
    assert_true(range.wait_fraction.low == 1 && range.wait_fraction.high == 4);
    assert_near(range.cpu_share, 16000009.0 / 4e9);
    assert_near(range.worst_cpu_share, 0.005);
    assert_near(range.samples_per_s, 5);
    assert_near(wp_budget_turn_rate(&turns[0], turns[0].waits), 500);
    assert_true(wp_budget_turn_rate(&turns[2], 9) == 0);
    range = wp_budget_range_of(NULL, 0);
    assert_true(range.turns == 0 && range.block_rate_ns.high == 0 && range.cpu_share == 0);
}

/* --- In the comments */

static struct wp_snapshot *
read_region(const struct region_builder *builder)
{
    struct wp_snapshot *snapshot;
    struct wp_error error = {""};
    int fd = region_builder_memfd(builder, builder->size_bytes);

    if (wp_reader_read(fd, "test.wpr", &snapshot, &error) != 0)
        fail_msg("%s", error.text);
    close(fd);
    return snapshot;
}

static bool
has_line(const struct wp_comments *comments, const char *line)
{
    for (size_t i = 0; i < comments->count; i++) {
        if (strcmp(comments->lines[i], line) == 0)
            return true;
    }
    return false;
}

/* The comments of what a region says between two moments after its start; without the first, since
 * its start. */
static void
make_comments(struct region_builder *builder, double since_s, double until_s,
              struct wp_comments *comments)
{
    struct wp_profile *profile = wp_profile_new(WP_PROFILE_BLOCK);
    struct wp_snapshot *snapshot = read_region(builder);
    struct wp_error error = {""};

    snapshot->read_monotonic_ns = snapshot->start_monotonic_ns + (uint64_t)(until_s * 1e9);
    assert_int_equal(wp_profile_add(profile, snapshot, &error), 0);
    wp_snapshot_free(snapshot);
    if (since_s > 0) {
        struct wp_profile *earlier = wp_profile_new(WP_PROFILE_BLOCK);

        memset(region_builder_header(builder)->counters, 0,
               sizeof region_builder_header(builder)->counters);
        snapshot = read_region(builder);
        snapshot->read_monotonic_ns = snapshot->start_monotonic_ns + (uint64_t)(since_s * 1e9);
        assert_int_equal(wp_profile_add(earlier, snapshot, &error), 0);
        wp_snapshot_free(snapshot);
        assert_int_equal(wp_profile_subtract(profile, earlier, &error), 0);
        wp_profile_free(earlier);
    }
    assert_int_equal(wp_comments_make(profile, NULL, comments), 0);
    wp_profile_free(profile);
}

/* A region of a program that lives: this one. A thread of it waited `last_s` after its start. */
static void
build(struct region_builder *builder, double last_s)
{
    struct wp_region_header *header;
    struct wp_region_thread *threads;

    region_builder_init(builder, NULL);
    header = region_builder_header(builder);
    header->start_monotonic_ns = 7 * S;
    memcpy(header->counters[2].value, sample_counters, sizeof sample_counters);
    threads = region_builder_rows(builder, WP_TABLE_THREADS);
    threads[0].key = UINT64_C(1) << 32 | 4242;
    threads[0].last_monotonic_ns = header->start_monotonic_ns + (uint64_t)(last_s * 1e9);
}

/* Its clock need not have been ours: that of another time namespace, or of the boot before. */
static void
what_has_ended_ran_by_its_own_clock(void **state)
{
    struct region_builder builder;
    struct wp_snapshot *snapshot;

    (void)state;
    build(&builder, 3);
    snapshot = read_region(&builder);
    snapshot->read_monotonic_ns = 9 * S;
    assert_int_equal(wp_own_cost_span_ns(snapshot, false), 2 * S);
    assert_int_equal(wp_own_cost_span_ns(snapshot, true), 3 * S);
    snapshot->read_monotonic_ns = S;
    assert_int_equal(wp_own_cost_span_ns(snapshot, false), 0);
    assert_int_equal(wp_own_cost_span_ns(snapshot, true), 3 * S);
    wp_snapshot_free(snapshot);
    region_builder_free(&builder);
}

static void
comments_tell_the_own_cost_of_a_span(void **state)
{
    struct region_builder builder;
    struct wp_comments comments;

    (void)state;
    build(&builder, 1);
    make_comments(&builder, 5, 15, &comments);
    assert_true(has_line(&comments,
                         "own cost in this time: roughly 0.001 % of a processor, 100 ns a wait "
                         "(1000 waits, 70 samples)"));
    assert_true(has_line(&comments, "own cost of one: 200 ns a timed wait, 300 ns a kept wait, 250 "
                                    "ns a charged unlock"));
    wp_comments_free(&comments);
    region_builder_free(&builder);
}

/* The program of the region is not there: its cost is not spread over the time since its end. */
static void
comments_tell_the_own_cost_until_the_end_of_a_program(void **state)
{
    struct region_builder builder;
    struct wp_comments comments;

    (void)state;
    build(&builder, 2);
    make_comments(&builder, 0, 1000, &comments);
    assert_true(has_line(&comments,
                         "own cost since the start: roughly 0.005 % of a processor, 100 ns a "
                         "wait (1000 waits, 70 samples)"));
    wp_comments_free(&comments);
    region_builder_free(&builder);
}

static void
comments_tell_the_budget_and_what_it_chose(void **state)
{
    struct region_builder builder;
    struct wp_region_budget_turn *rows;
    struct wp_region_header *header;
    struct wp_comments comments;

    (void)state;
    build(&builder, 2);
    make_comments(&builder, 0, 10, &comments);
    for (size_t i = 0; i < comments.count; i++)
        assert_null(strstr(comments.lines[i], "budget:"));
    wp_comments_free(&comments);
    header = region_builder_header(&builder);
    rows = region_builder_rows(&builder, WP_TABLE_BUDGET);
    for (size_t i = 0; i < 2; i++) {
        rows[i] = (struct wp_region_budget_turn){.realtime_ns = (i + 1) * S,
                                                 .span_ns = turns[i].span_ns,
                                                 .block_rate_ns = turns[i].block_rate_ns,
                                                 .mutex_fraction = turns[i].mutex_fraction,
                                                 .wait_fraction = turns[i].wait_fraction,
                                                 .cost_ns = turns[i].cost_ns};
    }
    header->budget.turn_count = 2;
    header->budget.cost_ns_per_s = 5000000;
    header->budget.samples_per_s = 2000;
    header->budget.wait_fraction = 4;
    make_comments(&builder, 0, 10, &comments);
    assert_true(has_line(&comments, "budget: 0.5% of a processor"));
    assert_true(has_line(&comments, "budget: 2000 kept samples a second"));
    assert_true(has_line(&comments,
                         "the budget chose in its last 4 s: block rates of 2000 to 64000 "
                         "ns, mutex fractions of 5 to 10, wait fractions of 1 to 4"));
    assert_true(has_line(&comments, "own cost in these 4 s: 0.40 % of a processor, at most 0.50 % "
                                    "in one turn"));
    assert_true(
        has_line(&comments, "wait fraction: 4 (one of so many waits is looked at, for all)"));
    wp_comments_free(&comments);
    region_builder_free(&builder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_has_ended_ran_by_its_own_clock),
        cmocka_unit_test(costs_are_divided_by_what_caused_them),
        cmocka_unit_test(what_did_not_happen_has_no_cost),
        cmocka_unit_test(few_measurements_make_a_rough_estimate),
        cmocka_unit_test(costs_are_told_in_a_sentence),
        cmocka_unit_test(shares_have_the_digits_that_count),
        cmocka_unit_test(budgets_are_told_in_the_words_that_set_them),
        cmocka_unit_test(a_range_has_the_bounds_of_all_turns),
        cmocka_unit_test(comments_tell_the_own_cost_of_a_span),
        cmocka_unit_test(comments_tell_the_own_cost_until_the_end_of_a_program),
        cmocka_unit_test(comments_tell_the_budget_and_what_it_chose),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
