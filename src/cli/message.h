/*
 * What the command says on standard error, in one form:
 *   waitprof: COMMAND: OBJECT: REASON; REMEDY
 *
 * Any thread may print: lines of several threads do not mix. What is set (command, quiet, verbose)
 * is set before there are threads. Not for signal handlers.
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

/* An error. `object` (what it is about) and `remedy` (what to do) may be NULL. Control bytes of the
 * object are printed as '?', and an empty one as "". */
void wp_message_error(const char *object, const char *remedy, const char *reason, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for what is not an error but must be known: printed with --quiet too. */
void wp_message_warning(const char *object, const char *remedy, const char *reason, ...)
    __attribute__((format(printf, 3, 4)));

/* A line for people who watch: not with --quiet. */
void wp_message_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A line for people who search for a cause: only with --verbose. */
void wp_message_detail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
