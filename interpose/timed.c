#include "timed.h"

#include <errno.h>

#include "core/region.h"

/* A refusal that took longer was a wait that ended so: see wp_timed_is_refused. */
#define WP_TIMED_REFUSED_NS UINT64_C(10000000)

WP_SLOW void
wp_timed_record(wp_clock_mark start, uint64_t ready_ns, uint16_t function, const void *frame)
{
    uint64_t delay_ns = wp_clock_elapsed_ns(start);

    if (delay_ns <= ready_ns)
        return;

    struct wp_unwind_registers caller = wp_unwind_caller(frame);

    wp_wait_record_now(delay_ns, function, &caller);
}

/*
 * Errors that come at once: a thread that sees one after some microseconds lost the processor
 * meanwhile. EAGAIN comes at once from a descriptor that does not block, or when the time of
 * SO_RCVTIMEO is up; only the second is a wait, and takes some milliseconds at least.
 */
static bool
wp_timed_is_refused(int error)
{
    switch (error) {
    case EAGAIN:
    case EALREADY:
    case EBADF:
    case EFAULT:
    case EINPROGRESS:
    case EINVAL:
    case EISCONN:
    case ENOSYS:
    case ENOTCONN:
    case ENOTSOCK:
    case EOPNOTSUPP:
        return true;
    default:
        return false;
    }
}

WP_SLOW void
wp_timed_record_io(wp_clock_mark start, uint64_t ready_ns, ssize_t result, uint16_t function,
                   const void *frame)
{
    if (result > 0)
        ready_ns += (uint64_t)result / WP_TIMED_BYTES_PER_NS;
    else if (result < 0 && wp_timed_is_refused(errno))
        ready_ns = WP_TIMED_REFUSED_NS;
    wp_timed_record(start, ready_ns, function, frame);
}

/* Processor time of the calling thread; 0 where it cannot be had: a seccomp filter may kill for the
 * system call that it takes. */
static uint64_t
wp_timed_cpu_ns(void)
{
    struct timespec used;
    int saved = errno;

    if (wp_region_is_frozen())
        return 0;
    if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used) != 0) {
        errno = saved;
        return 0;
    }
    return (uint64_t)used.tv_sec * UINT64_C(1000000000) + (uint64_t)used.tv_nsec;
}

void
wp_timed_outer_begin(struct wp_timed_outer *outer)
{
    wp_timed_outer_begin_cheap(outer);
    outer->cpu_ns = wp_timed_cpu_ns();
}

WP_SLOW void
wp_timed_outer_end(const struct wp_timed_outer *outer, uint64_t ready_ns, uint16_t function,
                   const void *frame)
{
    uint64_t delay_ns = wp_clock_elapsed_ns(outer->start);
    uint64_t busy_ns = wp_thread_waited_ns() - outer->waited_ns;

    if (outer->cpu_ns != 0) {
        uint64_t cpu_ns = wp_timed_cpu_ns();

        busy_ns += cpu_ns > outer->cpu_ns ? cpu_ns - outer->cpu_ns : 0;
    }
    if (delay_ns <= busy_ns || delay_ns - busy_ns <= ready_ns)
        return;

    struct wp_unwind_registers caller = wp_unwind_caller(frame);

    wp_wait_record_now(delay_ns - busy_ns, function, &caller);
}
