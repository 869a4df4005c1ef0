/*
 * waitprof report: what waited, for people, from regions, files and stored slices.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/capture.h"
#include "cli/command.h"
#include "cli/output_file.h"
#include "cli/report/page.h"
#include "cli/report/source.h"
#include "cli/report/table.h"
#include "cli/terminal.h"
#include "cli/timeline/request.h"
#include "cli/view_options.h"

#define TYPES WP_CAPTURE_TYPES
#define FRAMES 6u

enum format { FORMAT_TEXT, FORMAT_HTML };

struct report_values {
    struct wp_timeline_values view;
    unsigned type; /* index of types */
    unsigned grouping;
    unsigned format;
    struct wp_option_number rows;
    const char *path; /* NULL: standard output */
};

static const char *const types[] = {"both", WP_CAPTURE_TYPE_NAMES, NULL};
static const char *const groupings[] = {"stacks", "functions", NULL};
static const char *const formats[] = {"text", "html", NULL};

static const struct report_values defaults = {.rows = {.value = 10}};

static const struct wp_option options[] = {
    {.name = "format",
     .letter = 'f',
     .help = "tables (default), or a page with a picture",
     .parse = wp_option_parse_choice,
     .target = offsetof(struct report_values, format),
     .choices = formats},
    {.name = "output",
     .letter = 'o',
     .placeholder = "FILE",
     .help = "write to FILE (default: standard output)",
     .parse = wp_option_parse_text,
     .target = offsetof(struct report_values, path)},
    {.name = "profile",
     .help = "both (default), or one of them",
     .parse = wp_option_parse_choice,
     .target = offsetof(struct report_values, type),
     .choices = types},
    {.name = "by",
     .help = "a row for each stack (default) or calling function",
     .parse = wp_option_parse_choice,
     .target = offsetof(struct report_values, grouping),
     .choices = groupings},
    {.name = "rows",
     .letter = 'n',
     .placeholder = "N",
     .help = "at most N rows in a table (default: 10)",
     .parse = wp_option_parse_number,
     .target = offsetof(struct report_values, rows),
     .minimum = 1},
    WP_TIMELINE_OPTIONS(struct report_values, view),
    {.name = NULL},
};

/* --- Regions, as `run` and `top` print them
 * ------------------------------------------------------- */

static int
print_regions(const struct wp_report_source *source, const struct report_values *values,
              FILE *stream, struct wp_error *error)
{
    struct wp_report_options report = {
        .rows = (size_t)values->rows.value,
        .grouping = values->grouping == 0 ? WP_REPORT_STACKS : WP_REPORT_FUNCTIONS,
    };
    struct wp_capture capture = {0};
    unsigned chosen = values->type == 0 ? WP_CAPTURE_ALL_TYPES : 1u << (values->type - 1);
    int status = wp_capture_start(&capture, error);

    for (size_t i = 0; i < source->region_count && status == 0; i++) {
        status = wp_view_check_kinds(values->view.kinds, source->regions[i], error);
        if (status == 0)
            status = wp_capture_add(&capture, source->regions[i], error);
    }
    if (status == 0)
        status = wp_capture_select_kinds(&capture, values->view.kinds, error);
    if (status == 0)
        status = wp_capture_print(&capture, chosen, &report, stream, error);
    wp_capture_free(&capture);
    return status;
}

/* --- What was read back
 * ------------------------------------------------------------------------ */

/* A report of one type, for the page and the table. */
struct part {
    struct wp_report_waits *waits;
    struct wp_timeline *timeline;
};

static int
print_parts(const struct part parts[TYPES], const struct report_values *values, const char *name,
            FILE *stream, struct wp_error *error)
{
    struct wp_report_table_options table = {
        .rows = (size_t)values->rows.value,
        .frames = values->grouping == 0 ? FRAMES : 0,
        .width_columns = wp_terminal_width(stream),
        .colour = wp_terminal_has_colour(stream),
        .comments = true,
    };
    struct wp_report_page_section sections[TYPES];
    size_t count = 0;

    for (unsigned i = 0; i < TYPES; i++) {
        if (parts[i].waits == NULL)
            continue;
        sections[count++] = (struct wp_report_page_section){
            .type = wp_capture_types[i],
            .timeline = parts[i].timeline,
            .waits = parts[i].waits,
            .waits_max = (size_t)values->rows.value,
        };
    }
    if (values->format == FORMAT_HTML)
        return wp_report_page_print(name, sections, count, stream, error);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            fputc('\n', stream);
        table.timeline = sections[i].timeline;
        wp_report_table_print(sections[i].waits, &table, stream);
    }
    return 0;
}

static int
make_part(const struct wp_report_source *source, const struct report_values *values, unsigned type,
          struct part *part, char name[WP_TIMELINE_SOURCE_BYTES], struct wp_error *error)
{
    int status =
        wp_report_waits_new(wp_capture_types[type], &source->selection, &part->waits, error);
    const struct wp_timeline_request request = {
        .type = wp_capture_types[type],
        .rows_max = WP_REPORT_PAGE_ROWS,
        .is_optional = values->type == 0,
        .visit = wp_report_source_add,
        .context = part->waits,
    };

    if (status == 0 && source->has_slices)
        status = wp_timeline_of_arguments(source->arguments, &values->view, &request,
                                          &part->timeline, name, error);
    else if (status == 0)
        status = wp_report_source_read(source, part->waits, name, error);
    if (status == 0)
        wp_report_waits_finish(part->waits);
    /* Times without a profile were recorded, too. */
    if (status == 0 && part->timeline != NULL && part->waits->duration_ns != 0)
        part->waits->duration_ns = part->timeline->whole_recorded_ns;
    return status;
}

/* Of a type that is not stored nothing is said, unless it was asked for; if no wait was stored at
 * all, then of both that there were none. */
static int
drop_empty(struct part parts[TYPES], struct wp_error *error)
{
    size_t captures = 0, left = 0;

    for (unsigned i = 0; i < TYPES; i++)
        captures += parts[i].waits->capture_count;
    for (unsigned i = 0; i < TYPES; i++) {
        bool is_stored = parts[i].timeline != NULL && parts[i].timeline->stored_count > 0;

        if (parts[i].waits->capture_count == 0 && !is_stored &&
            (captures > 0 || parts[i].timeline == NULL)) {
            wp_report_waits_free(parts[i].waits);
            parts[i].waits = NULL;
        }
        left += parts[i].waits != NULL;
    }
    return left > 0 ? 0 : wp_error_set(error, EINVAL, "there are no profiles of waits in it");
}

static int
print_captures(const struct wp_report_source *source, const struct report_values *values,
               FILE *stream, struct wp_error *error)
{
    struct part parts[TYPES] = {{NULL, NULL}};
    char name[WP_TIMELINE_SOURCE_BYTES] = "";
    int status = 0;

    for (unsigned i = 0; i < TYPES && status == 0; i++) {
        if (values->type != 0 && values->type != i + 1)
            continue;
        status = make_part(source, values, i, &parts[i], name, error);
    }
    if (status == 0 && values->type == 0)
        status = drop_empty(parts, error);
    if (status == 0)
        status = print_parts(parts, values, name, stream, error);
    for (unsigned i = 0; i < TYPES; i++) {
        wp_report_waits_free(parts[i].waits);
        wp_timeline_free(parts[i].timeline);
    }
    return status;
}

/* --- The command
 * -------------------------------------------------------------------------------- */

static int
print(const struct wp_report_source *source, const struct report_values *values, FILE *stream,
      struct wp_error *error)
{
    if (values->format == FORMAT_TEXT && source->region_count > 0 && source->file_count == 0 &&
        values->view.function == NULL)
        return print_regions(source, values, stream, error);
    return print_captures(source, values, stream, error);
}

static int
write_file(const struct wp_report_source *source, const struct report_values *values,
           struct wp_error *error)
{
    struct wp_output_file file;
    int status = wp_output_file_open(&file, values->path, error);

    if (status != 0)
        return status;
    status = print(source, values, file.stream, error);
    if (status == 0)
        return wp_output_file_commit(&file, error);
    wp_output_file_discard(&file);
    return status;
}

static int
run(const void *given, char **arguments)
{
    const struct report_values *values = given;
    const struct wp_comparison_options selection = {
        .grouping = values->grouping == 0 ? WP_COMPARE_STACKS : WP_COMPARE_FUNCTIONS,
        .function = values->view.function,
        .kinds = values->view.kinds,
    };
    struct wp_report_source source;
    struct wp_error error = {""};
    int status = wp_report_source_open(arguments, &selection, &source, &error);

    if (status == 0 && !source.has_slices && (values->view.from != NULL || values->view.to != NULL))
        status = wp_error_set(&error, EINVAL, "%s: only for a directory of slices",
                              values->view.from != NULL ? "--from" : "--to");
    if (status == 0)
        status = values->path != NULL ? write_file(&source, values, &error)
                                      : print(&source, values, stdout, &error);
    wp_report_source_close(&source);
    return status != 0 ? wp_command_fail(status, &error) : WP_EXIT_OK;
}

const struct wp_command wp_command_report = {
    .name = "report",
    .arguments = "PID|REGION|FILE|DIR...",
    .summary = "report what waited: tables, or a page with a picture",
    .description =
        "Reports what programs waited for since their start, what pprof files say (of block and\n"
        "mutex profiles, Go's too), or what was stored slice after slice in a directory, by\n"
        "`waitprof record --every` or `waitprof push --to DIR`. Several sources are one report.\n"
        "The page needs nothing else; of slices it has a picture of contention over time.\n",
    .exit_codes = WP_EXIT_BITS_REGION,
    .options = options,
    .arguments_minimum = 1,
    .arguments_maximum = -1,
    .defaults = &defaults,
    .values_bytes = sizeof defaults,
    .run = run,
};
