#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/nearest_name.h"

static void
distance_counts_single_mistakes(void **state)
{
    (void)state;
    assert_int_equal(wp_nearest_name_distance("record", "record"), 0);
    assert_int_equal(wp_nearest_name_distance("recrd", "record"), 1);
    assert_int_equal(wp_nearest_name_distance("reccord", "record"), 1);
    assert_int_equal(wp_nearest_name_distance("recird", "record"), 1);
    assert_int_equal(wp_nearest_name_distance("rceord", "record"), 1);
    assert_int_equal(wp_nearest_name_distance("", "record"), 6);
    assert_int_equal(wp_nearest_name_distance("record", ""), 6);
}

static void
distance_is_the_same_both_ways(void **state)
{
    static const char *const names[] = {"run", "rnu", "prune", "doctor", "d", ""};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        for (size_t j = 0; j < sizeof names / sizeof names[0]; j++)
            assert_int_equal(wp_nearest_name_distance(names[i], names[j]),
                             wp_nearest_name_distance(names[j], names[i]));
    }
}

static void
long_names_stay_in_bounds(void **state)
{
    char longest[1000];

    (void)state;
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(wp_nearest_name_distance(longest, longest), 0);
    assert_int_equal(wp_nearest_name_distance(longest, ""), 63);
}

static const char *
nearest(const char *typed)
{
    static const char *const names[] = {"run", "ls", "top", "record", "export", "prune", "doctor"};
    struct wp_nearest_name search = {.typed = typed};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        wp_nearest_name_offer(&search, names[i]);
    return search.best;
}

static void
the_nearest_name_is_offered(void **state)
{
    (void)state;
    assert_string_equal(nearest("rnu"), "run");
    assert_string_equal(nearest("exprot"), "export");
    assert_string_equal(nearest("l"), "ls");
    assert_string_equal(nearest("doc"), "doctor");
}

static void
nothing_is_offered_for_what_is_far_off(void **state)
{
    (void)state;
    assert_null(nearest("frobnicate"));
    assert_null(nearest("xy"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distance_counts_single_mistakes),
        cmocka_unit_test(distance_is_the_same_both_ways),
        cmocka_unit_test(long_names_stay_in_bounds),
        cmocka_unit_test(the_nearest_name_is_offered),
        cmocka_unit_test(nothing_is_offered_for_what_is_far_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
