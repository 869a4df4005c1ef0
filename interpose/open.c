/*
 * Opening and closing. A FIFO waits for its other side, a network file system for its server, a
 * socket that lingers for its peer; a path that is not in the cache waits for the disk.
 *
 * open and openat are variadic in libc's header. Their mode is read and forwarded whether it was
 * given or not, as libc does: where it was not, the kernel ignores it.
 */
#include "timed.h"

int open(const char *path, int flags, mode_t mode);
int openat(int directory, const char *path, int flags, mode_t mode);
int creat(const char *path, mode_t mode);
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int directory, const char *path, int flags);
int __openat64_2(int directory, const char *path, int flags);

WP_EXPORT int
open(const char *path, int flags, mode_t mode)
{
    WP_TIMED(file, WP_TIMED_BUSY_NS, open, (path, flags, mode));
}
WP_EXPORT_ALIAS(open64, open);
WP_EXPORT_ALIAS(__open, open);
WP_EXPORT_ALIAS(__open64, open);

WP_EXPORT int
openat(int directory, const char *path, int flags, mode_t mode)
{
    WP_TIMED(file, WP_TIMED_BUSY_NS, openat, (directory, path, flags, mode));
}
WP_EXPORT_ALIAS(openat64, openat);

WP_EXPORT int
creat(const char *path, mode_t mode)
{
    WP_TIMED(file, WP_TIMED_BUSY_NS, creat, (path, mode));
}
WP_EXPORT_ALIAS(creat64, creat);

/* The fortified twins abort where a mode is wanted and cannot be given: they forward to
 * their own. */
WP_EXPORT int
__open_2(const char *path, int flags)
{
    WP_TIMED(file, WP_TIMED_BUSY_NS, __open_2, (path, flags));
}

WP_EXPORT int
__open64_2(const char *path, int flags)
{
    WP_TIMED(file, WP_TIMED_BUSY_NS, __open64_2, (path, flags));
}

WP_EXPORT int
__openat_2(int directory, const char *path, int flags)
{
    WP_TIMED(file, WP_TIMED_BUSY_NS, __openat_2, (directory, path, flags));
}

WP_EXPORT int
__openat64_2(int directory, const char *path, int flags)
{
    WP_TIMED(file, WP_TIMED_BUSY_NS, __openat64_2, (directory, path, flags));
}

WP_EXPORT FILE *
fopen(const char *path, const char *mode)
{
    WP_TIMED(file, WP_TIMED_BUSY_NS, fopen, (path, mode));
}
WP_EXPORT_ALIAS(fopen64, fopen);
WP_EXPORT_ALIAS(_IO_fopen, fopen);

WP_EXPORT int
close(int fd)
{
    WP_TIMED(file, WP_TIMED_BUSY_NS, close, (fd));
}
WP_EXPORT_ALIAS(__close, close);
