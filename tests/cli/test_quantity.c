#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/quantity.h"
#include "profile/own_cost.h"

static uint64_t
parse_time(const char *text, uint64_t unit_ns)
{
    uint64_t time_ns = 0;

    assert_int_equal(wp_quantity_parse_time(text, unit_ns, &time_ns), 0);
    return time_ns;
}

static void
times_are_read_with_their_unit(void **state)
{
    (void)state;
    assert_int_equal(parse_time("250", 1), 250);
    assert_int_equal(parse_time("30", 1000000000), UINT64_C(30000000000));
    assert_int_equal(parse_time("100us", 1), 100000);
    assert_int_equal(parse_time("1ms", 1), 1000000);
    assert_int_equal(parse_time("2h", 1), UINT64_C(7200000000000));
    assert_int_equal(parse_time("7d", 1), UINT64_C(604800000000000));
    assert_int_equal(parse_time("0", 1), 0);
}

static void
fractions_of_a_unit_are_exact(void **state)
{
    (void)state;
    assert_int_equal(parse_time("1.5ms", 1), 1500000);
    assert_int_equal(parse_time("0.001s", 1), 1000000);
    assert_int_equal(parse_time("0.25", 1000000000), 250000000);
    assert_int_equal(parse_time("1.000001d", 1), UINT64_C(86400086400000));
    assert_int_equal(parse_time("1.9ns", 1), 1);
}

static void
what_is_no_time_is_refused(void **state)
{
    static const char *const wrong[] = {"",    "s",   "-1s", "+1s", " 1s",
                                        "1 s", "1.s", ".5s", "1x",  "1sec"};
    uint64_t time_ns;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(wp_quantity_parse_time(wrong[i], 1, &time_ns), -EINVAL);
}

static void
times_that_overflow_are_refused(void **state)
{
    uint64_t time_ns;

    (void)state;
    assert_int_equal(wp_quantity_parse_time("99999999999999999999", 1, &time_ns), -ERANGE);
    assert_int_equal(wp_quantity_parse_time("9223372037s", 1, &time_ns), -ERANGE);
    assert_int_equal(parse_time("9223372035s", 1), UINT64_C(9223372035000000000));
}

static uint64_t
parse_bytes(const char *text)
{
    uint64_t bytes = 0;

    assert_int_equal(wp_quantity_parse_bytes(text, &bytes), 0);
    return bytes;
}

static void
sizes_are_read_as_they_are_printed(void **state)
{
    static const uint64_t sizes[] = {0, 512, 64 << 10, 3 << 19, UINT64_C(5) << 40};
    char text[WP_QUANTITY_TEXT_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        assert_true(parse_bytes(wp_quantity_format_bytes(sizes[i], text)) == sizes[i]);
    assert_int_equal(parse_bytes("64KiB"), 65536);
    assert_int_equal(parse_bytes("64K"), 65536);
    assert_int_equal(parse_bytes("64k"), 65536);
}

static void
what_is_no_size_is_refused(void **state)
{
    static const char *const wrong[] = {"",    "B",     "-1",  "1KB", "1Ki",  "1x",
                                        "1 x", "1KiBB", "1bB", "MiB", "1. K", "1  K"};
    uint64_t bytes;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(wp_quantity_parse_bytes(wrong[i], &bytes), -EINVAL);
    assert_int_equal(wp_quantity_parse_bytes("8192P", &bytes), -ERANGE);
}

static void
what_is_no_number_is_refused(void **state)
{
    uint64_t number = 0;

    (void)state;
    assert_int_equal(wp_quantity_parse_number("18446744073709551615", &number), 0);
    assert_true(number == UINT64_MAX);
    assert_int_equal(wp_quantity_parse_number("18446744073709551616", &number), -ERANGE);
    assert_int_equal(wp_quantity_parse_number("-1", &number), -EINVAL);
    assert_int_equal(wp_quantity_parse_number("1x", &number), -EINVAL);
    assert_int_equal(wp_quantity_parse_number("", &number), -EINVAL);
}

static void
times_are_written_with_three_digits(void **state)
{
    static const struct {
        uint64_t time_ns;
        const char *text;
    } cases[] = {
        {0, "0"},
        {999, "999ns"},
        {1500, "1.50us"},
        {12345678, "12.3ms"},
        {999600, "1000us"},
        {UINT64_C(59900000000), "59.9s"},
        {UINT64_C(125000000000), "2m05s"},
        {UINT64_C(11220000000000), "3h07m"},
        {UINT64_C(439200000000000), "5d02h"},
    };
    char text[WP_QUANTITY_TEXT_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(wp_quantity_format_time(cases[i].time_ns, text), cases[i].text);
}

static void
exact_times_can_be_read_back(void **state)
{
    static const uint64_t times_ns[] = {0,      1,       999,         1000,         1500,
                                        100000, 1000000, 90000000000, 3600000000000};
    char text[WP_QUANTITY_TEXT_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof times_ns / sizeof times_ns[0]; i++)
        assert_int_equal(parse_time(wp_quantity_format_exact_time(times_ns[i], text), 1),
                         times_ns[i]);
    assert_string_equal(wp_quantity_format_exact_time(100000, text), "100us");
    assert_string_equal(wp_quantity_format_exact_time(1500000, text), "1500us");
}

static void
bytes_are_written_in_binary_units(void **state)
{
    char text[WP_QUANTITY_TEXT_BYTES];

    (void)state;
    assert_string_equal(wp_quantity_format_bytes(0, text), "0 B");
    assert_string_equal(wp_quantity_format_bytes(1023, text), "1023 B");
    assert_string_equal(wp_quantity_format_bytes(1536, text), "1.5 KiB");
    assert_string_equal(wp_quantity_format_bytes(UINT64_C(440) << 10, text), "440 KiB");
    assert_string_equal(wp_quantity_format_bytes(UINT64_MAX, text), "16 EiB");
}

static void
budgets_are_a_share_or_a_number_of_samples(void **state)
{
    struct wp_quantity_budget budget = {7, 7};

    (void)state;
    assert_int_equal(wp_quantity_parse_budget("0.5%", &budget), 0);
    assert_true(budget.cost_ns_per_s == 5000000 && budget.samples_per_s == 0);
    assert_int_equal(wp_quantity_parse_budget("100%", &budget), 0);
    assert_int_equal(budget.cost_ns_per_s, 1000000000);
    assert_int_equal(wp_quantity_parse_budget("0.000001%", &budget), 0);
    assert_int_equal(budget.cost_ns_per_s, 10);
    assert_int_equal(wp_quantity_parse_budget("2000/s", &budget), 0);
    assert_true(budget.cost_ns_per_s == 0 && budget.samples_per_s == 2000);
    assert_int_equal(wp_quantity_parse_budget("0.5%,2000/s", &budget), 0);
    assert_true(budget.cost_ns_per_s == 5000000 && budget.samples_per_s == 2000);
    assert_int_equal(wp_quantity_parse_budget("1/s,1%", &budget), 0);
    assert_true(budget.cost_ns_per_s == 10000000 && budget.samples_per_s == 1);
    assert_int_equal(wp_quantity_parse_budget("off", &budget), 0);
    assert_true(budget.cost_ns_per_s == 0 && budget.samples_per_s == 0);
    assert_int_equal(wp_quantity_parse_budget("0", &budget), 0);
}

static void
a_budget_of_two_limits_is_read_as_it_is_printed(void **state)
{
    struct wp_quantity_budget budget;
    char text[WP_OWN_COST_TEXT_BYTES];

    (void)state;
    wp_own_cost_format_budget(5000000, 2000, text, sizeof text);
    assert_int_equal(wp_quantity_parse_budget(text, &budget), 0);
    assert_true(budget.cost_ns_per_s == 5000000 && budget.samples_per_s == 2000);
}

static void
what_is_no_budget_is_refused(void **state)
{
    static const char *const wrong[] = {
        "",      "%",       "0%",     "0/s",      "5",     "1 %",     "-1%",
        "1.%",   "1%%",     "2000",   "2.5/s",    "1/m",   "on",      "OFF",
        "/s",    "1%/s",    ".5%",    "1e2%",     "0.0%",  "1%,",     ",1%",
        "1%,1%", "1/s,2/s", "1%,off", "1%,  1/s", "1%1/s", "1% ,1/s", "1%,1/s,1%"};
    static const char *const large[] = {"100.1%", "101%", "99999999999999999999%", "1000000001/s"};
    struct wp_quantity_budget budget;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(wp_quantity_parse_budget(wrong[i], &budget), -EINVAL);
    for (size_t i = 0; i < sizeof large / sizeof large[0]; i++)
        assert_int_equal(wp_quantity_parse_budget(large[i], &budget), -ERANGE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read_with_their_unit),
        cmocka_unit_test(fractions_of_a_unit_are_exact),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(times_that_overflow_are_refused),
        cmocka_unit_test(sizes_are_read_as_they_are_printed),
        cmocka_unit_test(what_is_no_size_is_refused),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(times_are_written_with_three_digits),
        cmocka_unit_test(exact_times_can_be_read_back),
        cmocka_unit_test(bytes_are_written_in_binary_units),
        cmocka_unit_test(budgets_are_a_share_or_a_number_of_samples),
        cmocka_unit_test(a_budget_of_two_limits_is_read_as_it_is_printed),
        cmocka_unit_test(what_is_no_budget_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
