#include "io.h"

#include <errno.h>

/* A call that took less did not wait: see wp_clock_ready_marks; copying goes at 4 GB/s or
 * better. */
#define WP_IO_READY_NS 2000u
#define WP_IO_BYTES_PER_NS 4u

/*
 * EAGAIN comes at once from a descriptor that does not block, or when the time of SO_RCVTIMEO is
 * up. Only the second is a wait, and takes some milliseconds at least; a shorter one was the first,
 * in a thread that lost the processor meanwhile.
 */
#define WP_IO_REFUSED_NS 10000000u

WP_SLOW void
wp_io_record(wp_clock_mark start, ssize_t bytes, uint16_t function, const void *frame)
{
    uint64_t delay_ns = wp_clock_elapsed_ns(start);
    uint64_t ready_ns = WP_IO_READY_NS + (bytes > 0 ? (uint64_t)bytes / WP_IO_BYTES_PER_NS : 0);

    if (bytes < 0 && errno == EAGAIN)
        ready_ns = WP_IO_REFUSED_NS;
    if (delay_ns <= ready_ns)
        return;

    struct wp_unwind_registers caller = wp_wrapper_caller(frame);

    wp_wait_record(delay_ns, wp_wait_block_rate_ns(), function, &caller);
}
