/*
 * What the gate decides on captures that say less than they seem to: whose delay has no function,
 * that are copies of each other, or that have no delay at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/gate/decision.h"
#include "cli/gate/words.h"

#define CAPTURES 6u
#define STACKS 3u

static const struct wp_pprof_frame leaf = {
    .name = "pthread_mutex_lock", .file = "", .mapping = "/lib/libwaitprof.so"};
static const struct wp_pprof_frame get = {
    .name = "store_get", .file = "store.c", .mapping = "/bin/store"};
static const struct wp_pprof_frame put = {
    .name = "store_put", .file = "store.c", .mapping = "/bin/store"};
static const struct wp_pprof_frame budget = {
    .name = "[not attributed: budget]", .file = "", .mapping = ""};
static const struct wp_comparison_options by_function = {.grouping = WP_COMPARE_FUNCTIONS};
static const struct wp_pprof_frame *const get_frames[] = {&leaf, &get};
static const struct wp_pprof_frame *const put_frames[] = {&leaf, &put};
static const struct wp_pprof_frame *const budget_frames[] = {&budget};

struct capture {
    struct wp_pprof pprof;
    struct wp_pprof_stack stacks[STACKS];
};

/* Both sides, with delay per function: get, put, and without one. */
struct pair {
    struct capture captures[WP_SIDE_COUNT][CAPTURES];
};

static void
fill_side(struct capture *captures, const double delay_ns[STACKS])
{
    static const double jitter[CAPTURES] = {1, 1.01, 0.99, 1.015, 0.985, 1.005};

    for (size_t i = 0; i < CAPTURES; i++) {
        struct capture *capture = &captures[i];

        *capture = (struct capture){
            .pprof = {.path = "made",
                      .type = WP_PROFILE_MUTEX,
                      .is_ours = true,
                      .time_ns = 1000 + i,
                      .duration_ns = 1000000000,
                      .span_ns = 1000000000,
                      .stacks = capture->stacks,
                      .stack_count = STACKS},
            .stacks = {{.frames = get_frames, .depth = 2, .kind = ""},
                       {.frames = put_frames, .depth = 2, .kind = ""},
                       {.frames = budget_frames, .depth = 1, .kind = ""}},
        };
        for (size_t j = 0; j < STACKS; j++) {
            capture->stacks[j].delay_ns = delay_ns[j] * jitter[i];
            capture->pprof.delay_ns += capture->stacks[j].delay_ns;
        }
    }
}

static struct wp_comparison *
compare(struct pair *pair, const struct wp_comparison_options *options)
{
    const size_t counts[WP_SIDE_COUNT] = {CAPTURES, CAPTURES};
    struct wp_pprof *sides[WP_SIDE_COUNT][CAPTURES];
    struct wp_pprof *const *captures[WP_SIDE_COUNT] = {sides[0], sides[1]};
    struct wp_comparison *comparison = NULL;
    struct wp_error error = {""};

    for (size_t side = 0; side < WP_SIDE_COUNT; side++) {
        for (size_t i = 0; i < CAPTURES; i++)
            sides[side][i] = &pair->captures[side][i].pprof;
    }
    if (wp_comparison_make(captures, counts, options, &comparison, &error) != 0)
        fail_msg("%s", error.text);
    return comparison;
}

struct outcome {
    enum wp_verdict verdict;
    enum wp_gate_lack lack;
    size_t functions;
    char reason[WP_GATE_SENTENCE_BYTES];
};

static struct outcome
decide_by(struct pair *pair, const struct wp_comparison_options *options)
{
    struct wp_comparison *comparison = compare(pair, options);
    struct wp_gate_decision decision;
    struct wp_error error = {""};
    struct outcome outcome;

    assert_int_equal(wp_gate_decide(comparison, 0.05, &decision, &error), 0);
    outcome = (struct outcome){
        .verdict = decision.verdict, .lack = decision.lack, .functions = decision.function_count};
    wp_gate_describe_reason(&decision, outcome.reason);
    wp_gate_decision_free(&decision);
    wp_comparison_free(comparison);
    return outcome;
}

static struct outcome
decide(struct pair *pair)
{
    return decide_by(pair, &by_function);
}

static struct outcome
decide_delays(const double base_ns[STACKS], const double new_ns[STACKS])
{
    struct pair pair;

    fill_side(pair.captures[WP_SIDE_BASE], base_ns);
    fill_side(pair.captures[WP_SIDE_NEW], new_ns);
    return decide(&pair);
}

static void
delay_without_a_function_is_no_function_that_got_worse(void **state)
{
    struct outcome outcome = decide_delays((double[]){5e8, 5e8, 0}, (double[]){5e8, 4.8e8, 3e7});

    (void)state;
    assert_int_equal(outcome.verdict, WP_VERDICT_PASS);
    assert_int_equal(outcome.functions, 2);
}

static void
functions_that_may_hide_in_delay_without_one_are_not_told(void **state)
{
    struct outcome new = decide_delays((double[]){6e8, 4e8, 0}, (double[]){1e8, 3e8, 6e8});
    struct outcome base = decide_delays((double[]){1e8, 3e8, 6e8}, (double[]){6e8, 4e8, 0});

    (void)state;
    assert_int_equal(new.verdict, WP_VERDICT_TOO_LITTLE);
    assert_int_equal(new.lack, WP_GATE_LACK_FUNCTIONS);
    assert_int_equal(new.functions, 0);
    assert_non_null(strstr(new.reason, "60 % of NEW has no function: [not attributed: budget]"));
    assert_non_null(strstr(new.reason, "without a budget"));
    assert_null(strstr(new.reason, "BASE"));
    assert_int_equal(base.lack, WP_GATE_LACK_FUNCTIONS);
    assert_non_null(strstr(base.reason, "60 % of BASE has no function"));
}

static void
a_total_that_got_worse_is_a_regression_whatever_has_no_function(void **state)
{
    struct outcome outcome = decide_delays((double[]){6e8, 4e8, 0}, (double[]){3e8, 3e8, 9e8});

    (void)state;
    assert_int_equal(outcome.verdict, WP_VERDICT_REGRESSION);
    assert_int_equal(outcome.lack, WP_GATE_LACK_NOTHING);
    assert_int_equal(outcome.functions, 0);
}

static void
new_captures_without_delay_do_not_pass_for_a_fast_release(void **state)
{
    struct outcome outcome = decide_delays((double[]){6e8, 4e8, 0}, (double[]){0, 0, 0});

    (void)state;
    assert_int_equal(outcome.verdict, WP_VERDICT_TOO_LITTLE);
    assert_int_equal(outcome.lack, WP_GATE_LACK_WAITS_OF_NEW);
    assert_non_null(strstr(outcome.reason, "No capture of NEW has any delay"));
    assert_non_null(strstr(outcome.reason, "rates"));
    assert_non_null(strstr(outcome.reason, "--function"));
}

static void
delay_where_base_has_none_is_a_regression(void **state)
{
    struct outcome outcome = decide_delays((double[]){0, 0, 0}, (double[]){6e8, 4e8, 0});

    (void)state;
    assert_int_equal(outcome.verdict, WP_VERDICT_REGRESSION);
    assert_int_equal(outcome.lack, WP_GATE_LACK_NOTHING);
}

static void
no_delay_on_either_side_is_said_of_both(void **state)
{
    struct outcome outcome = decide_delays((double[]){0, 0, 0}, (double[]){0, 0, 0});

    (void)state;
    assert_int_equal(outcome.lack, WP_GATE_LACK_WAITS);
    assert_null(strstr(outcome.reason, "NEW"));
}

static void
what_was_selected_may_be_in_the_delay_of_new_without_a_function(void **state)
{
    const struct wp_comparison_options options = {.grouping = WP_COMPARE_FUNCTIONS,
                                                  .function = "^store_get$"};
    struct outcome outcome;
    struct pair pair;

    (void)state;
    fill_side(pair.captures[WP_SIDE_BASE], (double[]){6e8, 4e8, 0});
    fill_side(pair.captures[WP_SIDE_NEW], (double[]){0, 0, 1e9});
    outcome = decide_by(&pair, &options);
    assert_int_equal(outcome.verdict, WP_VERDICT_TOO_LITTLE);
    assert_int_equal(outcome.lack, WP_GATE_LACK_FUNCTIONS);
    assert_non_null(strstr(outcome.reason, "100 % of NEW has no function"));
}

static void
one_capture_given_twice_among_others_is_a_copy(void **state)
{
    static const double delay_ns[STACKS] = {6e8, 4e8, 0};
    struct wp_comparison *comparison;
    struct pair pair;
    struct outcome outcome;

    (void)state;
    fill_side(pair.captures[WP_SIDE_BASE], delay_ns);
    fill_side(pair.captures[WP_SIDE_NEW], delay_ns);
    assert_int_equal(decide(&pair).verdict, WP_VERDICT_PASS);
    pair.captures[WP_SIDE_NEW][4] = pair.captures[WP_SIDE_NEW][1];
    outcome = decide(&pair);
    assert_int_equal(outcome.verdict, WP_VERDICT_TOO_LITTLE);
    assert_int_equal(outcome.lack, WP_GATE_LACK_COPIES);
    comparison = compare(&pair, &by_function);
    assert_int_equal(comparison->faults[WP_SIDE_BASE].copies, 0);
    assert_int_equal(comparison->faults[WP_SIDE_NEW].copies, 1);
    assert_int_equal(comparison->total.change.basis, WP_BASIS_NONE);
    assert_int_equal(comparison->rows[0].change.basis, WP_BASIS_NONE);
    wp_comparison_free(comparison);
    /* Captures that do not say when they were taken may be equal by chance. */
    pair.captures[WP_SIDE_NEW][1].pprof.time_ns = 0;
    pair.captures[WP_SIDE_NEW][4].pprof.time_ns = 0;
    assert_int_equal(decide(&pair).verdict, WP_VERDICT_PASS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delay_without_a_function_is_no_function_that_got_worse),
        cmocka_unit_test(functions_that_may_hide_in_delay_without_one_are_not_told),
        cmocka_unit_test(a_total_that_got_worse_is_a_regression_whatever_has_no_function),
        cmocka_unit_test(new_captures_without_delay_do_not_pass_for_a_fast_release),
        cmocka_unit_test(delay_where_base_has_none_is_a_regression),
        cmocka_unit_test(no_delay_on_either_side_is_said_of_both),
        cmocka_unit_test(what_was_selected_may_be_in_the_delay_of_new_without_a_function),
        cmocka_unit_test(one_capture_given_twice_among_others_is_a_copy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
