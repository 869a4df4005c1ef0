#include <stdarg.h>

#include "cli/diff/difference.h"
#include "cli/top/canvas.h"

#define LINE_BYTES 4096u
#define FIGURE_BYTES 64u
#define CELLS_BYTES 256u
#define FRAMES_SHOWN 7u

/* Where names start. A narrow terminal has no room for what is known of each side. */
#define NAME_COLUMN 54
#define NAME_COLUMN_WIDE 112
#define WIDE_COLUMNS 140u /* of the terminal */

#define BOUNDS_COLUMNS 18u

static const char *const colours[WP_DIFFERENCE_STATE_COUNT] = {
    [WP_DIFFERENCE_MORE] = "\033[31m",
    [WP_DIFFERENCE_LESS] = "\033[32m",
    [WP_DIFFERENCE_NEW] = "\033[31m",
    [WP_DIFFERENCE_GONE] = "\033[32m",
};

/* Prints one line, cut to the width with "..." at the end. */
static void __attribute__((format(printf, 4, 5)))
write_line(const struct wp_difference_view *view, FILE *stream, const char *colour,
           const char *format, ...)
{
    size_t width = view->width_columns;
    const char *dots = "";
    char line[LINE_BYTES];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (width > 3 && wp_canvas_width(line) > width) {
        line[wp_canvas_fit(line, width - 3)] = '\0';
        dots = "...";
    }
    if (!view->colour || colour == NULL)
        fprintf(stream, "%s%s\n", line, dots);
    else
        fprintf(stream, "%s%s%s\033[0m\n", colour, line, dots);
}

static bool
is_wide(const struct wp_difference_view *view)
{
    return view->width_columns == 0 || view->width_columns >= WIDE_COLUMNS;
}

/* The figures of one side, of which the last two are for wide views. Columns are counted, since
 * printf counts bytes. */
static void
format_side(const struct wp_difference_view *view, const char *delay, const char *bounds,
            const char *samples, char text[CELLS_BYTES])
{
    size_t columns = wp_canvas_width(bounds);
    int padding = columns < BOUNDS_COLUMNS ? (int)(BOUNDS_COLUMNS - columns) : 0;

    if (is_wide(view))
        snprintf(text, CELLS_BYTES, "%9s  %s%*s %8s", delay, bounds, padding, "", samples);
    else
        snprintf(text, CELLS_BYTES, "%9s", delay);
}

static void
write_figures(const struct wp_comparison_row *row, const struct wp_difference_view *view,
              const char *name, FILE *stream)
{
    char delay[FIGURE_BYTES], bounds[FIGURE_BYTES], samples[FIGURE_BYTES];
    char sides[WP_SIDE_COUNT][CELLS_BYTES], text[FIGURE_BYTES], interval[FIGURE_BYTES];
    const struct wp_change *change = &row->change;

    for (unsigned side = 0; side < WP_SIDE_COUNT; side++)
        format_side(
            view, wp_difference_delay_text(wp_difference_delay(change, side), delay, sizeof delay),
            wp_difference_bounds_text(change, side, bounds, sizeof bounds),
            wp_difference_samples_text(row, side, samples, sizeof samples), sides[side]);
    write_line(view, stream, colours[wp_difference_state_of(change)], "%s %s %8s  %-22s  %s",
               sides[WP_SIDE_BASE], sides[WP_SIDE_NEW],
               wp_difference_change_text(change, text, sizeof text),
               wp_difference_interval_text(change, interval, sizeof interval), name);
}

static void
write_stack(const struct wp_pprof_stack *stack, const struct wp_difference_view *view, FILE *stream)
{
    int column = is_wide(view) ? NAME_COLUMN_WIDE : NAME_COLUMN;
    char text[LINE_BYTES];

    for (size_t i = 1; i < stack->depth && i < FRAMES_SHOWN; i++)
        write_line(view, stream, NULL, "%*s<- %s", column, "",
                   wp_difference_frame_text(stack->frames[i], text, sizeof text));
    if (stack->depth > FRAMES_SHOWN)
        write_line(view, stream, NULL, "%*s<- ... %zu more", column, "",
                   stack->depth - FRAMES_SHOWN);
}

static void
write_row(const struct wp_difference *difference, const struct wp_comparison_row *row,
          const struct wp_difference_view *view, FILE *stream)
{
    char name[LINE_BYTES];

    if (difference->grouping == WP_COMPARE_STACKS) {
        write_figures(row, view, row->leaf, stream);
        write_stack(row->stack, view, stream);
        return;
    }
    wp_difference_function_text(row, name, sizeof name);
    write_figures(row, view, name, stream);
}

static void
write_head(const struct wp_difference *difference, const struct wp_difference_view *view,
           FILE *stream)
{
    static const char *const names[WP_SIDE_COUNT] = {"BASE", "NEW"};
    char text[LINE_BYTES], sides[WP_SIDE_COUNT][CELLS_BYTES];

    write_line(view, stream, NULL, "%s", wp_difference_heading(difference, text, sizeof text));
    for (unsigned side = 0; side < WP_SIDE_COUNT; side++)
        write_line(view, stream, NULL, "  %-5s %s", names[side],
                   wp_difference_side(difference, side, text, sizeof text));
    for (unsigned side = 0; side < WP_SIDE_COUNT; side++) {
        if (wp_difference_faults_text(difference, side, text, sizeof text)[0] != '\0')
            fprintf(stream, "%s\n", text);
    }
    fprintf(stream, "%s\n%s\n\n", wp_difference_basis_text(difference),
            wp_difference_summary(difference, text, sizeof text));
    for (unsigned side = 0; side < WP_SIDE_COUNT; side++)
        format_side(view, names[side], "95 %", "SAMPLES", sides[side]);
    write_line(view, stream, "\033[1m", "%s %s %8s  %-22s  %s", sides[WP_SIDE_BASE],
               sides[WP_SIDE_NEW], "CHANGE", "95 % INTERVAL",
               difference->grouping == WP_COMPARE_STACKS ? "STACK" : "FUNCTION");
}

int
wp_difference_write_text(const struct wp_difference *difference,
                         const struct wp_difference_view *view, FILE *stream,
                         struct wp_error *error)
{
    size_t shown = difference->row_count < view->rows ? difference->row_count : view->rows;
    size_t hidden_changes = difference->change_count > shown ? difference->change_count - shown : 0;

    write_head(difference, view, stream);
    write_figures(&difference->comparison->total, view, "total", stream);
    for (size_t i = 0; i < shown; i++)
        write_row(difference, difference->rows[i], view, stream);
    if (hidden_changes > 0)
        write_line(view, stream, NULL, "... and %zu more, %zu of them %s; --all shows them",
                   difference->row_count - shown, hidden_changes,
                   hidden_changes == 1 ? "a change" : "changes");
    else if (difference->row_count > shown)
        write_line(view, stream, NULL, "... and %zu more, none of them a change; --all shows them",
                   difference->row_count - shown);
    (void)error;
    return 0;
}
