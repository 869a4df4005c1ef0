/*
 * waitprof: the sampling rates, for programs that set their own.
 *
 * The functions are weak: a program that calls them through WAITPROF_CALL needs no library to link
 * with, and when libwaitprof.so is not loaded the calls do nothing and give `otherwise`.
 *
 *     int64_t before = WAITPROF_CALL(waitprof_set_block_profile_rate, 10000, 0);
 *
 * Needs GCC or Clang, and a position-independent executable or library (the default of both).
 */
#ifndef WAITPROF_H
#define WAITPROF_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if !defined(WAITPROF_API)
#define WAITPROF_API __attribute__((weak))
#endif

/*
 * Sets the block profile's rate: on average one sample per `rate_ns` nanoseconds that a call
 * waited; 1 keeps every wait, 0 or less switches the profile off. Returns the program's rate
 * before. As Go's runtime.SetBlockProfileRate, which returns nothing. Any thread, signal handlers
 * too; in force at once, in all processes of a family that forked. While somebody outside has
 * leased another rate for a time (`waitprof rate --for`), that rate is in force, and this one
 * follows it: a program that sets a rate and later puts back what it found does not make a lease
 * last.
 */
WAITPROF_API int64_t waitprof_set_block_profile_rate(int64_t rate_ns);

/* The program's own block rate in nanoseconds, 0 off; leases left aside. */
WAITPROF_API int64_t waitprof_block_profile_rate(void);

/*
 * Sets the mutex profile's fraction: one of `fraction` contention events is kept; 0 switches the
 * profile off; below 0 changes nothing. Returns the program's fraction before. As Go's
 * runtime.SetMutexProfileFraction; leases as above.
 */
WAITPROF_API int waitprof_set_mutex_profile_fraction(int fraction);

/* The program's own mutex fraction, 0 off; leases left aside. */
WAITPROF_API int waitprof_mutex_profile_fraction(void);

/* Calls `function` with `argument` if it is there, else gives `otherwise`. */
#define WAITPROF_CALL(function, argument, otherwise)                                               \
    ((function) != 0 ? (function)(argument) : (otherwise))

#ifdef __cplusplus
}
#endif

#endif
