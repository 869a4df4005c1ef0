/*
 * A report as one page for a browser that needs nothing else.
 */
#ifndef WP_CLI_REPORT_PAGE_H
#define WP_CLI_REPORT_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "cli/report/waits.h"
#include "cli/timeline/model.h"
#include "profile/error.h"

/* Rows of a timeline that make a good picture. */
#define WP_REPORT_PAGE_ROWS 200u

/* One type of profile. */
struct wp_report_page_section {
    enum wp_region_profile type;
    const struct wp_timeline *timeline;  /* the picture; NULL: none */
    size_t slice_functions;              /* hottest of each row, in a table of rows; 0: no table */
    const struct wp_report_waits *waits; /* the table of waits and the comments; NULL: none */
    size_t waits_max;                    /* rows of it */
};

/* `source` is what was read. 0 or -ENOMEM; errors of the stream are left in it. */
int wp_report_page_print(const char *source, const struct wp_report_page_section *sections,
                         size_t count, FILE *stream, struct wp_error *error);

#endif
