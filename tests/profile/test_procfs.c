/*
 * Clocks of other time namespaces: what /proc says of them, and times between them and ours. What
 * becomes of programs in such namespaces: tests/systems/check_time_namespaces.py.
 */
#include "profile/procfs.h"

#include <string.h>
#include <unistd.h>

#include "profile/cmocka_all.h"
#include "profile/region_clock.h"

#define S INT64_C(1000000000)

static void
offsets_are_read_as_the_kernel_writes_them(void **state)
{
    static const struct {
        const char *text;
        int64_t monotonic_ns, boottime_ns;
    } cases[] = {
        {"monotonic           0         0\nboottime            0         0\n", 0, 0},
        {"monotonic      100000         7\nboottime           -1         0\n", 100000 * S + 7, -S},
        /* The nanoseconds count upwards, whatever the sign of the seconds. */
        {"monotonic      -10000 999999999\nboottime            5         0\n", -9999 * S - 1,
         5 * S},
        {"boottime 3 0\nmonotonic 2 0", 2 * S, 3 * S},
        {"tai 9 0\nmonotonic 2 0\n", 2 * S, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wp_procfs_clocks clocks;

        assert_true(wp_procfs_parse_clocks(cases[i].text, &clocks));
        assert_true(clocks.monotonic_ns == cases[i].monotonic_ns);
        assert_true(clocks.boottime_ns == cases[i].boottime_ns);
    }
}

static void
what_is_no_offset_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "\n",
        "monotonic",
        "monotonic \n",
        "monotonic 5\n",
        "monotonic 5 x\n",
        "monotonic 5 -1\n",
        "monotonic 5 1000000000\n",
        "monotonic 9223372037 0\n",
        "monotonic 99999999999999999999 0\n",
        "monotonic 0 0\nboottime 5 x\n",
    };
    struct wp_procfs_clocks clocks;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (wp_procfs_parse_clocks(texts[i], &clocks))
            fail_msg("\"%s\" was read", texts[i]);
    }
}

static void
clocks_of_our_own_namespace_are_not_ahead(void **state)
{
    struct wp_procfs_clocks own = wp_procfs_clocks_ahead(getpid());
    struct wp_procfs_clocks nobody = wp_procfs_clocks_ahead(INT32_MAX);

    (void)state;
    assert_true(own.monotonic_ns == 0 && own.boottime_ns == 0);
    assert_true(nobody.monotonic_ns == 0 && nobody.boottime_ns == 0);
}

static void
a_process_started_when_it_says(void **state)
{
    uint64_t ticks = wp_procfs_start_ticks(getpid());

    (void)state;
    assert_true(ticks != 0);
    assert_true(wp_procfs_started_at(getpid(), ticks));
    assert_false(wp_procfs_started_at(getpid(), ticks + 1));
    assert_false(wp_procfs_started_at(getpid(), ticks - 1));
    assert_false(wp_procfs_started_at(INT32_MAX, ticks));
}

static void
times_go_to_our_clock_and_back(void **state)
{
    static const int64_t aheads[] = {0, 1, -1, 100000 * S, -10000 * S};
    uint64_t time_ns = 20000 * (uint64_t)S;

    (void)state;
    for (size_t i = 0; i < sizeof aheads / sizeof aheads[0]; i++) {
        uint64_t region_ns = wp_region_clock_from_ours(time_ns, aheads[i]);

        assert_true(region_ns == time_ns + (uint64_t)aheads[i]);
        assert_true(wp_region_clock_to_ours(region_ns, aheads[i]) == time_ns);
    }
}

static void
times_that_the_other_clock_does_not_reach_stay_within_bounds(void **state)
{
    (void)state;
    /* 0 is no time: it must neither become one, nor one become it. */
    assert_true(wp_region_clock_to_ours(0, 5) == 0 && wp_region_clock_to_ours(0, -5) == 0);
    assert_true(wp_region_clock_to_ours(5, 5) == 1 && wp_region_clock_to_ours(3, 5) == 1);
    assert_true(wp_region_clock_to_ours(UINT64_MAX - 1, -5) == UINT64_MAX);
    assert_true(wp_region_clock_from_ours(3, -5) == 0);
    assert_true(wp_region_clock_from_ours(UINT64_MAX - 1, 5) == UINT64_MAX);
    assert_true(wp_region_clock_from_ours(7, INT64_MIN) == 0);
    assert_true(wp_region_clock_to_ours(7, INT64_MIN) > 7);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offsets_are_read_as_the_kernel_writes_them),
        cmocka_unit_test(what_is_no_offset_is_refused),
        cmocka_unit_test(clocks_of_our_own_namespace_are_not_ahead),
        cmocka_unit_test(a_process_started_when_it_says),
        cmocka_unit_test(times_go_to_our_clock_and_back),
        cmocka_unit_test(times_that_the_other_clock_does_not_reach_stay_within_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
