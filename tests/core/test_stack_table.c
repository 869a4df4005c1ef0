/* The table of stacks: identity, totals, growth, what becomes of samples that find no room, and
 * writers that are killed in the middle. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/atomic.h"
#include "core/stack_table.h"

#include "child.h"
#include "region_fixture.h"

#define REGION_BYTES (UINT64_C(8) << 20)
#define SMALL_REGION_BYTES (UINT64_C(1) << 20)
#define THREADS 4
#define PROCESSES 2
#define ROUNDS 3000u
#define STACKS 97u

/* Records that wp_stack_table_init made, per profile. */
#define LOST_RECORDS (WP_SPECIAL_BUDGET - WP_SPECIAL_LOST_TABLE_FULL + 1u)

static int
set_up(void **state)
{
    (void)state;
    return region_fixture_open(REGION_BYTES) == NULL ? -1 : 0;
}

static int
set_up_small(void **state)
{
    (void)state;
    return region_fixture_open(SMALL_REGION_BYTES) == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
    (void)state;
    region_fixture_close();
    return 0;
}

static const struct wp_sample one_sample = {
    .contentions_fixed = 2 * WP_REGION_COUNT_ONE, .delay_ns = 1000, .variance = 16};

/* Frames of the number-th stack, at most 32 deep. Returns the depth. */
static uint32_t
make_frames(uint64_t *frames, uint32_t number)
{
    uint32_t depth = number % 32 + 1;

    for (uint32_t i = 0; i < depth; i++)
        frames[i] = UINT64_C(1) << WP_FRAME_MODULE_SHIFT | (uint64_t)number << 12 | i;
    return depth;
}

static uint32_t
intern_number(uint32_t number)
{
    uint64_t frames[32];

    return wp_stack_table_intern(WP_PROFILE_BLOCK, (uint16_t)(number % 3 + 1), frames,
                                 make_frames(frames, number));
}

static struct region_fixture_totals
block_totals(void)
{
    struct region_fixture_totals totals;

    assert_true(region_fixture_add_up(WP_PROFILE_BLOCK, &totals));
    return totals;
}

/* --- Identity -------------------------------------------------------------------------------- */

static void
a_stack_has_one_record_that_says_what_it_is(void **state)
{
    const uint64_t frames[3] = {7, 8, 9};
    uint32_t unit = wp_stack_table_intern(WP_PROFILE_MUTEX, 5, frames, 3);
    const struct wp_region_stack *stack = region_fixture_stack(unit);

    (void)state;
    assert_int_not_equal(unit, 0);
    assert_int_equal(wp_stack_table_intern(WP_PROFILE_MUTEX, 5, frames, 3), unit);
    assert_int_equal(stack->profile, WP_PROFILE_MUTEX);
    assert_int_equal(stack->function, 5);
    assert_int_equal(stack->depth, 3);
    assert_memory_equal(stack->frames, frames, sizeof(frames));
    assert_int_equal(stack->samples, 0);
    assert_int_equal(stack->delay_ns, 0);
    assert_int_equal(stack->contentions_fixed, 0);
}

static void
stacks_that_differ_in_anything_have_different_records(void **state)
{
    const uint64_t frames[4] = {7, 8, 9, 0}, swapped[3] = {8, 7, 9}, other_end[3] = {7, 8, 10};
    uint32_t units[] = {
        wp_stack_table_intern(WP_PROFILE_MUTEX, 5, frames, 3),
        wp_stack_table_intern(WP_PROFILE_BLOCK, 5, frames, 3),
        wp_stack_table_intern(WP_PROFILE_MUTEX, 6, frames, 3),
        wp_stack_table_intern(WP_PROFILE_MUTEX, 5, frames, 2),
        wp_stack_table_intern(WP_PROFILE_MUTEX, 5, frames, 4),
        wp_stack_table_intern(WP_PROFILE_MUTEX, 5, frames, 0),
        wp_stack_table_intern(WP_PROFILE_MUTEX, 5, swapped, 3),
        wp_stack_table_intern(WP_PROFILE_MUTEX, 5, other_end, 3),
    };

    (void)state;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(units[i], units[j]);
}

static void
the_deepest_stack_is_kept_whole(void **state)
{
    uint64_t frames[WP_REGION_MAX_DEPTH + 1];
    uint32_t unit;

    (void)state;
    for (uint32_t i = 0; i <= WP_REGION_MAX_DEPTH; i++)
        frames[i] = i + 1;
    unit = wp_stack_table_intern(WP_PROFILE_BLOCK, 1, frames, WP_REGION_MAX_DEPTH + 1);
    assert_int_equal(region_fixture_stack(unit)->depth, WP_REGION_MAX_DEPTH + 1);
    assert_memory_equal(region_fixture_stack(unit)->frames, frames, sizeof(frames));
    assert_int_equal(wp_stack_table_intern(WP_PROFILE_BLOCK, 1, frames, WP_REGION_MAX_DEPTH + 1),
                     unit);
}

static void
thousands_of_stacks_are_found_again_after_the_table_has_grown(void **state)
{
    enum { COUNT = 8000 };
    uint64_t first = wp_region()->allocated_bytes;
    uint32_t *units = malloc(COUNT * sizeof(*units));

    (void)state;
    assert_non_null(units);
    for (uint32_t i = 0; i < COUNT; i++)
        units[i] = intern_number(i);
    assert_true(wp_region()->allocated_bytes >= first + (UINT64_C(1) << 20));
    for (uint32_t i = 0; i < COUNT; i++)
        assert_int_equal(intern_number(i), units[i]);
    free(units);
    assert_int_equal(block_totals().records, COUNT + LOST_RECORDS);
    assert_int_equal(region_fixture_counter(WP_COUNTER_lost_table_full), 0);
}

/* --- Totals ---------------------------------------------------------------------------------- */

static void
samples_add_up_in_their_record(void **state)
{
    uint32_t unit = intern_number(1);
    const struct wp_region_stack *stack = region_fixture_stack(unit);
    double variance;

    (void)state;
    for (int i = 1; i <= 5; i++)
        wp_stack_table_add(unit, &one_sample, 100u * (uint64_t)i);
    assert_int_equal(stack->contentions_fixed, 10 * WP_REGION_COUNT_ONE);
    assert_int_equal(stack->delay_ns, 5000);
    assert_int_equal(stack->samples, 5);
    assert_int_equal(stack->last_monotonic_ns, 500);
    memcpy(&variance, &stack->variance_bits, sizeof(variance));
    assert_true(variance == 5 * 16);
}

static void
no_record_takes_no_sample(void **state)
{
    struct wp_region_stack before = *region_fixture_stack(0);

    (void)state;
    wp_stack_table_add(0, &one_sample, 1);
    assert_memory_equal(region_fixture_stack(0), &before, sizeof(before));
}

static void *
sample_stacks(void *unused)
{
    for (uint32_t i = 0; i < ROUNDS; i++)
        wp_stack_table_add(intern_number(i % STACKS), &one_sample, i + 1);
    return unused;
}

static void
sample_in_threads(void *unused)
{
    pthread_t threads[THREADS];

    (void)unused;
    for (int i = 0; i < THREADS; i++)
        CHILD_REQUIRE(pthread_create(&threads[i], NULL, sample_stacks, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        CHILD_REQUIRE(pthread_join(threads[i], NULL) == 0);
}

static void
concurrent_threads_and_processes_share_records_and_totals(void **state)
{
    const uint64_t samples = (uint64_t)ROUNDS * THREADS * PROCESSES;
    struct region_fixture_totals totals;
    pid_t children[PROCESSES];

    (void)state;
    for (int i = 0; i < PROCESSES; i++)
        children[i] = child_start(sample_in_threads, NULL);
    for (int i = 0; i < PROCESSES; i++)
        assert_int_equal(child_wait(children[i]), 0);

    totals = block_totals();
    assert_int_equal(totals.samples, samples);
    assert_int_equal(totals.delay_ns, samples * one_sample.delay_ns);
    assert_int_equal(totals.contentions_fixed, samples * one_sample.contentions_fixed);
    assert_int_equal(totals.records, STACKS + LOST_RECORDS);
    /* The parent, who interned none of them, finds each. */
    for (uint32_t i = 0; i < STACKS; i++)
        assert_true(region_fixture_stack(intern_number(i))->samples >= ROUNDS / STACKS);
    assert_int_equal(block_totals().records, STACKS + LOST_RECORDS);
}

/* --- A full table ---------------------------------------------------------------------------- */

static void
lost_samples_have_named_records_from_the_start(void **state)
{
    (void)state;
    for (int profile = WP_PROFILE_BLOCK; profile <= WP_PROFILE_MUTEX; profile++) {
        for (int code = WP_SPECIAL_LOST_TABLE_FULL; code <= WP_SPECIAL_BUDGET; code++) {
            uint32_t unit =
                wp_stack_table_lost((enum wp_region_profile)profile, (enum wp_special_frame)code);
            const struct wp_region_stack *stack = region_fixture_stack(unit);

            assert_int_not_equal(unit, 0);
            assert_int_equal(stack->profile, profile);
            assert_int_equal(stack->function, 0);
            assert_int_equal(stack->depth, 1);
            assert_int_equal(stack->frames[0], region_fixture_special((enum wp_special_frame)code));
        }
    }
}

static void
a_full_table_folds_samples_into_one_record_and_keeps_the_totals(void **state)
{
    uint32_t lost = wp_stack_table_lost(WP_PROFILE_BLOCK, WP_SPECIAL_LOST_TABLE_FULL);
    struct region_fixture_totals totals;
    uint32_t number = 0, folded = 0;

    (void)state;
    for (; folded < 500; number++) {
        uint32_t unit = intern_number(number);

        assert_int_not_equal(unit, 0);
        folded += unit == lost;
        wp_stack_table_add(unit, &one_sample, 1);
    }
    assert_true(wp_region()->stack_units_used <= wp_region()->tables[WP_TABLE_STACKS].capacity);
    totals = block_totals();
    assert_int_equal(totals.samples, number);
    assert_int_equal(totals.delay_ns, number * one_sample.delay_ns);
    assert_int_equal(totals.contentions_fixed, number * one_sample.contentions_fixed);
    assert_int_equal(region_fixture_stack(lost)->samples, folded);
    assert_int_equal(region_fixture_counter(WP_COUNTER_lost_table_full), folded);
}

static void
a_full_table_still_finds_the_stacks_that_it_holds(void **state)
{
    uint32_t lost = wp_stack_table_lost(WP_PROFILE_BLOCK, WP_SPECIAL_LOST_TABLE_FULL);
    uint32_t units[100];

    (void)state;
    for (uint32_t i = 0; i < 100; i++)
        units[i] = intern_number(i);
    for (uint32_t i = 100; intern_number(i) != lost;)
        i++;
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_not_equal(units[i], lost);
        assert_int_equal(intern_number(i), units[i]);
    }
}

static void
a_region_that_must_not_grow_folds_too(void **state)
{
    uint64_t allocated = wp_region()->allocated_bytes;
    uint32_t lost = wp_stack_table_lost(WP_PROFILE_BLOCK, WP_SPECIAL_LOST_TABLE_FULL);
    uint32_t number = 0;

    (void)state;
    wp_region_freeze(true);
    while (intern_number(number) != lost)
        number++;
    assert_true(number > 100);
    assert_int_equal(wp_region()->allocated_bytes, allocated);
    wp_region_freeze(false);
}

/* --- Writers that are killed ----------------------------------------------------------------- */

static void
insert_until_killed(void *progress)
{
    for (uint32_t number = (uint32_t)getpid() << 10;; number++) {
        wp_stack_table_add(intern_number(number), &one_sample, 1);
        wp_stack_table_add(intern_number(number % 7), &one_sample, 1);
        (void)wp_atomic_add_32(progress, 1);
    }
}

static void
processes_killed_while_they_insert_leave_a_table_that_works(void **state)
{
    uint32_t *progress =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct region_fixture_totals before, after;

    (void)state;
    assert_true(progress != MAP_FAILED);
    for (uint32_t round = 0; round < 20; round++) {
        pid_t children[2] = {child_start(insert_until_killed, progress),
                             child_start(insert_until_killed, progress)};
        uint32_t goal = wp_atomic_load_32(progress) + 50 + round;

        while (wp_atomic_load_32_acquire(progress) < goal)
            sched_yield();
        for (int i = 0; i < 2; i++) {
            assert_int_equal(kill(children[i], SIGKILL), 0);
            assert_int_equal(child_wait(children[i]), 128 + SIGKILL);
        }
    }
    before = block_totals();
    assert_true(before.samples >= 20 * 50);
    (void)sample_stacks(NULL);
    after = block_totals();
    assert_int_equal(after.samples - before.samples, ROUNDS);
    assert_int_equal(after.delay_ns - before.delay_ns, ROUNDS * one_sample.delay_ns);
    assert_int_equal(munmap(progress, 4096), 0);
}

/* A hole, as one leaves who dies between carving off and publishing. */
static void
space_that_was_carved_off_and_never_published_harms_nobody(void **state)
{
    uint32_t before = intern_number(1);

    (void)state;
    wp_region()->stack_units_used += 6;
    assert_int_equal(intern_number(1), before);
    assert_true(intern_number(2) >= before + 6);
    assert_int_equal(block_totals().records, 2 + LOST_RECORDS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TEST_SMALL(name) cmocka_unit_test_setup_teardown(name, set_up_small, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_stack_has_one_record_that_says_what_it_is),
        TEST(stacks_that_differ_in_anything_have_different_records),
        TEST(the_deepest_stack_is_kept_whole),
        TEST(thousands_of_stacks_are_found_again_after_the_table_has_grown),
        TEST(samples_add_up_in_their_record),
        TEST(no_record_takes_no_sample),
        TEST(concurrent_threads_and_processes_share_records_and_totals),
        TEST(lost_samples_have_named_records_from_the_start),
        TEST_SMALL(a_full_table_folds_samples_into_one_record_and_keeps_the_totals),
        TEST_SMALL(a_full_table_still_finds_the_stacks_that_it_holds),
        TEST(a_region_that_must_not_grow_folds_too),
        TEST(processes_killed_while_they_insert_leave_a_table_that_works),
        TEST(space_that_was_carved_off_and_never_published_harms_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
