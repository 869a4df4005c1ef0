/*
 * What is read line by line and scrolled: a stack in full, the help.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/top/figures.h"
#include "cli/top/view.h"
#include "profile/profile.h"

/* Lines are counted while they are drawn: those above `from` and below the room are left out. */
struct page {
    struct wp_canvas *canvas;
    size_t row, rows;
    size_t from;
    size_t lines;
};

static void
page_line(struct page *page, size_t indent, enum wp_role role, const char *text)
{
    if (page->lines >= page->from && page->lines - page->from < page->rows)
        wp_canvas_put(page->canvas, page->row + page->lines - page->from, indent,
                      page->canvas->columns, role, text);
    page->lines++;
}

/* A text of any length, broken at the edge. */
static void
page_text(struct page *page, size_t indent, enum wp_role role, const char *text)
{
    size_t room = page->canvas->columns > indent + 1 ? page->canvas->columns - indent : 1;
    char line[4 * WP_CANVAS_COLUMNS_MAX + 1];

    do {
        size_t bytes = wp_canvas_fit(text, room);

        snprintf(line, sizeof line, "%.*s", (int)bytes, text);
        page_line(page, indent, role, line);
        text += bytes;
    } while (*text != '\0');
}

static void
page_end(const struct page *page, struct wp_top_view *view)
{
    view->scroll_end = page->lines > page->rows ? page->lines - page->rows : 0;
    view->page_rows = page->rows > 1 ? page->rows - 1 : 1;
}

static struct page
page_begin(struct wp_top_view *view, struct wp_canvas *canvas, size_t row, size_t rows)
{
    if (view->scroll > view->scroll_end)
        view->scroll = view->scroll_end;
    return (struct page){.canvas = canvas, .row = row, .rows = rows, .from = view->scroll};
}

/* --- A stack in full */

static void
page_figures(struct page *page, const struct wp_top_row *row)
{
    char text[4][WP_TOP_FIGURE_BYTES], line[256];

    snprintf(line, sizeof line, "%s profile, kind %s", wp_profile_type_name(row->stack->profile),
             row->stack->kind[0] != '\0' ? row->stack->kind : "unknown");
    page_text(page, 0, WP_ROLE_STRONG, line);
    snprintf(line, sizeof line, "each second: %s (95 %%: %s) in %s waits, mean %s",
             wp_top_figure_time(row->delay_per_s, text[0]),
             wp_top_figure_interval(&row->delay_per_s_95, text[1]),
             wp_top_figure_count(row->contentions_per_s, text[2]),
             wp_top_figure_time(row->mean_ns, text[3]));
    page_text(page, 0, WP_ROLE_STRONG, line);
    snprintf(line, sizeof line, "since the start: %s (95 %%: %s) in %s waits, %s samples",
             wp_top_figure_time(row->delay_ns, text[0]),
             wp_top_figure_interval(&row->delay_95, text[1]),
             wp_top_figure_count(row->contentions, text[2]),
             wp_top_figure_count((double)row->samples, text[3]));
    page_text(page, 0, WP_ROLE_PLAIN, line);
}

static void
page_frame(struct page *page, size_t number, const struct wp_top_frame *frame)
{
    char line[4096];

    snprintf(line, sizeof line, "#%-3zu %s%s", number, frame->function,
             frame->inlined ? " (inlined)" : "");
    page_text(page, 0, WP_ROLE_PLAIN, line);
    if (frame->file[0] == '\0')
        return;
    snprintf(line, sizeof line, "%s:%" PRIu32, frame->file, frame->line);
    page_text(page, 5, WP_ROLE_FAINT, line);
}

void
wp_top_draw_opened(struct wp_top_view *view, struct wp_canvas *canvas, size_t row, size_t rows)
{
    const struct wp_top_stack *stack = view->opened.stack;
    struct wp_top_rows one = {.rows = &view->opened, .count = 1};
    struct wp_error error = {""};
    struct page page;

    if (wp_top_rows_name(&one, 0, 1, view->model, &error) != 0)
        wp_top_view_say(view, true, "%s", error.text);
    page = page_begin(view, canvas, row, rows);
    page_figures(&page, &view->opened);
    for (size_t i = 0; i < stack->frame_count; i++)
        page_frame(&page, i, &stack->frames[i]);
    page_end(&page, view);
}

/* --- Help */

static const char *const explanations[] = {
    "",
    "delay/s   time waited for each second: 2.00 s are two threads that wait all the time",
    "95 %      where the delay before it lies, with so much confidence; - if too few samples came",
    "waits/s   waits, estimated from the samples",
    "mean      of one wait, in the last interval, or since the start if none came",
    "delay, waits, share   since the program's start",
    "waited    part of the last interval that a thread waited",
    "",
    "Rates are written as `10us 1 2m`: the block rate, the mutex fraction, for how long (5m",
    "if it is missing). `-` leaves a rate as it is. Then, or when you leave, the old rates",
    "come back. `waitprof rate` changes them for good.",
};

void
wp_top_draw_help(struct wp_top_view *view, struct wp_canvas *canvas, size_t row, size_t rows)
{
    struct page page = page_begin(view, canvas, row, rows);

    for (size_t i = 0; wp_top_keys[i].action != WP_TOP_NO_ACTION; i++) {
        char line[160];

        snprintf(line, sizeof line, "%-10s %s", wp_top_keys[i].names, wp_top_keys[i].help);
        page_text(&page, 1, WP_ROLE_PLAIN, line);
    }
    for (size_t i = 0; i < sizeof explanations / sizeof explanations[0]; i++)
        page_text(&page, 1, WP_ROLE_PLAIN, explanations[i]);
    page_end(&page, view);
}
