/*
 * waitprof timeline: contention by time slice.
 */
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "cli/capture.h"
#include "cli/command.h"
#include "cli/message.h"
#include "cli/report/page.h"
#include "cli/terminal.h"
#include "cli/timeline/output.h"
#include "cli/timeline/request.h"

#define DEFAULT_ROWS 50u /* where there is no terminal that says how many it shows */
#define LEAST_ROWS 10u
#define OTHER_LINES 7u /* of the terminal: heading, end, prompt */
#define NS_PER_S UINT64_C(1000000000)

struct timeline_values {
    struct wp_timeline_values view;
    unsigned type; /* index of wp_capture_types */
    unsigned format;
    struct wp_option_number slice_ns, top;
};

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_HTML };

static const char *const types[] = {WP_CAPTURE_TYPE_NAMES, NULL};
static const char *const formats[] = {"text", "json", "html", NULL};

static const struct timeline_values defaults = {.top = {.value = 3}};

static const struct wp_option options[] = {
    WP_TIMELINE_OPTIONS(struct timeline_values, view),
    {.name = "slice",
     .placeholder = "TIME",
     .help = "the length of a row (default: what makes as many rows as\nfit)",
     .parse = wp_option_parse_time,
     .target = offsetof(struct timeline_values, slice_ns),
     .minimum = UINT64_C(1000000),
     .unit_ns = NS_PER_S},
    {.name = "profile",
     .help = "who waits (default), or who makes them wait",
     .parse = wp_option_parse_choice,
     .target = offsetof(struct timeline_values, type),
     .choices = types},
    {.name = "top",
     .letter = 'n',
     .placeholder = "N",
     .help = "the N hottest functions of each row (default: 3)",
     .parse = wp_option_parse_number,
     .target = offsetof(struct timeline_values, top),
     .minimum = 1},
    {.name = "format",
     .letter = 'f',
     .help = "a table (default), a document, or a page with a picture",
     .parse = wp_option_parse_choice,
     .target = offsetof(struct timeline_values, format),
     .choices = formats},
    {.name = NULL},
};

static size_t
rows_that_fit(unsigned format)
{
    size_t lines = wp_terminal_height(stdout);

    if (format == FORMAT_HTML)
        return WP_REPORT_PAGE_ROWS;
    if (format == FORMAT_JSON || lines == 0)
        return DEFAULT_ROWS;
    return lines > LEAST_ROWS + OTHER_LINES ? lines - OTHER_LINES : LEAST_ROWS;
}

static int
print(const struct wp_timeline *timeline, const struct timeline_values *values, const char *source,
      struct wp_error *error)
{
    struct wp_timeline_output output = {.source = source, .top = (size_t)values->top.value};
    const struct wp_report_page_section section = {
        .type = timeline->options.type,
        .timeline = timeline,
        .slice_functions = output.top,
    };

    if (values->format == FORMAT_JSON)
        return wp_timeline_print_json(timeline, &output, stdout, error);
    if (values->format == FORMAT_HTML)
        return wp_report_page_print(source, &section, 1, stdout, error);
    setlocale(LC_CTYPE, "");
    output.unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    output.width_columns = wp_terminal_width(stdout);
    output.colour = wp_terminal_has_colour(stdout);
    wp_timeline_print(timeline, &output, stdout);
    return 0;
}

static int
run(const void *given, char **arguments)
{
    const struct timeline_values *values = given;
    const struct wp_timeline_request request = {
        .type = wp_capture_types[values->type],
        .row_ns = values->slice_ns.given ? values->slice_ns.value : 0,
        .rows_max = rows_that_fit(values->format),
    };
    char source[WP_TIMELINE_SOURCE_BYTES] = "";
    struct wp_timeline *timeline = NULL;
    struct wp_error error = {""};
    int status =
        wp_timeline_of_arguments(arguments, &values->view, &request, &timeline, source, &error);

    if (status == 0)
        status = print(timeline, values, source, &error);
    wp_timeline_free(timeline);
    return status != 0 ? wp_command_fail(status, &error) : WP_EXIT_OK;
}

const struct wp_command wp_command_timeline = {
    .name = "timeline",
    .arguments = "DIR|FILE...",
    .summary = "show contention by time slice: what was hot when",
    .description =
        "Reads the profiles that `waitprof record --every` or `waitprof push --to DIR` has "
        "stored,\n"
        "or any that say of what span they are, and prints a row for each slice of time: the\n"
        "delay of all threads for each second, and the functions that had most of it. A second of\n"
        "delay each second is one thread that waited all the time.\n",
    .exit_codes = WP_EXIT_BITS_REGION,
    .options = options,
    .arguments_minimum = 1,
    .arguments_maximum = -1,
    .defaults = &defaults,
    .values_bytes = sizeof defaults,
    .run = run,
};
