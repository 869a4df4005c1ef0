/*
 * The system's log: libc sends each message to the log daemon by a socket, and waits when that has
 * no room. syslog and its fortified twin take their arguments as they come, and have no twin of
 * their own in the library that could be forwarded to with them: they are vsyslog with a list.
 */
#include <syslog.h>

#include "timed.h"

void __vsyslog_chk(int priority, int flag, const char *format, va_list arguments);
void __syslog_chk(int priority, int flag, const char *format, ...);

/* Logs, and records the wait under `function`. flag < 0: not fortified. */
static void
wp_log(int priority, int flag, const char *format, va_list arguments, uint16_t function,
       const void *frame)
{
    bool on = wp_wrapper_block_on(WP_FAMILY_io);
    struct wp_timed_outer outer;

    if (on)
        wp_timed_outer_begin(&outer);
    if (flag < 0)
        wp_real.vsyslog(priority, format, arguments);
    else
        wp_real.__vsyslog_chk(priority, flag, format, arguments);
    if (on)
        wp_timed_outer_end(&outer, WP_TIMED_READY_NS, function, frame);
}

WP_EXPORT void
vsyslog(int priority, const char *format, va_list arguments)
{
    wp_log(priority, -1, format, arguments, WP_FUNCTION_vsyslog, WP_UNWIND_FRAME());
}

WP_EXPORT void
syslog(int priority, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    wp_log(priority, -1, format, arguments, WP_FUNCTION_syslog, WP_UNWIND_FRAME());
    va_end(arguments);
}

WP_EXPORT void
__vsyslog_chk(int priority, int flag, const char *format, va_list arguments)
{
    wp_log(priority, flag, format, arguments, WP_FUNCTION___vsyslog_chk, WP_UNWIND_FRAME());
}

WP_EXPORT void
__syslog_chk(int priority, int flag, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    wp_log(priority, flag, format, arguments, WP_FUNCTION___syslog_chk, WP_UNWIND_FRAME());
    va_end(arguments);
}
