/*
 * A base stands for the profile that it was made of: to subtract one or the other is the same.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "profile/cmocka_all.h"
#include "profile/delta_base.h"
#include "profile/profile.h"
#include "profile/region_builder.h"

#define ONE WP_REGION_COUNT_ONE
#define STACKS 200u
#define DEPTH 5u
#define MODULES 3u

static struct wp_profile *
profile_of(const struct region_builder *builder)
{
    struct wp_profile *profile = wp_profile_new(WP_PROFILE_BLOCK);
    struct wp_error error = {""};
    struct wp_snapshot *snapshot;
    int fd = region_builder_memfd(builder, builder->size_bytes);

    assert_non_null(profile);
    assert_int_equal(wp_reader_read(fd, "test.wpr", &snapshot, &error), 0);
    assert_int_equal(wp_profile_add(profile, snapshot, &error), 0);
    wp_snapshot_free(snapshot);
    close(fd);
    return profile;
}

/* What comes later is random, but the same each time. */
static uint64_t
next_number(uint64_t *state, uint64_t below)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (*state >> 33) % below;
}

static void
add_stack(struct region_builder *builder, uint32_t number, uint64_t *state,
          struct wp_region_stack **stack)
{
    uint64_t frames[DEPTH];

    for (unsigned i = 0; i < DEPTH; i++)
        frames[i] = region_builder_frame(2 + (uint32_t)next_number(state, MODULES),
                                         0x1000 + next_number(state, 0x20));
    *stack = region_builder_stack(
        builder, number % 16, WP_PROFILE_BLOCK, (uint16_t)(1 + next_number(state, 2)), frames,
        (uint16_t)(1 + next_number(state, DEPTH)),
        (struct region_builder_cost){next_number(state, 3 * ONE), 1 + next_number(state, 1000), 1,
                                     (double)next_number(state, 9)});
}

static void
build(struct region_builder *builder, uint64_t *state, struct wp_region_stack *stacks[STACKS])
{
    static const struct region_builder_sizes sizes = {.string_bytes = 4096, .stack_units = 4096};

    region_builder_init(builder, &sizes);
    for (uint32_t i = 0; i < MODULES; i++) {
        char path[] = "/lib/libworkN.so";

        path[sizeof path - 5] = (char)('0' + i);
        region_builder_build_id(region_builder_module(builder, 2 + i, path,
                                                      UINT64_C(0x7f0000000000) + 0x10000 * i,
                                                      0x1000, 0x4000),
                                "\x11\x22", 2);
    }
    region_builder_function(builder, "read", "read", 0, 0x100);
    region_builder_function(builder, "pthread_mutex_lock", "mutex", 2, 0x200);
    for (uint32_t i = 0; i < STACKS; i++)
        add_stack(builder, i, state, &stacks[i]);
}

static void
assert_same_profile(const struct wp_profile *left, const struct wp_profile *right)
{
    assert_int_equal(left->sample_count, right->sample_count);
    for (size_t i = 0; i < left->sample_count; i++) {
        const struct wp_profile_sample *a = left->samples[i], *b = right->samples[i];

        assert_int_equal(a->function, b->function);
        assert_int_equal(a->depth, b->depth);
        assert_memory_equal(a->frames, b->frames, a->depth * sizeof a->frames[0]);
        assert_int_equal(a->contentions_fixed, b->contentions_fixed);
        assert_int_equal(a->delay_ns, b->delay_ns);
        assert_int_equal(a->samples, b->samples);
        assert_true(a->variance == b->variance);
    }
    assert_memory_equal(left->sources[0].counters, right->sources[0].counters,
                        sizeof left->sources[0].counters);
}

static void
a_base_subtracts_what_its_profile_does(void **unused)
{
    struct wp_region_stack *stacks[STACKS], *added;
    struct wp_profile *earlier, *by_profile, *by_base;
    struct wp_delta_base *base;
    struct region_builder builder;
    struct wp_error error = {""};
    uint64_t state = 1;

    (void)unused;
    build(&builder, &state, stacks);
    earlier = profile_of(&builder);
    /* Some stacks grow, most do not; stacks and an older module come, so that numbers shift. */
    for (uint32_t i = 0; i < STACKS; i += 7) {
        stacks[i]->delay_ns += i;
        stacks[i]->contentions_fixed += 17 * ONE / 10;
        stacks[i]->samples++;
    }
    region_builder_module(&builder, 1, "/lib/libnew.so", 0x7e0000000000, 0, 0x1000);
    for (uint32_t i = 0; i < 10; i++)
        add_stack(&builder, i, &state, &added);
    region_builder_header(&builder)->counters[0].value[0] += 5;
    by_profile = profile_of(&builder);
    by_base = profile_of(&builder);
    assert_int_equal(wp_delta_base_new(earlier, &base, &error), 0);
    assert_int_equal(wp_profile_subtract(by_profile, earlier, &error), 0);
    assert_int_equal(wp_delta_base_subtract(base, by_base, &error), 0);
    wp_profile_sort(by_profile);
    wp_profile_sort(by_base);
    assert_true(by_base->sample_count > 10 && by_base->sample_count < STACKS / 2);
    assert_same_profile(by_base, by_profile);
    assert_true(by_base->duration_ns > 0);
    wp_delta_base_free(base);
    wp_profile_free(earlier);
    wp_profile_free(by_profile);
    wp_profile_free(by_base);
    region_builder_free(&builder);
}

static void
a_base_of_the_same_moment_leaves_nothing(void **unused)
{
    struct wp_region_stack *stacks[STACKS];
    struct wp_profile *earlier, *later;
    struct wp_delta_base *base;
    struct region_builder builder;
    struct wp_error error = {""};
    uint64_t state = 7;

    (void)unused;
    build(&builder, &state, stacks);
    earlier = profile_of(&builder);
    later = profile_of(&builder);
    assert_int_equal(wp_delta_base_new(earlier, &base, &error), 0);
    assert_true(later->sample_count > 0);
    assert_int_equal(wp_delta_base_subtract(base, later, &error), 0);
    assert_int_equal(later->sample_count, 0);
    wp_delta_base_free(base);
    wp_profile_free(earlier);
    wp_profile_free(later);
    region_builder_free(&builder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_base_subtracts_what_its_profile_does),
        cmocka_unit_test(a_base_of_the_same_moment_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
