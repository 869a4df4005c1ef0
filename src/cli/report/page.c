#include "cli/report/page.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/html.h"
#include "cli/quantity.h"
#include "cli/report/picture.h"
#include "cli/report/words.h"
#include "cli/time_text.h"
#include "cli/timeline/output.h"
#include "profile/report.h"

static const char style[] = ".share{min-width:7rem}\n"
                            ".share .bar{margin-top:.25rem}\n"
                            "ol.stack{margin:.3rem 0;padding-left:1.6rem}\n"
                            "details{margin:.6rem 0}\n"
                            "td details{margin:0}\n";

struct page {
    const struct wp_report_page_section *section;
    FILE *stream;
};

/* --- Waits
 * -------------------------------------------------------------------------------------- */

static void
print_frames(const struct page *page, const struct wp_report_row *row)
{
    fputs("<ol class=\"stack name\">", page->stream);
    for (size_t i = 0; i < row->depth; i++) {
        const struct wp_report_frame *frame = &row->frames[i];

        fputs("<li>", page->stream);
        wp_html_text(page->stream, frame->name);
        if (frame->file[0] != '\0') {
            fputs(" <span class=\"quiet\">", page->stream);
            wp_html_text(page->stream, frame->file);
            if (frame->line != 0)
                fprintf(page->stream, ":%" PRIu32, frame->line);
            fprintf(page->stream, "%s</span>", frame->is_inlined ? " (inlined)" : "");
        }
        fputs("</li>", page->stream);
    }
    fputs("</ol>", page->stream);
}

static void
print_wait(const struct page *page, const struct wp_report_row *row)
{
    const struct wp_report_figures *total = &page->section->waits->total;
    double share = total->delay_ns > 0 ? row->figures.delay_ns / total->delay_ns : 0;
    char text[64];

    fprintf(page->stream, "<tr>\n<td class=\"number\">%s</td>\n",
            wp_report_duration(row->figures.delay_ns, text, sizeof text));
    fprintf(page->stream, "<td class=\"number quiet\">%s</td>\n",
            wp_report_format_interval(&row->figures, text, sizeof text));
    fprintf(page->stream,
            "<td class=\"share\">%.1f %%<div class=\"bar\" style=\"width:%.1f%%\"></div></td>\n",
            100 * share, 100 * share);
    fprintf(page->stream, "<td class=\"number\">%s</td>\n",
            wp_report_format_count(row->figures.contentions, text, sizeof text));
    fprintf(page->stream, "<td class=\"number\">%s</td>\n",
            wp_report_format_samples(&row->figures, text, sizeof text));
    fprintf(page->stream, "<td class=\"number\">%s</td>\n<td>",
            wp_report_format_mean(&row->figures, text, sizeof text));
    fputs("<details><summary><span class=\"name\">", page->stream);
    wp_html_text(page->stream, row->caller);
    fputs("</span> <span class=\"name quiet\">", page->stream);
    if (strcmp(row->caller, row->leaf) != 0)
        wp_html_text(page->stream, row->leaf);
    if (row->kind[0] != '\0') {
        fputs(" (", page->stream);
        wp_html_text(page->stream, row->kind);
        fputs(")", page->stream);
    }
    fputs("</span></summary>", page->stream);
    print_frames(page, row);
    fputs("</details></td>\n</tr>\n", page->stream);
}

static void
print_waits(const struct page *page)
{
    const struct wp_report_waits *waits = page->section->waits;
    size_t shown =
        waits->row_count < page->section->waits_max ? waits->row_count : page->section->waits_max;

    if (shown == 0)
        return;
    fputs("<div class=\"wide\"><table>\n<thead><tr><th class=\"number\">Delay</th>"
          "<th class=\"number\">95 %</th><th>Share</th><th class=\"number\">Waits</th>"
          "<th class=\"number\">Samples</th><th "
          "class=\"number\">Mean</th><th>Function</th></tr></thead>\n<tbody>\n",
          page->stream);
    for (size_t i = 0; i < shown; i++)
        print_wait(page, &waits->rows[i]);
    fputs("</tbody>\n</table></div>\n", page->stream);
    if (waits->row_count > shown)
        fprintf(page->stream, "<p class=\"quiet\">and %zu more</p>\n", waits->row_count - shown);
}

static void
print_comments(const struct page *page)
{
    const struct wp_report_waits *waits = page->section->waits;

    if (waits->comment_count == 0)
        return;
    fprintf(page->stream, "<details><summary>Rates, cost and coverage%s</summary>\n<ul>\n",
            waits->capture_count > 1 ? ", as the latest profile has them" : "");
    for (size_t i = 0; i < waits->comment_count; i++) {
        fputs("<li>", page->stream);
        wp_html_text(page->stream, waits->comments[i]);
        fputs("</li>\n", page->stream);
    }
    fputs("</ul></details>\n", page->stream);
}

/* --- Slices
 * ------------------------------------------------------------------------------------- */

static void
print_slice(const struct page *page, const struct wp_timeline_row *row)
{
    const struct wp_timeline *timeline = page->section->timeline;
    double rate = wp_timeline_rate(row);
    char text[WP_TIME_TEXT_BYTES];

    fprintf(page->stream, "<tr>\n<td class=\"number\">%s</td>\n",
            wp_time_format(row->from_ns, timeline->options.utc, WP_TIME_FULL, text));
    if (row->delay_ns <= 0) {
        fprintf(page->stream, "<td class=\"quiet\" colspan=\"3\">%s</td>\n</tr>\n",
                wp_timeline_nothing(timeline, row));
        return;
    }
    fprintf(page->stream,
            "<td class=\"number\">%s</td>\n<td class=\"share\"><div class=\"bar\" "
            "style=\"width:%.1f%%\"></div></td>\n<td>",
            wp_timeline_format_rate(rate, text, sizeof text),
            timeline->peak > 0 ? 100 * rate / timeline->peak : 0);
    for (size_t i = 0; i < row->part_count && i < page->section->slice_functions; i++) {
        fprintf(page->stream, "%s<span class=\"name\">", i > 0 ? ", " : "");
        wp_html_text(page->stream, timeline->functions[row->parts[i].function].name);
        fprintf(page->stream, "</span> %.0f %%", 100 * row->parts[i].delay_ns / row->delay_ns);
    }
    fputs("</td>\n</tr>\n", page->stream);
}

static void
print_slices(const struct page *page)
{
    const struct wp_timeline *timeline = page->section->timeline;

    if (page->section->slice_functions == 0)
        return;
    fputs("<details open><summary>Slices</summary>\n<div class=\"wide\"><table>\n<thead><tr>"
          "<th class=\"number\">Time</th><th class=\"number\">Delay/s</th><th></th>"
          "<th>Hottest functions</th></tr></thead>\n<tbody>\n",
          page->stream);
    for (size_t i = 0; i < timeline->row_count; i++)
        print_slice(page, &timeline->rows[i]);
    fputs("</tbody>\n</table></div></details>\n", page->stream);
}

static void
print_timeline(const struct page *page)
{
    const struct wp_timeline *timeline = page->section->timeline;
    char range[WP_TIMELINE_RANGE_BYTES], length[WP_QUANTITY_TEXT_BYTES];

    fprintf(page->stream,
            "<p>%s, in slices of %s. A second of delay each second is one thread "
            "that waited all the time.</p>\n",
            wp_timeline_format_range(timeline, range),
            wp_quantity_format_exact_time(timeline->options.row_ns, length));
    wp_report_picture_print(timeline, (unsigned)page->section->type, page->stream);
}

int
wp_report_page_print(const char *source, const struct wp_report_page_section *sections,
                     size_t count, FILE *stream, struct wp_error *error)
{
    char title[512], summary[WP_REPORT_SUMMARY_BYTES], span[WP_REPORT_SPAN_BYTES];
    char *styles = NULL;
    size_t length;
    FILE *all = open_memstream(&styles, &length);

    if (all == NULL)
        return wp_error_set(error, ENOMEM, "not enough memory for the page");
    fprintf(all, "%s%s", wp_report_picture_style, style);
    if (fclose(all) != 0) {
        free(styles);
        return wp_error_set(error, ENOMEM, "not enough memory for the page");
    }
    snprintf(title, sizeof title, "Waits of %s", source);
    wp_html_begin(stream, title, styles);
    free(styles);
    for (size_t i = 0; i < count; i++) {
        struct page page = {.section = &sections[i], .stream = stream};

        fprintf(stream, "<h2>%s</h2>\n", wp_timeline_heading(sections[i].type));
        if (sections[i].waits != NULL) {
            fputs("<p>", stream);
            wp_html_text(stream, wp_report_format_summary(sections[i].waits, summary));
            if (sections[i].timeline != NULL)
                fprintf(stream, ".<br>%s.", wp_report_format_span(sections[i].timeline, span));
            fputs("</p>\n", stream);
        }
        if (sections[i].timeline != NULL)
            print_timeline(&page);
        if (sections[i].waits != NULL)
            print_waits(&page);
        if (sections[i].timeline != NULL)
            print_slices(&page);
        if (sections[i].waits != NULL)
            print_comments(&page);
    }
    wp_html_end(stream);
    return 0;
}
