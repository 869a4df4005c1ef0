/*
 * Times as people write them, and as they are shown to people.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "cli/time_text.h"

#define S UINT64_C(1000000000)

/* 2026-11-22 10:15:30 UTC: in Berlin 11:15:30, an hour ahead; in New York 05:15:30. */
#define NOW (UINT64_C(1795342530) * S)

static void
set_zone(const char *zone)
{
    setenv("TZ", zone, 1);
    tzset();
}

static uint64_t
parse(const char *text, bool utc, uint64_t reference_ns, enum wp_time_day day)
{
    struct wp_error error = {""};
    uint64_t time_ns = 0;

    if (wp_time_parse(text, utc, reference_ns, day, &time_ns, &error) != 0)
        fail_msg("%s", error.text);
    return time_ns;
}

static void
a_time_of_day_is_the_last_one_before_the_reference(void **state)
{
    (void)state;
    set_zone("CET-1CEST,M3.5.0,M10.5.0/3");
    assert_int_equal(parse("11:15", false, NOW, WP_TIME_BEFORE), NOW - 30 * S);
    assert_int_equal(parse("11:15:30", false, NOW, WP_TIME_BEFORE), NOW);
    assert_int_equal(parse("11:16", false, NOW, WP_TIME_BEFORE), NOW + 30 * S - 86400 * S);
    assert_int_equal(parse("10:15", true, NOW, WP_TIME_BEFORE), NOW - 30 * S);
    assert_int_equal(parse("10:15Z", false, NOW, WP_TIME_BEFORE), NOW - 30 * S);
    assert_int_equal(parse("05:15-05:00", false, NOW, WP_TIME_BEFORE), NOW - 30 * S);
}

static void
or_the_first_one_after_it(void **state)
{
    (void)state;
    set_zone("CET-1CEST,M3.5.0,M10.5.0/3");
    assert_int_equal(parse("11:16", false, NOW, WP_TIME_AFTER), NOW + 30 * S);
    assert_int_equal(parse("11:15:30", false, NOW, WP_TIME_AFTER), NOW + 86400 * S);
    assert_int_equal(parse("00:10", false, NOW, WP_TIME_AFTER),
                     NOW + (12 * 3600 + 54 * 60 + 30) * S);
}

static void
dates_are_on_the_clock_that_is_shown(void **state)
{
    (void)state;
    set_zone("CET-1CEST,M3.5.0,M10.5.0/3");
    assert_int_equal(parse("2026-11-22 11:15:30", false, 0, WP_TIME_BEFORE), NOW);
    assert_int_equal(parse("2026-11-22T11:15:30.25", false, 0, WP_TIME_BEFORE), NOW + S / 4);
    assert_int_equal(parse("2026-11-22 10:15:30", true, 0, WP_TIME_BEFORE), NOW);
    assert_int_equal(parse("2026-11-22T10:15:30Z", false, 0, WP_TIME_BEFORE), NOW);
    assert_int_equal(parse("2026-11-22T15:45:30+05:30", false, 0, WP_TIME_BEFORE), NOW);
    assert_int_equal(parse("2028-02-29 24:00", true, 0, WP_TIME_BEFORE),
                     parse("2028-03-01", true, 0, WP_TIME_BEFORE));
    assert_int_equal(parse("2026-11-22", true, 0, WP_TIME_BEFORE),
                     NOW - (10 * 3600 + 15 * 60 + 30) * S);
    /* Summer time. */
    assert_int_equal(parse("2026-07-01 12:00", false, 0, WP_TIME_BEFORE),
                     parse("2026-07-01T10:00Z", false, 0, WP_TIME_BEFORE));
}

static void
a_span_is_counted_back_from_the_reference(void **state)
{
    (void)state;
    assert_int_equal(parse("-10m", false, NOW, WP_TIME_BEFORE), NOW - 600 * S);
    assert_int_equal(parse("-1.5s", false, NOW, WP_TIME_AFTER), NOW - 3 * S / 2);
    assert_int_equal(parse("-90", false, NOW, WP_TIME_AFTER), NOW - 90 * S);
}

static void
what_is_no_time_is_refused_with_examples(void **state)
{
    static const char *const others[] = {
        "",           "3:14",    "03:14:",
        "03:60",      "25:00",   "03:14x",
        "03:14:5",    "-",       "-10x",
        "2026-13-01", "2026-1",  "yesterday",
        "03:14+1",    "03:14.5", "2026-11-22 03:14 ",
        "03:14:05.",  "24:01",   "2026-02-30 10:00",
        "2027-02-29",
    };

    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct wp_error error = {""};
        uint64_t time_ns;

        if (wp_time_parse(others[i], false, NOW, WP_TIME_BEFORE, &time_ns, &error) == 0)
            fail_msg("\"%s\" is taken for a time", others[i]);
        assert_non_null(strstr(error.text, "03:14:05"));
    }
}

static void
times_are_shown_with_their_zone(void **state)
{
    char text[WP_TIME_TEXT_BYTES];

    (void)state;
    set_zone("CET-1CEST,M3.5.0,M10.5.0/3");
    assert_string_equal(wp_time_format(NOW, false, WP_TIME_FULL, text), "2026-11-22 11:15:30");
    assert_string_equal(wp_time_format(NOW + S / 10, false, WP_TIME_FULL, text),
                        "2026-11-22 11:15:30.100");
    assert_string_equal(wp_time_format(NOW, true, WP_TIME_CLOCK, text), "10:15:30");
    assert_string_equal(wp_time_format(NOW, true, WP_TIME_CLOCK_MS, text), "10:15:30.000");
    assert_string_equal(wp_time_format(NOW, true, WP_TIME_MINUTE, text), "10:15");
    assert_string_equal(wp_time_format(NOW, true, WP_TIME_DATE, text), "2026-11-22");
    assert_string_equal(wp_time_format(NOW, true, WP_TIME_DAY_CLOCK, text), "11-22 10:15");
    assert_string_equal(wp_time_format_zone(NOW, false, text), "CET (UTC+01:00)");
    assert_string_equal(wp_time_format_zone(NOW, true, text), "UTC");
    assert_int_equal(wp_time_zone_ns(NOW, false), 3600 * (int64_t)S);
    set_zone("EST5EDT,M3.2.0,M11.1.0");
    assert_string_equal(wp_time_format_zone(NOW, false, text), "EST (UTC-05:00)");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_of_day_is_the_last_one_before_the_reference),
        cmocka_unit_test(or_the_first_one_after_it),
        cmocka_unit_test(dates_are_on_the_clock_that_is_shown),
        cmocka_unit_test(a_span_is_counted_back_from_the_reference),
        cmocka_unit_test(what_is_no_time_is_refused_with_examples),
        cmocka_unit_test(times_are_shown_with_their_zone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
