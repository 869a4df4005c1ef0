/*
 * waitprof: the sampling rates, for programs that set their own.
 *
 * There is nothing to link with. The functions call those of libwaitprof.so where it is loaded;
 * where it is not, they do nothing and return 0, as if the profiles were off.
 *
 *     int64_t before = waitprof_set_block_profile_rate(10000);
 *
 * Needs GCC or Clang, and a position-independent executable or library (the default of both).
 */
#ifndef WAITPROF_H
#define WAITPROF_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The library's own functions, by the names that it exports; NULL where it is not loaded. What is
 * called below is a function of the program: it must not have the same name for the linker, even if
 * its address is taken.
 */
#if !defined(WAITPROF_IMPLEMENTATION)
#define WAITPROF_FUNCTION(type, name, parameters, arguments)                                       \
    extern type waitprof_loaded_##name parameters __asm__("waitprof_" #name)                       \
        __attribute__((__weak__));                                                                 \
    static __inline__ type waitprof_##name parameters __asm__("waitprof_if_loaded_" #name)         \
        __attribute__((__unused__));                                                               \
    static __inline__ type waitprof_##name parameters                                              \
    {                                                                                              \
        return waitprof_loaded_##name != 0 ? waitprof_loaded_##name arguments : 0;                 \
    }
#else
#define WAITPROF_FUNCTION(type, name, parameters, arguments) type waitprof_##name parameters;
#endif

/*
 * int64_t waitprof_set_block_profile_rate(int64_t rate_ns)
 *
 * Sets the block profile's rate: on average one sample per `rate_ns` nanoseconds that a call
 * waited; 1 keeps every wait, 0 or less switches the profile off. Returns the program's rate
 * before. As Go's runtime.SetBlockProfileRate, which returns nothing. Any thread, signal handlers
 * too; in force at once, in all processes of a family that forked. While somebody outside has
 * leased another rate for a time (`waitprof rate --for`), that rate is in force, and this one
 * follows it: a program that sets a rate and later puts back what it found does not make a lease
 * last.
 */
WAITPROF_FUNCTION(int64_t, set_block_profile_rate, (int64_t rate_ns), (rate_ns))

/*
 * int64_t waitprof_block_profile_rate(void)
 *
 * The program's own block rate in nanoseconds, 0 off; leases left aside.
 */
WAITPROF_FUNCTION(int64_t, block_profile_rate, (void), ())

/*
 * int waitprof_set_mutex_profile_fraction(int fraction)
 *
 * Sets the mutex profile's fraction: one of `fraction` contention events is kept; 0 switches the
 * profile off; below 0 changes nothing. Returns the program's fraction before. As Go's
 * runtime.SetMutexProfileFraction; leases as above.
 */
WAITPROF_FUNCTION(int, set_mutex_profile_fraction, (int fraction), (fraction))

/*
 * int waitprof_mutex_profile_fraction(void)
 *
 * The program's own mutex fraction, 0 off; leases left aside.
 */
WAITPROF_FUNCTION(int, mutex_profile_fraction, (void), ())

#undef WAITPROF_FUNCTION

#ifdef __cplusplus
}
#endif

#endif
