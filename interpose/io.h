/*
 * I/O calls: timed by cheap marks around the real call, recorded only when it took long enough to
 * have waited. The real call is a cancellation point: nothing of ours is live across it but
 * `start`.
 */
#ifndef WP_INTERPOSE_IO_H
#define WP_INTERPOSE_IO_H

#include <unistd.h>

#include "core/clock.h"
#include "wrapper.h"

/*
 * Records a call that may have waited. `bytes` is what it returned: copying them takes time too,
 * and is no wait. errno unchanged.
 */
void wp_io_record(wp_clock_mark start, ssize_t bytes, uint16_t function, const void *frame);

/* The end of an I/O wrapper: records if need be, and returns the real call's result. */
#define WP_IO_RETURN(start, result, id)                                                            \
    do {                                                                                           \
        if (__builtin_expect(wp_clock_waited(start), 0))                                           \
            wp_io_record((start), (result), WP_FUNCTION_##id, __builtin_frame_address(0));         \
        return (result);                                                                           \
    } while (0)

#endif
