#include "cli/report/picture.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "cli/html.h"
#include "cli/time_text.h"
#include "cli/timeline/output.h"

#define COLOURS 6u /* functions that have one of their own; the rest share a grey */
#define WIDTH 1000.0
#define HEIGHT 300.0
#define LEFT 76.0
#define RIGHT 12.0
#define TOP 12.0
#define BOTTOM 30.0
#define PLOT_WIDTH (WIDTH - LEFT - RIGHT)
#define PLOT_HEIGHT (HEIGHT - TOP - BOTTOM)
#define Y_STEPS 5u
#define X_LABELS 13u
#define GAP_ROWS 150u /* fewer bars than this have a gap between them */
#define NS_PER_S UINT64_C(1000000000)

/* The order is that of the legend: neighbours differ in lightness, too. */
const char wp_report_picture_style[] =
    ":root{--part0:#3f73b5;--part1:#e39a3b;--part2:#2f8f6b;--part3:#c65b4c;--part4:#8d6bb8;"
    "--part5:#4fb0c6;--part6:#a9b1b9}\n"
    "@media(prefers-color-scheme:dark){:root{--part0:#5d93d8;--part1:#e8ab57;--part2:#46b189;"
    "--part3:#e07c6c;--part4:#ab8cd8;--part5:#6cc7db;--part6:#6f7982}}\n"
    ".picture{overflow-x:auto;margin:.6rem 0}\n"
    ".picture svg{display:block;width:100%;min-width:44rem;height:auto;"
    "font:12px system-ui,sans-serif}\n"
    ".picture text{fill:var(--quiet)}\n"
    ".picture .line{stroke:var(--line);stroke-width:1}\n"
    ".picture .axis{stroke:var(--quiet);stroke-width:1}\n"
    ".picture .here{fill:transparent}\n"
    ".picture g:hover>.here{fill:var(--ink);fill-opacity:.08}\n"
    ".picture .hatch{stroke:var(--line);stroke-width:3}\n"
    ".p0{fill:var(--part0);background:var(--part0)}\n"
    ".p1{fill:var(--part1);background:var(--part1)}\n"
    ".p2{fill:var(--part2);background:var(--part2)}\n"
    ".p3{fill:var(--part3);background:var(--part3)}\n"
    ".p4{fill:var(--part4);background:var(--part4)}\n"
    ".p5{fill:var(--part5);background:var(--part5)}\n"
    ".p6{fill:var(--part6);background:var(--part6)}\n"
    ".legend{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;list-style:none;margin:.3rem 0 1rem;"
    "padding:0;font-size:.92em}\n"
    ".legend span{display:inline-block;width:.8em;height:.8em;margin-right:.4em;"
    "border-radius:2px}\n"
    ".legend .gap{background:repeating-linear-gradient(45deg,var(--line) 0 2px,transparent 2px "
    "5px);outline:1px solid var(--line)}\n";

struct picture {
    const struct wp_timeline *timeline;
    FILE *stream;
    unsigned number;
    uint64_t from_ns, until_ns; /* of the plot: whole rows */
    double top;                 /* the rate at its upper edge */
};

double
wp_report_picture_step(double value, unsigned steps_max)
{
    static const double factors[] = {1, 2, 5};
    double power = pow(10, floor(log10(value / steps_max)) - 1);

    for (;; power *= 10) {
        for (unsigned i = 0; i < 3; i++) {
            /* What is a hair more than a whole number of steps takes one more, not two. */
            if (ceil(value / (power * factors[i]) - 1e-9) <= steps_max)
                return power * factors[i];
        }
    }
}

static double
x_of(const struct picture *picture, uint64_t time_ns)
{
    return LEFT + PLOT_WIDTH * (double)(time_ns - picture->from_ns) /
                      (double)(picture->until_ns - picture->from_ns);
}

static double
y_of(const struct picture *picture, double rate)
{
    return TOP + PLOT_HEIGHT * (1 - rate / picture->top);
}

/* --- Axes
 * --------------------------------------------------------------------------------------- */

/* One unit for all labels, so that they compare at a glance. */
static void
print_rates(const struct picture *picture, double step)
{
    static const struct {
        double seconds;
        const char *name;
    } units[] = {{1, "s"}, {1e-3, "ms"}, {1e-6, "µs"}, {1e-9, "ns"}};
    size_t unit = 0;
    unsigned steps = (unsigned)lround(picture->top / step);

    while (unit < 3 && picture->top < units[unit].seconds)
        unit++;
    for (unsigned i = 0; i <= steps; i++) {
        double y = y_of(picture, i * step);

        fprintf(picture->stream,
                "<line class=\"%s\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>"
                "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%.6g%s%s%s</text>\n",
                i == 0 ? "axis" : "line", LEFT, WIDTH - RIGHT, y, y, LEFT - 8, y + 4,
                i * step / units[unit].seconds, i > 0 ? " " : "", i > 0 ? units[unit].name : "",
                i > 0 ? "/s" : "");
    }
}

/* Midnights say which day begins. */
static void
print_moment(const struct picture *picture, uint64_t time_ns, uint64_t step_ns)
{
    const uint64_t day_ns = 86400 * NS_PER_S;
    bool utc = picture->timeline->options.utc;
    uint64_t zone_ns = (uint64_t)wp_time_zone_ns(time_ns, utc);
    bool is_midnight = (time_ns + zone_ns) % day_ns == 0;
    enum wp_time_parts parts = WP_TIME_CLOCK;
    char text[WP_TIME_TEXT_BYTES];
    double x = x_of(picture, time_ns);

    if (step_ns % (60 * NS_PER_S) == 0)
        parts = WP_TIME_MINUTE;
    if (step_ns >= day_ns || (is_midnight && picture->until_ns - picture->from_ns > day_ns / 2))
        parts = WP_TIME_DATE;
    fprintf(picture->stream,
            "<line class=\"axis\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>"
            "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>\n",
            x, x, HEIGHT - BOTTOM, HEIGHT - BOTTOM + 5, x, HEIGHT - BOTTOM + 19,
            wp_time_format(time_ns, utc, parts, text));
}

static void
print_times(const struct picture *picture)
{
    bool utc = picture->timeline->options.utc;
    uint64_t step_ns = wp_timeline_row_length(picture->until_ns - picture->from_ns, X_LABELS, 0);
    uint64_t zone_ns = (uint64_t)wp_time_zone_ns(picture->from_ns, utc);
    uint64_t past_ns = (picture->from_ns + zone_ns) % step_ns;
    uint64_t time_ns = picture->from_ns + (past_ns != 0 ? step_ns - past_ns : 0);

    for (; time_ns <= picture->until_ns; time_ns += step_ns) {
        double x = x_of(picture, time_ns);

        /* Half a label must fit. */
        if (x <= WIDTH - 30)
            print_moment(picture, time_ns, step_ns);
    }
}

/* --- Bars
 * --------------------------------------------------------------------------------------- */

static void
print_title(const struct picture *picture, const struct wp_timeline_row *row)
{
    const struct wp_timeline *timeline = picture->timeline;
    char text[WP_TIME_TEXT_BYTES], rate[32];
    struct wp_interval interval;

    fprintf(picture->stream,
            "<title>%s: ", wp_time_format(row->from_ns, timeline->options.utc, WP_TIME_FULL, text));
    if (row->delay_ns <= 0) {
        fprintf(picture->stream, "%s</title>", wp_timeline_nothing(timeline, row));
        return;
    }
    fputs(wp_timeline_format_rate(wp_timeline_rate(row), rate, sizeof rate), picture->stream);
    if (wp_timeline_interval(row, &interval) && interval.high > interval.low) {
        fprintf(picture->stream, " (95 %%: %s",
                wp_timeline_format_rate(interval.low, rate, sizeof rate));
        fprintf(picture->stream, " to %s)",
                wp_timeline_format_rate(interval.high, rate, sizeof rate));
    }
    for (size_t i = 0; i < row->part_count && i < 5; i++) {
        fprintf(picture->stream, "\n%.0f %% ", 100 * row->parts[i].delay_ns / row->delay_ns);
        wp_html_text(picture->stream, timeline->functions[row->parts[i].function].name);
    }
    fputs("</title>", picture->stream);
}

static void
print_part(const struct picture *picture, unsigned colour, double x, double width, double low,
           double high)
{
    if (high > low)
        fprintf(picture->stream,
                "<rect class=\"p%u\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\"/>",
                colour, x, y_of(picture, high), width, y_of(picture, low) - y_of(picture, high));
}

/* From below: the functions in the order of the legend, so that each keeps its place. */
static void
print_parts(const struct picture *picture, const struct wp_timeline_row *row, double x,
            double width)
{
    double rates[COLOURS + 1] = {0}, low = 0;

    if (row->recorded_ns <= 0)
        return;
    for (size_t i = 0; i < row->part_count; i++) {
        uint32_t function = row->parts[i].function;

        rates[function < COLOURS ? function : COLOURS] += row->parts[i].delay_ns / row->recorded_ns;
    }
    for (unsigned i = 0; i <= COLOURS; i++) {
        print_part(picture, i, x, width, low, low + rates[i]);
        low += rates[i];
    }
}

static void
print_bars(const struct picture *picture)
{
    const struct wp_timeline *timeline = picture->timeline;
    double gap = timeline->row_count < GAP_ROWS ? 1 : 0;

    for (size_t i = 0; i < timeline->row_count; i++) {
        const struct wp_timeline_row *row = &timeline->rows[i];
        double x = x_of(picture, row->from_ns), width = x_of(picture, row->until_ns) - x;

        fputs("<g>", picture->stream);
        print_title(picture, row);
        if (row->recorded_ns <= 0)
            fprintf(picture->stream,
                    "<rect fill=\"url(#hatch%u)\" x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" "
                    "height=\"%.1f\"/>",
                    picture->number, x, TOP, width, PLOT_HEIGHT);
        print_parts(picture, row, x, width > 2 * gap ? width - gap : width);
        fprintf(picture->stream,
                "<rect class=\"here\" x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"%.1f\"/></g>\n",
                x, TOP, width, PLOT_HEIGHT);
    }
}

static void
print_legend(const struct picture *picture)
{
    const struct wp_timeline *timeline = picture->timeline;
    bool has_gap = false;

    for (size_t i = 0; i < timeline->row_count && !has_gap; i++)
        has_gap = timeline->rows[i].recorded_ns <= 0;
    fputs("<ul class=\"legend\">\n", picture->stream);
    for (unsigned i = 0; i < COLOURS && i < timeline->function_count; i++) {
        fprintf(picture->stream, "<li><span class=\"p%u\"></span><code>", i);
        wp_html_text(picture->stream, timeline->functions[i].name);
        fputs("</code></li>\n", picture->stream);
    }
    if (timeline->function_count > COLOURS)
        fprintf(picture->stream, "<li><span class=\"p%u\"></span>%zu other%s</li>\n", COLOURS,
                timeline->function_count - COLOURS,
                timeline->function_count - COLOURS > 1 ? "s" : "");
    if (has_gap)
        fprintf(picture->stream, "<li><span class=\"gap\"></span>%s</li>\n",
                timeline->is_noted ? "not recorded" : "no profile");
    fputs("</ul>\n", picture->stream);
}

void
wp_report_picture_print(const struct wp_timeline *timeline, unsigned number, FILE *stream)
{
    struct picture picture = {.timeline = timeline, .stream = stream, .number = number};
    double peak = timeline->peak > 0 ? timeline->peak : 1;
    double step = wp_report_picture_step(peak, Y_STEPS);
    char range[WP_TIMELINE_RANGE_BYTES];

    if (timeline->row_count == 0)
        return;
    picture.from_ns = timeline->rows[0].from_ns;
    picture.until_ns = timeline->rows[timeline->row_count - 1].until_ns;
    picture.top = ceil(peak / step - 1e-9) * step;
    fprintf(stream,
            "<div class=\"picture\">\n<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" "
            "viewBox=\"0 0 %.0f %.0f\" aria-label=\"Delay for each second, %s\">\n"
            "<defs><pattern id=\"hatch%u\" width=\"8\" height=\"8\" "
            "patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">"
            "<line class=\"hatch\" x1=\"0\" x2=\"0\" y1=\"0\" y2=\"8\"/></pattern></defs>\n",
            WIDTH, HEIGHT, wp_timeline_format_range(timeline, range), number);
    print_rates(&picture, step);
    print_times(&picture);
    print_bars(&picture);
    fputs("</svg>\n</div>\n", stream);
    print_legend(&picture);
}
