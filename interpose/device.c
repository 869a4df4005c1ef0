/*
 * Event counters, random numbers, terminals and other devices.
 */
#include <sys/random.h>
#include <termios.h>

#include "timed.h"

int ioctl(int fd, unsigned long request, void *argument);

WP_EXPORT int
eventfd_read(int fd, eventfd_t *value)
{
    WP_TIMED_INPUT(io, eventfd_read, (fd, value));
}

WP_EXPORT int
eventfd_write(int fd, eventfd_t value)
{
    WP_TIMED_OUTPUT(io, eventfd_write, (fd, value));
}

/* Waits only until the kernel has gathered its first seed; else it computes, some ns a byte. */
WP_EXPORT ssize_t
getrandom(void *buffer, size_t count, unsigned flags)
{
    if ((flags & GRND_NONBLOCK) != 0)
        return wp_real.getrandom(buffer, count, flags);
    WP_TIMED(io, WP_TIMED_BUSY_NS + 8 * count, getrandom, (buffer, count, flags));
}

WP_EXPORT int
tcdrain(int fd)
{
    WP_TIMED(io, WP_TIMED_READY_NS, tcdrain, (fd));
}

/* Most requests compute, some wait: for a terminal, a disk, a graphics processor. */
WP_EXPORT int
ioctl(int fd, unsigned long request, void *argument)
{
    WP_TIMED(io, WP_TIMED_BUSY_NS, ioctl, (fd, request, argument));
}
