/*
 * Waits for any of many descriptors. With a timeout of 0 they only look, and go straight to the
 * real call.
 */
#include <errno.h>
#include <sys/epoll.h>

#include "timed.h"

/* A timeout that is there and is 0. */
#define WP_POLL_ONLY_LOOKS(timeout, fraction)                                                      \
    ((timeout) != NULL && (timeout)->tv_sec == 0 && (timeout)->fraction == 0)

/* What it takes to look at so many descriptors, or to report so many events. */
#define WP_POLL_READY_NS(count) (WP_TIMED_READY_NS + UINT64_C(150) * (uint64_t)(count))

int __poll_chk(struct pollfd *descriptors, nfds_t count, int timeout_ms, size_t size);
int __ppoll_chk(struct pollfd *descriptors, nfds_t count, const struct timespec *timeout,
                const sigset_t *mask, size_t size);

WP_EXPORT int
poll(struct pollfd *descriptors, nfds_t count, int timeout_ms)
{
    if (timeout_ms == 0)
        return wp_real.poll(descriptors, count, timeout_ms);
    WP_TIMED(poll, WP_POLL_READY_NS(count), poll, (descriptors, count, timeout_ms));
}
WP_EXPORT_ALIAS(__poll, poll);

WP_EXPORT int
__poll_chk(struct pollfd *descriptors, nfds_t count, int timeout_ms, size_t size)
{
    if (timeout_ms == 0)
        return wp_real.__poll_chk(descriptors, count, timeout_ms, size);
    WP_TIMED(poll, WP_POLL_READY_NS(count), __poll_chk, (descriptors, count, timeout_ms, size));
}

WP_EXPORT int
ppoll(struct pollfd *descriptors, nfds_t count, const struct timespec *timeout,
      const sigset_t *mask)
{
    if (WP_POLL_ONLY_LOOKS(timeout, tv_nsec))
        return wp_real.ppoll(descriptors, count, timeout, mask);
    WP_TIMED(poll, WP_POLL_READY_NS(count), ppoll, (descriptors, count, timeout, mask));
}

WP_EXPORT int
__ppoll_chk(struct pollfd *descriptors, nfds_t count, const struct timespec *timeout,
            const sigset_t *mask, size_t size)
{
    if (WP_POLL_ONLY_LOOKS(timeout, tv_nsec))
        return wp_real.__ppoll_chk(descriptors, count, timeout, mask, size);
    WP_TIMED(poll, WP_POLL_READY_NS(count), __ppoll_chk, (descriptors, count, timeout, mask, size));
}

WP_EXPORT int
select(int count, fd_set *readable, fd_set *writable, fd_set *exceptional, struct timeval *timeout)
{
    if (WP_POLL_ONLY_LOOKS(timeout, tv_usec))
        return wp_real.select(count, readable, writable, exceptional, timeout);
    WP_TIMED(poll, WP_POLL_READY_NS(count), select,
             (count, readable, writable, exceptional, timeout));
}
WP_EXPORT_ALIAS(__select, select);

WP_EXPORT int
pselect(int count, fd_set *readable, fd_set *writable, fd_set *exceptional,
        const struct timespec *timeout, const sigset_t *mask)
{
    if (WP_POLL_ONLY_LOOKS(timeout, tv_nsec))
        return wp_real.pselect(count, readable, writable, exceptional, timeout, mask);
    WP_TIMED(poll, WP_POLL_READY_NS(count), pselect,
             (count, readable, writable, exceptional, timeout, mask));
}

WP_EXPORT int
epoll_wait(int epoll, struct epoll_event *events, int count, int timeout_ms)
{
    if (timeout_ms == 0)
        return wp_real.epoll_wait(epoll, events, count, timeout_ms);
    WP_TIMED(poll, WP_POLL_READY_NS(result_ > 0 ? result_ : 0), epoll_wait,
             (epoll, events, count, timeout_ms));
}

WP_EXPORT int
epoll_pwait(int epoll, struct epoll_event *events, int count, int timeout_ms, const sigset_t *mask)
{
    if (timeout_ms == 0)
        return wp_real.epoll_pwait(epoll, events, count, timeout_ms, mask);
    WP_TIMED(poll, WP_POLL_READY_NS(result_ > 0 ? result_ : 0), epoll_pwait,
             (epoll, events, count, timeout_ms, mask));
}

/* libc passes this timeout on unread, and the kernel refuses a bad address: we read it once the
 * kernel has read it. Other failures than EINTR are no waits. */
static inline uint64_t
wp_poll_pwait2_ready_ns(int result, const struct timespec *timeout)
{
    if ((result < 0 && errno != EINTR) || WP_POLL_ONLY_LOOKS(timeout, tv_nsec))
        return WP_TIMED_NEVER_NS;
    return WP_POLL_READY_NS(result > 0 ? result : 0);
}

WP_EXPORT int
epoll_pwait2(int epoll, struct epoll_event *events, int count, const struct timespec *timeout,
             const sigset_t *mask)
{
    WP_TIMED(poll, wp_poll_pwait2_ready_ns(result_, timeout), epoll_pwait2,
             (epoll, events, count, timeout, mask));
}
