#include <string.h>

#include "cli/diff/difference.h"
#include "cli/html.h"

#define TEXT_BYTES 8192u
#define COLUMN_COUNT 10

static const char style[] = ".bars{min-width:9rem;padding-top:.6rem}\n"
                            ".bar+.bar{margin-top:.2rem}\n"
                            ".bar.before{background:var(--quiet)}\n"
                            "tr.worse .bar.after{background:var(--worse)}\n"
                            "tr.better .bar.after{background:var(--better)}\n"
                            "tr.worse,tr.better{color:inherit}\n"
                            "tr.worse .change{color:var(--worse);font-weight:600}\n"
                            "tr.better .change{color:var(--better);font-weight:600}\n"
                            "tr.total td{font-weight:600}\n"
                            "ol{margin:.4rem 0;padding-left:1.6rem}\n"
                            "dt{float:left;min-width:3.5rem;font-weight:600}\n"
                            "dd{margin-left:3.5rem}\n";

#define HEADS_OF_SIDE(name)                                                                        \
    "<th scope=\"col\" class=\"number\">" name                                                     \
    "</th><th scope=\"col\" class=\"number\">95 %%</th>"                                           \
    "<th scope=\"col\" class=\"number\">Samples</th>"

/* The class of a row, which gives it its colours. */
static const char *const classes[WP_DIFFERENCE_STATE_COUNT] = {[WP_DIFFERENCE_NOISE] = "same",
                                                               [WP_DIFFERENCE_MORE] = "worse",
                                                               [WP_DIFFERENCE_LESS] = "better",
                                                               [WP_DIFFERENCE_NEW] = "worse",
                                                               [WP_DIFFERENCE_GONE] = "better"};

struct page {
    const struct wp_difference *difference;
    FILE *stream;
    double longest_ns; /* what the longest bar stands for */
};

static void
write_cell(const struct page *page, const char *class, const char *text)
{
    fprintf(page->stream, "<td class=\"%s\">", class);
    wp_html_text(page->stream, text);
    fputs("</td>\n", page->stream);
}

static void
write_bar(const struct page *page, const char *class, double delay_ns)
{
    double percent = page->longest_ns > 0 ? 100 * delay_ns / page->longest_ns : 0;

    if (delay_ns > 0)
        fprintf(page->stream, "<div class=\"bar %s\" style=\"width:%.2f%%\"></div>", class,
                percent);
}

static void
write_stack(const struct page *page, const struct wp_comparison_row *row)
{
    const char *unit = page->difference->comparison->unit;
    char text[TEXT_BYTES];

    fprintf(page->stream, "<p class=\"quiet\">waits per %s: %.4g before, %.4g after</p>\n",
            strcmp(unit, "s") == 0 ? "second" : unit,
            wp_values_mean(&row->contentions[WP_SIDE_BASE]),
            wp_values_mean(&row->contentions[WP_SIDE_NEW]));
    fputs("<ol>\n", page->stream);
    for (size_t i = 0; i < row->stack->depth; i++) {
        fputs("<li class=\"name\">", page->stream);
        wp_html_text(page->stream,
                     wp_difference_frame_text(row->stack->frames[i], text, sizeof text));
        fputs("</li>\n", page->stream);
    }
    fputs("</ol>\n", page->stream);
}

static void
write_side(const struct page *page, const struct wp_comparison_row *row,
           enum wp_comparison_side side)
{
    const struct wp_change *change = &row->change;
    char text[TEXT_BYTES];

    write_cell(page, "number",
               wp_difference_delay_text(wp_difference_delay(change, side), text, sizeof text));
    write_cell(page, "number quiet", wp_difference_bounds_text(change, side, text, sizeof text));
    write_cell(page, "number quiet", wp_difference_samples_text(row, side, text, sizeof text));
}

static void
write_figures(const struct page *page, const struct wp_comparison_row *row, bool has_bars)
{
    const struct wp_change *change = &row->change;
    char text[TEXT_BYTES];

    for (unsigned side = 0; side < WP_SIDE_COUNT; side++)
        write_side(page, row, side);
    fputs("<td class=\"bars\">", page->stream);
    if (has_bars) {
        write_bar(page, "before", change->base);
        write_bar(page, "after", change->new);
    }
    fprintf(page->stream, "</td>\n<td class=\"number change\" title=\"%s\">",
            change->has_few_samples ? "too few samples to tell"
            : change->basis == WP_BASIS_NONE
                ? "nothing is known of the noise"
                : wp_difference_meaning(wp_difference_state_of(change)));
    wp_html_text(page->stream, wp_difference_change_text(change, text, sizeof text));
    fputs("</td>\n", page->stream);
    write_cell(page, "number", wp_difference_interval_text(change, text, sizeof text));
}

static void
write_row(const struct page *page, const struct wp_comparison_row *row)
{
    char text[TEXT_BYTES];

    fprintf(page->stream, "<tr class=\"%s\">\n<td><details><summary class=\"name\">",
            classes[wp_difference_state_of(&row->change)]);
    wp_html_text(page->stream, wp_difference_function_text(row, text, sizeof text));
    fputs("</summary>\n", page->stream);
    if (row->stack != NULL)
        write_stack(page, row);
    fputs("</details></td>\n", page->stream);
    write_figures(page, row, true);
    fputs("</tr>\n", page->stream);
}

static void
write_total(const struct page *page)
{
    const struct wp_comparison_row *total = &page->difference->comparison->total;

    fprintf(page->stream, "<tr class=\"total %s\">\n<td>total</td>\n",
            classes[wp_difference_state_of(&total->change)]);
    write_figures(page, total, false);
    fputs("</tr>\n", page->stream);
}

static void
write_head(const struct page *page)
{
    static const char *const names[WP_SIDE_COUNT] = {"Base", "New"};
    char text[TEXT_BYTES];

    fputs("<dl>\n", page->stream);
    for (unsigned side = 0; side < WP_SIDE_COUNT; side++) {
        fprintf(page->stream, "<dt>%s</dt><dd>", names[side]);
        wp_html_text(page->stream, wp_difference_side(page->difference, side, text, sizeof text));
        fputs("</dd>\n", page->stream);
    }
    fputs("</dl>\n<p>", page->stream);
    wp_html_text(page->stream, wp_difference_summary(page->difference, text, sizeof text));
    fputs("</p>\n<p class=\"quiet\">", page->stream);
    wp_html_text(page->stream, wp_difference_basis_text(page->difference));
    fputs("</p>\n", page->stream);
    for (unsigned side = 0; side < WP_SIDE_COUNT; side++) {
        if (wp_difference_faults_text(page->difference, side, text, sizeof text)[0] == '\0')
            continue;
        fputs("<p>", page->stream);
        wp_html_text(page->stream, text);
        fputs("</p>\n", page->stream);
    }
}

/* Rows [from, to) as a part of the table, with a heading if it has any. */
static void
write_rows(const struct page *page, const char *heading, size_t from, size_t to)
{
    if (from >= to)
        return;
    fprintf(page->stream, "<tbody>\n<tr><th colspan=\"%d\" scope=\"rowgroup\">%s</th></tr>\n",
            COLUMN_COUNT, heading);
    for (size_t i = from; i < to; i++)
        write_row(page, page->difference->rows[i]);
    fputs("</tbody>\n", page->stream);
}

/* Of the rows that are shown: the total would make all others short. */
static double
longest_of(const struct wp_difference *difference, size_t shown)
{
    double longest_ns = 0;

    for (size_t i = 0; i < shown; i++) {
        const struct wp_change *change = &difference->rows[i]->change;

        longest_ns = change->base > longest_ns ? change->base : longest_ns;
        longest_ns = change->new > longest_ns ? change->new : longest_ns;
    }
    return longest_ns;
}

int
wp_difference_write_html(const struct wp_difference *difference,
                         const struct wp_difference_view *view, FILE *stream,
                         struct wp_error *error)
{
    size_t shown = difference->row_count < view->rows ? difference->row_count : view->rows;
    size_t changes = difference->change_count < shown ? difference->change_count : shown;
    struct page page = {difference, stream, longest_of(difference, shown)};
    char text[TEXT_BYTES];

    wp_html_begin(stream, wp_difference_heading(difference, text, sizeof text), style);
    write_head(&page);
    fprintf(stream,
            "<div class=\"wide\">\n<table>\n<thead>\n<tr><th scope=\"col\">%s</th>" HEADS_OF_SIDE(
                "Base") HEADS_OF_SIDE("New") "<th scope=\"col\">Base above New</th>"
                                             "<th scope=\"col\" class=\"number\">Change</th>"
                                             "<th scope=\"col\" class=\"number\">95 %% "
                                             "interval</th></tr>\n</thead>\n<tbody>\n",
            difference->grouping == WP_COMPARE_STACKS ? "Stack" : "Function");
    write_total(&page);
    fputs("</tbody>\n", stream);
    write_rows(&page, "Changes", 0, changes);
    write_rows(&page, difference->basis == WP_BASIS_NONE ? "Nothing is claimed" : "Within noise",
               changes, shown);
    fputs("</table>\n</div>\n", stream);
    if (difference->row_count > shown)
        fprintf(stream, "<p class=\"quiet\">... and %zu more; --all shows them</p>\n",
                difference->row_count - shown);
    wp_html_end(stream);
    (void)error;
    return 0;
}
