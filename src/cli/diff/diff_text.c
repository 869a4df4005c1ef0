#include <stdarg.h>

#include "cli/diff/difference.h"
#include "cli/top/canvas.h"

#define LINE_BYTES 4096u
#define FIGURE_BYTES 64u
#define FRAMES_SHOWN 7u
#define NAME_COLUMN 54 /* where the figures end */

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

static void
write_figures(const struct wp_change *change, const struct wp_difference_view *view,
              const char *name, FILE *stream)
{
    char before[FIGURE_BYTES], after[FIGURE_BYTES], text[FIGURE_BYTES], interval[FIGURE_BYTES];

    write_line(view, stream, colours[wp_difference_state_of(change)], "%9s %9s %8s  %-22s  %s",
               wp_difference_delay_text(change->base, before, sizeof before),
               wp_difference_delay_text(change->new, after, sizeof after),
               wp_difference_change_text(change, text, sizeof text),
               wp_difference_interval_text(change, interval, sizeof interval), name);
}

static void
write_stack(const struct wp_pprof_stack *stack, const struct wp_difference_view *view, FILE *stream)
{
    char text[LINE_BYTES];

    for (size_t i = 1; i < stack->depth && i < FRAMES_SHOWN; i++)
        write_line(view, stream, NULL, "%*s<- %s", NAME_COLUMN, "",
                   wp_difference_frame_text(stack->frames[i], text, sizeof text));
    if (stack->depth > FRAMES_SHOWN)
        write_line(view, stream, NULL, "%*s<- ... %zu more", NAME_COLUMN, "",
                   stack->depth - FRAMES_SHOWN);
}

static void
write_row(const struct wp_difference *difference, const struct wp_comparison_row *row,
          const struct wp_difference_view *view, FILE *stream)
{
    char name[LINE_BYTES];

    if (difference->grouping == WP_COMPARE_STACKS) {
        write_figures(&row->change, view, row->leaf, stream);
        write_stack(row->stack, view, stream);
        return;
    }
    wp_difference_function_text(row, name, sizeof name);
    write_figures(&row->change, view, name, stream);
}

static void
write_head(const struct wp_difference *difference, const struct wp_difference_view *view,
           FILE *stream)
{
    static const char *const names[WP_SIDE_COUNT] = {"BASE", "NEW"};
    char text[LINE_BYTES];

    write_line(view, stream, NULL, "%s", wp_difference_heading(difference, text, sizeof text));
    for (unsigned side = 0; side < WP_SIDE_COUNT; side++)
        write_line(view, stream, NULL, "  %-5s %s", names[side],
                   wp_difference_side(difference, side, text, sizeof text));
    fprintf(stream, "%s\n%s\n\n", wp_difference_basis_text(difference),
            wp_difference_summary(difference, text, sizeof text));
    write_line(view, stream, "\033[1m", "%9s %9s %8s  %-22s  %s", "BASE", "NEW", "CHANGE",
               "95 % INTERVAL", difference->grouping == WP_COMPARE_STACKS ? "STACK" : "FUNCTION");
}

int
wp_difference_write_text(const struct wp_difference *difference,
                         const struct wp_difference_view *view, FILE *stream,
                         struct wp_error *error)
{
    size_t shown = difference->row_count < view->rows ? difference->row_count : view->rows;
    size_t hidden_changes = difference->change_count > shown ? difference->change_count - shown : 0;

    write_head(difference, view, stream);
    write_figures(&difference->comparison->total.change, view, "total", stream);
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
