#include "cli/report/table.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "cli/report/words.h"
#include "cli/timeline/output.h"
#include "profile/report.h"
#include "profile/symbol_name.h"

#define DEFAULT_COLUMNS 100u
#define LEAST_COLUMNS 60u
#define LINE_BYTES 4096u

struct table {
    const struct wp_report_waits *waits;
    struct wp_report_table_options options;
    FILE *stream;
};

/* One line, cut to the width with "..." at the end. */
static void __attribute__((format(printf, 2, 3)))
print_line(const struct table *table, const char *format, ...)
{
    char raw[LINE_BYTES], line[LINE_BYTES];
    size_t columns = 0;
    va_list arguments;
    char *at = line, *cut = line;

    va_start(arguments, format);
    vsnprintf(raw, sizeof raw, format, arguments);
    va_end(arguments);
    wp_symbol_clean(raw, line, sizeof line);
    for (; *at != '\0'; at++) {
        if ((*at & 0xc0) == 0x80)
            continue;
        if (columns++ == table->options.width_columns - 3)
            cut = at;
    }
    if (columns > table->options.width_columns)
        memcpy(cut, "...", sizeof "...");
    fprintf(table->stream, "%s\n", line);
}

static void
print_frame(const struct table *table, const struct wp_report_frame *frame, bool is_first)
{
    const char *arrow = is_first ? "" : "<- ";
    int indent = is_first ? 11 : 13;

    if (frame->file[0] == '\0')
        print_line(table, "%*s%s%s", indent, "", arrow, frame->name);
    else
        print_line(table, "%*s%s%s  %s:%" PRIu32 "%s", indent, "", arrow, frame->name, frame->file,
                   frame->line, frame->is_inlined ? " (inlined)" : "");
}

static void
print_row(const struct table *table, size_t rank, const struct wp_report_row *row)
{
    const struct wp_report_line line = {
        .rank = rank,
        .delay_ns = row->figures.delay_ns,
        .contentions = row->figures.contentions,
        .total_ns = table->waits->total.delay_ns,
        .has_error = row->figures.has_error,
        .samples = row->figures.samples,
        .variance = row->figures.variance,
    };
    size_t shown = row->depth < table->options.frames + 1 ? row->depth : table->options.frames + 1;

    wp_report_print_line(&line, table->options.width_columns, table->options.colour, table->stream);
    for (size_t i = 0; i < shown; i++)
        print_frame(table, &row->frames[i], i == 0);
    if (table->options.frames == 0 && row->caller_frame > 0)
        print_frame(table, &row->frames[row->caller_frame], false);
    else if (table->options.frames > 0 && row->depth > shown)
        print_line(table, "%13s<- ... %zu more", "", row->depth - shown);
}

/* Rates, what recording cost, and what was lost; the rest is for a closer look: --format html, or
 * `go tool pprof -comments`. */
static bool
is_about_trust(const char *comment)
{
    static const char *const prefixes[] = {
        "process: ",  "block rate",        "mutex fraction", "wait fraction",
        "budget",     "own cost in ",      "own cost: ",     "filtered: ",
        "lost_",      "unwind_failed",     "unwind_trunc",   "growth_fail",
        "no symbols", "module_table_full",
    };

    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        if (strncmp(comment, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    }
    return false;
}

static void
print_comments(const struct table *table)
{
    const struct wp_report_waits *waits = table->waits;
    bool is_first = true;

    for (size_t i = 0; i < waits->comment_count && table->options.comments; i++) {
        if (!is_about_trust(waits->comments[i]))
            continue;
        if (is_first && waits->capture_count > 1)
            print_line(table, "The latest profile says:");
        is_first = false;
        print_line(table, "  %s", waits->comments[i]);
    }
}

void
wp_report_table_print(const struct wp_report_waits *waits,
                      const struct wp_report_table_options *options, FILE *stream)
{
    struct table table = {.waits = waits, .options = *options, .stream = stream};
    char summary[WP_REPORT_SUMMARY_BYTES], span[WP_REPORT_SPAN_BYTES];

    if (table.options.width_columns == 0)
        table.options.width_columns = DEFAULT_COLUMNS;
    if (table.options.width_columns < LEAST_COLUMNS)
        table.options.width_columns = LEAST_COLUMNS;
    print_line(&table, "%s: %s", wp_timeline_heading(waits->type),
               wp_report_format_summary(waits, summary));
    if (options->timeline != NULL)
        print_line(&table, "%s", wp_report_format_span(options->timeline, span));
    if (waits->row_count > 0)
        wp_report_print_columns(table.options.width_columns, stream);
    for (size_t i = 0; i < waits->row_count && i < options->rows; i++)
        print_row(&table, i + 1, &waits->rows[i]);
    if (waits->row_count > options->rows)
        print_line(&table, "%4s ... and %zu more", "", waits->row_count - options->rows);
    print_comments(&table);
}
