/*
 * What the view shows, for scripts.
 */
#ifndef WP_CLI_TOP_JSON_H
#define WP_CLI_TOP_JSON_H

#include <stdbool.h>
#include <stdio.h>

#include "cli/top/session.h"

struct wp_top_json_options {
    size_t rows;       /* stacks of each profile; 0: all */
    bool profiles[2];  /* which: block, mutex */
    const char *kinds; /* as of profile/kind.h, checked; NULL: all */
    enum wp_report_grouping grouping;
    bool one_line;
};

/* Prints one document for the latest look. Values by the second are there if it is not the first. 0
 * or negative errno. */
int wp_top_json_print(struct wp_top_session *session, const struct wp_top_json_options *options,
                      FILE *stream, struct wp_error *error);

#endif
