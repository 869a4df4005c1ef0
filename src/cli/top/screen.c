#include "cli/top/screen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define NCURSES_NOMACROS
#include <curses.h>

#include "cli/terminal.h"
#include "cli/top/keys.h"
#include "cli/top/terminfo.h"
#include "cli/top/tty.h"

#define ESCAPE_WAIT_MS 50
#define LEAVE_BYTES 200u

static struct {
    SCREEN *screen;
    FILE *memory; /* where ncurses writes */
    attr_t attributes[WP_ROLE_COUNT];
    short pairs[WP_ROLE_COUNT];
} screen;

bool
wp_screen_is_usable(void)
{
    return wp_terminal_is(stdin) && wp_terminal_is(stdout) && wp_terminfo_is_usable();
}

/* --- Opening and closing */

static void
set_attributes(void)
{
    static const attr_t plain[WP_ROLE_COUNT] = {
        [WP_ROLE_STRONG] = A_BOLD,      [WP_ROLE_FAINT] = A_DIM,
        [WP_ROLE_BAR] = A_REVERSE,      [WP_ROLE_SELECTED] = A_REVERSE | A_BOLD,
        [WP_ROLE_WARNING] = A_STANDOUT,
    };

    memcpy(screen.attributes, plain, sizeof plain);
    memset(screen.pairs, 0, sizeof screen.pairs);
    if (!wp_terminal_has_colour(stdout) || !has_colors() || start_color() != OK)
        return;
    use_default_colors();
    if (init_pair(1, COLOR_RED, -1) == OK) {
        screen.pairs[WP_ROLE_WARNING] = 1;
        screen.attributes[WP_ROLE_WARNING] = A_BOLD;
    }
    if (init_pair(2, COLOR_BLACK, COLOR_GREEN) == OK) {
        screen.pairs[WP_ROLE_BAR] = 2;
        screen.attributes[WP_ROLE_BAR] = A_NORMAL;
    }
    if (init_pair(3, COLOR_BLACK, COLOR_CYAN) == OK) {
        screen.pairs[WP_ROLE_SELECTED] = 3;
        screen.attributes[WP_ROLE_SELECTED] = A_NORMAL;
    }
}

static int
open_memory(struct wp_error *error)
{
    int fd = memfd_create("waitprof top", MFD_CLOEXEC);

    screen.memory = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (screen.memory != NULL)
        return 0;
    if (fd >= 0)
        close(fd);
    return wp_error_set(error, errno, "no memory for the screen: %s", strerror(errno));
}

static void
set_up_curses(void)
{
    size_t rows, columns;

    set_attributes();
    cbreak();
    noecho();
    nonl();
    nodelay(stdscr, TRUE);
    keypad(stdscr, TRUE);
    leaveok(stdscr, TRUE);
    typeahead(-1);
    set_escdelay(ESCAPE_WAIT_MS);
    curs_set(0);
    wp_tty_size(&rows, &columns);
    wp_screen_resize(rows, columns);
}

int
wp_screen_open(struct wp_error *error)
{
    const char *term = getenv("TERM");
    char leave[LEAVE_BYTES];
    int status = open_memory(error);

    if (status != 0)
        return status;
    status = wp_tty_open(leave, wp_terminfo_leave_bytes(leave, sizeof leave), error);
    if (status == 0)
        screen.screen = newterm(NULL, screen.memory, stdin);
    if (status == 0 && screen.screen == NULL)
        status = wp_error_set(error, ENOTSUP, "%s: the terminal cannot show a full screen",
                              term != NULL ? term : "TERM");
    if (status != 0) {
        wp_screen_close();
        return status;
    }
    wp_tty_enter();
    set_up_curses();
    return 0;
}

/* Takes what ncurses has written; returns its length, *bytes is the caller's. */
static size_t
take_output(char **bytes)
{
    int fd = fileno(screen.memory);
    off_t length;
    ssize_t got = 0;

    *bytes = NULL;
    fflush(screen.memory);
    length = lseek(fd, 0, SEEK_CUR);
    if (length > 0)
        *bytes = malloc((size_t)length);
    if (*bytes != NULL)
        got = pread(fd, *bytes, (size_t)length, 0);
    if (lseek(fd, 0, SEEK_SET) != 0 || ftruncate(fd, 0) != 0)
        got = 0;
    return got > 0 ? (size_t)got : 0;
}

void
wp_screen_leave(void)
{
    char *bytes;

    /* The terminal gets the bytes that are known to be enough; ncurses must only know. */
    endwin();
    take_output(&bytes);
    free(bytes);
    wp_tty_leave();
}

void
wp_screen_return(void)
{
    size_t rows, columns;

    wp_tty_enter();
    wp_tty_size(&rows, &columns);
    wp_screen_resize(rows, columns);
    curs_set(0);
}

void
wp_screen_close(void)
{
    if (screen.screen != NULL) {
        wp_screen_leave();
        delscreen(screen.screen);
    }
    wp_tty_close();
    if (screen.memory != NULL)
        fclose(screen.memory);
    screen.screen = NULL;
    screen.memory = NULL;
}

void
wp_screen_resize(size_t rows, size_t columns)
{
    if (rows > WP_CANVAS_ROWS_MAX)
        rows = WP_CANVAS_ROWS_MAX;
    if (columns > WP_CANVAS_COLUMNS_MAX)
        columns = WP_CANVAS_COLUMNS_MAX;
    resizeterm((int)rows, (int)columns);
}

/* --- Drawing */

/* Cells of one role from `column` on, as text; returns the column behind them. */
static size_t
show_run(const struct wp_canvas *canvas, size_t row, size_t column)
{
    const struct wp_cell *cells = &canvas->cells[row * canvas->columns];
    wchar_t text[WP_CANVAS_COLUMNS_MAX + 1];
    uint8_t role = cells[column].role;
    size_t at = column, length = 0;

    for (; at < canvas->columns && cells[at].role == role; at++) {
        if (cells[at].character != L'\0')
            text[length++] = cells[at].character;
    }
    attr_set(screen.attributes[role], screen.pairs[role], NULL);
    mvaddnwstr((int)row, (int)column, text, (int)length);
    return at;
}

void
wp_screen_show(const struct wp_canvas *canvas, bool anew)
{
    size_t length;
    char *bytes;

    if (anew)
        clearok(curscr, TRUE);
    erase();
    for (size_t row = 0; row < canvas->rows; row++) {
        for (size_t column = 0; column < canvas->columns;)
            column = show_run(canvas, row, column);
    }
    refresh();
    length = take_output(&bytes);
    if (length > 0)
        wp_tty_write(bytes, length);
    free(bytes);
}

/* --- Keys */

uint32_t
wp_screen_key(void)
{
    static const struct {
        wint_t code;
        uint32_t key;
    } named[] = {
        {KEY_UP, WP_KEY_UP},           {KEY_DOWN, WP_KEY_DOWN},   {KEY_PPAGE, WP_KEY_PAGE_UP},
        {KEY_NPAGE, WP_KEY_PAGE_DOWN}, {KEY_HOME, WP_KEY_HOME},   {KEY_END, WP_KEY_END},
        {KEY_BTAB, WP_KEY_BACK_TAB},   {KEY_ENTER, WP_KEY_ENTER}, {KEY_BACKSPACE, WP_KEY_BACKSPACE},
    };
    wint_t code;

    for (;;) {
        int kind = get_wch(&code);

        if (kind == ERR)
            return WP_KEY_NONE;
        if (kind == OK)
            return (uint32_t)code;
        for (size_t i = 0; i < sizeof named / sizeof named[0]; i++) {
            if (named[i].code == code)
                return named[i].key;
        }
    }
}
