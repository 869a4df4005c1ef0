/*
 * Calls that may wait and have no holder to blame: timed by cheap marks around the real call, and
 * recorded only when it took long enough to have waited. Many of them are cancellation points:
 * nothing of ours is live across the real call but a few words on the wrapper's stack.
 *
 * The macros are the whole body of a wrapper, with the call's own bypass before them where its
 * arguments say that it cannot wait (a timeout of 0, MSG_DONTWAIT).
 */
#ifndef WP_INTERPOSE_TIMED_H
#define WP_INTERPOSE_TIMED_H

#include <unistd.h>

#include "core/clock.h"
#include "core/thread.h"
#include "wrapper.h"

/* A call that took less did not wait: a ready system call with its way into the kernel and back. */
#define WP_TIMED_READY_NS UINT64_C(2000)

/* The same for calls that take what is there: a socket's data with the acknowledgement that the
 * reader sends for it. A sleep and its wake-up take about as long, or longer. */
#define WP_TIMED_INPUT_NS UINT64_C(8000)

/* The same for calls that have more to do than that when they need not wait: look up a path, flush
 * a buffer, start a child. */
#define WP_TIMED_BUSY_NS UINT64_C(20000)

/* Copying goes at 4 GB/s or better. */
#define WP_TIMED_BYTES_PER_NS 4u

/* Records a call that was under way since `start`, if it took more than ready_ns. errno unchanged,
 * here and below. */
void wp_timed_record(wp_clock_mark start, uint64_t ready_ns, uint16_t function, const void *frame);

/* The same for a call that moves data. `result` is what it returned: bytes, whose copying takes
 * time and is no wait, or -1 with errno, which may say that it was refused at once. */
void wp_timed_record_io(wp_clock_mark start, uint64_t ready_ns, ssize_t result, uint16_t function,
                        const void *frame);

/* For ready_ns: whatever it took, the call did not wait. */
#define WP_TIMED_NEVER_NS UINT64_MAX

/* Body of a wrapper: the real call, and `record`, an expression of start_, result_ and errno, if it
 * took long enough to have waited. */
#define WP_TIMED_CALL(family, record, id, arguments)                                               \
    do {                                                                                           \
        if (!wp_wrapper_block_on(WP_FAMILY_##family))                                              \
            return wp_real.id arguments;                                                           \
                                                                                                   \
        wp_clock_mark start_ = wp_clock_now();                                                     \
        __typeof__(wp_real.id arguments) result_ = wp_real.id arguments;                           \
                                                                                                   \
        if (__builtin_expect(wp_clock_waited(start_), 0))                                          \
            record;                                                                                \
        return result_;                                                                            \
    } while (0)

/* A call that waited if it took more than ready_ns, an expression as well, whatever it returns. */
#define WP_TIMED(family, ready_ns, id, arguments)                                                  \
    WP_TIMED_CALL(family,                                                                          \
                  wp_timed_record(start_, (ready_ns), WP_FUNCTION_##id, WP_UNWIND_FRAME()), id,    \
                  arguments)

/* A call that moves data. `bytes`, an expression of result_, is how much, or -1 for an error. */
#define WP_TIMED_IO(family, ready_ns, bytes, id, arguments)                                        \
    WP_TIMED_CALL(                                                                                 \
        family,                                                                                    \
        wp_timed_record_io(start_, (ready_ns), (bytes), WP_FUNCTION_##id, WP_UNWIND_FRAME()), id,  \
        arguments)

/* read, recv and their kin. */
#define WP_TIMED_INPUT(family, id, arguments)                                                      \
    WP_TIMED_IO(family, WP_TIMED_INPUT_NS, result_, id, arguments)

/* write and its kin: on the way to a receiver on the same machine they do its work too. */
#define WP_TIMED_OUTPUT(family, id, arguments)                                                     \
    WP_TIMED_IO(family, WP_TIMED_BUSY_NS, result_, id, arguments)

/* A call that moves nothing, and whose result is no number of bytes. */
#define WP_TIMED_NO_BYTES(family, ready_ns, id, arguments)                                         \
    WP_TIMED_IO(family, ready_ns, result_ < 0 ? -1 : 0, id, arguments)

/* A call that moves several messages, each a call's worth of work. */
#define WP_TIMED_MESSAGES(family, ready_ns, id, arguments)                                         \
    WP_TIMED_IO(family, (ready_ns) + (result_ > 0 ? (uint64_t)result_ * WP_TIMED_READY_NS : 0),    \
                result_ < 0 ? -1 : 0, id, arguments)

/* For ready_ns: a call that gave up because its time was up, and had none to begin with, waited for
 * nothing. To be asked after the call: then the timeout has been read without a fault. */
static inline uint64_t
wp_timed_ready_ns(bool timed_out, const struct timespec *timeout)
{
    return timed_out && timeout != NULL && timeout->tv_sec == 0 && timeout->tv_nsec == 0
               ? WP_TIMED_NEVER_NS
               : WP_TIMED_READY_NS;
}

/* --- calls that hide the waits of libc itself ------------------------------------------------ */

/*
 * A call that does much else: it computes, and may call code (name service modules, streams of the
 * program's own) whose waits are seen by themselves. Its own wait is what is left of its time
 * without the processor time used and without those.
 */
struct wp_timed_outer {
    wp_clock_mark start;
    uint64_t waited_ns; /* by this thread, in calls that were recorded */
    uint64_t cpu_ns;    /* of this thread; 0: not asked for */
};

/* Starts one. Reads the thread's processor time: one system call, unless a seccomp filter is on. */
void wp_timed_outer_begin(struct wp_timed_outer *outer);

/* Starts one that is too short for that. */
static inline void
wp_timed_outer_begin_cheap(struct wp_timed_outer *outer)
{
    outer->start = wp_clock_now();
    outer->waited_ns = wp_thread_waited_ns();
    outer->cpu_ns = 0;
}

/* Records it, if it took more than ready_ns. */
void wp_timed_outer_end(const struct wp_timed_outer *outer, uint64_t ready_ns, uint16_t function,
                        const void *frame);

/* Body of a wrapper for such a call. */
#define WP_TIMED_OUTER(family, id, arguments)                                                      \
    do {                                                                                           \
        if (!wp_wrapper_block_on(WP_FAMILY_##family))                                              \
            return wp_real.id arguments;                                                           \
                                                                                                   \
        struct wp_timed_outer outer_;                                                              \
                                                                                                   \
        wp_timed_outer_begin(&outer_);                                                             \
                                                                                                   \
        __typeof__(wp_real.id arguments) result_ = wp_real.id arguments;                           \
                                                                                                   \
        wp_timed_outer_end(&outer_, WP_TIMED_READY_NS, WP_FUNCTION_##id, WP_UNWIND_FRAME());       \
        return result_;                                                                            \
    } while (0)

#endif
