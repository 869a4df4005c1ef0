/*
 * send and its kin.
 */
#include "timed.h"

WP_EXPORT ssize_t
send(int fd, const void *buffer, size_t count, int flags)
{
    if ((flags & MSG_DONTWAIT) != 0)
        return wp_real.send(fd, buffer, count, flags);
    WP_TIMED_OUTPUT(net, send, (fd, buffer, count, flags));
}
WP_EXPORT_ALIAS(__send, send);

WP_EXPORT ssize_t
sendto(int fd, const void *buffer, size_t count, int flags, __CONST_SOCKADDR_ARG to,
       socklen_t to_size)
{
    if ((flags & MSG_DONTWAIT) != 0)
        return wp_real.sendto(fd, buffer, count, flags, to, to_size);
    WP_TIMED_OUTPUT(net, sendto, (fd, buffer, count, flags, to, to_size));
}

WP_EXPORT ssize_t
sendmsg(int fd, const struct msghdr *message, int flags)
{
    if ((flags & MSG_DONTWAIT) != 0)
        return wp_real.sendmsg(fd, message, flags);
    WP_TIMED_OUTPUT(net, sendmsg, (fd, message, flags));
}

WP_EXPORT int
sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    if ((flags & MSG_DONTWAIT) != 0)
        return wp_real.sendmmsg(fd, messages, count, flags);
    WP_TIMED_MESSAGES(net, WP_TIMED_BUSY_NS, sendmmsg, (fd, messages, count, flags));
}
WP_EXPORT_ALIAS(__sendmmsg, sendmmsg);
