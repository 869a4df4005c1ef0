/*
 * Threads that act on a common timetable, in ticks from the start of a round: holders that make
 * others wait, and the truth about who was to blame for how much (truth.h). On a busy machine they
 * are late and other overlaps come about: the truth is derived from what happened, not from the
 * plan.
 */
#ifndef WP_TESTS_TIMETABLE_H
#define WP_TESTS_TIMETABLE_H

#include "accuracy/truth.h"

/* Acts in one round. A thread of its own plays it, round after round. */
typedef void (*timetable_role)(void);

/* Sleeps until so many ticks after the round's start. */
void timetable_sleep_until(unsigned tick);

/* Sleeps for so many ticks. */
void timetable_sleep(unsigned ticks);

/*
 * Plays the roles, `rounds` times; between two rounds, when nobody plays, calls `reset`. Those that
 * hold from tick 0 shall come first in `roles`: they start first. main() calls it, with its
 * arguments ROUNDS and TICK_NS, and prints the truth itself.
 */
void timetable_run(const timetable_role *roles, unsigned role_count, void (*reset)(void), int argc,
                   char **argv);

/* static void NAME(void): unlocks, and is the path to blame. */
#define DEFINE_UNLOCK(name, object, unlock)                                                        \
    __attribute__((noinline)) static void name(void)                                               \
    {                                                                                              \
        truth_unlock(#name, (const void *)(object), truth_now_ns());                               \
        unlock(object);                                                                            \
    }

/* static void NAME(void): locks, and is the path that waits. */
#define DEFINE_LOCK(name, object, lock)                                                            \
    __attribute__((noinline)) static void name(void)                                               \
    {                                                                                              \
        uint64_t start_ns = truth_now_ns();                                                        \
                                                                                                   \
        lock(object);                                                                              \
        truth_wait(#name, TRUTH_LOCK, (const void *)(object), start_ns, truth_now_ns());           \
    }

#endif
