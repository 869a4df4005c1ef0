/* The region as the program uses it: strings, counters, growth, flags. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/atomic.h"
#include "core/region.h"

#include "child.h"
#include "region_fixture.h"

#define REGION_BYTES (UINT64_C(4) << 20)
#define ERRNO_MARK 7777
#define THREADS 8
#define ROUNDS 2000

static int
set_up(void **state)
{
    (void)state;
    return region_fixture_open(REGION_BYTES) == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
    (void)state;
    region_fixture_close();
    return 0;
}

static const char *
string_at(uint32_t offset)
{
    return (const char *)wp_region_rows(wp_region(), WP_TABLE_STRINGS) + offset;
}

static void
before_there_is_a_region_everything_is_off(void **state)
{
    struct wp_region_header *none = wp_region();

    (void)state;
    assert_non_null(none);
    assert_int_equal(none->block_rate_ns, 0);
    assert_int_equal(none->mutex_fraction, 0);
    assert_int_equal(none->ready, 0);
    assert_int_equal(wp_region_string(none, "text", 4), 0);
    assert_int_equal(wp_region_string(none, "", 0), 0);
    assert_false(wp_region_reserve(none, 1));
    for (int table = 0; table < WP_TABLE_COUNT; table++)
        assert_int_equal(none->tables[table].capacity, 0);
}

static void
a_string_is_kept_with_its_end(void **state)
{
    uint32_t first = wp_region_string(wp_region(), "first and more", 5);
    uint32_t second = wp_region_string(wp_region(), "second", 6);
    uint32_t empty = wp_region_string(wp_region(), "", 0);
    uint32_t third = wp_region_string(wp_region(), "third", 5);

    (void)state;
    assert_string_equal(string_at(first), "first");
    assert_string_equal(string_at(second), "second");
    assert_string_equal(string_at(empty), "");
    assert_string_equal(string_at(third), "third");
    assert_string_equal(string_at(0), "");
}

static void
a_full_table_of_strings_gives_the_empty_string(void **state)
{
    struct wp_region_table *table = &wp_region()->tables[WP_TABLE_STRINGS];
    char *end = (char *)wp_region_rows(wp_region(), WP_TABLE_STRINGS) + table->capacity;
    char text[100], behind[64];

    (void)state;
    memset(text, 'x', sizeof(text));
    memcpy(behind, end, sizeof(behind));
    while (wp_region_string(wp_region(), text, sizeof(text)) != 0)
        assert_true(table->count <= table->capacity);

    /* What is left fits exactly, and then nothing does. */
    uint32_t left = table->capacity - table->count;

    assert_true(left <= sizeof(text));
    assert_int_equal(wp_region_string(wp_region(), text, left), 0);
    if (left > 0)
        assert_int_not_equal(wp_region_string(wp_region(), text, left - 1), 0);
    assert_int_equal(table->count, table->capacity);
    assert_int_equal(wp_region_string(wp_region(), "", 0), 0);
    assert_int_equal(wp_region_string(wp_region(), text, SIZE_MAX / 2), 0);
    assert_memory_equal(end, behind, sizeof(behind));
    assert_string_equal(string_at(0), "");
}

static void *
add_strings(void *letter)
{
    char text[24];

    memset(text, *(char *)letter, sizeof(text));
    for (int i = 0; i < 300; i++) {
        size_t length = (size_t)(i % 24);
        uint32_t offset = wp_region_string(wp_region(), text, length);

        if (strlen(string_at(offset)) != length || memcmp(string_at(offset), text, length) != 0)
            return letter;
    }
    return NULL;
}

static void
strings_of_concurrent_threads_do_not_overlap(void **state)
{
    char letters[THREADS + 1] = "abcdefgh";
    pthread_t threads[THREADS];
    void *failed;

    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_strings, &letters[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
}

static void *
count_rounds(void *unused)
{
    for (int i = 0; i < ROUNDS; i++)
        wp_region_count(WP_COUNTER_waits, 3);
    return unused;
}

static void
count_in_child(void *unused)
{
    (void)count_rounds(unused);
}

static void
counters_add_up_over_threads_and_processes(void **state)
{
    pthread_t threads[THREADS];
    pid_t children[2];

    (void)state;
    for (int i = 0; i < 2; i++)
        children[i] = child_start(count_in_child, NULL);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_rounds, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(child_wait(children[i]), 0);
    assert_int_equal(region_fixture_counter(WP_COUNTER_waits), 3 * ROUNDS * (THREADS + 2));
    assert_int_equal(region_fixture_counter(WP_COUNTER_block_samples), 0);
}

static void
growth_makes_memory_up_to_the_bound(void **state)
{
    struct wp_region_header *region = wp_region();
    uint64_t first = region->allocated_bytes;

    (void)state;
    assert_true(first < REGION_BYTES);
    assert_int_equal(region->flags & WP_REGION_FLAG_FIXED, 0);
    assert_true(wp_region_reserve(region, first));
    assert_int_equal(region->allocated_bytes, first);
    assert_true(wp_region_reserve(region, first + 1));
    assert_true(region->allocated_bytes > first);
    memset((char *)region + first, 1, region->allocated_bytes - first);
    assert_true(wp_region_reserve(region, REGION_BYTES));
    assert_int_equal(region->allocated_bytes, REGION_BYTES);
    memset((char *)region + first, 2, REGION_BYTES - first);
    assert_false(wp_region_reserve(region, REGION_BYTES + 1));
    assert_int_equal(region->allocated_bytes, REGION_BYTES);
}

static void
growth_leaves_errno_alone(void **state)
{
    (void)state;
    errno = ERRNO_MARK;
    assert_true(wp_region_reserve(wp_region(), REGION_BYTES));
    assert_false(wp_region_reserve(wp_region(), REGION_BYTES + 1));
    assert_int_equal(errno, ERRNO_MARK);
}

/* A region that says it is larger than its mapping: the kernel refuses, as on a full disk. */
static void
failed_growth_is_counted_and_harmless(void **state)
{
    struct wp_region_header *region = wp_region();

    (void)state;
    assert_true(wp_region_reserve(region, REGION_BYTES));
    region->allocated_bytes = UINT64_C(1) << 46;
    region->size_bytes = UINT64_C(1) << 47;
    errno = ERRNO_MARK;
    assert_false(wp_region_reserve(region, region->allocated_bytes + 1));
    assert_int_equal(errno, ERRNO_MARK);
    assert_int_equal(region_fixture_counter(WP_COUNTER_growth_failed), 1);
    assert_int_equal(region->allocated_bytes, UINT64_C(1) << 46);
    region->size_bytes = REGION_BYTES;
}

static void
a_region_that_must_not_grow_does_not(void **state)
{
    struct wp_region_header *region = wp_region();
    uint64_t allocated = region->allocated_bytes;

    (void)state;
    for (int i = 0; i < 2; i++) {
        region->flags = i == 0 ? WP_REGION_FLAG_FIXED : 0;
        if (i == 1) {
            /* Two reasons, of which one is taken back. */
            wp_region_freeze(true);
            wp_region_freeze(true);
            wp_region_freeze(false);
        }
        assert_false(wp_region_reserve(region, allocated + 1));
        assert_true(wp_region_reserve(region, allocated));
        assert_int_equal(region->allocated_bytes, allocated);
    }
    wp_region_freeze(false);
    assert_true(wp_region_reserve(region, allocated + 1));
}

static void *
reserve_step_by_step(void *unused)
{
    struct wp_region_header *region = wp_region();

    for (uint64_t end = 600000; end <= REGION_BYTES; end += 50000) {
        if (!wp_region_reserve(region, end) || wp_atomic_load_64(&region->allocated_bytes) < end)
            return region;
    }
    return unused;
}

static void
threads_that_grow_at_once_agree(void **state)
{
    pthread_t threads[THREADS];
    void *failed;

    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, reserve_step_by_step, NULL), 0);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    assert_true(wp_region()->allocated_bytes <= REGION_BYTES);
}

static void
flags_are_added_to_those_that_are_set(void **state)
{
    (void)state;
    wp_region_set_flag(WP_REGION_FLAG_SECCOMP);
    wp_region_set_flag(WP_REGION_FLAG_EXITED);
    wp_region_set_flag(WP_REGION_FLAG_EXITED);
    assert_int_equal(wp_region()->flags, WP_REGION_FLAG_SECCOMP | WP_REGION_FLAG_EXITED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_there_is_a_region_everything_is_off),
        TEST(a_string_is_kept_with_its_end),
        TEST(a_full_table_of_strings_gives_the_empty_string),
        TEST(strings_of_concurrent_threads_do_not_overlap),
        TEST(counters_add_up_over_threads_and_processes),
        TEST(growth_makes_memory_up_to_the_bound),
        TEST(growth_leaves_errno_alone),
        TEST(failed_growth_is_counted_and_harmless),
        TEST(a_region_that_must_not_grow_does_not),
        TEST(threads_that_grow_at_once_agree),
        TEST(flags_are_added_to_those_that_are_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
