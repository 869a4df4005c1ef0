/*
 * Names of stored profiles, which tell their time and type.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/profile_file_name.h"

static void
a_name_says_when_and_of_what_type(void **state)
{
    uint64_t until_ns = UINT64_C(1795342530123456789);
    char name[WP_PROFILE_FILE_NAME_BYTES];
    enum wp_region_profile type;

    (void)state;
    assert_string_equal(wp_profile_file_name_format(until_ns, WP_PROFILE_MUTEX, name),
                        "20261122T101530.123456Z.mutex.pb.gz");
    assert_true(wp_profile_file_name_parse(name, &until_ns, &type));
    assert_int_equal(until_ns, UINT64_C(1795342530123456000));
    assert_int_equal(type, WP_PROFILE_MUTEX);
}

static void
other_names_are_not_taken_for_profiles(void **state)
{
    static const char *const others[] = {
        "",
        "note.txt",
        "20261122T101530.123456Z",
        "20261122T101530.123456Z.heap.pb.gz",
        "20261122T101530.123456Z.block.pb.gz.new",
        ".20261122T101530.123456Z.block.pb.gz",
        "20261322T101530.123456Z.block.pb.gz",
        "20261131T101530.123456Z.block.pb.gz",
        "2026 122T101530.123456Z.block.pb.gz",
        "+2026122T101530.123456Z.block.pb.gz",
        "19261122T101530.123456Z.block.pb.gz",
    };
    enum wp_region_profile type;
    uint64_t until_ns;

    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (wp_profile_file_name_parse(others[i], &until_ns, &type))
            fail_msg("%s is taken for a profile", others[i]);
    }
}

static void
names_sort_by_time(void **state)
{
    char earlier[WP_PROFILE_FILE_NAME_BYTES], later[WP_PROFILE_FILE_NAME_BYTES];

    (void)state;
    wp_profile_file_name_format(UINT64_C(1795342530999999999), WP_PROFILE_MUTEX, earlier);
    wp_profile_file_name_format(UINT64_C(1795342531000000000), WP_PROFILE_BLOCK, later);
    assert_true(strcmp(earlier, later) < 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_says_when_and_of_what_type),
        cmocka_unit_test(other_names_are_not_taken_for_profiles),
        cmocka_unit_test(names_sort_by_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
