/*
 * The figures of waits as people read them, in tables of text and of pages alike.
 */
#ifndef WP_CLI_REPORT_WORDS_H
#define WP_CLI_REPORT_WORDS_H

#include <stddef.h>

#include "cli/report/waits.h"

/* All return `text`. */

/* The 95 % interval as wp_report_describe_interval of profile/report.h has it. */
const char *wp_report_format_interval(const struct wp_report_figures *figures, char *text,
                                      size_t size);

const char *wp_report_format_count(double contentions, char *text, size_t size);
const char *wp_report_format_mean(const struct wp_report_figures *figures, char *text, size_t size);

/* "12.3 s (±4.2 %) in 4567 waits, during 30 s, in 2 profiles", or why there is
 * nothing. */
#define WP_REPORT_SUMMARY_BYTES 512u
const char *wp_report_format_summary(const struct wp_report_waits *waits,
                                     char text[WP_REPORT_SUMMARY_BYTES]);

#endif
