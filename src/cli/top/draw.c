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
#include "profile/budget_range.h"
#include "profile/own_cost.h"

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
    struct wp_own_cost since_start = wp_top_model_own_cost(model, false);
    struct wp_own_cost cost = model->span_s > 0 ? wp_top_model_own_cost(model, true) : since_start;
    double added_ns = cost.waits != 0 ? cost.added_ns : since_start.added_ns;
    uint64_t lost = wp_region_loss_count(counters);
    char text[3][WP_TOP_FIGURE_BYTES];
    size_t column;

    column =
        wp_canvas_print(canvas, row, 0, WP_ROLE_PLAIN, "%s waits/s  %s samples/s",
                        wp_top_figure_count(waits, text[0]), wp_top_figure_count(samples, text[1]));
    column = wp_canvas_print(canvas, row, column, WP_ROLE_PLAIN, "  own cost %s of a CPU",
                             wp_own_cost_format_share(cost.cpu_share, text[2], sizeof text[2]));
    if (since_start.waits != 0)
        column = wp_canvas_print(canvas, row, column, WP_ROLE_PLAIN, ", %.0f ns a wait", added_ns);
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
    if (snapshot->wait_fraction > 1)
        column = wp_canvas_print(canvas, row, column, WP_ROLE_PLAIN, " waits %s",
                                 wp_top_figure_fraction(snapshot->wait_fraction, fraction));
    if (snapshot->conditions_are_unsplit)
        column = wp_canvas_print(canvas, row, column, WP_ROLE_PLAIN, " conditions unsplit");
    for (size_t i = 0; i < snapshot->lease_count; i++)
        column = draw_lease(canvas, row, column, &snapshot->leases[i], snapshot->read_monotonic_ns);
    if (snapshot->lease_count > 0)
        wp_canvas_print(canvas, row, column, WP_ROLE_PLAIN, "  then block %s mutex %s",
                        wp_quantity_format_exact_time(snapshot->base_block_rate_ns, block),
                        wp_top_figure_fraction(snapshot->base_mutex_fraction, fraction));
}

static bool
has_budget(const struct wp_snapshot *snapshot)
{
    return (snapshot->budget_cost_ns_per_s | snapshot->budget_samples_per_s) != 0;
}

/* "1/10", or "1/10-1/40" if it has moved. */
static const char *
format_moves(const struct wp_budget_bounds *bounds, char text[2 * WP_TOP_FIGURE_BYTES])
{
    char low[WP_TOP_FIGURE_BYTES], high[WP_TOP_FIGURE_BYTES];

    wp_top_figure_fraction(bounds->low, low);
    wp_top_figure_fraction(bounds->high, high);
    snprintf(text, 2 * WP_TOP_FIGURE_BYTES, bounds->low == bounds->high ? "%s" : "%s-%s", low,
             high);
    return text;
}

/* The limits, and what of them was used in all turns. */
static size_t
draw_limits(const struct wp_snapshot *snapshot, const struct wp_budget_range *range,
            struct wp_canvas *canvas, size_t row)
{
    char limit[WP_OWN_COST_TEXT_BYTES], text[WP_TOP_FIGURE_BYTES], span[WP_QUANTITY_TEXT_BYTES];
    size_t column;

    wp_own_cost_format_budget(snapshot->budget_cost_ns_per_s, snapshot->budget_samples_per_s, limit,
                              sizeof limit);
    column = wp_canvas_print(canvas, row, 0, WP_ROLE_PLAIN, "budget %s", limit);
    if (range->turns == 0)
        return column;
    column = wp_canvas_put(canvas, row, column, 1, WP_ROLE_PLAIN, ":");
    if (snapshot->budget_cost_ns_per_s != 0)
        column = wp_canvas_print(canvas, row, column, WP_ROLE_PLAIN, " %s",
                                 wp_own_cost_format_share(range->cpu_share, text, sizeof text));
    if (snapshot->budget_samples_per_s != 0)
        column = wp_canvas_print(canvas, row, column, WP_ROLE_PLAIN, " %s/s",
                                 wp_top_figure_count(range->samples_per_s, text));
    return wp_canvas_print(canvas, row, column, WP_ROLE_PLAIN, " in %s",
                           wp_quantity_format_time(range->span_ns, span));
}

/* What the budget has chosen of late. */
static void
draw_budget(const struct wp_top_view *view, struct wp_canvas *canvas, size_t row)
{
    const struct wp_snapshot *snapshot = view->model->snapshot;
    struct wp_budget_range range =
        wp_budget_range_of(snapshot->budget_turns, snapshot->budget_turns_known);
    size_t column = draw_limits(snapshot, &range, canvas, row);
    char low[WP_QUANTITY_TEXT_BYTES], high[WP_QUANTITY_TEXT_BYTES];
    char text[2][2 * WP_TOP_FIGURE_BYTES];
    bool moved = range.block_rate_ns.low != range.block_rate_ns.high;

    if (range.turns == 0)
        return;
    wp_canvas_print(canvas, row, column, WP_ROLE_PLAIN, "  block %s%s%s mutex %s waits %s",
                    wp_quantity_format_time(range.block_rate_ns.low, low), moved ? "-" : "",
                    moved ? wp_quantity_format_time(range.block_rate_ns.high, high) : "",
                    format_moves(&range.mutex_fraction, text[0]),
                    format_moves(&range.wait_fraction, text[1]));
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

static const struct {
    draw_line *draw;
    size_t least_rows; /* of the screen, so that there is room for a list */
} header_lines[] = {
    {draw_program, 4}, {draw_activity, 9}, {draw_rates, 16},
    {draw_budget, 17}, {draw_sizes, 16},   {draw_tabs, 7},
};

/* Draws as many lines as leave room for a list; returns how many. */
static size_t
draw_header(const struct wp_top_view *view, struct wp_canvas *canvas)
{
    size_t row = 0;

    for (size_t i = 0; i < sizeof header_lines / sizeof header_lines[0]; i++) {
        if (canvas->rows < header_lines[i].least_rows)
            continue;
        if (header_lines[i].draw == draw_budget && !has_budget(view->model->snapshot))
            continue;
        header_lines[i].draw(view, canvas, row++);
    }
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
