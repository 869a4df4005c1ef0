/*
 * Counts of the calls that pass libcount_calls.so. The functions are weak: NULL when it is not
 * loaded.
 *
 * Every lock that is taken is given back, by a single function, where locking has many forms: so
 * unlocks are what is counted.
 */
#ifndef WP_TESTS_COUNT_CALLS_H
#define WP_TESTS_COUNT_CALLS_H

#include <stdint.h>

struct count_calls {
    uint64_t allocations; /* malloc, calloc, realloc */
    uint64_t frees;
    uint64_t unlocks; /* of mutexes and reader-writer locks */
};

/* Sets all counts to 0 and starts to count, in all threads. */
void count_calls_begin(void) __attribute__((weak));

/* Stops, and returns the counts. */
struct count_calls count_calls_end(void) __attribute__((weak));

#endif
