/*
 * Comparison of doubles: cmocka's own is of floats. Include after cmocka.
 */
#ifndef WP_TESTS_TUNE_NEAR_H
#define WP_TESTS_TUNE_NEAR_H

#include <math.h>

#define assert_near(value, expected, tolerance)                                                    \
    do {                                                                                           \
        double near_value = (value), near_expected = (expected);                                   \
                                                                                                   \
        if (!(fabs(near_value - near_expected) <= (tolerance)))                                    \
            fail_msg("%s is %.9g, not %.9g", #value, near_value, near_expected);                   \
    } while (0)

#endif
