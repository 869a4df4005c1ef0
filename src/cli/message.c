#include "cli/message.h"

#include <stdarg.h>
#include <stdio.h>

static const char *current_command;
static bool is_quiet;
static bool is_verbose;

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

/* Typed by somebody, or found: it must not add lines to what we say. */
static void
print_object(const char *object)
{
    if (object[0] == '\0')
        fputs("\"\"", stderr);
    for (; *object != '\0'; object++)
        fputc((unsigned char)*object < 0x20 || *object == 0x7f ? '?' : *object, stderr);
    fputs(": ", stderr);
}

static void __attribute__((format(printf, 3, 0)))
print_full(const char *object, const char *remedy, const char *reason, va_list arguments)
{
    print_prefix();
    if (object != NULL)
        print_object(object);
    vfprintf(stderr, reason, arguments);
    if (remedy != NULL)
        fprintf(stderr, "; %s", remedy);
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
    vfprintf(stderr, format, arguments);
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
