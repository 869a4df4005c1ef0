#include "cli/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

bool
wp_terminal_is(FILE *stream)
{
    return isatty(fileno(stream)) == 1;
}

bool
wp_terminal_has_colour(FILE *stream)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");

    if (no_color != NULL && no_color[0] != '\0')
        return false;
    if (term == NULL || strcmp(term, "dumb") == 0)
        return false;
    return wp_terminal_is(stream);
}

size_t
wp_terminal_width(FILE *stream)
{
    struct winsize size;

    if (!wp_terminal_is(stream) || ioctl(fileno(stream), TIOCGWINSZ, &size) != 0)
        return 0;
    return size.ws_col;
}

size_t
wp_terminal_height(FILE *stream)
{
    struct winsize size;

    if (!wp_terminal_is(stream) || ioctl(fileno(stream), TIOCGWINSZ, &size) != 0)
        return 0;
    return size.ws_row;
}
