/*
 * Waits as a table of text: like profile/report.h has it for regions, with what is known of the
 * error of each delay.
 */
#ifndef WP_CLI_REPORT_TABLE_H
#define WP_CLI_REPORT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "cli/report/waits.h"
#include "cli/timeline/model.h"

struct wp_report_table_options {
    size_t rows;
    size_t frames;        /* callers shown below a row; 0: the program's own alone */
    size_t width_columns; /* 0: 100 */
    bool colour;
    const struct wp_timeline *timeline; /* that they were read with; NULL: none */
    bool comments;                      /* rates, cost and losses below the table */
};

void wp_report_table_print(const struct wp_report_waits *waits,
                           const struct wp_report_table_options *options, FILE *stream);

#endif
