#include "cli/top/figures.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profile/report.h"

const char *
wp_top_figure_count(double count, char text[WP_TOP_FIGURE_BYTES])
{
    static const char units[] = {0, 'k', 'M', 'G', 'T'};
    size_t unit = 0;

    if (count >= 9999.5) {
        while (count >= 999.5 && unit + 1 < sizeof units) {
            count /= 1000;
            unit++;
        }
        snprintf(text, WP_TOP_FIGURE_BYTES, "%.*f%c",
                 count < 9.995   ? 2
                 : count < 99.95 ? 1
                                 : 0,
                 count, units[unit]);
        return text;
    }
    snprintf(text, WP_TOP_FIGURE_BYTES, "%.*f", count > 0 && count < 9.95 ? 1 : 0, count);
    return text;
}

const char *
wp_top_figure_time(double time_ns, char text[WP_TOP_FIGURE_BYTES])
{
    if (time_ns > 0)
        return wp_report_duration(time_ns, text, WP_TOP_FIGURE_BYTES);
    snprintf(text, WP_TOP_FIGURE_BYTES, "0");
    return text;
}

const char *
wp_top_figure_share(double part, char text[WP_TOP_FIGURE_BYTES])
{
    text[0] = '\0';
    if (part > 0)
        snprintf(text, WP_TOP_FIGURE_BYTES, "%.1f %%", 100 * part);
    return text;
}

const char *
wp_top_figure_interval(const struct wp_top_interval *interval, char text[WP_TOP_FIGURE_BYTES])
{
    double low = interval->bounds.low, high = interval->bounds.high;
    char lower[WP_TOP_FIGURE_BYTES / 2], upper[WP_TOP_FIGURE_BYTES / 2];
    double shown, unit_ns;
    char *unit;

    if (!interval->is_known || !(low < high)) {
        snprintf(text, WP_TOP_FIGURE_BYTES, interval->is_known ? "exact" : "-");
        return text;
    }
    /* The lower bound gets the unit and the decimals of the upper one. */
    wp_report_duration(high, upper, sizeof upper);
    shown = strtod(upper, &unit);
    unit++;
    unit_ns = *unit == 's' ? 1e9 : *unit == 'm' ? 1e6 : *unit == 'u' ? 1e3 : 1;
    snprintf(lower, sizeof lower, "%.*f",
             strchr(upper, '.') == NULL ? 0
             : shown < 9.995            ? 2
                                        : 1,
             low / unit_ns);
    snprintf(text, WP_TOP_FIGURE_BYTES, "%s-%s", lower, upper);
    return text;
}

const char *
wp_top_figure_fraction(uint64_t fraction, char text[WP_TOP_FIGURE_BYTES])
{
    if (fraction <= 1)
        snprintf(text, WP_TOP_FIGURE_BYTES, "%s", fraction == 0 ? "off" : "all");
    else
        snprintf(text, WP_TOP_FIGURE_BYTES, "1/%" PRIu64, fraction);
    return text;
}
