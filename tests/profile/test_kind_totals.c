#include "profile/kind_totals.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "profile/cmocka_all.h"
#include "profile/region_builder.h"

#define ONE WP_REGION_COUNT_ONE

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

static void
add_stack(struct region_builder *builder, enum wp_region_profile profile, uint16_t function,
          uint64_t number, struct region_builder_cost cost)
{
    uint64_t frame = region_builder_frame(0, 0x1000 + number);

    region_builder_stack(builder, (uint32_t)number, profile, function, &frame, 1, cost);
}

/* Two functions of one kind, one of no kind, one without waits, and lost samples. */
static void
fill_region(struct region_builder *builder)
{
    const uint64_t lost = region_builder_frame(WP_FRAME_SPECIAL, WP_SPECIAL_LOST_TABLE_FULL);
    uint16_t lock = region_builder_function(builder, "pthread_mutex_lock", "mutex", 0, 1);
    uint16_t receive = region_builder_function(builder, "recv", "recv", 0, 2);
    uint16_t none = region_builder_function(builder, "pthread_cond_signal", "", 0, 3);
    uint16_t timed = region_builder_function(builder, "pthread_mutex_timedlock", "mutex", 0, 4);

    region_builder_function(builder, "poll", "poll", 0, 5);
    strcpy(region_builder_function_row(builder, lock)->family, "sync");
    strcpy(region_builder_function_row(builder, timed)->family, "sync");
    strcpy(region_builder_function_row(builder, receive)->family, "net");
    *region_builder_waits(builder, 0, lock) = 5;
    *region_builder_waits(builder, 3, lock) = 7;
    *region_builder_waits(builder, 1, timed) = 100;
    *region_builder_waits(builder, 1, receive) = 3;
    add_stack(builder, WP_PROFILE_BLOCK, lock, 1,
              (struct region_builder_cost){ONE * 3 / 2, 1000, 2, 40});
    add_stack(builder, WP_PROFILE_BLOCK, lock, 2, (struct region_builder_cost){ONE, 500, 1, 2.5});
    add_stack(builder, WP_PROFILE_BLOCK, timed, 3, (struct region_builder_cost){ONE, 30, 1, 0});
    add_stack(builder, WP_PROFILE_MUTEX, lock, 4, (struct region_builder_cost){ONE * 9, 77, 4, 7});
    add_stack(builder, WP_PROFILE_BLOCK, receive, 5, (struct region_builder_cost){ONE, 8, 1, 0});
    add_stack(builder, WP_PROFILE_MUTEX, none, 6, (struct region_builder_cost){ONE, 11, 1, 0});
    region_builder_stack(builder, 7, WP_PROFILE_BLOCK, 0, &lost, 1,
                         (struct region_builder_cost){ONE * 6, 66, 6, 0});
}

static void
stacks_and_waits_add_up_by_kind(void **state)
{
    struct region_builder builder;
    struct wp_snapshot *snapshot;
    struct wp_kind_total *totals;
    size_t count;

    (void)state;
    region_builder_init(&builder, NULL);
    fill_region(&builder);
    snapshot = read_region(&builder);
    assert_int_equal(wp_kind_totals(snapshot, &totals, &count, NULL), 0);

    assert_int_equal(count, 4);
    assert_string_equal(totals[0].kind, "mutex");
    assert_string_equal(totals[0].family, "sync");
    assert_int_equal(totals[0].waits, 112);
    assert_int_equal(totals[0].amount[0].contentions_fixed, ONE * 7 / 2);
    assert_true(totals[0].amount[0].contentions == 3.5);
    assert_int_equal(totals[0].amount[0].delay_ns, 1530);
    assert_int_equal(totals[0].amount[0].samples, 4);
    assert_true(totals[0].amount[0].variance == 42.5);
    assert_int_equal(totals[0].amount[1].contentions_fixed, ONE * 9);
    assert_int_equal(totals[0].amount[1].delay_ns, 77);
    assert_int_equal(totals[0].amount[1].samples, 4);
    assert_true(totals[0].amount[1].variance == 7);

    assert_string_equal(totals[1].kind, "recv");
    assert_string_equal(totals[1].family, "net");
    assert_int_equal(totals[1].waits, 3);
    assert_int_equal(totals[1].amount[0].delay_ns, 8);
    assert_int_equal(totals[1].amount[1].samples, 0);

    /* With nothing yet. */
    assert_string_equal(totals[2].kind, "poll");
    assert_int_equal(totals[2].waits, 0);
    assert_int_equal(totals[2].amount[0].delay_ns, 0);

    /* What belongs to no kind. */
    assert_string_equal(totals[3].kind, "");
    assert_int_equal(totals[3].amount[0].delay_ns, 66);
    assert_int_equal(totals[3].amount[0].samples, 6);
    assert_int_equal(totals[3].amount[1].delay_ns, 11);

    free(totals);
    wp_snapshot_free(snapshot);
    region_builder_free(&builder);
}

static void
totals_stop_at_the_largest_number(void **state)
{
    struct region_builder builder;
    struct wp_snapshot *snapshot;
    struct wp_kind_total *totals;
    uint16_t lock;
    size_t count;

    (void)state;
    region_builder_init(&builder, NULL);
    lock = region_builder_function(&builder, "pthread_mutex_lock", "mutex", 0, 1);
    for (uint64_t i = 0; i < 2; i++)
        add_stack(&builder, WP_PROFILE_BLOCK, lock, i,
                  (struct region_builder_cost){UINT64_MAX - 1, UINT64_MAX - 1, UINT64_MAX - 1, 0});
    snapshot = read_region(&builder);
    assert_int_equal(wp_kind_totals(snapshot, &totals, &count, NULL), 0);
    assert_int_equal(count, 2);
    assert_true(totals[0].amount[0].contentions_fixed == UINT64_MAX);
    assert_true(totals[0].amount[0].delay_ns == UINT64_MAX);
    assert_true(totals[0].amount[0].samples == UINT64_MAX);
    free(totals);
    wp_snapshot_free(snapshot);
    region_builder_free(&builder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stacks_and_waits_add_up_by_kind),
        cmocka_unit_test(totals_stop_at_the_largest_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
