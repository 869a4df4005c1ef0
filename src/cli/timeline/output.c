#include "cli/timeline/output.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "cli/quantity.h"
#include "cli/time_text.h"
#include "profile/report.h"
#include "profile/symbol_name.h"

#define BAR_COLUMNS 16u
#define DEFAULT_COLUMNS 100u
#define LEAST_COLUMNS 60u
#define NS_PER_S UINT64_C(1000000000)
#define NAME_BYTES 512u
#define LEAST_SHARE 0.005 /* of a row: less reads as 0 % */

const char *
wp_timeline_heading(enum wp_region_profile type)
{
    return type == WP_PROFILE_BLOCK ? "Who waits (block)" : "Who makes them wait (mutex)";
}

const char *
wp_timeline_format_rate(double rate, char *text, size_t size)
{
    char delay[24];

    snprintf(text, size, "%s/s", wp_report_duration(rate * 1e9, delay, sizeof delay));
    return text;
}

const char *
wp_timeline_nothing(const struct wp_timeline *timeline, const struct wp_timeline_row *row)
{
    if (row->recorded_ns > 0)
        return "idle";
    return timeline->is_noted ? "not recorded" : "no profile";
}

static bool
is_one_day(uint64_t from_ns, uint64_t until_ns, bool utc)
{
    char first[WP_TIME_TEXT_BYTES], last[WP_TIME_TEXT_BYTES];

    wp_time_format(from_ns, utc, WP_TIME_DATE, first);
    wp_time_format(until_ns, utc, WP_TIME_DATE, last);
    return strcmp(first, last) == 0;
}

static char *
format_range(const struct wp_timeline *timeline, uint64_t from_ns, uint64_t until_ns,
             char text[WP_TIMELINE_RANGE_BYTES])
{
    bool utc = timeline->options.utc;
    char from[WP_TIME_TEXT_BYTES], until[WP_TIME_TEXT_BYTES], zone[WP_TIME_TEXT_BYTES];
    uint64_t whole = timeline->options.row_ns % NS_PER_S == 0 ? NS_PER_S : 1;

    /* Fractions of a second only where rows have them. */
    wp_time_format(from_ns - from_ns % whole, utc, WP_TIME_FULL, from);
    wp_time_format(until_ns - until_ns % whole, utc,
                   is_one_day(from_ns, until_ns, utc) ? WP_TIME_CLOCK : WP_TIME_FULL, until);
    wp_time_format_zone(from_ns, utc, zone);
    snprintf(text, WP_TIMELINE_RANGE_BYTES, "%s to %s %s", from, until, zone);
    return text;
}

char *
wp_timeline_format_range(const struct wp_timeline *timeline, char text[WP_TIMELINE_RANGE_BYTES])
{
    return format_range(timeline, timeline->options.from_ns, timeline->options.until_ns, text);
}

char *
wp_timeline_format_whole_range(const struct wp_timeline *timeline,
                               char text[WP_TIMELINE_RANGE_BYTES])
{
    return format_range(timeline, timeline->whole_from_ns, timeline->whole_until_ns, text);
}

/* --- Lines
 * -------------------------------------------------------------------------------------- */

struct printer {
    const struct wp_timeline *timeline;
    const struct wp_timeline_output *output;
    FILE *stream;
    enum wp_time_parts parts;
    size_t columns;
};

static enum wp_time_parts
parts_of(const struct wp_timeline *timeline)
{
    const struct wp_timeline_options *options = &timeline->options;
    uint64_t row_ns = options->row_ns;
    bool has_ms = row_ns % NS_PER_S != 0;

    if (is_one_day(options->from_ns, options->until_ns, options->utc))
        return has_ms ? WP_TIME_CLOCK_MS : WP_TIME_CLOCK;
    if (row_ns % UINT64_C(60000000000) == 0)
        return WP_TIME_DAY_CLOCK;
    return has_ms ? WP_TIME_FULL_MS : WP_TIME_FULL;
}

/* Eighths of a column, or with ASCII whole columns. At least a trace where there is something. */
static void
print_bar(const struct printer *printer, double share)
{
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    unsigned steps = printer->output->unicode ? 8 : 1;
    unsigned length = (unsigned)lround(share * BAR_COLUMNS * steps);
    unsigned used;

    if (length == 0 && share > 0)
        length = 1;
    for (used = 0; used < length / steps; used++)
        fputs(printer->output->unicode ? "█" : "#", printer->stream);
    if (length % steps != 0) {
        fputs(eighths[length % steps], printer->stream);
        used++;
    }
    fprintf(printer->stream, "%*s", (int)(BAR_COLUMNS - used), "");
}

static size_t
columns_of(const char *text)
{
    size_t columns = 0;

    for (; *text != '\0'; text++)
        columns += (*text & 0xc0) != 0x80;
    return columns;
}

/* As many of the hottest functions as fit; a first one that does not is cut. */
static void
print_parts(const struct printer *printer, const struct wp_timeline_row *row, size_t room)
{
    for (size_t i = 0; i < row->part_count && i < printer->output->top; i++) {
        const struct wp_timeline_part *part = &row->parts[i];
        char name[NAME_BYTES], share[16];
        size_t columns;

        if (i > 0 && part->delay_ns < LEAST_SHARE * row->delay_ns)
            break;
        wp_symbol_clean(printer->timeline->functions[part->function].name, name, sizeof name);
        snprintf(share, sizeof share, " %.0f %%",
                 row->delay_ns > 0 ? 100 * part->delay_ns / row->delay_ns : 0);
        columns = columns_of(name) + strlen(share) + (i > 0 ? 2 : 0);
        if (columns > room && i > 0)
            break;
        if (columns > room && room > strlen(share) + 4) {
            char *at = name;

            for (size_t left = room - strlen(share) - 3; left > 0; left--) {
                do {
                    at++;
                } while ((*at & 0xc0) == 0x80);
            }
            snprintf(at, sizeof name - (size_t)(at - name), "...");
            columns = room;
        }
        fprintf(printer->stream, "%s%s%s", i > 0 ? ", " : "", name, share);
        room -= columns < room ? columns : room;
    }
}

static int
print_time(const struct printer *printer, uint64_t time_ns)
{
    char time[WP_TIME_TEXT_BYTES];

    return fprintf(printer->stream, "%s",
                   wp_time_format(time_ns, printer->timeline->options.utc, printer->parts, time));
}

static void
print_row(const struct printer *printer, const struct wp_timeline_row *row)
{
    double rate = wp_timeline_rate(row), peak = printer->timeline->peak;
    bool is_peak = printer->output->colour && rate >= peak;
    char text[32];
    int used;

    fputs(is_peak ? "\033[1m" : "", printer->stream);
    used = print_time(printer, row->from_ns);
    used += fprintf(printer->stream, " %11s ", wp_timeline_format_rate(rate, text, sizeof text));
    print_bar(printer, peak > 0 ? rate / peak : 0);
    fputs(" ", printer->stream);
    used += (int)BAR_COLUMNS + 1;
    print_parts(printer, row, printer->columns - (size_t)used);
    fprintf(printer->stream, "%s\n", is_peak ? "\033[0m" : "");
}

/* Rows from `first` to before `end`, all of them without delay and for the same reason. */
static void
print_nothing(const struct printer *printer, const struct wp_timeline_row *first,
              const struct wp_timeline_row *end)
{
    print_time(printer, first->from_ns);
    fprintf(printer->stream, " %11s", wp_timeline_nothing(printer->timeline, first));
    if (end - first > 1) {
        fputs(" until ", printer->stream);
        print_time(printer, end->from_ns != 0 ? end->from_ns : end[-1].until_ns);
    }
    fputs("\n", printer->stream);
}

static const struct wp_timeline_row *
find_peak(const struct wp_timeline *timeline)
{
    const struct wp_timeline_row *peak = NULL;

    for (size_t i = 0; i < timeline->row_count; i++) {
        if (timeline->rows[i].delay_ns > 0 &&
            (peak == NULL || wp_timeline_rate(&timeline->rows[i]) > wp_timeline_rate(peak)))
            peak = &timeline->rows[i];
    }
    return peak;
}

static void
print_peak(const struct printer *printer)
{
    const struct wp_timeline *timeline = printer->timeline;
    const struct wp_timeline_row *peak = find_peak(timeline);
    char rate[32], name[NAME_BYTES], from[WP_TIME_TEXT_BYTES], until[WP_TIME_TEXT_BYTES];
    enum wp_time_parts parts = printer->parts == WP_TIME_DAY_CLOCK ? WP_TIME_FULL : printer->parts;
    bool utc = timeline->options.utc;

    if (peak == NULL)
        return;
    wp_symbol_clean(timeline->functions[peak->parts[0].function].name, name, sizeof name);
    wp_time_format(peak->from_ns, utc, parts, from);
    wp_time_format(peak->until_ns, utc, parts, until);
    fprintf(printer->stream, "\nHottest: %s, %s, most of it in %s.", from,
            wp_timeline_format_rate(wp_timeline_rate(peak), rate, sizeof rate), name);
    /* Several slices of usual length in a row: there is more to see. */
    if (timeline->profiles_ns / timeline->profile_count * 2 <= timeline->options.row_ns)
        fprintf(printer->stream, " Closer: --from '%s' --to '%s'", from, until);
    fputs("\n", printer->stream);
}

static int
time_columns(const struct printer *printer)
{
    char time[WP_TIME_TEXT_BYTES];

    return (int)strlen(wp_time_format(printer->timeline->rows[0].from_ns,
                                      printer->timeline->options.utc, printer->parts, time));
}

static void
print_heading(const struct printer *printer)
{
    const struct wp_timeline *timeline = printer->timeline;
    char range[WP_TIMELINE_RANGE_BYTES], length[WP_QUANTITY_TEXT_BYTES], source[NAME_BYTES];

    wp_symbol_clean(printer->output->source, source, sizeof source);
    fprintf(printer->stream, "%s: %s\n%s, in rows of %s, from %zu profiles\n\n",
            wp_timeline_heading(timeline->options.type), source,
            wp_timeline_format_range(timeline, range),
            wp_quantity_format_exact_time(timeline->options.row_ns, length),
            timeline->profile_count);
    fprintf(printer->stream, "%-*s %11s %*s%s\n", time_columns(printer), "time", "delay/s",
            (int)BAR_COLUMNS + 1, "", "hottest functions");
}

void
wp_timeline_print(const struct wp_timeline *timeline, const struct wp_timeline_output *output,
                  FILE *stream)
{
    struct printer printer = {
        .timeline = timeline,
        .output = output,
        .stream = stream,
        .parts = parts_of(timeline),
        .columns = output->width_columns != 0 ? output->width_columns : DEFAULT_COLUMNS,
    };
    size_t end;

    if (printer.columns < LEAST_COLUMNS)
        printer.columns = LEAST_COLUMNS;
    print_heading(&printer);
    for (size_t i = 0; i < timeline->row_count; i = end) {
        const struct wp_timeline_row *row = &timeline->rows[i];

        end = i + 1;
        if (row->delay_ns > 0) {
            print_row(&printer, row);
            continue;
        }
        while (end < timeline->row_count && timeline->rows[end].delay_ns <= 0 &&
               (timeline->rows[end].recorded_ns > 0) == (row->recorded_ns > 0))
            end++;
        print_nothing(&printer, row, &timeline->rows[end]);
    }
    print_peak(&printer);
}
