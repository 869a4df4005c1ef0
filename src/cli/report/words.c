#include "cli/report/words.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/timeline/output.h"
#include "profile/report.h"

const char *
wp_report_format_interval(const struct wp_report_figures *figures, char *text, size_t size)
{
    return figures->has_error ? wp_report_describe_interval(figures->delay_ns, figures->variance,
                                                            figures->samples, text, size)
                              : "-";
}

const char *
wp_report_format_count(double contentions, char *text, size_t size)
{
    /* Scaled counts are fractions; a small one must not read as none. */
    snprintf(text, size, "%.*f", contentions < 9.95 && fmod(contentions, 1) != 0 ? 1 : 0,
             contentions);
    return text;
}

const char *
wp_report_format_samples(const struct wp_report_figures *figures, char *text, size_t size)
{
    if (figures->has_error)
        snprintf(text, size, "%.0f", figures->samples);
    else
        snprintf(text, size, "-");
    return text;
}

const char *
wp_report_format_mean(const struct wp_report_figures *figures, char *text, size_t size)
{
    /* An unlock may be charged for waiters that an earlier one has counted: no waits, no mean. */
    if (figures->contentions <= 0)
        snprintf(text, size, "-");
    else
        wp_report_duration(figures->delay_ns / figures->contentions, text, size);
    return text;
}

/* What a profile of ours says itself about having no stacks. */
static const char *
find_reason(const struct wp_report_waits *waits)
{
    static const char prefix[] = "empty: ";

    for (size_t i = 0; i < waits->comment_count; i++) {
        if (strncmp(waits->comments[i], prefix, sizeof prefix - 1) == 0)
            return waits->comments[i] + sizeof prefix - 1;
    }
    return "no stack is in it";
}

const char *
wp_report_format_summary(const struct wp_report_waits *waits, char text[WP_REPORT_SUMMARY_BYTES])
{
    char delay[24], count[32], span[48] = "", from[48] = "", words[48];
    const char *interval = wp_report_format_interval(&waits->total, words, sizeof words);
    bool is_known = strcmp(interval, "-") != 0;

    if (waits->capture_count == 0)
        return strcpy(text, "There is no profile of this type");
    if (waits->row_count == 0) {
        snprintf(text, WP_REPORT_SUMMARY_BYTES, "Nothing waited: %s", find_reason(waits));
        return text;
    }
    if (waits->duration_ns != 0) {
        char duration[24];

        snprintf(span, sizeof span, ", during %s",
                 wp_report_duration((double)waits->duration_ns, duration, sizeof duration));
    }
    if (waits->capture_count > 1)
        snprintf(from, sizeof from, ", in %zu profiles", waits->capture_count);
    snprintf(text, WP_REPORT_SUMMARY_BYTES, "%s%s%s%s in %s waits%s%s",
             wp_report_duration(waits->total.delay_ns, delay, sizeof delay), is_known ? " (" : "",
             is_known ? interval : "", is_known ? ")" : "",
             wp_report_format_count(waits->total.contentions, count, sizeof count), span, from);
    return text;
}

const char *
wp_report_format_span(const struct wp_timeline *timeline, char text[WP_REPORT_SPAN_BYTES])
{
    bool is_more = timeline->whole_from_ns < timeline->options.from_ns ||
                   timeline->whole_until_ns > timeline->options.until_ns;
    char range[WP_TIMELINE_RANGE_BYTES];

    snprintf(text, WP_REPORT_SPAN_BYTES, "%s%s", wp_timeline_format_whole_range(timeline, range),
             is_more ? ": the whole of each slice that the time asked for is part of" : "");
    return text;
}
