/*
 * A picture of characters: what the views draw on, so that they need no terminal.
 *
 * Text is UTF-8 that may come from anywhere: what does not decode, control characters and what the
 * locale cannot show become '?', characters without a width (marks that combine, marks of
 * direction) are left out. So nothing but printable characters ever reaches a terminal.
 */
#ifndef WP_CLI_TOP_CANVAS_H
#define WP_CLI_TOP_CANVAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wchar.h>

/* What a piece of text is; how that looks is for the terminal to say. */
enum wp_role {
    WP_ROLE_PLAIN,
    WP_ROLE_STRONG,
    WP_ROLE_FAINT,
    WP_ROLE_BAR,      /* headings of columns */
    WP_ROLE_SELECTED, /* the row that keys act on, the view that is shown */
    WP_ROLE_WARNING,
    WP_ROLE_COUNT
};

struct wp_cell {
    wchar_t character; /* 0: the right half of the wide one before */
    uint8_t role;      /* enum wp_role */
};

struct wp_canvas {
    size_t rows, columns;
    struct wp_cell *cells; /* row by row */
};

#define WP_CANVAS_ROWS_MAX 500u
#define WP_CANVAS_COLUMNS_MAX 1000u

/* Sets the size, cut to what is allowed, and clears it. Start with {0}. 0 or -ENOMEM. */
int wp_canvas_resize(struct wp_canvas *canvas, size_t rows, size_t columns);
void wp_canvas_clear(struct wp_canvas *canvas);
void wp_canvas_free(struct wp_canvas *canvas);

/*
 * Writes text at a place, at most `limit` columns of it (and never beyond the edge); what is cut
 * ends in "..." where there is room for that. Returns the column behind it.
 */
size_t wp_canvas_put(struct wp_canvas *canvas, size_t row, size_t column, size_t limit,
                     enum wp_role role, const char *text);
size_t wp_canvas_print(struct wp_canvas *canvas, size_t row, size_t column, enum wp_role role,
                       const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Ends at `column` + `width`. Text that is wider is cut on its right. */
void wp_canvas_put_right(struct wp_canvas *canvas, size_t row, size_t column, size_t width,
                         enum wp_role role, const char *text);

/* Gives a whole row a role. */
void wp_canvas_set_role(struct wp_canvas *canvas, size_t row, enum wp_role role);

/* Columns that a text takes. */
size_t wp_canvas_width(const char *text);

/* How many bytes of `text` fit in so many columns; at least one character if there is one. For text
 * that is broken into lines. */
size_t wp_canvas_fit(const char *text, size_t columns);

#endif
