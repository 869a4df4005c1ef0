/*
 * The canvas on a terminal, by ncurses, and keys from it.
 *
 * ncurses writes into a file in memory, from which the terminal gets what it takes without waiting:
 * a terminal that is slow, or stopped, never holds the view. Frames that it has no time for are
 * left out.
 */
#ifndef WP_CLI_TOP_SCREEN_H
#define WP_CLI_TOP_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/top/canvas.h"
#include "profile/error.h"

/* True if standard input and output are a terminal that can show a full screen. */
bool wp_screen_is_usable(void);

/* Takes the terminal. 0 or negative errno. */
int wp_screen_open(struct wp_error *error);
void wp_screen_close(void);

/* Gives the terminal back for a while, and takes it again. */
void wp_screen_leave(void);
void wp_screen_return(void);

/* The terminal has got another size. */
void wp_screen_resize(size_t rows, size_t columns);

/* Draws what has changed, `anew` all. Only while wp_tty_has_pending() is false. */
void wp_screen_show(const struct wp_canvas *canvas, bool anew);

/* The next key, as of cli/top/keys.h; WP_KEY_NONE: there is none. Never waits longer than a key
 * needs to arrive in full. */
uint32_t wp_screen_key(void);

#endif
