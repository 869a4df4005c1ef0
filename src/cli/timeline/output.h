/*
 * A timeline as people and programs read it.
 */
#ifndef WP_CLI_TIMELINE_OUTPUT_H
#define WP_CLI_TIMELINE_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "cli/timeline/model.h"
#include "profile/error.h"

struct wp_timeline_output {
    const char *source; /* what was read, for headings: "server.4711" */
    size_t top;         /* functions shown of a row */
    size_t width_columns;
    bool unicode; /* the terminal shows U+2588 and its fractions */
    bool colour;
};

/* A line for each row; rows of which there is nothing to say are drawn together. */
void wp_timeline_print(const struct wp_timeline *timeline, const struct wp_timeline_output *output,
                       FILE *stream);

/* 0 or -ENOMEM. */
int wp_timeline_print_json(const struct wp_timeline *timeline,
                           const struct wp_timeline_output *output, FILE *stream,
                           struct wp_error *error);

/* "Who waits (block)" or "Who makes them wait (mutex)". */
const char *wp_timeline_heading(enum wp_region_profile type);

/* "2.31 s/s": delay for each second. Returns `text`. */
const char *wp_timeline_format_rate(double rate, char *text, size_t size);

/* What happened in a row without delay. */
const char *wp_timeline_nothing(const struct wp_timeline *timeline,
                                const struct wp_timeline_row *row);

/* "2026-11-22 03:00:00 to 04:00:00 CET (UTC+01:00)": the time to show, or that with the whole of
 * each slice that has a part in it. Both return `text`. */
#define WP_TIMELINE_RANGE_BYTES 256u
char *wp_timeline_format_range(const struct wp_timeline *timeline,
                               char text[WP_TIMELINE_RANGE_BYTES]);
char *wp_timeline_format_whole_range(const struct wp_timeline *timeline,
                                     char text[WP_TIMELINE_RANGE_BYTES]);

#endif
