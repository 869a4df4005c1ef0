/*
 * What tune has found out, for people and for programs.
 */
#ifndef WP_CLI_TUNE_SHOW_H
#define WP_CLI_TUNE_SHOW_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

#include "cli/tune/calibration.h"
#include "cli/tune/measurement.h"
#include "cli/tune/model.h"

struct wp_tune_findings {
    const char *what;    /* as the user wrote it */
    const char *command; /* of the program */
    pid_t pid;           /* as seen from here; 0: it cannot be seen */
    const struct wp_tune_measurement *measurement;
    const struct wp_tune_calibration *calibration;
    const struct wp_tune_goal *goal;
    struct wp_tune_advice advice;
    bool applied; /* the rates of the profiles that are known */
};

#define WP_TUNE_SHOW_COMMAND_BYTES (PATH_MAX + 200u)

/* The command that lets the program keep the budget itself; returns `text`. */
const char *wp_tune_show_budget_command(const struct wp_tune_findings *findings, char *text,
                                        size_t size);

/* Tables of at most 80 columns. */
void wp_tune_show_text(const struct wp_tune_findings *findings, FILE *stream);

/* One object, with all steps of the rates; docs/tuning.md lists its members. 0 or -ENOMEM. */
int wp_tune_show_json(const struct wp_tune_findings *findings, FILE *stream);

#endif
