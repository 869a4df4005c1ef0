/*
 * What waits for the disk.
 */
#include <sys/mman.h>

#include "timed.h"

void sync(void);
int sync_file_range(int fd, off64_t offset, off64_t count, unsigned flags);
int fallocate(int fd, int mode, off_t offset, off_t count);
int posix_fallocate(int fd, off_t offset, off_t count);
int posix_fallocate64(int fd, off_t offset, off_t count);

WP_EXPORT int
fsync(int fd)
{
    WP_TIMED(file, WP_TIMED_READY_NS, fsync, (fd));
}

WP_EXPORT int
fdatasync(int fd)
{
    WP_TIMED(file, WP_TIMED_READY_NS, fdatasync, (fd));
}

WP_EXPORT int
msync(void *address, size_t size, int flags)
{
    if ((flags & MS_ASYNC) != 0)
        return wp_real.msync(address, size, flags);
    WP_TIMED(file, WP_TIMED_READY_NS, msync, (address, size, flags));
}

WP_EXPORT void
sync(void)
{
    if (!wp_wrapper_block_on(WP_FAMILY_file)) {
        wp_real.sync();
        return;
    }

    wp_clock_mark start = wp_clock_now();

    wp_real.sync();
    wp_timed_record(start, WP_TIMED_READY_NS, WP_FUNCTION_sync, WP_UNWIND_FRAME());
}

WP_EXPORT int
syncfs(int fd)
{
    WP_TIMED(file, WP_TIMED_READY_NS, syncfs, (fd));
}

WP_EXPORT int
sync_file_range(int fd, off64_t offset, off64_t count, unsigned flags)
{
    WP_TIMED(file, WP_TIMED_READY_NS, sync_file_range, (fd, offset, count, flags));
}

WP_EXPORT int
fallocate(int fd, int mode, off_t offset, off_t count)
{
    WP_TIMED(file, WP_TIMED_BUSY_NS, fallocate, (fd, mode, offset, count));
}
WP_EXPORT_ALIAS(fallocate64, fallocate);

WP_EXPORT int
posix_fallocate(int fd, off_t offset, off_t count)
{
    WP_TIMED(file, WP_TIMED_BUSY_NS, posix_fallocate, (fd, offset, count));
}

WP_EXPORT int
posix_fallocate64(int fd, off_t offset, off_t count)
{
    WP_TIMED(file, WP_TIMED_BUSY_NS, posix_fallocate64, (fd, offset, count));
}

WP_EXPORT int
truncate(const char *path, off_t size)
{
    WP_TIMED(file, WP_TIMED_BUSY_NS, truncate, (path, size));
}
WP_EXPORT_ALIAS(truncate64, truncate);

WP_EXPORT int
ftruncate(int fd, off_t size)
{
    WP_TIMED(file, WP_TIMED_BUSY_NS, ftruncate, (fd, size));
}
WP_EXPORT_ALIAS(ftruncate64, ftruncate);
