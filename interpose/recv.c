/*
 * recv and its kin, and their fortified twins. A call that was told not to wait does not.
 */
#include "io.h"

WP_EXPORT ssize_t
recv(int fd, void *buffer, size_t count, int flags)
{
    if (!wp_wrapper_block_on(WP_FAMILY_net) || (flags & MSG_DONTWAIT) != 0)
        return wp_real.recv(fd, buffer, count, flags);

    wp_clock_mark start = wp_clock_now();
    ssize_t result = wp_real.recv(fd, buffer, count, flags);

    WP_IO_RETURN(start, result, recv);
}

WP_EXPORT ssize_t
recvfrom(int fd, void *buffer, size_t count, int flags, __SOCKADDR_ARG from, socklen_t *from_size)
{
    if (!wp_wrapper_block_on(WP_FAMILY_net) || (flags & MSG_DONTWAIT) != 0)
        return wp_real.recvfrom(fd, buffer, count, flags, from, from_size);

    wp_clock_mark start = wp_clock_now();
    ssize_t result = wp_real.recvfrom(fd, buffer, count, flags, from, from_size);

    WP_IO_RETURN(start, result, recvfrom);
}

WP_EXPORT ssize_t
recvmsg(int fd, struct msghdr *message, int flags)
{
    if (!wp_wrapper_block_on(WP_FAMILY_net) || (flags & MSG_DONTWAIT) != 0)
        return wp_real.recvmsg(fd, message, flags);

    wp_clock_mark start = wp_clock_now();
    ssize_t result = wp_real.recvmsg(fd, message, flags);

    WP_IO_RETURN(start, result, recvmsg);
}

WP_EXPORT int
recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout)
{
    if (!wp_wrapper_block_on(WP_FAMILY_net) || (flags & MSG_DONTWAIT) != 0)
        return wp_real.recvmmsg(fd, messages, count, flags, timeout);

    wp_clock_mark start = wp_clock_now();
    int result = wp_real.recvmmsg(fd, messages, count, flags, timeout);

    WP_IO_RETURN(start, result, recvmmsg);
}

ssize_t __recv_chk(int fd, void *buffer, size_t count, size_t size, int flags);

WP_EXPORT ssize_t
__recv_chk(int fd, void *buffer, size_t count, size_t size, int flags)
{
    if (!wp_wrapper_block_on(WP_FAMILY_net) || (flags & MSG_DONTWAIT) != 0)
        return wp_real.__recv_chk(fd, buffer, count, size, flags);

    wp_clock_mark start = wp_clock_now();
    ssize_t result = wp_real.__recv_chk(fd, buffer, count, size, flags);

    WP_IO_RETURN(start, result, __recv_chk);
}

ssize_t __recvfrom_chk(int fd, void *buffer, size_t count, size_t size, int flags,
                       __SOCKADDR_ARG from, socklen_t *from_size);

WP_EXPORT ssize_t
__recvfrom_chk(int fd, void *buffer, size_t count, size_t size, int flags, __SOCKADDR_ARG from,
               socklen_t *from_size)
{
    if (!wp_wrapper_block_on(WP_FAMILY_net) || (flags & MSG_DONTWAIT) != 0)
        return wp_real.__recvfrom_chk(fd, buffer, count, size, flags, from, from_size);

    wp_clock_mark start = wp_clock_now();
    ssize_t result = wp_real.__recvfrom_chk(fd, buffer, count, size, flags, from, from_size);

    WP_IO_RETURN(start, result, __recvfrom_chk);
}
