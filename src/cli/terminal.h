/*
 * What the terminal behind a stream can show.
 */
#ifndef WP_CLI_TERMINAL_H
#define WP_CLI_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

bool wp_terminal_is(FILE *stream);

/* True if colour may be written: a terminal, TERM not "dumb", NO_COLOR not set. */
bool wp_terminal_has_colour(FILE *stream);

/* Columns; 0 when it is no terminal or does not say. */
size_t wp_terminal_width(FILE *stream);

/* Lines; 0 likewise. */
size_t wp_terminal_height(FILE *stream);

#endif
