#include "cli/message.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profile/symbol_name.h"

static const char *current_command;
static bool is_quiet;
static bool is_verbose;
static bool has_told_of_output;

void
wp_message_set_command(const char *command)
{
    current_command = command;
}

void
wp_message_set_quiet(bool quiet)
{
    is_quiet = quiet;
}

void
wp_message_set_verbose(bool verbose)
{
    is_verbose = verbose;
}

bool
wp_message_is_quiet(void)
{
    return is_quiet;
}

/* From here to finish_line other threads' messages wait. */
static void
print_prefix(void)
{
    /* Output of the command that is still buffered belongs before the message. */
    fflush(stdout);
    flockfile(stderr);
    fputs("waitprof: ", stderr);
    if (current_command != NULL)
        fprintf(stderr, "%s: ", current_command);
}

static void
finish_line(void)
{
    fputc('\n', stderr);
    funlockfile(stderr);
}

/* Names in it were typed by somebody, or found: they must not add lines to what we say, nor give
 * orders to the terminal. */
static void
print_clean(const char *text)
{
    size_t size = 3 * strlen(text) + 1;
    char *clean = malloc(size);

    if (clean == NULL) {
        fputs("(out of memory)", stderr);
        return;
    }
    wp_symbol_clean(text, clean, size);
    fputs(clean, stderr);
    free(clean);
}

static void __attribute__((format(printf, 1, 0)))
print_formatted(const char *format, va_list arguments)
{
    char *text = NULL;

    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    print_clean(text != NULL ? text : format);
    free(text);
}

static void __attribute__((format(printf, 3, 0)))
print_full(const char *object, const char *remedy, const char *reason, va_list arguments)
{
    print_prefix();
    if (object != NULL) {
        print_clean(object[0] != '\0' ? object : "\"\"");
        fputs(": ", stderr);
    }
    print_formatted(reason, arguments);
    if (remedy != NULL) {
        fputs("; ", stderr);
        print_clean(remedy);
    }
    finish_line();
}

void
wp_message_error(const char *object, const char *remedy, const char *reason, ...)
{
    va_list arguments;

    va_start(arguments, reason);
    print_full(object, remedy, reason, arguments);
    va_end(arguments);
}

void
wp_message_warning(const char *object, const char *remedy, const char *reason, ...)
{
    va_list arguments;

    va_start(arguments, reason);
    print_full(object, remedy, reason, arguments);
    va_end(arguments);
}

static void __attribute__((format(printf, 1, 0))) print_line(const char *format, va_list arguments)
{
    print_prefix();
    print_formatted(format, arguments);
    finish_line();
}

void
wp_message_note(const char *format, ...)
{
    va_list arguments;

    if (is_quiet)
        return;
    va_start(arguments, format);
    print_line(format, arguments);
    va_end(arguments);
}

void
wp_message_detail(const char *format, ...)
{
    va_list arguments;

    if (!is_verbose)
        return;
    va_start(arguments, format);
    print_line(format, arguments);
    va_end(arguments);
}

bool
wp_message_check_output(void)
{
    /* What could not be written stays in the buffer, so that trying again tells why; unless there
     * is room by now, for what came last. */
    int cause = fflush(stdout) != 0 ? errno : 0;
    bool is_full = cause == ENOSPC || cause == EDQUOT;
    const char *remedy = is_full ? "make room there, or write elsewhere" : "write elsewhere";

    if (cause == 0 && !ferror(stdout))
        return true;
    if (!has_told_of_output)
        wp_message_error("standard output", remedy, "%s",
                         cause != 0 ? strerror(cause) : "a part of it could not be written");
    has_told_of_output = true;
    return false;
}
