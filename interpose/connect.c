/*
 * Connections: accepted and made.
 */
#include "timed.h"

WP_EXPORT int
accept(int fd, __SOCKADDR_ARG address, socklen_t *size)
{
    WP_TIMED_NO_BYTES(net, WP_TIMED_INPUT_NS, accept, (fd, address, size));
}

WP_EXPORT int
accept4(int fd, __SOCKADDR_ARG address, socklen_t *size, int flags)
{
    WP_TIMED_NO_BYTES(net, WP_TIMED_INPUT_NS, accept4, (fd, address, size, flags));
}

WP_EXPORT int
connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t size)
{
    WP_TIMED_OUTPUT(net, connect, (fd, address, size));
}
WP_EXPORT_ALIAS(__connect, connect);
