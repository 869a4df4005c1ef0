/*
 * Contention over time as an inline SVG: a bar for each row of a timeline, of which the hottest
 * functions each have a part; with axes, a legend, and the figures where the pointer rests.
 */
#ifndef WP_CLI_REPORT_PICTURE_H
#define WP_CLI_REPORT_PICTURE_H

#include <stdio.h>

#include "cli/timeline/model.h"

/* For the style of the page, once. */
extern const char wp_report_picture_style[];

/* `number` tells the pictures of a page apart. */
void wp_report_picture_print(const struct wp_timeline *timeline, unsigned number, FILE *stream);

/* The least of 1, 2 and 5 times a power of ten by which so many steps reach from 0 to a value that
 * is greater than 0. */
double wp_report_picture_step(double value, unsigned steps_max);

#endif
