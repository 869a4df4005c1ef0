/*
 * waitprof diff: what changed between two sides of captures.
 */
#include <stdint.h>
#include <string.h>

#include "cli/command.h"
#include "cli/comparison_options.h"
#include "cli/diff/difference.h"
#include "cli/message.h"
#include "cli/output_file.h"
#include "cli/terminal.h"

struct diff_values {
    struct wp_comparison_values comparison;
    unsigned grouping; /* index of groupings */
    unsigned format;   /* index of formats */
    const char *path;  /* NULL: standard output */
    struct wp_option_number rows;
    bool all;
};

static const struct diff_format {
    wp_difference_write *write;
    size_t rows; /* that are shown if nobody says how many */
    bool is_binary;
} formats[] = {
    {wp_difference_write_text, 20, false},
    {wp_difference_write_json, SIZE_MAX, false},
    {wp_difference_write_pprof, SIZE_MAX, true},
    {wp_difference_write_html, 500, false},
};

static const char *const format_names[] = {"text", "json", "pprof", "html", NULL};

static const char *const grouping_names[] = {"function", "stack", NULL};
static const enum wp_comparison_grouping groupings[] = {WP_COMPARE_FUNCTIONS, WP_COMPARE_STACKS};

static const struct wp_option options[] = {
    {.name = "by",
     .help = "one row for the calling function (default), or for\n"
             "each stack; pprof has stacks",
     .parse = wp_option_parse_choice,
     .target = offsetof(struct diff_values, grouping),
     .choices = grouping_names},
    WP_COMPARISON_OPTIONS(struct diff_values, comparison),
    {.name = "format",
     .letter = 'f',
     .help = "text by default; pprof: new minus base",
     .parse = wp_option_parse_choice,
     .target = offsetof(struct diff_values, format),
     .choices = format_names},
    {.name = "output",
     .letter = 'o',
     .placeholder = "FILE",
     .help = "write to FILE (default: standard output)",
     .parse = wp_option_parse_text,
     .target = offsetof(struct diff_values, path)},
    {.name = "rows",
     .letter = 'n',
     .placeholder = "N",
     .help = "show at most N rows, changes first (default: 20 in\n"
             "text, 500 in html, all in json)",
     .parse = wp_option_parse_number,
     .target = offsetof(struct diff_values, rows),
     .minimum = 1},
    {.name = "all",
     .letter = 'a',
     .help = "show all rows",
     .parse = wp_option_parse_flag,
     .target = offsetof(struct diff_values, all)},
    {.name = NULL},
};

static struct wp_difference_view
view_of(const struct diff_values *values)
{
    const struct diff_format *format = &formats[values->format];
    struct wp_difference_view view = {.rows = format->rows};

    if (values->rows.given)
        view.rows = values->rows.value;
    if (values->all)
        view.rows = SIZE_MAX;
    if (values->path != NULL)
        return view;
    view.colour = wp_terminal_has_colour(stdout);
    view.width_columns = wp_terminal_width(stdout);
    return view;
}

static int
write_difference(const struct wp_difference *difference, const struct diff_values *values,
                 struct wp_error *error)
{
    const struct diff_format *format = &formats[values->format];
    struct wp_difference_view view = view_of(values);
    struct wp_output_file file;
    int status;

    if (values->path == NULL)
        return format->write(difference, &view, stdout, error);
    status = wp_output_file_open(&file, values->path, error);
    if (status != 0)
        return status;
    status = format->write(difference, &view, file.stream, error);
    if (status == 0)
        return wp_output_file_commit(&file, error);
    wp_output_file_discard(&file);
    return status;
}

static int
compare(const struct diff_values *values, char **arguments, struct wp_error *error)
{
    enum wp_comparison_grouping grouping = groupings[values->grouping];
    struct wp_comparison_sides sides = {{NULL}, {0}, {0}};
    struct wp_comparison *comparison = NULL;
    struct wp_difference difference = {.rows = NULL};
    int status;

    if (formats[values->format].write == wp_difference_write_pprof)
        grouping = WP_COMPARE_STACKS;
    status = wp_comparison_of_arguments(arguments, &values->comparison, grouping, &sides,
                                        &comparison, error);
    if (status == 0)
        status = wp_difference_make(comparison, &sides, grouping, &difference, error);
    if (status == 0) {
        difference.operations_of_new = values->comparison.per.operations[WP_SIDE_NEW];
        status = write_difference(&difference, values, error);
    }
    wp_difference_free(&difference);
    wp_comparison_free(comparison);
    wp_comparison_sides_free(&sides);
    return status;
}

static int
diff(const void *given, char **arguments)
{
    const struct diff_values *values = given;
    struct wp_error error = {""};
    int status = 0;

    if (values->path == NULL && wp_terminal_is(stdout) && formats[values->format].is_binary) {
        wp_message_error("standard output", "name a file with -o, or choose --format text",
                         "a terminal cannot show this format");
        return WP_EXIT_USAGE;
    }
    if (values->path != NULL)
        status = wp_output_file_check(values->path, &error);
    if (status == 0)
        status = compare(values, arguments, &error);
    return status != 0 ? wp_command_fail(status, &error) : WP_EXIT_OK;
}

const struct wp_command wp_command_diff = {
    .name = "diff",
    .arguments = "BASE NEW | BASE... -- NEW...",
    .summary = "compare captures: what changed by more than noise",
    .description =
        "Compares captures of before with captures of after, per second and function. Each is\n"
        "a block or mutex profile in pprof format, of waitprof or of Go, or a directory of\n"
        "such. Changes have their 95 % interval; what does not exceed noise is no change. With\n"
        "several captures of each side, noise is what they differ by. A difference is no error.\n",
    .exit_codes = WP_EXIT_BITS_PLAIN,
    .options = options,
    .arguments_minimum = 1,
    .arguments_maximum = -1,
    .has_sides = true,
    .values_bytes = sizeof(struct diff_values),
    .run = diff,
};
