#include "profile/report.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "profile/comments.h"
#include "profile/interval.h"
#include "profile/keyset.h"
#include "profile/symbol_name.h"

#define DEFAULT_ROWS 10u
#define DEFAULT_WIDTH 100u
#define LEAST_WIDTH 60u
#define DEFAULT_FRAMES 6u
#define LINE_BYTES 8192u
#define INTERVAL_BYTES 40u

/* Narrower tables have no column of intervals, which is 22 wide, or none of samples beside it. */
#define INTERVAL_WIDTH 73u
#define SAMPLES_WIDTH 83u

/* Below, both sides of an interval are near enough the same to be one figure. */
#define SYMMETRIC_SHARE 0.1
#define STACK_LINES_MAX 4096u

/* A row of the table: samples that read the same. */
struct report_row {
    const struct wp_profile_sample *sample; /* the one with the most delay stands for all */
    double delay_ns;
    double contentions;
    double samples;
    double variance; /* of delay_ns */
};

struct report {
    const struct wp_profile *profile;
    const struct wp_symbols *symbols;
    struct wp_report_options options;
    FILE *stream;
    struct wp_keyset keys; /* what a row is -> index of rows */
    struct report_row *rows;
    size_t capacity;
};

const char *
wp_report_duration(double duration_ns, char *text, size_t size)
{
    static const struct {
        double scale;
        const char *unit;
    } units[] = {{1e9, "s"}, {1e6, "ms"}, {1e3, "us"}, {1, "ns"}};
    size_t i = 0;
    double value;

    while (i < 3 && duration_ns < 0.9995 * units[i].scale)
        i++;
    value = duration_ns / units[i].scale;
    if (value >= 99999.5)
        snprintf(text, size, "%.1e %s", value, units[i].unit);
    else if (i == 3 || value >= 99.95)
        snprintf(text, size, "%.0f %s", value, units[i].unit);
    else
        snprintf(text, size, "%.*f %s", value < 9.995 ? 2 : 1, value, units[i].unit);
    return text;
}

const char *
wp_report_describe_interval(double delay_ns, double variance, double samples, char *text,
                            size_t size)
{
    struct wp_interval interval;

    if (!wp_interval_of_delay(delay_ns, variance, samples, &interval))
        return "-";
    if (variance == 0)
        return "exact";
    return wp_report_describe_bounds(delay_ns, &interval, text, size);
}

const char *
wp_report_describe_bounds(double delay_ns, const struct wp_interval *interval, char *text,
                          size_t size)
{
    double share = fmax(delay_ns - interval->low, interval->high - delay_ns) / delay_ns;
    char low[16], high[16];

    if (share < SYMMETRIC_SHARE) {
        if (share < 0.00005)
            return "±0.01 %";
        snprintf(text, size, "±%.*f %%", share < 0.00095 ? 2 : 1, 100 * share);
        return text;
    }
    wp_report_duration(interval->low, low, sizeof low);
    wp_report_duration(interval->high, high, sizeof high);
    snprintf(text, size, "%s .. %s", low, high);
    return text;
}

/* --- Rows
 * --------------------------------------------------------------------------------------- */

/* A function of a stack: one of the lines of a location, or the only one that has no name. */
struct report_place {
    const struct wp_location *location;
    uint32_t number;
};

/* False for what only names what is missing, and for the functions of a language's library. */
static bool
report_is_caller(const struct wp_symbols *symbols, const struct report_place *place)
{
    const struct wp_line *line;

    if (place->location->line_count == 0)
        return true;
    line = &place->location->lines[place->number];
    if (line->function[0] == '[' &&
        symbols->profile->modules[place->location->module].path[0] == '\0')
        return false;
    return !wp_symbol_is_runtime(line->function, line->file);
}

/* What a row by function is: the leaf, and the first function of the program's own that called it,
 * if there is one. Returns how many of the two there are. */
static size_t
report_leaf_and_caller(const struct wp_symbols *symbols, const struct wp_profile_sample *sample,
                       struct report_place places[2])
{
    const uint32_t *locations = NULL;
    size_t depth = wp_symbols_stack(symbols, sample, &locations);
    bool has_leaf = false;

    for (size_t i = 0; i < depth; i++) {
        const struct wp_location *location = &symbols->locations[locations[i]];

        for (uint32_t j = 0; j < location->line_count || j == 0; j++) {
            const struct report_place place = {location, j};

            if (has_leaf && report_is_caller(symbols, &place)) {
                places[1] = place;
                return 2;
            }
            if (!has_leaf)
                places[0] = place;
            has_leaf = true;
        }
    }
    return has_leaf;
}

/* The kind of a sample where that is not the usual one of its function, else "". */
static const char *
report_part_kind(const struct report *report, const struct wp_profile_sample *sample)
{
    const struct wp_profile_function *function = &report->profile->functions[sample->function];

    return function->is_part ? function->kind : "";
}

/* The words that tell a stack from others; returns their number. */
static size_t
report_stack_key(const struct wp_symbols *symbols, const struct wp_profile_sample *sample,
                 const void **key, size_t room)
{
    const uint32_t *locations = NULL;
    size_t depth = wp_symbols_stack(symbols, sample, &locations);
    size_t used = 0;

    for (size_t i = 0; i < depth && used + 3 < room; i++) {
        const struct wp_location *location = &symbols->locations[locations[i]];

        if (location->line_count == 0)
            key[used++] = location;
        for (uint32_t j = 0; j < location->line_count && used + 3 < room; j++) {
            key[used++] = location->lines[j].function;
            key[used++] = location->lines[j].file;
            key[used++] = (const void *)(uintptr_t)location->lines[j].line;
        }
    }
    return used;
}

static size_t
report_function_key(const struct wp_symbols *symbols, const struct wp_profile_sample *sample,
                    const void **key)
{
    struct report_place places[2];
    size_t count = report_leaf_and_caller(symbols, sample, places);

    for (size_t i = 0; i < count; i++) {
        const struct wp_location *location = places[i].location;

        key[i] = location->line_count == 0 ? (const void *)location
                                           : location->lines[places[i].number].function;
    }
    return count;
}

/* Writes what makes a row the same row as another; returns its length. */
static size_t
report_key(const struct report *report, const struct wp_profile_sample *sample, const void **key)
{
    const char *kind = report_part_kind(report, sample);
    size_t used = 2;

    memset(key, 0, used * sizeof *key);
    memcpy(key, kind, strnlen(kind, used * sizeof *key));
    if (report->options.grouping == WP_REPORT_FUNCTIONS)
        used += report_function_key(report->symbols, sample, key + used);
    else
        used += report_stack_key(report->symbols, sample, key + used, STACK_LINES_MAX - used);
    return used * sizeof *key;
}

static int
report_add(struct report *report, const struct wp_profile_sample *sample)
{
    const void *words[STACK_LINES_MAX];
    size_t bytes = report_key(report, sample, words);
    struct report_row *row;
    bool added;
    const struct wp_key *key = wp_keyset_put(&report->keys, words, bytes, &added);

    if (key == NULL ||
        wp_array_reserve(&report->rows, &report->capacity, key->value, sizeof *row) != 0)
        return -ENOMEM;
    row = &report->rows[key->value];
    if (added)
        *row = (struct report_row){.sample = sample};
    if (sample->delay_ns > row->sample->delay_ns)
        row->sample = sample;
    row->delay_ns += (double)sample->delay_ns;
    row->contentions += (double)sample->contentions_fixed / WP_REGION_COUNT_ONE;
    row->samples += (double)sample->samples;
    row->variance += sample->variance;
    return 0;
}

static int
report_order(const void *left, const void *right)
{
    const struct report_row *a = left;
    const struct report_row *b = right;

    if (a->delay_ns != b->delay_ns)
        return a->delay_ns > b->delay_ns ? -1 : 1;
    if (a->contentions != b->contentions)
        return a->contentions > b->contentions ? -1 : 1;
    return (a->sample->key > b->sample->key) - (a->sample->key < b->sample->key);
}

/* --- Printing
 * ----------------------------------------------------------------------------------- */

/* Columns of a text: characters of UTF-8, each taken for one column. */
static size_t
report_columns(const char *text)
{
    size_t columns = 0;

    for (; *text != '\0'; text++)
        columns += (*text & 0xc0) != 0x80;
    return columns;
}

/* Prints one line, cut to the width with "..." at the end. */
static void __attribute__((format(printf, 2, 3)))
report_line(const struct report *report, const char *format, ...)
{
    size_t width = report->options.width_columns;
    char line[LINE_BYTES];
    va_list arguments;
    size_t columns = 0;
    char *at = line;

    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (report_columns(line) > width) {
        while (columns < width - 3) {
            at++;
            columns += (*at & 0xc0) != 0x80;
        }
        memcpy(at, "...", sizeof "...");
    }
    fprintf(report->stream, "%s\n", line);
}

static const char *
report_base(const char *path)
{
    const char *base = strrchr(path, '/');

    return base == NULL ? path : base + 1;
}

/* One function of a stack: "<- name  file.c:12". The first has no arrow, but the kind if that is
 * not "". */
static void
report_frame(const struct report *report, const struct report_place *place, bool first,
             const char *kind)
{
    const char *arrow = first ? "" : "<- ";
    const struct wp_location *location = place->location;
    const struct wp_line *line;
    char unnamed[320];

    if (first && kind[0] != '\0') {
        report_line(report, "%11s%s (%s)", "", location->lines[0].function, kind);
        return;
    }
    if (location->line_count == 0) {
        report_line(report, "%*s%s%s", first ? 11 : 13, "", arrow,
                    wp_symbols_unnamed(report->symbols, location, unnamed, sizeof unnamed));
        return;
    }
    line = &location->lines[place->number];
    if (line->file[0] != '\0')
        report_line(report, "%*s%s%s  %s:%" PRIu32 "%s", first ? 11 : 13, "", arrow, line->function,
                    report_base(line->file), line->line,
                    place->number + 1 < location->line_count ? " (inlined)" : "");
    else
        report_line(report, "%*s%s%s", first ? 11 : 13, "", arrow, line->function);
}

static void
report_pair(const struct report *report, const struct wp_profile_sample *sample)
{
    struct report_place places[2];
    size_t count = report_leaf_and_caller(report->symbols, sample, places);

    for (size_t i = 0; i < count; i++)
        report_frame(report, &places[i], i == 0, report_part_kind(report, sample));
}

static void
report_chain(const struct report *report, const struct wp_profile_sample *sample)
{
    const char *kind = report_part_kind(report, sample);
    const uint32_t *locations = NULL;
    size_t depth = wp_symbols_stack(report->symbols, sample, &locations);
    size_t printed = 0;
    size_t more = 0;

    for (size_t i = 0; i < depth; i++) {
        const struct wp_location *location = &report->symbols->locations[locations[i]];

        for (uint32_t j = 0; j < location->line_count || j == 0; j++) {
            const struct report_place place = {location, j};

            if (printed > report->options.frames) {
                more++;
                continue;
            }
            report_frame(report, &place, printed == 0, kind);
            printed++;
        }
    }
    if (more > 0)
        report_line(report, "%13s<- ... %zu more", "", more);
}

void
wp_report_print_columns(size_t width_columns, FILE *stream)
{
    size_t width = width_columns != 0 ? width_columns : DEFAULT_WIDTH;

    fprintf(stream, "%4s %10s %8s %12s %10s%s%s\n", "", "delay", "share", "waits", "mean",
            width >= SAMPLES_WIDTH ? "   samples" : "",
            width >= INTERVAL_WIDTH ? "   delay, 95 %" : "");
}

void
wp_report_print_line(const struct wp_report_line *line, size_t width_columns, bool colour,
                     FILE *stream)
{
    size_t width = width_columns != 0 ? width_columns : DEFAULT_WIDTH;
    char interval[INTERVAL_BYTES];
    char text[16];

    /* Scaled counts are fractions; a small one must not read as none. */
    fprintf(stream, "%s%4zu %10s %6.1f %% %12.*f", colour ? "\033[1m" : "", line->rank,
            wp_report_duration(line->delay_ns, text, sizeof text),
            line->total_ns > 0 ? 100 * line->delay_ns / line->total_ns : 0,
            line->contentions < 9.95 && fmod(line->contentions, 1) != 0 ? 1 : 0, line->contentions);
    /* An unlock may be charged for waiters that an earlier one has counted: no waits, no mean. */
    fprintf(stream, " %10s",
            line->contentions > 0
                ? wp_report_duration(line->delay_ns / line->contentions, text, sizeof text)
                : "-");
    if (width >= SAMPLES_WIDTH && line->has_error)
        fprintf(stream, " %9.0f", line->samples);
    else if (width >= SAMPLES_WIDTH)
        fprintf(stream, " %9s", "-");
    if (width >= INTERVAL_WIDTH)
        fprintf(stream, "   %s",
                line->has_error
                    ? wp_report_describe_interval(line->delay_ns, line->variance, line->samples,
                                                  interval, sizeof interval)
                    : "-");
    fprintf(stream, "%s\n", colour ? "\033[0m" : "");
}

static void
report_heading(const struct report *report, const struct wp_profile_totals *totals)
{
    char interval[INTERVAL_BYTES];
    const char *error = wp_report_describe_interval(
        totals->delay_ns, totals->variance, (double)totals->samples, interval, sizeof interval);
    bool is_known = strcmp(error, "-") != 0;
    char total[16];
    char span[16];

    wp_report_duration(totals->delay_ns, total, sizeof total);
    wp_report_duration((double)report->profile->duration_ns, span, sizeof span);
    report_line(report, "%s: %s%s%s%s in %.0f waits%s%s",
                report->profile->type == WP_PROFILE_BLOCK ? "Who waits (block)"
                                                          : "Who makes them wait (mutex)",
                total, is_known ? " (" : "", is_known ? error : "", is_known ? ")" : "",
                totals->contentions, report->profile->duration_ns != 0 ? ", during " : "",
                report->profile->duration_ns != 0 ? span : "");
    wp_report_print_columns(report->options.width_columns, report->stream);
}

static int
report_make(struct report *report)
{
    struct wp_profile_totals totals = wp_profile_total(report->profile);
    size_t count;

    for (size_t i = 0; i < report->profile->sample_count; i++) {
        if (report_add(report, report->profile->samples[i]) != 0)
            return -ENOMEM;
    }
    count = report->keys.count;
    if (count > 1)
        qsort(report->rows, count, sizeof *report->rows, report_order);
    report_heading(report, &totals);
    for (size_t i = 0; i < count && i < report->options.rows; i++) {
        const struct report_row *row = &report->rows[i];
        const struct wp_report_line line = {
            .rank = i + 1,
            .delay_ns = row->delay_ns,
            .contentions = row->contentions,
            .total_ns = totals.delay_ns,
            .has_error = true,
            .samples = row->samples,
            .variance = row->variance,
        };

        wp_report_print_line(&line, report->options.width_columns, report->options.colour,
                             report->stream);
        if (report->options.grouping == WP_REPORT_FUNCTIONS)
            report_pair(report, row->sample);
        else
            report_chain(report, row->sample);
    }
    if (count > report->options.rows)
        report_line(report, "%4s ... and %zu more", "", count - report->options.rows);
    return 0;
}

static void
report_set_defaults(struct wp_report_options *options)
{
    if (options->rows == 0)
        options->rows = DEFAULT_ROWS;
    if (options->width_columns == 0)
        options->width_columns = DEFAULT_WIDTH;
    if (options->width_columns < LEAST_WIDTH)
        options->width_columns = LEAST_WIDTH;
    if (options->frames == 0)
        options->frames = DEFAULT_FRAMES;
}

int
wp_report_print(const struct wp_profile *profile, const struct wp_symbols *symbols,
                const struct wp_report_options *options, FILE *stream, struct wp_error *error)
{
    struct report report = {.profile = profile, .symbols = symbols, .stream = stream};
    char empty[512];
    int result;

    if (options != NULL)
        report.options = *options;
    report_set_defaults(&report.options);
    if (wp_comments_explain_empty(profile, empty, sizeof empty)[0] != '\0') {
        fprintf(stream, "The %s profile is empty: %s.\n", wp_profile_type_name(profile->type),
                empty);
        return 0;
    }
    result = wp_keyset_init(&report.keys);
    if (result == 0)
        result = report_make(&report);
    wp_keyset_free(&report.keys);
    free(report.rows);
    if (result != 0)
        return wp_error_set(error, ENOMEM, "not enough memory for the report");
    return 0;
}
