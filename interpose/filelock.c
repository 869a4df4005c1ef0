/*
 * File locks. Who holds one is not known: another process, mostly.
 */
#include "timed.h"

enum {
    /* As <fcntl.h> and <sys/file.h>, which includes it, have them. */
    WP_FILELOCK_SETLKW = 7,
    WP_FILELOCK_OFD_SETLKW = 38,
    WP_FILELOCK_NB = 4,
    WP_FILELOCK_UN = 8,
};

int flock(int fd, int operation);
int fcntl(int fd, int command, void *argument);

WP_EXPORT int
flock(int fd, int operation)
{
    if ((operation & (WP_FILELOCK_NB | WP_FILELOCK_UN)) != 0)
        return wp_real.flock(fd, operation);
    WP_TIMED(file, WP_TIMED_READY_NS, flock, (fd, operation));
}

WP_EXPORT int
lockf(int fd, int command, off_t size)
{
    if (command != F_LOCK)
        return wp_real.lockf(fd, command, size);
    WP_TIMED(file, WP_TIMED_READY_NS, lockf, (fd, command, size));
}
WP_EXPORT_ALIAS(lockf64, lockf);

/* Variadic in libc's header; the one word that it can take is forwarded, as libc does. */
WP_EXPORT int
fcntl(int fd, int command, void *argument)
{
    if (command != WP_FILELOCK_SETLKW && command != WP_FILELOCK_OFD_SETLKW)
        return wp_real.fcntl(fd, command, argument);
    WP_TIMED(file, WP_TIMED_READY_NS, fcntl, (fd, command, argument));
}
WP_EXPORT_ALIAS(fcntl64, fcntl);
WP_EXPORT_ALIAS(__fcntl, fcntl);
