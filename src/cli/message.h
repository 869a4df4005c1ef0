/*
 * What the command says on standard error, in one form:
 *   waitprof: COMMAND: OBJECT: REASON; REMEDY
 *
 * Any thread may print: lines of several threads do not mix. What is set (command, quiet, verbose)
 * is set before there are threads. Not for signal handlers. All of a line is cleaned by
 * wp_symbol_clean: names in it may be anything.
 */
#ifndef WP_CLI_MESSAGE_H
#define WP_CLI_MESSAGE_H

#include <stdbool.h>

/* Names the command that later messages come from; NULL: the program itself. Keeps the pointer. */
void wp_message_set_command(const char *command);

/* quiet: wp_message_note says nothing. verbose: wp_message_detail speaks. */
void wp_message_set_quiet(bool quiet);
void wp_message_set_verbose(bool verbose);
bool wp_message_is_quiet(void);

/* An error. `object` (what it is about) and `remedy` (what to do) may be NULL. An empty object is
 * printed as "". */
void wp_message_error(const char *object, const char *remedy, const char *reason, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for what is not an error but must be known: printed with --quiet too. */
void wp_message_warning(const char *object, const char *remedy, const char *reason, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Whether all that was printed on standard output has reached it; flushes it. If not, the first
 * call says so, with the reason. Later ones return false alone: a command may ask, who has a status
 * of its own for it, and the program asks at the end of each.
 */
bool wp_message_check_output(void);

/* A line for people who watch: not with --quiet. */
void wp_message_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A line for people who search for a cause: only with --verbose. */
void wp_message_detail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
