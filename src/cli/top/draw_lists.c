/*
 * The lists: stacks, kinds, threads. Each has columns of figures, as many as the width allows, and
 * a text behind them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/quantity.h"
#include "cli/top/figures.h"
#include "cli/top/view.h"
#include "profile/comments.h"

#define CHAIN_BYTES 2048u
#define LEAST_NAME_COLUMNS 18u /* of pthread_mutex_lock */

/* A column of figures. `format` writes the cell of a row. */
struct column {
    const char *heading;
    size_t width;         /* with the blank in front */
    size_t least_columns; /* of the screen, or else it is left out */
    int sort;             /* enum wp_top_sort, -1: it is not sorted by that */
    const char *(*format)(const void *row, char text[WP_TOP_FIGURE_BYTES]);
};

struct list {
    const struct column *columns; /* heading NULL ends them */
    const char *heading;          /* of the text */
    size_t count;
    const void *(*row)(const struct wp_top_view *view, size_t index);
    void (*text)(const struct wp_top_view *view, const void *row, char *text, size_t size,
                 size_t columns);
};

static void
draw_headings(const struct wp_top_view *view, const struct list *list, struct wp_canvas *canvas,
              size_t row)
{
    size_t at = 0;

    for (const struct column *column = list->columns; column->heading != NULL; column++) {
        char heading[32];

        if (canvas->columns < column->least_columns)
            continue;
        snprintf(heading, sizeof heading, "%s%s",
                 column->sort >= 0 && column->sort == (int)view->sort ? ">" : "", column->heading);
        wp_canvas_put_right(canvas, row, at, column->width, WP_ROLE_BAR, heading);
        at += column->width;
    }
    wp_canvas_print(canvas, row, at, WP_ROLE_BAR, "  %s", list->heading);
    wp_canvas_set_role(canvas, row, WP_ROLE_BAR);
}

static void
draw_row(const struct wp_top_view *view, const struct list *list, const void *item,
         struct wp_canvas *canvas, size_t row)
{
    char text[CHAIN_BYTES];
    size_t at = 0, left;

    for (const struct column *column = list->columns; column->heading != NULL; column++) {
        char figure[WP_TOP_FIGURE_BYTES];

        if (canvas->columns < column->least_columns)
            continue;
        wp_canvas_put_right(canvas, row, at + 1, column->width - 1, WP_ROLE_PLAIN,
                            column->format(item, figure));
        at += column->width;
    }
    at += 2;
    left = canvas->columns > at ? canvas->columns - at : 0;
    list->text(view, item, text, sizeof text, left);
    wp_canvas_put(canvas, row, at, left, WP_ROLE_PLAIN, text);
}

/* Keeps the selected row inside of what is seen. */
static size_t
scroll_to_selection(struct wp_top_view *view, size_t count, size_t rows)
{
    struct wp_top_position *position = &view->positions[view->pane];

    if (position->selected < position->first)
        position->first = position->selected;
    if (position->selected >= position->first + rows)
        position->first = position->selected - rows + 1;
    if (position->first + rows > count)
        position->first = count > rows ? count - rows : 0;
    return position->first;
}

static void
draw_list(struct wp_top_view *view, const struct list *list, struct wp_canvas *canvas, size_t row,
          size_t rows)
{
    size_t first;

    draw_headings(view, list, canvas, row);
    view->page_rows = rows > 1 ? rows - 1 : 1;
    first = scroll_to_selection(view, list->count, view->page_rows);
    for (size_t i = 0; i + 1 < rows && first + i < list->count; i++) {
        draw_row(view, list, list->row(view, first + i), canvas, row + 1 + i);
        if (first + i == view->positions[view->pane].selected)
            wp_canvas_set_role(canvas, row + 1 + i, WP_ROLE_SELECTED);
    }
}

/* --- Stacks */

#define STACK_COLUMN(name, formatter, value)                                                       \
    static const char *name(const void *row, char text[WP_TOP_FIGURE_BYTES])                       \
    {                                                                                              \
        const struct wp_top_row *stack = row;                                                      \
                                                                                                   \
        return formatter(value, text);                                                             \
    }

STACK_COLUMN(stack_rate, wp_top_figure_time, stack->delay_per_s)
STACK_COLUMN(stack_waits_rate, wp_top_figure_count, stack->contentions_per_s)
STACK_COLUMN(stack_mean, wp_top_figure_time, stack->mean_ns)
STACK_COLUMN(stack_delay, wp_top_figure_time, stack->delay_ns)
STACK_COLUMN(stack_waits, wp_top_figure_count, stack->contentions)
STACK_COLUMN(stack_rate_interval, wp_top_figure_interval, &stack->delay_per_s_95)
STACK_COLUMN(stack_delay_interval, wp_top_figure_interval, &stack->delay_95)
STACK_COLUMN(stack_share, wp_top_figure_share, stack->share)

static const struct column stack_columns[] = {
    {"delay/s", 9, 24, WP_TOP_SORT_RATE, stack_rate},
    {"95 %", 13, 76, -1, stack_rate_interval},
    {"waits/s", 9, 60, WP_TOP_SORT_WAITS_RATE, stack_waits_rate},
    {"mean", 8, 90, WP_TOP_SORT_MEAN, stack_mean},
    {"delay", 8, 48, WP_TOP_SORT_DELAY, stack_delay},
    {"95 %", 13, 144, -1, stack_delay_interval},
    {"waits", 7, 110, WP_TOP_SORT_WAITS, stack_waits},
    {"share", 8, 100, -1, stack_share},
    {.heading = NULL},
};

static const void *
stack_row(const struct wp_top_view *view, size_t index)
{
    return &view->rows.rows[index];
}

/* The name without the arguments of its templates. Operators keep theirs. */
static void
drop_arguments(const char *name, char *text, size_t size)
{
    bool keeps = strstr(name, "operator") != NULL;
    size_t depth = 0, used = 0;

    for (; *name != '\0' && used + 1 < size; name++) {
        if (!keeps && *name == '>' && depth > 0)
            depth--;
        if (depth == 0)
            text[used++] = *name;
        if (!keeps && *name == '<')
            depth++;
    }
    text[used] = '\0';
}

/* A name in at most so many columns: of "a::b<x>::c", the end says most, and "<x>" least. */
static void
shorten_name(const char *name, size_t columns, char *text, size_t size)
{
    char plain[512];
    const char *from = name, *next;

    if (wp_canvas_width(from) > columns) {
        drop_arguments(name, plain, sizeof plain);
        from = plain;
    }
    while (wp_canvas_width(from) > columns && (next = strstr(from, "::")) != NULL)
        from = next + 2;
    if (wp_canvas_width(from) <= columns || columns < 8)
        snprintf(text, size, "%.*s", (int)wp_canvas_fit(from, columns), from);
    else
        snprintf(text, size, "%.*s...", (int)wp_canvas_fit(from, columns - 3), from);
}

/* "leaf <- caller <- caller", as much of it as there is room for; by function, these two. */
static void
stack_text(const struct wp_top_view *view, const void *item, char *text, size_t size,
           size_t columns)
{
    const struct wp_top_row *row = item;
    const struct wp_top_stack *stack = row->stack;
    size_t limit = columns / 2 > LEAST_NAME_COLUMNS ? columns / 2 : LEAST_NAME_COLUMNS;
    const struct wp_top_frame *caller = wp_top_stack_caller(stack);
    bool by_function = view->grouping == WP_REPORT_FUNCTIONS;
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < stack->frame_count && used + 1 < size; i++) {
        char name[512], kind[32] = "";

        if (by_function && i > 0 && &stack->frames[i] != caller)
            continue;

        if (i == 0 && stack->is_part)
            snprintf(kind, sizeof kind, " (%s)", stack->kind);
        shorten_name(stack->frames[i].function, limit, name, sizeof name);
        used +=
            (size_t)snprintf(text + used, size - used, "%s%s%s", i > 0 ? " <- " : "", name, kind);
        if (wp_canvas_width(text) > columns)
            break;
    }
    if (stack->frames == NULL)
        snprintf(text, size, "%s", stack->kind);
}

/* Why there is nothing to see. */
static void
draw_nothing(const struct wp_top_view *view, struct wp_canvas *canvas, size_t row)
{
    const struct wp_snapshot *snapshot = view->model->snapshot;
    bool off = view->pane == WP_TOP_PANE_MUTEX ? snapshot->mutex_fraction == 0
                                               : snapshot->block_rate_ns == 0;
    const char *reason = "Nothing waited yet that was sampled.";

    if (view->rows.hidden > 0)
        reason = "The filters leave nothing: c clears them.";
    else if (off)
        reason = "This profile is switched off: r changes the rates.";
    wp_canvas_put(canvas, row, 1, canvas->columns, WP_ROLE_PLAIN, reason);
}

void
wp_top_draw_stacks(struct wp_top_view *view, struct wp_canvas *canvas, size_t row, size_t rows)
{
    const struct list list = {
        .columns = stack_columns,
        .heading = view->pane == WP_TOP_PANE_MUTEX ? "who makes them wait" : "who waits",
        .count = view->rows.count,
        .row = stack_row,
        .text = stack_text,
    };
    struct wp_error error = {""};
    size_t first = scroll_to_selection(view, list.count, rows > 1 ? rows - 1 : 1);

    if (wp_top_rows_name(&view->rows, first, rows, view->model, &error) != 0)
        wp_top_view_say(view, true, "%s", error.text);
    draw_list(view, &list, canvas, row, rows);
    if (list.count == 0 && rows > 1)
        draw_nothing(view, canvas, row + 1);
}

/* --- Kinds */

#define KIND_COLUMN(name, formatter, value)                                                        \
    static const char *name(const void *row, char text[WP_TOP_FIGURE_BYTES])                       \
    {                                                                                              \
        const struct wp_top_kind *kind = row;                                                      \
                                                                                                   \
        return formatter(value, text);                                                             \
    }

KIND_COLUMN(kind_waits_rate, wp_top_figure_count, kind->waits_per_s)
KIND_COLUMN(kind_waits, wp_top_figure_count, (double)kind->waits)
KIND_COLUMN(kind_block_rate, wp_top_figure_time, kind->delay_per_s[0])
KIND_COLUMN(kind_mutex_rate, wp_top_figure_time, kind->delay_per_s[1])
KIND_COLUMN(kind_block_interval, wp_top_figure_interval, &kind->delay_per_s_95[0])
KIND_COLUMN(kind_mutex_interval, wp_top_figure_interval, &kind->delay_per_s_95[1])
KIND_COLUMN(kind_block, wp_top_figure_time, kind->delay_ns[0])
KIND_COLUMN(kind_mutex, wp_top_figure_time, kind->delay_ns[1])

static const struct column kind_columns[] = {
    {"block/s", 10, 0, -1, kind_block_rate},
    {"95 %", 13, 100, -1, kind_block_interval},
    {"mutex/s", 10, 40, -1, kind_mutex_rate},
    {"95 %", 13, 114, -1, kind_mutex_interval},
    {"waits/s", 9, 60, -1, kind_waits_rate},
    {"block", 10, 50, -1, kind_block},
    {"mutex", 10, 76, -1, kind_mutex},
    {"waits", 7, 90, -1, kind_waits},
    {.heading = NULL},
};

static const void *
kind_row(const struct wp_top_view *view, size_t index)
{
    return &view->kind_rows.rows[index];
}

static void
kind_text(const struct wp_top_view *view, const void *item, char *text, size_t size, size_t columns)
{
    const struct wp_top_kind *kind = item;

    (void)view;
    (void)columns;
    if (kind->kind[0] == '\0')
        snprintf(text, size, "[lost]");
    else
        snprintf(text, size, "%-16s %s", kind->kind, kind->family);
}

void
wp_top_draw_kinds(struct wp_top_view *view, struct wp_canvas *canvas, size_t row, size_t rows)
{
    const struct list list = {
        .columns = kind_columns,
        .heading = "kind             family",
        .count = view->kind_rows.count,
        .row = kind_row,
        .text = kind_text,
    };

    draw_list(view, &list, canvas, row, rows);
    if (list.count == 0 && rows > 1)
        wp_canvas_put(canvas, row + 1, 1, canvas->columns, WP_ROLE_PLAIN, "Nothing waited yet.");
}

/* --- Threads */

static const char *
format_id(uint32_t id, char text[WP_TOP_FIGURE_BYTES])
{
    snprintf(text, WP_TOP_FIGURE_BYTES, "%" PRIu32, id);
    return text;
}

static const char *
format_letter(char letter, char text[WP_TOP_FIGURE_BYTES])
{
    snprintf(text, WP_TOP_FIGURE_BYTES, "%c", letter);
    return text;
}

#define THREAD_COLUMN(name, formatter, value)                                                      \
    static const char *name(const void *row, char text[WP_TOP_FIGURE_BYTES])                       \
    {                                                                                              \
        const struct wp_top_thread *thread = row;                                                  \
                                                                                                   \
        return formatter(value, text);                                                             \
    }

THREAD_COLUMN(thread_pid, format_id, thread->pid)
THREAD_COLUMN(thread_tid, format_id, thread->tid)
THREAD_COLUMN(thread_state, format_letter, thread->life.state)
THREAD_COLUMN(thread_share, wp_top_figure_share, thread->share)
THREAD_COLUMN(thread_waits_rate, wp_top_figure_count, thread->waits_per_s)
THREAD_COLUMN(thread_waits, wp_top_figure_count, (double)thread->waits)
THREAD_COLUMN(thread_waited, wp_top_figure_time, (double)thread->waited_ns)

static const struct column thread_columns[] = {
    {"pid", 8, 60, -1, thread_pid},
    {"tid", 8, 30, -1, thread_tid},
    {"S", 3, 50, -1, thread_state},
    {"waited", 9, 0, -1, thread_share},
    {"waits/s", 9, 76, -1, thread_waits_rate},
    {"waits", 7, 100, -1, thread_waits},
    {"in all", 10, 90, -1, thread_waited},
    {.heading = NULL},
};

static const void *
thread_row(const struct wp_top_view *view, size_t index)
{
    return &view->threads.rows[index];
}

static void
thread_text(const struct wp_top_view *view, const void *item, char *text, size_t size,
            size_t columns)
{
    const struct wp_top_thread *thread = item;
    char since[WP_QUANTITY_TEXT_BYTES];

    (void)view;
    (void)columns;
    if (thread->waiting_ns == 0)
        snprintf(text, size, "%-15s", thread->life.name);
    else
        snprintf(text, size, "%-15s  %s in %s", thread->life.name,
                 wp_quantity_format_time(thread->waiting_ns, since),
                 thread->function[0] != '\0' ? thread->function : "?");
}

void
wp_top_draw_threads(struct wp_top_view *view, struct wp_canvas *canvas, size_t row, size_t rows)
{
    const struct list list = {
        .columns = thread_columns,
        .heading = "thread           waits now for",
        .count = view->threads.count,
        .row = thread_row,
        .text = thread_text,
    };

    draw_list(view, &list, canvas, row, rows);
    if (list.count == 0 && rows > 1)
        wp_canvas_put(canvas, row + 1, 1, canvas->columns, WP_ROLE_PLAIN,
                      view->facts->has_ended ? "No thread is left." : "No thread waited yet.");
}
