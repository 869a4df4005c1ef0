/*
 * The figures of waits as people read them, in tables of text and of pages alike.
 */
#ifndef WP_CLI_REPORT_WORDS_H
#define WP_CLI_REPORT_WORDS_H

#include <stddef.h>

#include "cli/report/waits.h"
#include "cli/timeline/model.h"

/* All return `text`. */

/* The 95 % interval as wp_report_describe_interval of profile/report.h has it. */
const char *wp_report_format_interval(const struct wp_report_figures *figures, char *text,
                                      size_t size);

const char *wp_report_format_count(double contentions, char *text, size_t size);
const char *wp_report_format_samples(const struct wp_report_figures *figures, char *text,
                                     size_t size); /* kept samples */
const char *wp_report_format_mean(const struct wp_report_figures *figures, char *text, size_t size);

/* "12.3 s (±4.2 %) in 4567 waits, during 30 s, in 2 profiles", or why there is
 * nothing. */
#define WP_REPORT_SUMMARY_BYTES 512u
const char *wp_report_format_summary(const struct wp_report_waits *waits,
                                     char text[WP_REPORT_SUMMARY_BYTES]);

/* Of what time waits are that were read with a timeline: "2026-11-22 03:10:00 to 03:15:00 UTC", and
 * that they are of whole slices where that is more than the timeline shows. */
#define WP_REPORT_SPAN_BYTES 384u
const char *wp_report_format_span(const struct wp_timeline *timeline,
                                  char text[WP_REPORT_SPAN_BYTES]);

#endif
