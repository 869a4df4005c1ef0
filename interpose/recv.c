/*
 * recv and its kin. MSG_DONTWAIT says that the call cannot wait.
 */
#include "timed.h"

WP_EXPORT ssize_t
recv(int fd, void *buffer, size_t count, int flags)
{
    if ((flags & MSG_DONTWAIT) != 0)
        return wp_real.recv(fd, buffer, count, flags);
    WP_TIMED_INPUT(net, recv, (fd, buffer, count, flags));
}

WP_EXPORT ssize_t
recvfrom(int fd, void *buffer, size_t count, int flags, __SOCKADDR_ARG from, socklen_t *from_size)
{
    if ((flags & MSG_DONTWAIT) != 0)
        return wp_real.recvfrom(fd, buffer, count, flags, from, from_size);
    WP_TIMED_INPUT(net, recvfrom, (fd, buffer, count, flags, from, from_size));
}

WP_EXPORT ssize_t
recvmsg(int fd, struct msghdr *message, int flags)
{
    if ((flags & MSG_DONTWAIT) != 0)
        return wp_real.recvmsg(fd, message, flags);
    WP_TIMED_INPUT(net, recvmsg, (fd, message, flags));
}

WP_EXPORT int
recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout)
{
    if ((flags & MSG_DONTWAIT) != 0)
        return wp_real.recvmmsg(fd, messages, count, flags, timeout);
    WP_TIMED_MESSAGES(net, WP_TIMED_INPUT_NS, recvmmsg, (fd, messages, count, flags, timeout));
}

ssize_t __recv_chk(int fd, void *buffer, size_t count, size_t size, int flags);

WP_EXPORT ssize_t
__recv_chk(int fd, void *buffer, size_t count, size_t size, int flags)
{
    if ((flags & MSG_DONTWAIT) != 0)
        return wp_real.__recv_chk(fd, buffer, count, size, flags);
    WP_TIMED_INPUT(net, __recv_chk, (fd, buffer, count, size, flags));
}

ssize_t __recvfrom_chk(int fd, void *buffer, size_t count, size_t size, int flags,
                       __SOCKADDR_ARG from, socklen_t *from_size);

WP_EXPORT ssize_t
__recvfrom_chk(int fd, void *buffer, size_t count, size_t size, int flags, __SOCKADDR_ARG from,
               socklen_t *from_size)
{
    if ((flags & MSG_DONTWAIT) != 0)
        return wp_real.__recvfrom_chk(fd, buffer, count, size, flags, from, from_size);
    WP_TIMED_INPUT(net, __recvfrom_chk, (fd, buffer, count, size, flags, from, from_size));
}
