/*
 * What terminfo says of the terminal, apart from the screen because of term.h's many macros.
 */
#ifndef WP_CLI_TOP_TERMINFO_H
#define WP_CLI_TOP_TERMINFO_H

#include <stdbool.h>
#include <stddef.h>

/* Looks TERM up; true if that terminal can show a full screen. */
bool wp_terminfo_is_usable(void);

/* The bytes that end what a full screen begins: attributes, colours, keypad, hidden cursor, the
 * alternate screen. Once after each wp_terminfo_is_usable that was true. Returns how many, `size`
 * at most. */
size_t wp_terminfo_leave_bytes(char *bytes, size_t size);

#endif
