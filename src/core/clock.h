/*
 * Time: CLOCK_MONOTONIC in nanoseconds, and a cheaper tick counter that tells a call that waited
 * from one that did not.
 *
 * A ready read(2) costs about 400 ns, two clock_gettime about 48 ns: too much to add to each. Two
 * readings of the tick counter cost 20 ns. So I/O wrappers read ticks, and only a call that took
 * long enough to have waited reads the clock, once. Its duration is then
 *     ticks * (clock now - clock at start) / (ticks now - ticks at start),
 * where "start" is the constructor: a ratio over the life of the program, never shorter than the
 * wait itself, so its error is that of two clock readings however long the wait was. Nothing is
 * calibrated ahead, and no frequency is trusted.
 */
#ifndef WP_CORE_CLOCK_H
#define WP_CORE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "core/visibility.h"

/* Nanoseconds of CLOCK_MONOTONIC: excludes suspend, never goes back. vDSO, no system call where the
 * clock source allows it. Signal handlers. */
static inline uint64_t
wp_clock_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* A point in time as cheap as it can be read: ticks of the CPU's counter, or nanoseconds when the
 * counter cannot be trusted. Only wp_clock_waited and wp_clock_elapsed_ns know which. */
typedef uint64_t wp_clock_mark;

/* 1: marks are ticks of the CPU's counter. Set by wp_clock_init, cleared for good when the counter
 * is caught at lying (a virtual machine that moved to other hardware). */
extern WP_HIDDEN uint32_t wp_clock_ticks;

static inline uint64_t
wp_clock_counter(void)
{
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    uint64_t count;

    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(count));
    return count;
#else
    return wp_clock_ns();
#endif
}

static inline wp_clock_mark
wp_clock_now(void)
{
    return __builtin_expect(wp_clock_ticks != 0, 1) ? wp_clock_counter() : wp_clock_ns();
}

/* Marks between which a call certainly did not wait; raised from 0 once the tick rate is known. */
extern WP_HIDDEN uint64_t wp_clock_ready_marks;

/* False: the time since `start` is too short for a wait. True: it may have been one. */
static inline bool
wp_clock_waited(wp_clock_mark start)
{
    return wp_clock_now() - start > wp_clock_ready_marks;
}

/* Nanoseconds from `start` to now; 0 when they cannot be told. Reads the clock; no system call. */
uint64_t wp_clock_elapsed_ns(wp_clock_mark start);

/* Sets the start of the ratio and decides whether ticks can be trusted (the kernel's own clock
 * source is the counter). Once, in the constructor; opens and closes a file of /sys. */
void wp_clock_init(void);

#endif
