/*
 * The frame of the screen: what is known of the program on top, the list or text in the middle,
 * messages, prompts and keys at the bottom.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/quantity.h"
#include "cli/region_loss.h"
#include "cli/top/figures.h"
#include "cli/top/view.h"

#define NAME_COLUMNS 32u

static const char *const pane_titles[WP_TOP_PANE_COUNT] = {
#define PANE_TITLE(word, title) title,
    WP_TOP_PANES(PANE_TITLE)
#undef PANE_TITLE
};

/* --- Header. Each line is the more important the higher it stands. */

static uint64_t
age_ns(uint64_t from_ns, uint64_t to_ns)
{
    return to_ns > from_ns ? to_ns - from_ns : 0;
}

static void
draw_program(const struct wp_top_view *view, struct wp_canvas *canvas, size_t row)
{
    const struct wp_snapshot *snapshot = view->model->snapshot;
    size_t processes = view->threads.processes;
    char age[WP_QUANTITY_TEXT_BYTES];
    size_t column;

    column = wp_canvas_put(canvas, row, 0, NAME_COLUMNS, WP_ROLE_STRONG, view->facts->command);
    column =
        wp_canvas_print(canvas, row, column, WP_ROLE_PLAIN, " (pid %" PRIu32 ")", view->facts->pid);
    if (view->facts->has_ended)
        column = wp_canvas_print(canvas, row, column, WP_ROLE_WARNING, "  ENDED: the last data");
    if (view->frozen)
        column = wp_canvas_print(canvas, row, column, WP_ROLE_WARNING, "  FROZEN");
    if (processes > 1)
        column = wp_canvas_print(canvas, row, column, WP_ROLE_PLAIN, "  %zu processes", processes);
    wp_quantity_format_time(age_ns(snapshot->start_realtime_ns, snapshot->read_realtime_ns), age);
    wp_canvas_print(canvas, row, column, WP_ROLE_PLAIN, "  up %s", age);
}

static void
draw_activity(const struct wp_top_view *view, struct wp_canvas *canvas, size_t row)
{
    const struct wp_top_model *model = view->model;
    const uint64_t *counters = model->snapshot->counters;
    double waits = wp_top_model_rate(model, WP_COUNTER_waits);
    double samples = wp_top_model_rate(model, WP_COUNTER_block_samples) +
                     wp_top_model_rate(model, WP_COUNTER_mutex_samples);
    double cost_ns = wp_top_model_rate(model, WP_COUNTER_own_cost_ns);
    uint64_t lost = wp_region_loss_count(counters);
    char text[2][WP_TOP_FIGURE_BYTES];
    size_t column;

    column =
        wp_canvas_print(canvas, row, 0, WP_ROLE_PLAIN, "%s waits/s  %s samples/s",
                        wp_top_figure_count(waits, text[0]), wp_top_figure_count(samples, text[1]));
    column = wp_canvas_print(canvas, row, column, WP_ROLE_PLAIN, "  own cost %.3f %% of a CPU",
                             100 * cost_ns / 1e9);
    if (counters[WP_COUNTER_waits] != 0)
        column = wp_canvas_print(canvas, row, column, WP_ROLE_PLAIN, ", %.0f ns a wait",
                                 (double)counters[WP_COUNTER_own_cost_ns] /
                                     (double)counters[WP_COUNTER_waits]);
    wp_canvas_print(canvas, row, column, lost > 0 ? WP_ROLE_WARNING : WP_ROLE_PLAIN,
                    "  lost %" PRIu64, lost);
}

static size_t
draw_lease(struct wp_canvas *canvas, size_t row, size_t column, const struct wp_reader_lease *lease,
           uint64_t now_ns)
{
    char left[WP_QUANTITY_TEXT_BYTES], block[WP_QUANTITY_TEXT_BYTES];
    char fraction[WP_TOP_FIGURE_BYTES];

    column = wp_canvas_print(canvas, row, column, WP_ROLE_STRONG, "  for %s:",
                             wp_quantity_format_time(age_ns(now_ns, lease->deadline_ns), left));
    if (lease->has_block_rate)
        column = wp_canvas_print(canvas, row, column, WP_ROLE_STRONG, " block %s",
                                 wp_quantity_format_exact_time(lease->block_rate_ns, block));
    if (lease->has_mutex_fraction)
        column = wp_canvas_print(canvas, row, column, WP_ROLE_STRONG, " mutex %s",
                                 wp_top_figure_fraction(lease->mutex_fraction, fraction));
    return column;
}

static void
draw_rates(const struct wp_top_view *view, struct wp_canvas *canvas, size_t row)
{
    const struct wp_snapshot *snapshot = view->model->snapshot;
    char block[WP_QUANTITY_TEXT_BYTES], fraction[WP_TOP_FIGURE_BYTES];
    size_t column;

    column = wp_canvas_print(canvas, row, 0, WP_ROLE_PLAIN, "rates: block %s mutex %s",
                             snapshot->block_rate_ns == 0
                                 ? "off"
                                 : wp_quantity_format_exact_time(snapshot->block_rate_ns, block),
                             wp_top_figure_fraction(snapshot->mutex_fraction, fraction));
    for (size_t i = 0; i < snapshot->lease_count; i++)
        column = draw_lease(canvas, row, column, &snapshot->leases[i], snapshot->read_monotonic_ns);
    if (snapshot->lease_count > 0)
        wp_canvas_print(canvas, row, column, WP_ROLE_PLAIN, "  then block %s mutex %s",
                        wp_quantity_format_exact_time(snapshot->base_block_rate_ns, block),
                        wp_top_figure_fraction(snapshot->base_mutex_fraction, fraction));
}

static void
draw_sizes(const struct wp_top_view *view, struct wp_canvas *canvas, size_t row)
{
    const struct wp_snapshot *snapshot = view->model->snapshot;
    char bytes[WP_QUANTITY_TEXT_BYTES], interval[WP_QUANTITY_TEXT_BYTES];

    wp_canvas_print(canvas, row, 0, WP_ROLE_PLAIN,
                    "%zu threads, %zu waiting now  %zu stacks in %s  every %s", view->threads.count,
                    view->threads.waiting, view->model->stack_count,
                    wp_quantity_format_bytes(snapshot->stack_bytes_used, bytes),
                    wp_quantity_format_exact_time(view->interval_ns, interval));
}

static void
draw_tabs(const struct wp_top_view *view, struct wp_canvas *canvas, size_t row)
{
    size_t column = 0;

    for (unsigned i = 0; i < WP_TOP_PANE_COUNT; i++) {
        column =
            wp_canvas_print(canvas, row, column, i == view->pane ? WP_ROLE_SELECTED : WP_ROLE_PLAIN,
                            " %u %s ", i + 1, pane_titles[i]);
    }
    if (view->grouping == WP_REPORT_FUNCTIONS)
        column = wp_canvas_print(canvas, row, column, WP_ROLE_PLAIN, "  by function");
    if (view->kinds[0] != '\0')
        column = wp_canvas_print(canvas, row, column, WP_ROLE_STRONG, "  kinds %s", view->kinds);
    if (view->filter_text[0] != '\0')
        column = wp_canvas_print(canvas, row, column, WP_ROLE_STRONG, "  /%s/", view->filter_text);
    if (view->rows.hidden > 0)
        wp_canvas_print(canvas, row, column, WP_ROLE_PLAIN, "  %zu hidden", view->rows.hidden);
}

typedef void draw_line(const struct wp_top_view *view, struct wp_canvas *canvas, size_t row);

static draw_line *const header_lines[] = {draw_program, draw_activity, draw_rates, draw_sizes,
                                          draw_tabs};
#define HEADER_LINES (sizeof header_lines / sizeof header_lines[0])

/* Draws as many lines as leave room for a list; returns how many. */
static size_t
draw_header(const struct wp_top_view *view, struct wp_canvas *canvas)
{
    size_t lines = canvas->rows >= 16 ? HEADER_LINES - 1 : canvas->rows >= 9 ? 2 : 1;
    size_t row = 0;

    if (canvas->rows < 4)
        return 0;
    for (; row < lines; row++)
        header_lines[row](view, canvas, row);
    if (canvas->rows >= 7)
        header_lines[HEADER_LINES - 1](view, canvas, row++);
    return row;
}

/* --- Footer */

static void
draw_hints(struct wp_canvas *canvas, size_t row)
{
    size_t column = 0;

    for (size_t i = 0; wp_top_keys[i].action != WP_TOP_NO_ACTION; i++) {
        const struct wp_top_key *key = &wp_top_keys[i];
        size_t name = strcspn(key->names, ",");

        if (key->hint == NULL)
            continue;
        if (column + name + strlen(key->hint) + 2 > canvas->columns)
            break;
        column =
            wp_canvas_print(canvas, row, column, WP_ROLE_STRONG, "%.*s", (int)name, key->names);
        column = wp_canvas_print(canvas, row, column, WP_ROLE_PLAIN, " %s  ", key->hint);
    }
}

/* The end of what is being written must be seen. */
static void
draw_prompt(const struct wp_top_view *view, struct wp_canvas *canvas, size_t row)
{
    const char *text = view->input;
    size_t column = wp_canvas_put(canvas, row, 0, canvas->columns / 2, WP_ROLE_STRONG,
                                  wp_top_prompt_label(view->prompt));

    while (*text != '\0' && column + wp_canvas_width(text) + 1 > canvas->columns)
        text += wp_canvas_fit(text, 1);
    column = wp_canvas_put(canvas, row, column, canvas->columns, WP_ROLE_PLAIN, text);
    wp_canvas_put(canvas, row, column, 1, WP_ROLE_SELECTED, " ");
}

static void
draw_footer(const struct wp_top_view *view, struct wp_canvas *canvas, size_t row)
{
    if (view->prompt != WP_TOP_PROMPT_NONE)
        draw_prompt(view, canvas, row);
    else if (view->message[0] != '\0')
        wp_canvas_put(canvas, row, 0, canvas->columns,
                      view->message_warns ? WP_ROLE_WARNING : WP_ROLE_STRONG, view->message);
    else if (view->facts->trouble[0] != '\0')
        wp_canvas_put(canvas, row, 0, canvas->columns, WP_ROLE_WARNING, view->facts->trouble);
    else if (view->facts->has_ended)
        wp_canvas_put(canvas, row, 0, canvas->columns, WP_ROLE_WARNING,
                      "The program has ended: this is its last data. q quits.");
    else
        draw_hints(canvas, row);
}

/* --- All */

static void
draw_body(struct wp_top_view *view, struct wp_canvas *canvas, size_t row, size_t rows)
{
    if (view->help)
        wp_top_draw_help(view, canvas, row, rows);
    else if (view->opened.stack != NULL)
        wp_top_draw_opened(view, canvas, row, rows);
    else if (view->pane == WP_TOP_PANE_KINDS)
        wp_top_draw_kinds(view, canvas, row, rows);
    else if (view->pane == WP_TOP_PANE_THREADS)
        wp_top_draw_threads(view, canvas, row, rows);
    else
        wp_top_draw_stacks(view, canvas, row, rows);
}

void
wp_top_view_draw(struct wp_top_view *view, struct wp_canvas *canvas)
{
    size_t row;

    wp_canvas_clear(canvas);
    if (canvas->rows == 0 || canvas->columns == 0)
        return;
    if (view->model->snapshot == NULL) {
        wp_canvas_put(canvas, 0, 0, canvas->columns, WP_ROLE_PLAIN, "Reading ...");
        return;
    }
    row = draw_header(view, canvas);
    if (canvas->rows > row + 1)
        draw_body(view, canvas, row, canvas->rows - row - 1);
    /* A text that has become shorter, or a screen that has become larger. */
    if ((view->help || view->opened.stack != NULL) && view->scroll > view->scroll_end) {
        view->scroll = view->scroll_end;
        wp_top_view_draw(view, canvas);
        return;
    }
    draw_footer(view, canvas, canvas->rows - 1);
}
