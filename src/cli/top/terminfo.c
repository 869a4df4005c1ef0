#include "cli/top/terminfo.h"

#include <curses.h>
#include <string.h>
#include <term.h>
#include <unistd.h>

static struct {
    char *bytes;
    size_t used, size;
} output;

/* The text of a capability, NULL if the terminal lacks it. */
static const char *
find_text(const char *name)
{
    const char *text = tigetstr(name);

    return text == (const char *)-1 ? NULL : text;
}

/* The screen looks TERM up for itself. */
static void
forget_terminal(void)
{
    TERMINAL *terminal = set_curterm(NULL);

    if (terminal != NULL)
        del_curterm(terminal);
}

bool
wp_terminfo_is_usable(void)
{
    int reason = 0;
    bool usable;

    if (setupterm(NULL, STDOUT_FILENO, &reason) != OK)
        return false;
    usable = tigetflag("gn") <= 0 && tigetflag("hc") <= 0 && find_text("cup") != NULL &&
             find_text("clear") != NULL;
    if (!usable)
        forget_terminal();
    return usable;
}

static int
keep_byte(int byte)
{
    if (output.used < output.size)
        output.bytes[output.used++] = (char)byte;
    return byte;
}

size_t
wp_terminfo_leave_bytes(char *bytes, size_t size)
{
    static const char *const names[] = {"sgr0", "op", "rmkx", "cnorm"};
    const char *leave = find_text("rmcup");

    output.bytes = bytes;
    output.used = 0;
    output.size = size;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *text = find_text(names[i]);

        if (text != NULL)
            tputs(text, 1, keep_byte);
    }
    /* Without another screen to come back from: a new line. */
    tputs(leave != NULL ? leave : "\r\n", 1, keep_byte);
    forget_terminal();
    return output.used;
}
