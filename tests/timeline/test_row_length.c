/*
 * Rows are as long as fit, in lengths that people count in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/timeline/model.h"

#define S UINT64_C(1000000000)

static void
a_row_is_the_shortest_of_the_usual_lengths_that_fits(void **state)
{
    (void)state;
    assert_int_equal(wp_timeline_row_length(60 * S, 100, 0), S);
    assert_int_equal(wp_timeline_row_length(3600 * S, 50, 0), 120 * S);
    assert_int_equal(wp_timeline_row_length(86400 * S, 50, 0), 1800 * S);
    assert_int_equal(wp_timeline_row_length(7 * 86400 * S, 200, 0), 3600 * S);
}

static void
whatever_the_span_no_more_rows_than_asked_for_are_made(void **state)
{
    (void)state;
    for (uint64_t span_ns = 1; span_ns < UINT64_MAX / 3; span_ns *= 3) {
        for (size_t rows = 3; rows < 300; rows += 50)
            assert_true(span_ns / wp_timeline_row_length(span_ns, rows, 0) + 1 <= rows);
    }
}

static void
a_row_is_no_shorter_than_a_slice(void **state)
{
    (void)state;
    assert_int_equal(wp_timeline_row_length(60 * S, 1000, 15 * S), 15 * S);
    /* Timers are late by a moment. */
    assert_int_equal(wp_timeline_row_length(60 * S, 1000, 15 * S + 1000000), 15 * S);
    assert_int_equal(wp_timeline_row_length(60 * S, 1000, 17 * S), 30 * S);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_is_the_shortest_of_the_usual_lengths_that_fits),
        cmocka_unit_test(whatever_the_span_no_more_rows_than_asked_for_are_made),
        cmocka_unit_test(a_row_is_no_shorter_than_a_slice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
