/*
 * From looks at a region to rows: rates, sums, order, filters, threads.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "cli/top/model.h"
#include "cli/top/threads.h"
#include "profile/cmocka_all.h"
#include "top/scene.h"

#define MS UINT64_C(1000000)
#define S UINT64_C(1000000000)

struct fixture {
    struct scene scene;
    struct wp_top_model model;
    struct wp_top_rows rows;
    struct wp_top_threads threads;
    struct wp_top_kinds kinds;
};

static int
set_up(void **state)
{
    static struct fixture fixture;

    fixture = (struct fixture){0};
    scene_init(&fixture.scene);
    *state = &fixture;
    return wp_top_model_init(&fixture.model, scene_namer(&fixture.scene), NULL);
}

static int
tear_down(void **state)
{
    struct fixture *fixture = *state;

    wp_top_rows_free(&fixture->rows);
    wp_top_threads_free(&fixture->threads);
    wp_top_kinds_free(&fixture->kinds);
    wp_top_model_free(&fixture->model);
    scene_free(&fixture->scene);
    return 0;
}

static void
look(struct fixture *fixture, double seconds)
{
    assert_int_equal(
        wp_top_model_update(&fixture->model, scene_look(&fixture->scene, seconds), NULL), 0);
}

static const struct wp_top_row *
make_rows(struct fixture *fixture, const struct wp_top_query *query, size_t count)
{
    assert_int_equal(wp_top_rows_make(&fixture->rows, &fixture->model, query, NULL), 0);
    assert_int_equal(fixture->rows.count, count);
    return fixture->rows.rows;
}

static const struct wp_top_query block_query = {.profile = WP_PROFILE_BLOCK};

static void
the_first_look_has_sums_and_no_rates(void **state)
{
    struct fixture *fixture = *state;
    const struct wp_top_row *row;

    scene_add(&fixture->scene, WP_PROFILE_BLOCK, SCENE_LOCK, 1, 2, 4, 8000);
    look(fixture, 10);
    row = make_rows(fixture, &block_query, 1);
    assert_true(row->delay_ns == 8000 && row->contentions == 4 && row->mean_ns == 2000);
    assert_true(row->delay_per_s == 0 && row->contentions_per_s == 0);
    assert_true(row->share == 1);
    assert_true(wp_top_model_rate(&fixture->model, WP_COUNTER_waits) == 0);
}

static void
rates_are_what_came_by_the_second(void **state)
{
    struct fixture *fixture = *state;
    struct wp_region_stack *stack =
        scene_add(&fixture->scene, WP_PROFILE_BLOCK, SCENE_LOCK, 1, 2, 4, 8000);
    struct wp_region_header *header = region_builder_header(&fixture->scene.builder);
    const struct wp_top_row *row;

    look(fixture, 10);
    scene_cost(stack, 10, 60000);
    header->counters[0].value[WP_COUNTER_waits] = 50;
    look(fixture, 12.5);
    row = make_rows(fixture, &block_query, 1);
    assert_float_equal(row->delay_per_s, 24000, 1e-3);
    assert_float_equal(row->contentions_per_s, 4, 1e-6);
    assert_float_equal(row->mean_ns, 6000, 1e-3);
    assert_true(row->delay_ns == 68000);
    assert_float_equal(wp_top_model_rate(&fixture->model, WP_COUNTER_waits), 20, 1e-6);
    look(fixture, 13.5);
    row = make_rows(fixture, &block_query, 1);
    assert_true(row->delay_per_s == 0 && row->delay_ns == 68000);
    assert_float_equal(row->mean_ns, 68000.0 / 14, 1e-3);
}

static void
records_of_one_identity_are_one_stack(void **state)
{
    struct fixture *fixture = *state;
    const struct wp_top_row *row;

    scene_add(&fixture->scene, WP_PROFILE_BLOCK, SCENE_LOCK, 1, 2, 1, 100);
    scene_add(&fixture->scene, WP_PROFILE_BLOCK, SCENE_LOCK, 1, 2, 2, 300);
    scene_add(&fixture->scene, WP_PROFILE_MUTEX, SCENE_LOCK, 1, 2, 9, 900);
    scene_add(&fixture->scene, WP_PROFILE_BLOCK, SCENE_LOCK, 1, 3, 1, 0);
    scene_add(&fixture->scene, WP_PROFILE_BLOCK, SCENE_LOCK, 7, 1, 0, 0);
    look(fixture, 1);
    row = make_rows(fixture, &block_query, 2);
    assert_true(row->delay_ns == 400 && row->contentions == 3);
}

static void
a_stack_is_the_same_object_at_every_look(void **state)
{
    struct fixture *fixture = *state;
    const struct wp_top_stack *stack;

    scene_add(&fixture->scene, WP_PROFILE_BLOCK, SCENE_LOCK, 1, 2, 1, 100);
    look(fixture, 1);
    stack = make_rows(fixture, &block_query, 1)->stack;
    scene_add(&fixture->scene, WP_PROFILE_BLOCK, SCENE_RECV, 1, 2, 1, 900);
    look(fixture, 2);
    assert_ptr_equal(make_rows(fixture, &block_query, 2)[1].stack, stack);
    assert_string_equal(stack->kind, "mutex");
}

static void
sums_that_shrink_give_no_rate(void **state)
{
    struct fixture *fixture = *state;
    struct wp_region_stack *stack =
        scene_add(&fixture->scene, WP_PROFILE_BLOCK, SCENE_LOCK, 1, 2, 4, 8000);
    struct wp_region_header *header = region_builder_header(&fixture->scene.builder);

    header->counters[0].value[WP_COUNTER_waits] = 50;
    look(fixture, 1);
    stack->delay_ns = 7000;
    header->counters[0].value[WP_COUNTER_waits] = 40;
    look(fixture, 2);
    assert_true(make_rows(fixture, &block_query, 1)->delay_per_s == 0);
    assert_true(wp_top_model_rate(&fixture->model, WP_COUNTER_waits) == 0);
}

static void
rows_are_sorted_as_asked(void **state)
{
    struct fixture *fixture = *state;
    struct wp_region_stack *a, *b, *c;
    /* The first row by each column. */
    unsigned first[WP_TOP_SORT_COUNT] = {
        [WP_TOP_SORT_RATE] = SCENE_LOCK,  [WP_TOP_SORT_WAITS_RATE] = SCENE_RECV,
        [WP_TOP_SORT_MEAN] = SCENE_LOCK,  [WP_TOP_SORT_DELAY] = SCENE_WAIT,
        [WP_TOP_SORT_WAITS] = SCENE_WAIT,
    };

    a = scene_add(&fixture->scene, WP_PROFILE_BLOCK, SCENE_LOCK, 1, 1, 1, 10);
    b = scene_add(&fixture->scene, WP_PROFILE_BLOCK, SCENE_RECV, 2, 1, 1, 20);
    c = scene_add(&fixture->scene, WP_PROFILE_BLOCK, SCENE_WAIT, 3, 1, 1000, 100000);
    look(fixture, 1);
    scene_cost(a, 1, 500);
    scene_cost(b, 50, 400);
    scene_cost(c, 1, 1);
    look(fixture, 2);
    for (unsigned sort = 0; sort < WP_TOP_SORT_COUNT; sort++) {
        const struct wp_top_query query = {.profile = WP_PROFILE_BLOCK,
                                           .sort = (enum wp_top_sort)sort};
        const struct wp_top_row *rows = make_rows(fixture, &query, 3);

        assert_int_equal(rows[0].stack->record->function, first[sort]);
    }
}

static void
kinds_select_stacks(void **state)
{
    struct fixture *fixture = *state;
    struct wp_top_query query = {.profile = WP_PROFILE_BLOCK, .kinds = "net"};

    scene_add(&fixture->scene, WP_PROFILE_BLOCK, SCENE_LOCK, 1, 1, 1, 10);
    scene_add(&fixture->scene, WP_PROFILE_BLOCK, SCENE_RECV, 2, 1, 1, 20);
    look(fixture, 1);
    assert_string_equal(make_rows(fixture, &query, 1)->stack->kind, "recv");
    assert_int_equal(fixture->rows.hidden, 1);
    assert_true(fixture->rows.total.delay_ns == 20);
    query.kinds = "lock";
    assert_string_equal(make_rows(fixture, &query, 1)->stack->kind, "mutex");
}

static void
a_filter_selects_by_function_and_file(void **state)
{
    struct fixture *fixture = *state;
    struct wp_top_query query = block_query;
    regex_t filter;

    scene_add(&fixture->scene, WP_PROFILE_BLOCK, SCENE_LOCK, 1, 2, 1, 10);
    scene_add(&fixture->scene, WP_PROFILE_BLOCK, SCENE_RECV, 6, 2, 1, 20);
    look(fixture, 1);
    query.filter = &filter;
    assert_int_equal(wp_top_filter_compile(&filter, "cache.*::GET$", NULL), 0);
    query.filter_number = 1;
    assert_string_equal(make_rows(fixture, &query, 1)->stack->kind, "mutex");
    regfree(&filter);
    assert_int_equal(wp_top_filter_compile(&filter, "/shop/", NULL), 0);
    query.filter_number = 2;
    make_rows(fixture, &query, 2);
    regfree(&filter);
    assert_int_equal(wp_top_filter_compile(&filter, "^recv$|nothing", NULL), 0);
    query.filter_number = 3;
    assert_string_equal(make_rows(fixture, &query, 1)->stack->kind, "recv");
    regfree(&filter);
    assert_int_equal(wp_top_filter_compile(&filter, "(", NULL), -EINVAL);
}

static void
only_what_is_shown_gets_names_and_only_once(void **state)
{
    struct fixture *fixture = *state;
    struct wp_top_query query = block_query;

    for (unsigned i = 0; i < 8; i++)
        scene_add(&fixture->scene, WP_PROFILE_BLOCK, SCENE_LOCK, i, 1, 1, 10 + i);
    scene_add(&fixture->scene, WP_PROFILE_MUTEX, SCENE_LOCK, 1, 1, 1, 10);
    look(fixture, 1);
    make_rows(fixture, &query, 8);
    assert_int_equal(fixture->scene.named_count, 0);
    wp_top_rows_name(&fixture->rows, 2, 3, &fixture->model, NULL);
    assert_int_equal(fixture->scene.named_count, 3);
    assert_non_null(fixture->rows.rows[2].stack->frames);
    assert_null(fixture->rows.rows[5].stack->frames);
    look(fixture, 2);
    make_rows(fixture, &query, 8);
    wp_top_rows_name(&fixture->rows, 0, 5, &fixture->model, NULL);
    assert_int_equal(fixture->scene.named_count, 5);
    query.grouping = WP_REPORT_FUNCTIONS;
    assert_int_equal(wp_top_rows_make(&fixture->rows, &fixture->model, &query, NULL), 0);
    assert_int_equal(fixture->scene.named_count, 8);
}

static void
stacks_of_one_caller_are_one_row_by_function(void **state)
{
    struct fixture *fixture = *state;
    const struct wp_top_query query = {.profile = WP_PROFILE_BLOCK,
                                       .grouping = WP_REPORT_FUNCTIONS};
    struct wp_region_stack *small;
    const struct wp_top_row *rows;

    scene_add(&fixture->scene, WP_PROFILE_BLOCK, SCENE_LOCK, 4, 1, 2, 100);
    small = scene_add(&fixture->scene, WP_PROFILE_BLOCK, SCENE_LOCK, 8, 2, 1, 10);
    scene_add(&fixture->scene, WP_PROFILE_BLOCK, SCENE_WAIT, 8, 2, 1, 60);
    scene_add(&fixture->scene, WP_PROFILE_BLOCK, SCENE_REACQUIRE, 8, 2, 1, 50);
    look(fixture, 1);
    scene_cost(small, 1, 500);
    look(fixture, 2);
    rows = make_rows(fixture, &query, 3);
    assert_true(rows[0].delay_ns == 610 && rows[0].contentions == 4);
    assert_float_equal(rows[0].delay_per_s, 500, 1e-6);
    assert_true(rows[0].stack->now.delay_ns == 510);
    assert_true(rows[1].delay_ns == 60 && rows[2].delay_ns == 50);
}

static void
kinds_have_both_profiles_and_rates(void **state)
{
    struct fixture *fixture = *state;
    const struct wp_top_kind *kind;

    scene_populate(&fixture->scene);
    look(fixture, 10);
    scene_go_on(&fixture->scene);
    look(fixture, 12);
    assert_int_equal(wp_top_kinds_make(&fixture->kinds, &fixture->model, NULL, NULL), 0);
    assert_int_equal(fixture->kinds.count, 4);
    kind = &fixture->kinds.rows[0];
    assert_string_equal(kind->kind, "mutex");
    assert_string_equal(kind->family, "sync");
    assert_int_equal(kind->waits, 6000);
    assert_float_equal(kind->waits_per_s, 1000, 1e-6);
    assert_float_equal(kind->delay_per_s[0], 1e9, 1);
    assert_float_equal(kind->delay_per_s[1], 1e9, 1);
    assert_float_equal(kind->contentions_per_s[0], 100, 1e-6);
    assert_true(kind->delay_ns[1] == 5.09e9);
    assert_string_equal(fixture->kinds.rows[1].kind, "recv");
    assert_int_equal(wp_top_kinds_make(&fixture->kinds, &fixture->model, "net", NULL), 0);
    assert_int_equal(fixture->kinds.count, 1);
}

/* --- Intervals and own cost */

static void
set_variance(struct wp_region_stack *stack, uint64_t samples, double variance)
{
    stack->samples = samples;
    memcpy(&stack->variance_bits, &variance, sizeof variance);
    memcpy(&stack->squares_bits, &variance, sizeof variance);
}

/* To nine digits; assert_float_equal has seven at most. */
static void
assert_near(double value, double expected)
{
    if (!(fabs(value - expected) <= 1e-9 * fabs(expected)))
        fail_msg("%.12g is not %.12g", value, expected);
}

static void
assert_interval(const struct wp_top_interval *interval, double delay_ns, double variance,
                double samples, double span_s)
{
    struct wp_interval expected;

    assert_true(wp_interval_of_delay(delay_ns, variance, samples, &expected));
    assert_true(interval->is_known);
    assert_near(interval->bounds.low, expected.low / span_s);
    assert_near(interval->bounds.high, expected.high / span_s);
    assert_true(interval->bounds.low < delay_ns / span_s);
    assert_true(interval->bounds.high > delay_ns / span_s);
}

static void
delays_have_the_interval_of_their_samples(void **state)
{
    struct fixture *fixture = *state;
    struct wp_region_stack *stack =
        scene_add(&fixture->scene, WP_PROFILE_BLOCK, SCENE_LOCK, 1, 2, 10, 10000);
    const struct wp_top_row *row;

    set_variance(stack, 10, 1e6);
    look(fixture, 10);
    row = make_rows(fixture, &block_query, 1);
    assert_interval(&row->delay_95, 10000, 1e6, 10, 1);
    assert_false(row->delay_per_s_95.is_known);
    stack->delay_ns += 8000;
    set_variance(stack, 14, 5e6);
    look(fixture, 14);
    row = make_rows(fixture, &block_query, 1);
    assert_interval(&row->delay_95, 18000, 5e6, 14, 1);
    /* Of the span alone. */
    assert_interval(&row->delay_per_s_95, 8000, 4e6, 4, 4);
    assert_interval(&fixture->rows.total.delay_per_s_95, 8000, 4e6, 4, 4);
    look(fixture, 15);
    assert_false(make_rows(fixture, &block_query, 1)->delay_per_s_95.is_known);
}

static void
below_two_samples_nothing_is_claimed(void **state)
{
    struct fixture *fixture = *state;
    struct wp_region_stack *stack =
        scene_add(&fixture->scene, WP_PROFILE_BLOCK, SCENE_LOCK, 1, 2, 1, 10000);

    set_variance(stack, 1, 1e6);
    look(fixture, 10);
    assert_false(make_rows(fixture, &block_query, 1)->delay_95.is_known);
    stack->delay_ns += 10000;
    set_variance(stack, 2, 2e6);
    look(fixture, 11);
    assert_true(make_rows(fixture, &block_query, 1)->delay_95.is_known);
    assert_false(make_rows(fixture, &block_query, 1)->delay_per_s_95.is_known);
}

static void
rows_that_merge_stacks_add_variances(void **state)
{
    struct fixture *fixture = *state;
    const struct wp_top_query query = {.profile = WP_PROFILE_BLOCK,
                                       .grouping = WP_REPORT_FUNCTIONS};
    struct wp_region_stack *first, *second;
    const struct wp_top_kind *kind;

    first = scene_add(&fixture->scene, WP_PROFILE_BLOCK, SCENE_LOCK, 4, 1, 3, 5000);
    second = scene_add(&fixture->scene, WP_PROFILE_BLOCK, SCENE_LOCK, 8, 2, 3, 5000);
    set_variance(first, 3, 1e6);
    set_variance(second, 3, 3e6);
    look(fixture, 1);
    first->delay_ns += 2000;
    set_variance(first, 4, 2e6);
    second->delay_ns += 2000;
    set_variance(second, 4, 5e6);
    look(fixture, 3);
    assert_interval(&make_rows(fixture, &query, 1)->delay_95, 14000, 7e6, 8, 1);
    assert_interval(&fixture->rows.rows[0].delay_per_s_95, 4000, 3e6, 2, 2);
    assert_int_equal(wp_top_kinds_make(&fixture->kinds, &fixture->model, NULL, NULL), 0);
    kind = &fixture->kinds.rows[0];
    assert_interval(&kind->delay_95[0], 14000, 7e6, 8, 1);
    assert_interval(&kind->delay_per_s_95[0], 4000, 3e6, 2, 2);
    assert_false(kind->delay_95[1].is_known);
}

static void
what_is_kept_for_certain_is_exact(void **state)
{
    struct fixture *fixture = *state;
    const struct wp_top_row *row;

    set_variance(scene_add(&fixture->scene, WP_PROFILE_BLOCK, SCENE_LOCK, 1, 2, 9, 10000), 9, 0);
    look(fixture, 10);
    row = make_rows(fixture, &block_query, 1);
    assert_true(row->delay_95.is_known);
    assert_true(row->delay_95.bounds.low == 10000 && row->delay_95.bounds.high == 10000);
}

static void
the_own_cost_is_of_the_span_or_since_the_start(void **state)
{
    struct fixture *fixture = *state;
    struct wp_own_cost cost;

    scene_populate(&fixture->scene);
    look(fixture, 10);
    cost = wp_top_model_own_cost(&fixture->model, true);
    assert_true(cost.total_ns == 0 && cost.cpu_share == 0);
    cost = wp_top_model_own_cost(&fixture->model, false);
    assert_true(cost.added_ns == 250);
    assert_near(cost.cpu_share, 4500 * 250 / 10e9);
    scene_go_on(&fixture->scene);
    look(fixture, 12);
    cost = wp_top_model_own_cost(&fixture->model, true);
    assert_int_equal(cost.waits, 2000);
    assert_true(cost.added_ns == 250 && cost.wait_ns == 200 && cost.sample_ns == 400);
    assert_near(cost.cpu_share, 2000 * 250 / 2e9);
}

/* --- Threads */

/* A thread of the rows; one with tid 0 if it is not there. */
static const struct wp_top_thread *
find_thread(struct fixture *fixture, uint32_t tid)
{
    static const struct wp_top_thread missing;

    for (size_t i = 0; i < fixture->threads.count; i++) {
        if (fixture->threads.rows[i].tid == tid)
            return &fixture->threads.rows[i];
    }
    return &missing;
}

static void
make_threads(struct fixture *fixture, wp_thread_life_look_fn *life)
{
    assert_int_equal(wp_top_threads_make(&fixture->threads, &fixture->model, life, NULL), 0);
}

static void
a_wait_that_goes_on_counts_for_its_thread(void **state)
{
    struct fixture *fixture = *state;
    const struct wp_top_thread *thread;

    scene_populate(&fixture->scene);
    look(fixture, 10);
    scene_go_on(&fixture->scene);
    look(fixture, 12);
    make_threads(fixture, scene_life);
    thread = find_thread(fixture, 12);
    assert_int_equal(thread->tid, 12);
    assert_float_equal(thread->share, 1, 1e-6);
    assert_int_equal(thread->waiting_ns, 2500 * MS);
    assert_int_equal(thread->waited_ns, 3500 * MS);
    assert_string_equal(thread->function, "recv");
    assert_string_equal(thread->life.name, "thread-12");
    thread = find_thread(fixture, 11);
    assert_float_equal(thread->share, 0.5, 1e-6);
    assert_float_equal(thread->waits_per_s, 25, 1e-6);
    assert_string_equal(thread->function, "");
    assert_int_equal(fixture->threads.waiting, 1);
    assert_int_equal(fixture->threads.processes, 2);
}

/* A thread that has lost its row to another begins a new one, from zero. */
static void
a_thread_that_begins_again_has_no_negative_rates(void **state)
{
    struct fixture *fixture = *state;
    struct wp_region_thread *thread = scene_thread(&fixture->scene, 0, 0, 11);

    thread->waits = 1000;
    thread->waited_ns = 50 * S;
    look(fixture, 60);
    thread->waits = 3;
    thread->waited_ns = S / 2;
    look(fixture, 61);
    make_threads(fixture, scene_life);
    assert_float_equal(find_thread(fixture, 11)->waits_per_s, 3, 1e-6);
    assert_float_equal(find_thread(fixture, 11)->share, 0.5, 1e-6);
}

static void
threads_that_are_gone_are_left_out(void **state)
{
    struct fixture *fixture = *state;

    scene_populate(&fixture->scene);
    look(fixture, 10);
    make_threads(fixture, scene_life);
    assert_int_equal(fixture->threads.count, 3);
    assert_int_equal(find_thread(fixture, 99)->tid, 0);
    assert_int_equal(find_thread(fixture, 13)->pid, 4243);
    make_threads(fixture, NULL);
    assert_int_equal(fixture->threads.count, 0);
}

/* A thread has a number and a name here, the others are out of sight. */
static int
see_one(const struct wp_snapshot *snapshot, enum wp_thread_choice choice,
        struct wp_thread_life *life, struct wp_error *error)
{
    int status = scene_life(snapshot, choice, life, error);

    for (size_t i = 0; status == 0 && i < snapshot->thread_count; i++) {
        bool is_seen = snapshot->threads[i].tid == 11;

        life->threads[i] = (struct wp_thread_state){.is_there = true, .state = '?'};
        if (is_seen)
            life->threads[i] = (struct wp_thread_state){
                .is_there = true, .pid = 500, .tid = 511, .name = "seen", .state = 'R'};
    }
    return status;
}

static void
threads_have_the_numbers_of_here_where_they_are_known(void **state)
{
    struct fixture *fixture = *state;

    scene_populate(&fixture->scene);
    look(fixture, 10);
    make_threads(fixture, see_one);
    assert_int_equal(fixture->threads.count, 4);
    assert_int_equal(find_thread(fixture, 99)->tid, 99);
    assert_string_equal(find_thread(fixture, 99)->life.name, "");
    assert_int_equal(find_thread(fixture, 99)->life.state, '?');
    assert_int_equal(find_thread(fixture, 11)->tid, 0);
    assert_int_equal(find_thread(fixture, 511)->pid, 500);
    assert_string_equal(find_thread(fixture, 511)->life.name, "seen");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_look_has_sums_and_no_rates),
        TEST(rates_are_what_came_by_the_second),
        TEST(records_of_one_identity_are_one_stack),
        TEST(a_stack_is_the_same_object_at_every_look),
        TEST(sums_that_shrink_give_no_rate),
        TEST(rows_are_sorted_as_asked),
        TEST(kinds_select_stacks),
        TEST(a_filter_selects_by_function_and_file),
        TEST(only_what_is_shown_gets_names_and_only_once),
        TEST(stacks_of_one_caller_are_one_row_by_function),
        TEST(kinds_have_both_profiles_and_rates),
        TEST(delays_have_the_interval_of_their_samples),
        TEST(below_two_samples_nothing_is_claimed),
        TEST(rows_that_merge_stacks_add_variances),
        TEST(what_is_kept_for_certain_is_exact),
        TEST(the_own_cost_is_of_the_span_or_since_the_start),
        TEST(a_wait_that_goes_on_counts_for_its_thread),
        TEST(a_thread_that_begins_again_has_no_negative_rates),
        TEST(threads_that_are_gone_are_left_out),
        TEST(threads_have_the_numbers_of_here_where_they_are_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
