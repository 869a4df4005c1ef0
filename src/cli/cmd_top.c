/*
 * waitprof top: the table of top waits, once.
 */
#include "cli/capture.h"
#include "cli/command.h"
#include "cli/view_options.h"
#include "profile/region_find.h"

struct top_values {
    struct wp_option_number rows;
    unsigned type;
    unsigned grouping;
    struct wp_view_values view;
};

static const char *const types[] = {WP_CAPTURE_TYPE_NAMES, "both", NULL};
static const char *const groupings[] = {
    [WP_REPORT_STACKS] = "stacks", [WP_REPORT_FUNCTIONS] = "functions", NULL};

static const struct top_values defaults = {.rows = {.value = 10}, .type = WP_CAPTURE_TYPES};

static const struct wp_option options[] = {
    {.name = "rows",
     .letter = 'n',
     .placeholder = "N",
     .help = "show at most N rows (default: 10)",
     .parse = wp_option_parse_number,
     .target = offsetof(struct top_values, rows),
     .minimum = 1,
     .maximum = 100000},
    {.name = "profile",
     .help = "who waits, who makes them wait, or both (default)",
     .parse = wp_option_parse_choice,
     .target = offsetof(struct top_values, type),
     .choices = types},
    WP_KIND_OPTION(struct top_values, view),
    {.name = "by",
     .help = "one row a stack (default) or a calling function",
     .parse = wp_option_parse_choice,
     .target = offsetof(struct top_values, grouping),
     .choices = groupings},
    {.name = NULL},
};

static int
print_place(const struct top_values *values, const struct wp_region_place *place,
            struct wp_error *error)
{
    struct wp_report_options report = {
        .rows = values->rows.value,
        .grouping = (enum wp_report_grouping)values->grouping,
    };
    unsigned chosen = values->type < WP_CAPTURE_TYPES ? 1u << values->type : WP_CAPTURE_ALL_TYPES;
    struct wp_capture capture = {0};
    struct wp_snapshot *snapshot = NULL;
    int status = wp_reader_open(place, &snapshot, error);

    if (status == 0)
        status = wp_view_check_kinds(values->view.kinds, snapshot, error);
    if (status == 0)
        status = wp_capture_start(&capture, error);
    if (status == 0)
        status = wp_capture_add(&capture, snapshot, error);
    wp_snapshot_free(snapshot);
    if (status == 0)
        status = wp_capture_select_kinds(&capture, values->view.kinds, error);
    if (status == 0)
        status = wp_capture_print(&capture, chosen, &report, stdout, error);
    wp_capture_free(&capture);
    return status;
}

static int
top(const void *values, char **arguments)
{
    struct wp_region_place place;
    struct wp_error error = {""};
    int status = wp_region_find(arguments[0], &place, &error);

    if (status == 0)
        status = print_place(values, &place, &error);
    return status != 0 ? wp_command_fail(status, &error) : WP_EXIT_OK;
}

const struct wp_command wp_command_top = {
    .name = "top",
    .arguments = "PID|REGION",
    .summary = "print who waits, for what, because of whom",
    .description =
        "Prints the top waits of a program since its start: who waits (block profile) and who\n"
        "makes them wait (mutex profile). The program need not run any more.\n",
    .exit_codes = WP_EXIT_BITS_REGION,
    .options = options,
    .arguments_minimum = 1,
    .arguments_maximum = 1,
    .defaults = &defaults,
    .values_bytes = sizeof defaults,
    .run = top,
};
