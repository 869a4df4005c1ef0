/*
 * A subcommand: one row of the table in main.c, one file each.
 */
#ifndef WP_CLI_COMMAND_H
#define WP_CLI_COMMAND_H

#include <stdbool.h>

#include "cli/exit_code.h"
#include "cli/option_table.h"
#include "profile/error.h"

struct wp_command {
    const char *name;
    const char *arguments;   /* after the options, as "PID|REGION"; "" for none */
    const char *summary;     /* half a sentence */
    const char *description; /* for `--help`; lines ending in '\n' */
    uint32_t exit_codes;     /* WP_EXIT_BIT()s of WP_EXIT_CODES, for `--help` */
    const struct wp_option *options;
    int arguments_minimum;
    int arguments_maximum; /* -1: any number */
    bool runs_program;     /* options end at the first argument that is none */
    bool has_sides;        /* a "--" divides the arguments, and comes as wp_option_divider */
    const void *defaults;  /* option values before parsing, values_bytes of them */
    size_t values_bytes;

    /* `values` was filled by the options; `arguments` are the others, ending in NULL. Returns an
     * enum wp_exit_code (run: the exit status of the program). */
    int (*run)(const void *values, char **arguments);
};

/* Prints the message and returns the exit code for a negative errno of src/profile. */
int wp_command_fail(int status, const struct wp_error *error);

extern const struct wp_command wp_command_run;
extern const struct wp_command wp_command_ls;
extern const struct wp_command wp_command_top;
extern const struct wp_command wp_command_record;
extern const struct wp_command wp_command_export;
extern const struct wp_command wp_command_rate;
extern const struct wp_command wp_command_serve;
extern const struct wp_command wp_command_push;
extern const struct wp_command wp_command_prune;
extern const struct wp_command wp_command_doctor;
extern const struct wp_command wp_command_diff;
extern const struct wp_command wp_command_gate;
extern const struct wp_command wp_command_report;
extern const struct wp_command wp_command_timeline;
extern const struct wp_command wp_command_tune;
extern const struct wp_command wp_command_functions;

#endif
