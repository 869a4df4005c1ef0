/*
 * Deadlines and clocks for all calls that take them.
 */
#ifndef WP_TESTS_TRANSPARENCY_ROWS_DEADLINE_H
#define WP_TESTS_TRANSPARENCY_ROWS_DEADLINE_H

#include <time.h>

#include "../expect.h"

#define DEADLINE_FAR_MS 60000 /* no case takes so long */

static const struct timespec deadline_past[] = {{1, 0}, {0, 0}, {-5, 0}};
#define DEADLINE_PAST (sizeof(deadline_past) / sizeof(deadline_past[0]))

/* No times. */
static const struct timespec deadline_invalid[] = {{4000000000, -1}, {4000000000, 1000000000}};
#define DEADLINE_INVALID (sizeof(deadline_invalid) / sizeof(deadline_invalid[0]))

/* The clocks that may be named, and some that may not. */
static const clockid_t deadline_clocks[] = {CLOCK_MONOTONIC, CLOCK_REALTIME};
#define DEADLINE_CLOCKS (sizeof(deadline_clocks) / sizeof(deadline_clocks[0]))
static const clockid_t deadline_refused_clocks[] = {CLOCK_BOOTTIME, CLOCK_THREAD_CPUTIME_ID, -1};
#define DEADLINE_REFUSED_CLOCKS                                                                    \
    (sizeof(deadline_refused_clocks) / sizeof(deadline_refused_clocks[0]))

static inline void
deadline_expect_reached(clockid_t clock, const struct timespec *deadline)
{
    EXPECT(expect_now_ns(clock) >= (int64_t)deadline->tv_sec * 1000000000 + deadline->tv_nsec);
}

#endif
