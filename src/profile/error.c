#include "profile/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "profile/symbol_name.h"

int
wp_error_set(struct wp_error *error, int code, const char *format, ...)
{
    int saved_errno = errno;
    char text[sizeof error->text];
    va_list arguments;

    if (error == NULL)
        return -code;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    wp_symbol_clean(text, error->text, sizeof error->text);
    errno = saved_errno;
    return -code;
}
