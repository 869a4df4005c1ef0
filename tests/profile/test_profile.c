#include "profile/profile.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "profile/cmocka_all.h"
#include "profile/comments.h"
#include "profile/region_builder.h"

#define ONE WP_REGION_COUNT_ONE

static void
add_region(struct wp_profile *profile, struct region_builder *builder)
{
    int fd = region_builder_memfd(builder, builder->size_bytes);
    struct wp_snapshot *snapshot;
    struct wp_error error = {""};

    assert_int_equal(wp_reader_read(fd, "test.wpr", &snapshot, &error), 0);
    assert_int_equal(wp_profile_add(profile, snapshot, &error), 0);
    wp_snapshot_free(snapshot);
    close(fd);
}

static struct wp_profile *
profile_of(struct region_builder *builder, enum wp_region_profile type)
{
    struct wp_profile *profile = wp_profile_new(type);

    assert_non_null(profile);
    add_region(profile, builder);
    return profile;
}

/* A region with a library in that module row and one block stack that passes through it. */
static struct wp_region_stack *
build(struct region_builder *builder, uint32_t module_row, uint64_t delay_ns)
{
    const uint64_t frame = region_builder_frame(module_row, 0x1234);
    struct wp_region_module *module;
    uint16_t function;

    region_builder_init(builder, NULL);
    module = region_builder_module(builder, module_row, "/lib/libwork.so", 0x7f0000000000, 0x1000,
                                   0x4000);
    region_builder_build_id(module, "\x11\x22", 2);
    function = region_builder_function(builder, "read", "read", 0, 0);
    return region_builder_stack(builder, 1, WP_PROFILE_BLOCK, function, &frame, 1,
                                (struct region_builder_cost){ONE, delay_ns, 1, 4});
}

static void
two_records_of_one_stack_are_one_sample(void **state)
{
    struct region_builder builder;
    const uint64_t frame = region_builder_frame(2, 0x1234);
    struct wp_profile *profile;

    (void)state;
    build(&builder, 2, 100);
    region_builder_stack(&builder, 7, WP_PROFILE_BLOCK, 1, &frame, 1,
                         (struct region_builder_cost){ONE * 2, 50, 2, 1});
    profile = profile_of(&builder, WP_PROFILE_BLOCK);
    assert_int_equal(profile->sample_count, 1);
    assert_int_equal(profile->samples[0]->delay_ns, 150);
    assert_int_equal(profile->samples[0]->contentions_fixed, 3 * ONE);
    assert_int_equal(profile->samples[0]->samples, 3);
    assert_true(profile->samples[0]->variance == 5);
    wp_profile_free(profile);
    region_builder_free(&builder);
}

static void
a_profile_holds_only_stacks_of_its_type(void **state)
{
    struct region_builder builder;
    struct wp_profile *profile;

    (void)state;
    build(&builder, 2, 100)->profile = WP_PROFILE_MUTEX;
    profile = profile_of(&builder, WP_PROFILE_BLOCK);
    assert_int_equal(profile->sample_count, 0);
    wp_profile_free(profile);
    profile = profile_of(&builder, WP_PROFILE_MUTEX);
    assert_int_equal(profile->sample_count, 1);
    wp_profile_free(profile);
    region_builder_free(&builder);
}

/* Adds a function of a kind, and one stack of it. */
static void
add_kind(struct region_builder *builder, const char *name, const char *kind, uint64_t delay_ns)
{
    const uint64_t frame = region_builder_frame(3, 0x1234);
    uint16_t function = region_builder_function(builder, name, kind, 0, 0x700);

    strcpy(region_builder_function_row(builder, function)->family, "sync");
    region_builder_stack(builder, 2, WP_PROFILE_BLOCK, function, &frame, 1,
                         (struct region_builder_cost){ONE, delay_ns, 1, 0});
}

/* The comments of a profile, each on a line; the caller frees them. */
static char *
comments_of(const struct wp_profile *profile)
{
    struct wp_comments comments;
    char *text = calloc(1, 65536);

    assert_non_null(text);
    assert_int_equal(wp_comments_make(profile, NULL, &comments), 0);
    for (size_t i = 0; i < comments.count; i++) {
        strcat(text, comments.lines[i]);
        strcat(text, "\n");
    }
    wp_comments_free(&comments);
    return text;
}

static void
kinds_of_one_function_stay_apart_and_can_be_selected(void **state)
{
    struct region_builder builder;
    struct wp_profile *profile;
    struct wp_error error = {""};
    char *comments;

    (void)state;
    build(&builder, 3, 100);
    add_kind(&builder, "pthread_cond_wait", "cond", 50);
    add_kind(&builder, "pthread_cond_wait", "cond.reacquire", 7);
    profile = profile_of(&builder, WP_PROFILE_BLOCK);
    assert_int_equal(profile->sample_count, 3);
    comments = comments_of(profile);
    assert_null(strstr(comments, "filtered"));
    free(comments);
    assert_int_equal(wp_profile_select_kinds(profile, "cond*", &error), 0);
    assert_int_equal(profile->sample_count, 2);
    assert_int_equal(profile->selection.dropped_stacks, 1);
    assert_true(profile->selection.dropped_delay_ns == 100);
    assert_int_equal(wp_profile_total(profile).delay_ns, 57);
    comments = comments_of(profile);
    assert_non_null(
        strstr(comments, "filtered: of kind cond* only; stacks left out: 1, with 100 ns of delay"));
    free(comments);
    wp_profile_free(profile);
    region_builder_free(&builder);
}

static void
a_selection_that_leaves_nothing_says_so(void **state)
{
    struct region_builder builder;
    struct wp_profile *profile;
    struct wp_error error = {""};
    char text[512];

    (void)state;
    build(&builder, 3, 100);
    profile = profile_of(&builder, WP_PROFILE_BLOCK);
    assert_int_equal(wp_profile_select_kinds(profile, "recv", &error), 0);
    assert_int_equal(profile->sample_count, 0);
    wp_comments_explain_empty(profile, text, sizeof text);
    assert_string_equal(text, "no stack is of kind recv (stacks of other kinds: 1)");
    wp_profile_free(profile);
    region_builder_free(&builder);
}

static void
a_stack_that_was_never_sampled_is_left_out(void **state)
{
    struct region_builder builder;
    struct wp_profile *profile;

    (void)state;
    build(&builder, 2, 0)->contentions_fixed = 0;
    profile = profile_of(&builder, WP_PROFILE_BLOCK);
    assert_int_equal(profile->sample_count, 0);
    wp_profile_free(profile);
    region_builder_free(&builder);
}

static void
a_delta_is_what_came_in_between(void **state)
{
    struct region_builder builder;
    const uint64_t frame = region_builder_frame(2, 0x3000);
    struct wp_region_stack *stack = build(&builder, 2, 100);
    struct wp_profile *earlier;
    struct wp_profile *later;
    struct wp_error error = {""};

    (void)state;
    region_builder_stack(&builder, 3, WP_PROFILE_BLOCK, 1, &frame, 1,
                         (struct region_builder_cost){ONE, 5, 1, 0});
    earlier = profile_of(&builder, WP_PROFILE_BLOCK);
    stack->delay_ns += 30;
    stack->contentions_fixed += 3 * ONE / 2;
    stack->samples += 1;
    /* Meanwhile a library came, older in the strings or not: numbers shift. */
    region_builder_module(&builder, 1, "/lib/libnew.so", 0x7e0000000000, 0, 0x1000);
    later = profile_of(&builder, WP_PROFILE_BLOCK);
    assert_int_equal(wp_profile_subtract(later, earlier, &error), 0);
    assert_int_equal(later->sample_count, 1);
    assert_int_equal(later->samples[0]->delay_ns, 30);
    assert_int_equal(later->samples[0]->contentions_fixed, ONE);
    assert_int_equal(later->samples[0]->samples, 1);
    assert_true(later->duration_ns > 0);
    wp_profile_free(earlier);
    wp_profile_free(later);
    region_builder_free(&builder);
}

static void
deltas_of_many_spans_add_up_to_the_whole(void **state)
{
    struct region_builder builder;
    struct wp_region_stack *stack = build(&builder, 2, 100);
    struct wp_profile *earlier = profile_of(&builder, WP_PROFILE_BLOCK);
    int64_t sum = wp_profile_contentions(earlier, earlier->samples[0]->contentions_fixed);
    struct wp_profile *later;
    struct wp_error error = {""};

    (void)state;
    for (int span = 0; span < 10; span++) {
        struct wp_profile *delta;

        stack->delay_ns += 30;
        stack->contentions_fixed += 17 * ONE / 10;
        delta = profile_of(&builder, WP_PROFILE_BLOCK);
        later = profile_of(&builder, WP_PROFILE_BLOCK);
        assert_int_equal(wp_profile_subtract(delta, earlier, &error), 0);
        sum += wp_profile_contentions(delta, delta->samples[0]->contentions_fixed);
        wp_profile_free(delta);
        wp_profile_free(earlier);
        earlier = later;
    }
    assert_int_equal(sum, wp_profile_contentions(earlier, earlier->samples[0]->contentions_fixed));
    wp_profile_free(earlier);
    region_builder_free(&builder);
}

static void
a_delta_is_never_negative(void **state)
{
    struct region_builder builder;
    struct wp_region_stack *stack = build(&builder, 2, 100);
    struct wp_profile *earlier = profile_of(&builder, WP_PROFILE_BLOCK);
    struct wp_profile *later;
    struct wp_error error = {""};

    (void)state;
    stack->delay_ns = 10;
    stack->contentions_fixed = 5 * ONE;
    later = profile_of(&builder, WP_PROFILE_BLOCK);
    assert_int_equal(wp_profile_subtract(later, earlier, &error), 0);
    assert_int_equal(later->samples[0]->delay_ns, 0);
    assert_int_equal(later->samples[0]->contentions_fixed, 4 * ONE);
    wp_profile_free(earlier);
    wp_profile_free(later);
    region_builder_free(&builder);
}

static void
equal_stacks_of_two_regions_add_up_whatever_their_module_rows(void **state)
{
    struct region_builder first;
    struct region_builder second;
    struct wp_profile *profile;
    struct wp_profile *other;
    struct wp_error error = {""};

    (void)state;
    build(&first, 2, 100);
    build(&second, 6, 11);
    region_builder_header(&second)->region_id = 99;
    profile = profile_of(&first, WP_PROFILE_BLOCK);
    other = profile_of(&second, WP_PROFILE_BLOCK);
    assert_int_equal(wp_profile_merge(profile, other, &error), 0);
    wp_profile_free(other);
    assert_int_equal(profile->sample_count, 1);
    assert_int_equal(profile->samples[0]->delay_ns, 111);
    assert_int_equal(profile->source_count, 2);
    assert_int_equal(profile->module_count, 2);
    wp_profile_free(profile);
    region_builder_free(&first);
    region_builder_free(&second);
}

static void
a_library_with_another_build_id_is_another_module(void **state)
{
    struct region_builder first;
    struct region_builder second;
    struct wp_profile *profile;

    (void)state;
    build(&first, 2, 100);
    build(&second, 2, 11);
    ((struct wp_region_module *)region_builder_rows(&second, WP_TABLE_MODULES))[2].build_id[0] = 9;
    profile = profile_of(&first, WP_PROFILE_BLOCK);
    add_region(profile, &second);
    assert_int_equal(profile->sample_count, 2);
    assert_int_equal(profile->module_count, 3);
    wp_profile_free(profile);
    region_builder_free(&first);
    region_builder_free(&second);
}

static void
profiles_of_two_types_do_not_merge(void **state)
{
    struct wp_profile *block = wp_profile_new(WP_PROFILE_BLOCK);
    struct wp_profile *mutex = wp_profile_new(WP_PROFILE_MUTEX);
    struct wp_error error = {""};

    (void)state;
    assert_true(wp_profile_merge(block, mutex, &error) < 0);
    assert_non_null(strstr(error.text, "mutex"));
    wp_profile_free(block);
    wp_profile_free(mutex);
}

static void
sums_stop_at_their_limit(void **state)
{
    struct region_builder builder;
    struct wp_profile *profile;

    (void)state;
    build(&builder, 2, UINT64_MAX - 3);
    profile = profile_of(&builder, WP_PROFILE_BLOCK);
    add_region(profile, &builder);
    assert_true(profile->samples[0]->delay_ns == UINT64_MAX);
    wp_profile_free(profile);
    region_builder_free(&builder);
}

static void
sorting_puts_the_longest_delay_first(void **state)
{
    struct region_builder builder;
    struct wp_profile *profile;

    (void)state;
    build(&builder, 2, 100);
    for (uint64_t i = 1; i < 6; i++) {
        uint64_t frame = region_builder_frame(2, 0x1234 + i);

        region_builder_stack(&builder, (uint32_t)i, WP_PROFILE_BLOCK, 1, &frame, 1,
                             (struct region_builder_cost){ONE, i * 77 % 300, 1, 0});
    }
    profile = profile_of(&builder, WP_PROFILE_BLOCK);
    wp_profile_sort(profile);
    assert_int_equal(profile->sample_count, 6);
    for (size_t i = 1; i < profile->sample_count; i++)
        assert_true(profile->samples[i - 1]->delay_ns >= profile->samples[i]->delay_ns);
    wp_profile_free(profile);
    region_builder_free(&builder);
}

static bool
keep_nothing(const struct wp_profile *profile, const struct wp_profile_sample *sample,
             const void *context)
{
    (void)profile;
    (void)sample;
    (void)context;
    return false;
}

static void
a_stack_that_was_filtered_out_can_come_again(void **state)
{
    struct region_builder builder;
    struct wp_profile *profile;

    (void)state;
    build(&builder, 2, 100);
    profile = profile_of(&builder, WP_PROFILE_BLOCK);
    wp_profile_filter(profile, keep_nothing, NULL);
    assert_int_equal(profile->sample_count, 0);
    add_region(profile, &builder);
    assert_int_equal(profile->sample_count, 1);
    assert_int_equal(profile->samples[0]->delay_ns, 100);
    wp_profile_free(profile);
    region_builder_free(&builder);
}

static void
contentions_are_cut_to_whole_numbers_and_block_has_at_least_one(void **state)
{
    struct wp_profile block = {.type = WP_PROFILE_BLOCK};
    struct wp_profile mutex = {.type = WP_PROFILE_MUTEX};

    (void)state;
    assert_int_equal(wp_profile_contentions(&block, ONE / 2), 1);
    assert_int_equal(wp_profile_contentions(&mutex, ONE / 2), 0);
    assert_int_equal(wp_profile_contentions(&block, 2 * ONE + ONE - 1), 2);
}

static void
an_empty_profile_says_why(void **state)
{
    struct region_builder builder;
    struct wp_profile *profile;
    char text[512];

    (void)state;
    region_builder_init(&builder, NULL);
    profile = profile_of(&builder, WP_PROFILE_BLOCK);
    assert_non_null(strstr(wp_comments_explain_empty(profile, text, sizeof text),
                           "no wrapped call had to wait"));
    wp_profile_free(profile);
    region_builder_header(&builder)->base_block_rate_ns = 0;
    profile = profile_of(&builder, WP_PROFILE_BLOCK);
    assert_non_null(strstr(wp_comments_explain_empty(profile, text, sizeof text), "rate is 0"));
    wp_profile_free(profile);
    region_builder_header(&builder)->base_block_rate_ns = 1000000;
    region_builder_header(&builder)->counters[0].value[WP_COUNTER_waits] = 9;
    profile = profile_of(&builder, WP_PROFILE_BLOCK);
    assert_non_null(
        strstr(wp_comments_explain_empty(profile, text, sizeof text), "9 calls waited"));
    wp_profile_free(profile);
    profile = profile_of(&builder, WP_PROFILE_MUTEX);
    assert_non_null(
        strstr(wp_comments_explain_empty(profile, text, sizeof text), "none for a lock: "));
    assert_null(strstr(text, "--mutex-fraction"));
    wp_profile_free(profile);
    region_builder_header(&builder)->counters[0].value[WP_COUNTER_mutex_waiters] = 1;
    profile = profile_of(&builder, WP_PROFILE_MUTEX);
    assert_non_null(strstr(wp_comments_explain_empty(profile, text, sizeof text),
                           "1 sampled call waited for a lock"));
    wp_profile_free(profile);
    region_builder_free(&builder);
}

static bool
has_comment(const struct wp_comments *comments, const char *text)
{
    for (size_t i = 0; i < comments->count; i++) {
        if (strstr(comments->lines[i], text) != NULL)
            return true;
    }
    return false;
}

static void
comments_tell_rates_changes_losses_and_coverage(void **state)
{
    struct region_builder builder;
    struct wp_comments comments;
    struct wp_profile *profile;

    (void)state;
    build(&builder, 2, 100);
    region_builder_header(&builder)->counters[1].value[WP_COUNTER_lost_buffers] = 3;
    region_builder_header(&builder)->rate_changes[1] = (struct wp_region_rate_change){
        .realtime_ns = UINT64_C(1700000001000000000), .block_rate_ns = 250, .mutex_fraction = 1};
    region_builder_header(&builder)->rate_change_count = 2;
    region_builder_header(&builder)->base_block_rate_ns = 250;
    profile = profile_of(&builder, WP_PROFILE_BLOCK);
    assert_int_equal(wp_comments_make(profile, NULL, &comments), 0);
    assert_true(has_comment(&comments, "block profile"));
    assert_true(has_comment(&comments, "./sample --fast"));
    assert_true(has_comment(&comments, "block rate: 250 ns"));
    assert_true(has_comment(&comments, "from 2023-11-14T22:13:21Z: 250 ns"));
    assert_true(has_comment(&comments, "lost_buffers: 3"));
    assert_true(has_comment(&comments, "kept samples: 1 in 1 stacks"));
    assert_true(has_comment(&comments, "wrapped (1 functions): read"));
    assert_true(has_comment(&comments, "out of reach"));
    wp_comments_free(&comments);
    wp_profile_free(profile);
    region_builder_free(&builder);
}

static void
comments_leave_out_changes_of_the_other_rate(void **state)
{
    static const struct wp_region_rate_change changes[] = {
        {.realtime_ns = UINT64_C(1700000001000000000), .block_rate_ns = 250, .mutex_fraction = 1},
        {.realtime_ns = UINT64_C(1700000002000000000), .block_rate_ns = 250, .mutex_fraction = 7},
        {.realtime_ns = UINT64_C(1700000003000000000), .block_rate_ns = 300, .mutex_fraction = 7},
    };
    struct region_builder builder;
    struct wp_comments comments;
    struct wp_profile *profile;

    (void)state;
    build(&builder, 2, 100);
    memcpy(&region_builder_header(&builder)->rate_changes[1], changes, sizeof changes);
    region_builder_header(&builder)->rate_change_count = 4;
    region_builder_header(&builder)->base_block_rate_ns = 300;
    profile = profile_of(&builder, WP_PROFILE_BLOCK);
    assert_int_equal(wp_comments_make(profile, NULL, &comments), 0);
    assert_true(has_comment(&comments, "from 2023-11-14T22:13:21Z: 250 ns"));
    assert_false(has_comment(&comments, "from 2023-11-14T22:13:22Z"));
    assert_true(has_comment(&comments, "from 2023-11-14T22:13:23Z: 300 ns"));
    wp_comments_free(&comments);
    wp_profile_free(profile);
    region_builder_free(&builder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_records_of_one_stack_are_one_sample),
        cmocka_unit_test(a_profile_holds_only_stacks_of_its_type),
        cmocka_unit_test(kinds_of_one_function_stay_apart_and_can_be_selected),
        cmocka_unit_test(a_selection_that_leaves_nothing_says_so),
        cmocka_unit_test(a_stack_that_was_never_sampled_is_left_out),
        cmocka_unit_test(a_delta_is_what_came_in_between),
        cmocka_unit_test(deltas_of_many_spans_add_up_to_the_whole),
        cmocka_unit_test(a_delta_is_never_negative),
        cmocka_unit_test(equal_stacks_of_two_regions_add_up_whatever_their_module_rows),
        cmocka_unit_test(a_library_with_another_build_id_is_another_module),
        cmocka_unit_test(profiles_of_two_types_do_not_merge),
        cmocka_unit_test(sums_stop_at_their_limit),
        cmocka_unit_test(sorting_puts_the_longest_delay_first),
        cmocka_unit_test(a_stack_that_was_filtered_out_can_come_again),
        cmocka_unit_test(contentions_are_cut_to_whole_numbers_and_block_has_at_least_one),
        cmocka_unit_test(an_empty_profile_says_why),
        cmocka_unit_test(comments_tell_rates_changes_losses_and_coverage),
        cmocka_unit_test(comments_leave_out_changes_of_the_other_rate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
