/*
 * read and its kin. The fortified twins check their buffer before they read: they have bodies of
 * their own, which forward to libc's twin, so that an overflow still aborts.
 */
#include "io.h"

WP_EXPORT ssize_t
read(int fd, void *buffer, size_t count)
{
    if (!wp_wrapper_block_on(WP_FAMILY_io))
        return wp_real.read(fd, buffer, count);

    wp_clock_mark start = wp_clock_now();
    ssize_t result = wp_real.read(fd, buffer, count);

    WP_IO_RETURN(start, result, read);
}
WP_EXPORT_ALIAS(__read, read);

WP_EXPORT ssize_t
readv(int fd, const struct iovec *vector, int count)
{
    if (!wp_wrapper_block_on(WP_FAMILY_io))
        return wp_real.readv(fd, vector, count);

    wp_clock_mark start = wp_clock_now();
    ssize_t result = wp_real.readv(fd, vector, count);

    WP_IO_RETURN(start, result, readv);
}

WP_EXPORT ssize_t
pread(int fd, void *buffer, size_t count, off_t offset)
{
    if (!wp_wrapper_block_on(WP_FAMILY_io))
        return wp_real.pread(fd, buffer, count, offset);

    wp_clock_mark start = wp_clock_now();
    ssize_t result = wp_real.pread(fd, buffer, count, offset);

    WP_IO_RETURN(start, result, pread);
}
WP_EXPORT_ALIAS(pread64, pread);
WP_EXPORT_ALIAS(__pread64, pread);

WP_EXPORT ssize_t
preadv(int fd, const struct iovec *vector, int count, off_t offset)
{
    if (!wp_wrapper_block_on(WP_FAMILY_io))
        return wp_real.preadv(fd, vector, count, offset);

    wp_clock_mark start = wp_clock_now();
    ssize_t result = wp_real.preadv(fd, vector, count, offset);

    WP_IO_RETURN(start, result, preadv);
}
WP_EXPORT_ALIAS(preadv64, preadv);

WP_EXPORT ssize_t
preadv2(int fd, const struct iovec *vector, int count, off_t offset, int flags)
{
    if (!wp_wrapper_block_on(WP_FAMILY_io) || (flags & RWF_NOWAIT) != 0)
        return wp_real.preadv2(fd, vector, count, offset, flags);

    wp_clock_mark start = wp_clock_now();
    ssize_t result = wp_real.preadv2(fd, vector, count, offset, flags);

    WP_IO_RETURN(start, result, preadv2);
}
WP_EXPORT_ALIAS(preadv64v2, preadv2);

ssize_t __read_chk(int fd, void *buffer, size_t count, size_t size);

WP_EXPORT ssize_t
__read_chk(int fd, void *buffer, size_t count, size_t size)
{
    if (!wp_wrapper_block_on(WP_FAMILY_io))
        return wp_real.__read_chk(fd, buffer, count, size);

    wp_clock_mark start = wp_clock_now();
    ssize_t result = wp_real.__read_chk(fd, buffer, count, size);

    WP_IO_RETURN(start, result, __read_chk);
}

ssize_t __pread_chk(int fd, void *buffer, size_t count, off_t offset, size_t size);

WP_EXPORT ssize_t
__pread_chk(int fd, void *buffer, size_t count, off_t offset, size_t size)
{
    if (!wp_wrapper_block_on(WP_FAMILY_io))
        return wp_real.__pread_chk(fd, buffer, count, offset, size);

    wp_clock_mark start = wp_clock_now();
    ssize_t result = wp_real.__pread_chk(fd, buffer, count, offset, size);

    WP_IO_RETURN(start, result, __pread_chk);
}
WP_EXPORT_ALIAS(__pread64_chk, __pread_chk);
