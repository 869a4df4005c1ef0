/*
 * The state of the view, and what keys do to it.
 */
#include "cli/top/view.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/quantity.h"

#define SECOND_NS UINT64_C(1000000000)

static const uint64_t intervals_s[] = {1, 2, 5, 10, 30, 60};
#define INTERVAL_COUNT (sizeof intervals_s / sizeof intervals_s[0])

void
wp_top_view_init(struct wp_top_view *view, struct wp_top_model *model,
                 const struct wp_top_facts *facts, const struct wp_top_deeds *deeds)
{
    *view = (struct wp_top_view){
        .model = model,
        .facts = facts,
        .deeds = *deeds,
        .look = wp_thread_life_look,
        .interval_ns = SECOND_NS,
        .page_rows = 1,
    };
}

void
wp_top_view_free(struct wp_top_view *view)
{
    if (view->filter_text[0] != '\0')
        regfree(&view->filter);
    view->filter_text[0] = '\0';
    wp_top_rows_free(&view->rows);
    wp_top_kinds_free(&view->kind_rows);
    wp_top_threads_free(&view->threads);
}

void
wp_top_view_say(struct wp_top_view *view, bool warns, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(view->message, sizeof view->message, format, arguments);
    va_end(arguments);
    view->message_warns = warns;
}

size_t
wp_top_view_count(const struct wp_top_view *view)
{
    switch (view->pane) {
    case WP_TOP_PANE_KINDS:
        return view->kind_rows.count;
    case WP_TOP_PANE_THREADS:
        return view->threads.count;
    default:
        return view->rows.count;
    }
}

static bool
shows_stacks(const struct wp_top_view *view)
{
    return view->pane == WP_TOP_PANE_BLOCK || view->pane == WP_TOP_PANE_MUTEX;
}

/* --- Rows */

/* The selection stays with its stack, but at the top, where it stays with the top. */
static void
follow_selection(struct wp_top_view *view)
{
    struct wp_top_position *position = &view->positions[view->pane];
    size_t count = wp_top_view_count(view);

    if (shows_stacks(view) && position->selected > 0 && position->follow != NULL) {
        for (size_t i = 0; i < count; i++) {
            if (view->rows.rows[i].stack == position->follow)
                position->selected = i;
        }
    }
    if (position->selected >= count)
        position->selected = count > 0 ? count - 1 : 0;
}

static void
note_selection(struct wp_top_view *view)
{
    struct wp_top_position *position = &view->positions[view->pane];

    if (shows_stacks(view) && position->selected < view->rows.count)
        position->follow = view->rows.rows[position->selected].stack;
}

/* What is shown in full goes on being counted. */
static void
refresh_opened(struct wp_top_view *view)
{
    for (size_t i = 0; i < view->rows.count && view->opened.stack != NULL; i++) {
        if (view->rows.rows[i].stack == view->opened.stack)
            view->opened = view->rows.rows[i];
    }
}

void
wp_top_view_refresh(struct wp_top_view *view)
{
    const char *kinds = view->kinds[0] != '\0' ? view->kinds : NULL;
    const struct wp_top_query query = {
        .profile = view->pane == WP_TOP_PANE_MUTEX ? WP_PROFILE_MUTEX : WP_PROFILE_BLOCK,
        .sort = view->sort,
        .grouping = view->grouping,
        .kinds = kinds,
        .filter = view->filter_text[0] != '\0' ? &view->filter : NULL,
        .filter_number = view->filter_number,
    };
    struct wp_error error = {""};
    int status;

    if (view->model->snapshot == NULL)
        return;
    /* Their texts went with the snapshot before, whatever fails below. */
    wp_top_kinds_free(&view->kind_rows);
    status = wp_top_threads_make(&view->threads, view->model,
                                 view->facts->has_ended ? NULL : view->look, &error);
    if (status == 0 && shows_stacks(view))
        status = wp_top_rows_make(&view->rows, view->model, &query, &error);
    if (status == 0 && view->pane == WP_TOP_PANE_KINDS)
        status = wp_top_kinds_make(&view->kind_rows, view->model, kinds, &error);
    if (status != 0)
        wp_top_view_say(view, true, "%s", error.text);
    refresh_opened(view);
    follow_selection(view);
}

/* --- Keys */

static void
move(struct wp_top_view *view, bool forward, size_t rows)
{
    bool scrolls = view->help || view->opened.stack != NULL;
    size_t count = wp_top_view_count(view);
    size_t *at = scrolls ? &view->scroll : &view->positions[view->pane].selected;
    size_t last = scrolls ? view->scroll_end : count > 0 ? count - 1 : 0;

    if (forward)
        *at = rows < last - (*at < last ? *at : last) ? *at + rows : last;
    else
        *at = *at > rows ? *at - rows : 0;
    note_selection(view);
}

static void
show_pane(struct wp_top_view *view, enum wp_top_pane pane)
{
    view->pane = pane;
    view->help = false;
    view->opened.stack = NULL;
    wp_top_view_refresh(view);
}

static void
open_stack(struct wp_top_view *view)
{
    size_t selected = view->positions[view->pane].selected;

    if (!shows_stacks(view) || selected >= view->rows.count || view->opened.stack != NULL)
        return;
    view->opened = view->rows.rows[selected];
    view->scroll = 0;
}

/* Closes what lies on top; false if nothing does. */
static bool
go_back(struct wp_top_view *view)
{
    if (view->help)
        view->help = false;
    else if (view->opened.stack != NULL)
        view->opened.stack = NULL;
    else
        return false;
    view->scroll = 0;
    return true;
}

static void
change_sort(struct wp_top_view *view, unsigned steps)
{
    if (!shows_stacks(view))
        return;
    view->sort = (enum wp_top_sort)((view->sort + steps) % WP_TOP_SORT_COUNT);
    wp_top_view_say(view, false, "sorted by %s", wp_top_sort_headings[view->sort]);
    wp_top_view_refresh(view);
}

static void
change_grouping(struct wp_top_view *view)
{
    bool stacks = view->grouping == WP_REPORT_FUNCTIONS;

    view->grouping = stacks ? WP_REPORT_STACKS : WP_REPORT_FUNCTIONS;
    wp_top_view_say(view, false, "one row a %s", stacks ? "stack" : "calling function");
    wp_top_view_refresh(view);
}

static void
clear_filters(struct wp_top_view *view)
{
    if (view->filter_text[0] != '\0')
        regfree(&view->filter);
    view->filter_text[0] = '\0';
    view->kinds[0] = '\0';
    wp_top_view_refresh(view);
}

/* The next interval of the list that is longer or shorter than the present. */
static void
change_interval(struct wp_top_view *view, bool slower)
{
    char text[WP_QUANTITY_TEXT_BYTES];
    uint64_t chosen = view->interval_ns;

    for (size_t i = 0; i < INTERVAL_COUNT; i++) {
        uint64_t offered = intervals_s[slower ? i : INTERVAL_COUNT - 1 - i] * SECOND_NS;

        if (slower ? offered > chosen : offered < chosen) {
            chosen = offered;
            break;
        }
    }
    view->interval_ns = chosen;
    wp_top_view_say(view, false, "a look every %s", wp_quantity_format_exact_time(chosen, text));
}

static void
end_leases(struct wp_top_view *view)
{
    struct wp_error error = {""};
    size_t ended = 0;

    if (view->deeds.end_leases(view->deeds.context, &ended, &error) != 0)
        wp_top_view_say(view, true, "%s", error.text);
    else if (ended == 0)
        wp_top_view_say(view, false, "the rates were not changed here");
    else
        wp_top_view_say(view, false, "the rates are put back");
}

static void
freeze(struct wp_top_view *view)
{
    view->frozen = !view->frozen;
    wp_top_view_say(view, false, view->frozen ? "frozen: f goes on" : "running");
}

static void
move_by(struct wp_top_view *view, enum wp_top_action action)
{
    switch (action) {
    case WP_TOP_UP:
        return move(view, false, 1);
    case WP_TOP_DOWN:
        return move(view, true, 1);
    case WP_TOP_PAGE_UP:
        return move(view, false, view->page_rows);
    case WP_TOP_PAGE_DOWN:
        return move(view, true, view->page_rows);
    case WP_TOP_FIRST:
        return move(view, false, SIZE_MAX);
    case WP_TOP_LAST:
        return move(view, true, SIZE_MAX);
    default:
        return;
    }
}

static void
choose_pane(struct wp_top_view *view, enum wp_top_action action)
{
    unsigned pane = view->pane;

    if (action == WP_TOP_NEXT_PANE)
        pane = (pane + 1) % WP_TOP_PANE_COUNT;
    else if (action == WP_TOP_PREVIOUS_PANE)
        pane = (pane + WP_TOP_PANE_COUNT - 1) % WP_TOP_PANE_COUNT;
    else
        pane = action - WP_TOP_SHOW_BLOCK;
    show_pane(view, (enum wp_top_pane)pane);
}

static void
act(struct wp_top_view *view, enum wp_top_action action)
{
    switch (action) {
    case WP_TOP_OPEN:
        return open_stack(view);
    case WP_TOP_BACK:
        go_back(view);
        return;
    case WP_TOP_QUIT:
        view->quit = !go_back(view);
        return;
    case WP_TOP_SHOW_BLOCK ... WP_TOP_PREVIOUS_PANE:
        return choose_pane(view, action);
    case WP_TOP_SORT:
        return change_sort(view, 1);
    case WP_TOP_SORT_BACK:
        return change_sort(view, WP_TOP_SORT_COUNT - 1);
    case WP_TOP_GROUP:
        return change_grouping(view);
    case WP_TOP_KINDS_PROMPT:
        return wp_top_prompt_open(view, WP_TOP_PROMPT_KINDS);
    case WP_TOP_FILTER_PROMPT:
        return wp_top_prompt_open(view, WP_TOP_PROMPT_FILTER);
    case WP_TOP_CLEAR_FILTERS:
        return clear_filters(view);
    case WP_TOP_FREEZE:
        return freeze(view);
    case WP_TOP_SLOWER:
    case WP_TOP_FASTER:
        return change_interval(view, action == WP_TOP_SLOWER);
    case WP_TOP_RATES_PROMPT:
        return wp_top_prompt_open(view, WP_TOP_PROMPT_RATES);
    case WP_TOP_END_LEASES:
        return end_leases(view);
    case WP_TOP_REDRAW:
        view->redraw = true;
        return;
    case WP_TOP_HELP:
        view->help = !view->help;
        view->scroll = 0;
        return;
    default:
        return move_by(view, action);
    }
}

void
wp_top_view_key(struct wp_top_view *view, uint32_t code)
{
    if (view->prompt != WP_TOP_PROMPT_NONE) {
        wp_top_prompt_key(view, code);
        return;
    }
    view->message[0] = '\0';
    act(view, wp_top_key_action(code));
}
