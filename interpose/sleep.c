/*
 * Sleeps. The time of a sleep is what was asked for: a family that is off unless asked for.
 */
#include "timed.h"

WP_EXPORT unsigned
sleep(unsigned seconds)
{
    WP_TIMED(sleep, WP_TIMED_READY_NS, sleep, (seconds));
}

WP_EXPORT int
usleep(useconds_t microseconds)
{
    WP_TIMED(sleep, WP_TIMED_READY_NS, usleep, (microseconds));
}

WP_EXPORT int
nanosleep(const struct timespec *time, struct timespec *left)
{
    WP_TIMED(sleep, WP_TIMED_READY_NS, nanosleep, (time, left));
}
WP_EXPORT_ALIAS(__nanosleep, nanosleep);

WP_EXPORT int
clock_nanosleep(clockid_t clock, int flags, const struct timespec *time, struct timespec *left)
{
    WP_TIMED(sleep, WP_TIMED_READY_NS, clock_nanosleep, (clock, flags, time, left));
}

WP_EXPORT int
thrd_sleep(const struct timespec *time, struct timespec *left)
{
    WP_TIMED(sleep, WP_TIMED_READY_NS, thrd_sleep, (time, left));
}
