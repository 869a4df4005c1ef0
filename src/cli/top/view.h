/*
 * What the user sees and does: the state of the screen, how keys change it, and how it is drawn. No
 * terminal: keys come as numbers, the picture goes to a canvas.
 */
#ifndef WP_CLI_TOP_VIEW_H
#define WP_CLI_TOP_VIEW_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/top/canvas.h"
#include "cli/top/keys.h"
#include "cli/top/model.h"
#include "cli/top/threads.h"
#include "profile/error.h"
#include "profile/region_reader.h"

/* X(word, title) in the order of their keys */
#define WP_TOP_PANES(X)                                                                            \
    X(BLOCK, "Block")                                                                              \
    X(MUTEX, "Mutex")                                                                              \
    X(KINDS, "Kinds")                                                                              \
    X(THREADS, "Threads")

enum wp_top_pane {
#define WP_TOP_PANE_ENUM(word, title) WP_TOP_PANE_##word,
    WP_TOP_PANES(WP_TOP_PANE_ENUM)
#undef WP_TOP_PANE_ENUM
        WP_TOP_PANE_COUNT
};

enum wp_top_prompt {
    WP_TOP_PROMPT_NONE,
    WP_TOP_PROMPT_KINDS,
    WP_TOP_PROMPT_FILTER,
    WP_TOP_PROMPT_RATES,
};

#define WP_TOP_TEXT_BYTES 128u

/* What the view shows of the program besides the model. */
struct wp_top_facts {
    char command[64]; /* valid UTF-8 without control characters */
    uint32_t pid;
    bool has_ended;
    char trouble[WP_ERROR_TEXT_BYTES]; /* why the latest look failed, "" if it did not */
};

/* What the view can have done. Each returns 0, or negative errno with the reason. */
struct wp_top_deeds {
    int (*change_rates)(void *context, const struct wp_reader_rate_change *change,
                        struct wp_reader_rate_result *result, struct wp_error *error);
    int (*end_leases)(void *context, size_t *ended, struct wp_error *error); /* our own */
    void *context;
};

/* Where the user is in a list. */
struct wp_top_position {
    size_t selected, first;
    const void *follow; /* stack that is selected, wherever it moves; NULL: the row is */
};

struct wp_top_view {
    struct wp_top_model *model;
    const struct wp_top_facts *facts;
    struct wp_top_deeds deeds;
    wp_thread_life_look_fn *look;

    enum wp_top_pane pane;
    enum wp_top_sort sort;
    enum wp_report_grouping grouping;
    struct wp_top_position positions[WP_TOP_PANE_COUNT];
    size_t page_rows; /* of the list, when it was drawn last */

    struct wp_top_row opened; /* stack NULL: none is shown in full */
    bool help;
    size_t scroll, scroll_end; /* of the stack in full, or of the help */

    char kinds[WP_TOP_TEXT_BYTES]; /* "": all */
    char filter_text[WP_TOP_TEXT_BYTES];
    regex_t filter; /* valid while filter_text is not "" */
    uint64_t filter_number;

    enum wp_top_prompt prompt;
    char input[WP_TOP_TEXT_BYTES];
    char message[WP_ERROR_TEXT_BYTES]; /* the last line, until the next key */
    bool message_warns;

    bool frozen;
    uint64_t interval_ns;
    bool redraw; /* the terminal shall be drawn anew */
    bool quit;

    struct wp_top_rows rows; /* of the profile that is shown */
    struct wp_top_kinds kind_rows;
    struct wp_top_threads threads;
};

/* All zeros but what is given. End with wp_top_view_free. */
void wp_top_view_init(struct wp_top_view *view, struct wp_top_model *model,
                      const struct wp_top_facts *facts, const struct wp_top_deeds *deeds);
void wp_top_view_free(struct wp_top_view *view);

/* Makes the rows anew after the model or the query has changed. What fails becomes a message. */
void wp_top_view_refresh(struct wp_top_view *view);

/* Does what a key says. */
void wp_top_view_key(struct wp_top_view *view, uint32_t code);

/* Draws all. The canvas has the size of the terminal, which may be as small as it likes. */
void wp_top_view_draw(struct wp_top_view *view, struct wp_canvas *canvas);

/* A message for the last line. */
void wp_top_view_say(struct wp_top_view *view, bool warns, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* --- Between the files of the view */

/* Opens the prompt with the text that is in force, or edits it by a key. */
void wp_top_prompt_open(struct wp_top_view *view, enum wp_top_prompt prompt);
void wp_top_prompt_key(struct wp_top_view *view, uint32_t code);
const char *wp_top_prompt_label(enum wp_top_prompt prompt);

/* Draws one of the lists from `row` on, `rows` of them with the headings. */
void wp_top_draw_stacks(struct wp_top_view *view, struct wp_canvas *canvas, size_t row,
                        size_t rows);
void wp_top_draw_kinds(struct wp_top_view *view, struct wp_canvas *canvas, size_t row, size_t rows);
void wp_top_draw_threads(struct wp_top_view *view, struct wp_canvas *canvas, size_t row,
                         size_t rows);

/* A stack with all its frames, and the keys. */
void wp_top_draw_opened(struct wp_top_view *view, struct wp_canvas *canvas, size_t row,
                        size_t rows);
void wp_top_draw_help(struct wp_top_view *view, struct wp_canvas *canvas, size_t row, size_t rows);

/* How many rows the list that is shown has. */
size_t wp_top_view_count(const struct wp_top_view *view);

#endif
