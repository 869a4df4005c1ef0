#include <math.h>
#include <string.h>

#include "cli/diff/difference.h"
#include "profile/cmocka_all.h"

/* A change from `base` to `new` with intervals of 10 % about it. */
static struct wp_change
change_of(double base, double new, bool is_change)
{
    struct wp_change change = {.base = base,
                               .new = new,
                               .basis = WP_BASIS_CAPTURES,
                               .is_change = is_change,
                               .difference = {new - base - 10, new - base + 10},
                               .ratio = {0, INFINITY}};

    if (base > 0) {
        change.ratio.low = 0.9 * new / base;
        change.ratio.high = 1.1 * new / base;
    }
    return change;
}

static void
check_texts(const struct wp_change *change, const char *text, const char *interval)
{
    char buffer[64];

    assert_string_equal(wp_difference_change_text(change, buffer, sizeof buffer), text);
    assert_string_equal(wp_difference_interval_text(change, buffer, sizeof buffer), interval);
}

static void
a_change_is_told_in_percent_or_as_a_multiple(void **state)
{
    const struct {
        double base, new;
        const char *text, *interval;
    } cases[] = {
        {1000, 1500, "+50.0 %", "+35.0 % to +65.0 %"}, {1000, 500, "-50.0 %", "-55.0 % to -45.0 %"},
        {1000, 1001, "+0.1 %", "-9.9 % to +10.1 %"},   {1000, 5000, "+400 %", "+350 % to +450 %"},
        {1000, 9500, "+850 %", "+755 % to x 10.4"},    {1000, 12000, "x 12", "x 10.8 to x 13.2"},
        {1000, 5e6, "x 5000", "x 4500 to x 5500"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wp_change change = change_of(cases[i].base, cases[i].new, true);

        check_texts(&change, cases[i].text, cases[i].interval);
    }
}

static void
what_is_new_or_gone_has_an_interval_in_time(void **state)
{
    struct wp_change appeared = change_of(0, 2000, true), gone = change_of(2000, 0, true);

    (void)state;
    check_texts(&appeared, "new", "+1.99 us to +2.01 us");
    check_texts(&gone, "gone", "-2.01 us to -1.99 us");
    assert_int_equal(wp_difference_state_of(&appeared), WP_DIFFERENCE_NEW);
    assert_int_equal(wp_difference_state_of(&gone), WP_DIFFERENCE_GONE);
}

static void
what_does_not_exceed_noise_is_no_change(void **state)
{
    struct wp_change change = change_of(1000, 1500, false);

    (void)state;
    check_texts(&change, "~", "+35.0 % to +65.0 %");
    assert_int_equal(wp_difference_state_of(&change), WP_DIFFERENCE_NOISE);
    change = change_of(0, 2000, false);
    check_texts(&change, "~", "+1.99 us to +2.01 us");
}

static void
where_nothing_is_known_nothing_is_claimed(void **state)
{
    struct wp_change change = change_of(1000, 1500, false);

    (void)state;
    change.basis = WP_BASIS_NONE;
    check_texts(&change, "?", "");
}

static void
bounds_that_are_not_known_are_not_shown(void **state)
{
    struct wp_change change = change_of(1000, 1500, false);

    (void)state;
    change.ratio.high = INFINITY;
    check_texts(&change, "~", "+490 ns to +510 ns");
    change.difference.high = INFINITY;
    check_texts(&change, "~", "");
}

static void
a_frame_shows_what_is_known_of_it(void **state)
{
    const struct wp_pprof_frame whole = {"f", "/src/file.c", 12, 0, "", true, false};
    const struct wp_pprof_frame bare = {"f", "", 12, 0, "", false, false};
    char text[64];

    (void)state;
    assert_string_equal(wp_difference_frame_text(&whole, text, sizeof text),
                        "f  file.c:12 (inlined)");
    assert_string_equal(wp_difference_frame_text(&bare, text, sizeof text), "f");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_is_told_in_percent_or_as_a_multiple),
        cmocka_unit_test(what_is_new_or_gone_has_an_interval_in_time),
        cmocka_unit_test(what_does_not_exceed_noise_is_no_change),
        cmocka_unit_test(where_nothing_is_known_nothing_is_claimed),
        cmocka_unit_test(bounds_that_are_not_known_are_not_shown),
        cmocka_unit_test(a_frame_shows_what_is_known_of_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
