#include "profile/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int
wp_error_set(struct wp_error *error, int code, const char *format, ...)
{
    int saved_errno = errno;
    va_list arguments;

    if (error == NULL)
        return -code;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    for (char *c = error->text; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    }
    errno = saved_errno;
    return -code;
}
