/*
 * write and its kin. libc checks no buffer here: there are no fortified twins.
 */
#include "timed.h"

WP_EXPORT ssize_t
write(int fd, const void *buffer, size_t count)
{
    WP_TIMED_OUTPUT(io, write, (fd, buffer, count));
}
WP_EXPORT_ALIAS(__write, write);

WP_EXPORT ssize_t
writev(int fd, const struct iovec *vector, int count)
{
    WP_TIMED_OUTPUT(io, writev, (fd, vector, count));
}

WP_EXPORT ssize_t
pwrite(int fd, const void *buffer, size_t count, off_t offset)
{
    WP_TIMED_OUTPUT(io, pwrite, (fd, buffer, count, offset));
}
WP_EXPORT_ALIAS(pwrite64, pwrite);
WP_EXPORT_ALIAS(__pwrite64, pwrite);

WP_EXPORT ssize_t
pwritev(int fd, const struct iovec *vector, int count, off_t offset)
{
    WP_TIMED_OUTPUT(io, pwritev, (fd, vector, count, offset));
}
WP_EXPORT_ALIAS(pwritev64, pwritev);

WP_EXPORT ssize_t
pwritev2(int fd, const struct iovec *vector, int count, off_t offset, int flags)
{
    if ((flags & RWF_NOWAIT) != 0)
        return wp_real.pwritev2(fd, vector, count, offset, flags);
    WP_TIMED_OUTPUT(io, pwritev2, (fd, vector, count, offset, flags));
}
WP_EXPORT_ALIAS(pwritev64v2, pwritev2);
