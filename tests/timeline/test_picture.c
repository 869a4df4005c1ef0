/*
 * Axes of the picture have round steps.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/report/picture.h"

static void
steps_are_one_two_or_five_times_a_power_of_ten(void **state)
{
    (void)state;
    assert_true(fabs(wp_report_picture_step(1, 5) - 0.2) < 1e-12);
    assert_true(fabs(wp_report_picture_step(2.3, 5) - 0.5) < 1e-12);
    assert_true(fabs(wp_report_picture_step(9.9, 5) - 2) < 1e-12);
    assert_true(fabs(wp_report_picture_step(100, 5) - 20) < 1e-12);
    assert_true(fabs(wp_report_picture_step(1e-9, 5) - 2e-10) < 1e-20);
}

static void
as_few_steps_as_asked_for_reach_the_value(void **state)
{
    (void)state;
    for (double value = 1e-9; value < 1e9; value *= 1.37) {
        for (unsigned steps = 1; steps < 12; steps++) {
            double step = wp_report_picture_step(value, steps);

            assert_true(ceil(value / step - 1e-9) <= steps);
            /* The next smaller step would not do. */
            assert_true(ceil(value / (step / 2.6)) > steps);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_one_two_or_five_times_a_power_of_ten),
        cmocka_unit_test(as_few_steps_as_asked_for_reach_the_value),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
