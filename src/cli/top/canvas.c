#include "cli/top/canvas.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 4096u
#define DOTS "..."
#define DOTS_COLUMNS 3u

int
wp_canvas_resize(struct wp_canvas *canvas, size_t rows, size_t columns)
{
    struct wp_cell *cells;

    rows = rows > WP_CANVAS_ROWS_MAX ? WP_CANVAS_ROWS_MAX : rows;
    columns = columns > WP_CANVAS_COLUMNS_MAX ? WP_CANVAS_COLUMNS_MAX : columns;
    cells = calloc(rows * columns + 1, sizeof *cells);
    if (cells == NULL)
        return -ENOMEM;
    free(canvas->cells);
    canvas->cells = cells;
    canvas->rows = rows;
    canvas->columns = columns;
    wp_canvas_clear(canvas);
    return 0;
}

void
wp_canvas_clear(struct wp_canvas *canvas)
{
    for (size_t i = 0; i < canvas->rows * canvas->columns; i++)
        canvas->cells[i] = (struct wp_cell){.character = L' ', .role = WP_ROLE_PLAIN};
}

void
wp_canvas_free(struct wp_canvas *canvas)
{
    free(canvas->cells);
    *canvas = (struct wp_canvas){0};
}

/* --- Text */

/* Decodes one character of UTF-8, which may be broken; returns how many bytes it took. */
static size_t
decode(const char *text, uint32_t *character)
{
    static const struct {
        unsigned char mask, bits;
        uint32_t least;
    } forms[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
    const unsigned char *bytes = (const unsigned char *)text;

    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        size_t more = 1;

        if ((bytes[0] & forms[i].mask) != forms[i].bits)
            continue;
        *character = bytes[0] & (unsigned char)~forms[i].mask;
        for (; more <= i && (bytes[more] & 0xc0) == 0x80; more++)
            *character = *character << 6 | (bytes[more] & 0x3f);
        if (more <= i || *character < forms[i].least || *character > 0x10ffff)
            break;
        return more;
    }
    *character = '?';
    return 1;
}

/* One character that may be shown, and its columns. */
static size_t
next_character(const char *text, wchar_t *character, size_t *columns)
{
    uint32_t decoded;
    size_t bytes = decode(text, &decoded);
    int width = wcwidth((wchar_t)decoded);

    *character = width < 0 ? L'?' : (wchar_t)decoded;
    *columns = width < 0 ? 1 : (size_t)width;
    return bytes;
}

size_t
wp_canvas_width(const char *text)
{
    size_t sum = 0, columns;
    wchar_t character;

    while (*text != '\0') {
        text += next_character(text, &character, &columns);
        sum += columns;
    }
    return sum;
}

size_t
wp_canvas_fit(const char *text, size_t columns)
{
    size_t bytes = 0, used = 0;

    while (text[bytes] != '\0') {
        wchar_t character;
        size_t wide, length = next_character(text + bytes, &character, &wide);

        if (bytes > 0 && used + wide > columns)
            break;
        bytes += length;
        used += wide;
    }
    return bytes;
}

static void
set_cell(struct wp_canvas *canvas, size_t row, size_t column, wchar_t character, enum wp_role role)
{
    canvas->cells[row * canvas->columns + column] =
        (struct wp_cell){.character = character, .role = (uint8_t)role};
}

/* As much of a text as fits before the column `end`. */
static size_t
put_cells(struct wp_canvas *canvas, size_t row, size_t column, size_t end, enum wp_role role,
          const char *text)
{
    while (*text != '\0') {
        wchar_t character;
        size_t columns;

        text += next_character(text, &character, &columns);
        if (columns == 0)
            continue;
        if (column + columns > end)
            break;
        set_cell(canvas, row, column, character, role);
        for (size_t i = 1; i < columns; i++)
            set_cell(canvas, row, column + i, L'\0', role);
        column += columns;
    }
    return column;
}

size_t
wp_canvas_put(struct wp_canvas *canvas, size_t row, size_t column, size_t limit, enum wp_role role,
              const char *text)
{
    size_t end, room;

    if (row >= canvas->rows || column >= canvas->columns)
        return column;
    room = canvas->columns - column;
    end = column + (limit < room ? limit : room);
    if (wp_canvas_width(text) <= end - column)
        return put_cells(canvas, row, column, end, role, text);
    if (end - column <= 2 * DOTS_COLUMNS)
        return put_cells(canvas, row, column, end, role, text);
    column = put_cells(canvas, row, column, end - DOTS_COLUMNS, role, text);
    return put_cells(canvas, row, column, end, role, DOTS);
}

size_t
wp_canvas_print(struct wp_canvas *canvas, size_t row, size_t column, enum wp_role role,
                const char *format, ...)
{
    char line[LINE_BYTES];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    return wp_canvas_put(canvas, row, column, canvas->columns, role, line);
}

void
wp_canvas_put_right(struct wp_canvas *canvas, size_t row, size_t column, size_t width,
                    enum wp_role role, const char *text)
{
    size_t used = wp_canvas_width(text);

    if (used < width)
        column += width - used;
    wp_canvas_put(canvas, row, column, used < width ? used : width, role, text);
}

void
wp_canvas_set_role(struct wp_canvas *canvas, size_t row, enum wp_role role)
{
    for (size_t i = 0; row < canvas->rows && i < canvas->columns; i++)
        canvas->cells[row * canvas->columns + i].role = (uint8_t)role;
}
