/*
 * read and its kin. The fortified twins check their buffer before they read: they have bodies of
 * their own, which forward to libc's twin, so that an overflow still aborts.
 */
#include "timed.h"

WP_EXPORT ssize_t
read(int fd, void *buffer, size_t count)
{
    WP_TIMED_INPUT(io, read, (fd, buffer, count));
}
WP_EXPORT_ALIAS(__read, read);

WP_EXPORT ssize_t
readv(int fd, const struct iovec *vector, int count)
{
    WP_TIMED_INPUT(io, readv, (fd, vector, count));
}

WP_EXPORT ssize_t
pread(int fd, void *buffer, size_t count, off_t offset)
{
    WP_TIMED_INPUT(io, pread, (fd, buffer, count, offset));
}
WP_EXPORT_ALIAS(pread64, pread);
WP_EXPORT_ALIAS(__pread64, pread);

WP_EXPORT ssize_t
preadv(int fd, const struct iovec *vector, int count, off_t offset)
{
    WP_TIMED_INPUT(io, preadv, (fd, vector, count, offset));
}
WP_EXPORT_ALIAS(preadv64, preadv);

WP_EXPORT ssize_t
preadv2(int fd, const struct iovec *vector, int count, off_t offset, int flags)
{
    if ((flags & RWF_NOWAIT) != 0)
        return wp_real.preadv2(fd, vector, count, offset, flags);
    WP_TIMED_INPUT(io, preadv2, (fd, vector, count, offset, flags));
}
WP_EXPORT_ALIAS(preadv64v2, preadv2);

ssize_t __read_chk(int fd, void *buffer, size_t count, size_t size);

WP_EXPORT ssize_t
__read_chk(int fd, void *buffer, size_t count, size_t size)
{
    WP_TIMED_INPUT(io, __read_chk, (fd, buffer, count, size));
}

ssize_t __pread_chk(int fd, void *buffer, size_t count, off_t offset, size_t size);

WP_EXPORT ssize_t
__pread_chk(int fd, void *buffer, size_t count, off_t offset, size_t size)
{
    WP_TIMED_INPUT(io, __pread_chk, (fd, buffer, count, offset, size));
}
WP_EXPORT_ALIAS(__pread64_chk, __pread_chk);
