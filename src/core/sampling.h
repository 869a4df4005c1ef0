/*
 * The sampling rules, as pure functions. docs/sampling.md derives them; Go's own are in
 * runtime/mprof.go (blocksampled, saveblockevent, mutexevent; Go 1.19 and later).
 *
 * Block: draw a threshold uniformly from [0, rate). An event of delay d is kept iff d > threshold,
 * so with probability d/rate if d < rate, else always. Kept, it stands for 1 contention of delay d
 * if d >= rate, else for rate/d contentions of together `rate` delay: unbiased at every rate,
 * scaled at once, so that the rate may change at any time. (Go compares with >=, which makes the
 * probability (d+1)/rate.)
 *
 * Mutex: a waiter is selected with probability 1/fraction and stands for `fraction` waiters.
 *
 * Both: where a budget has set a wait fraction N, a wait is looked at with probability 1/N before
 * anything else is known of it, and stands for N of what it would else.
 */
#ifndef WP_CORE_SAMPLING_H
#define WP_CORE_SAMPLING_H

#include <stdbool.h>
#include <stdint.h>

#include "core/region_format.h"

/* Largest rates that are obeyed; larger ones are treated as these. */
#define WP_SAMPLING_MAX_BLOCK_RATE_NS WP_REGION_MAX_BLOCK_RATE_NS
#define WP_SAMPLING_MAX_FRACTION WP_REGION_MAX_MUTEX_FRACTION

/* No sample stands for more than 146 years, so that totals do not wrap. */
#define WP_SAMPLING_MAX_DELAY_NS (UINT64_C(1) << 62)

/* Nor for more than 7 * 10^13 waits. */
#define WP_SAMPLING_MAX_CONTENTIONS_FIXED 4.6e18

/* What one kept event adds to its stack. */
struct wp_sample {
    uint64_t contentions_fixed; /* in units of 1 / WP_REGION_COUNT_ONE */
    uint64_t delay_ns;
    uint32_t waiters; /* of the mutex profile: registered waiters that are charged for */
    double variance;  /* estimated variance of delay_ns, ns^2 */
    double squares;   /* delay_ns squared, as far as it is of one event: see wp_region_stack */
};

/* The next of a stream of uniform 64-bit numbers (splitmix64: S. Vigna, 2015). */
static inline uint64_t
wp_sampling_next(uint64_t *state)
{
    uint64_t mixed = (*state += UINT64_C(0x9e3779b97f4a7c15));

    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

/* Maps a uniform 64-bit number to [0, bound), bound >= 1, without division. The bias is below
 * bound / 2^64. */
static inline uint64_t
wp_sampling_below(uint64_t random, uint64_t bound)
{
    return (uint64_t)((__extension__(unsigned __int128) random * bound) >> 64);
}

/* True: the event of this delay is kept. Delays are at least 1 ns. */
static inline bool
wp_sampling_block_keeps(uint64_t delay_ns, uint64_t threshold_ns)
{
    return delay_ns > threshold_ns;
}

/* True: one of `wait_fraction` waits is looked at, and this is it. wait_fraction >= 1. */
static inline bool
wp_sampling_looks_at(uint64_t random, uint64_t wait_fraction)
{
    return wp_sampling_below(random, wait_fraction) == 0;
}

/* What a kept block event stands for: 1/p of it, where p is the chance that it was kept. All
 * arguments are at least 1. */
static inline struct wp_sample
wp_sampling_block_sample(uint64_t delay_ns, uint64_t rate_ns, uint64_t wait_fraction)
{
    uint64_t weighed_ns = delay_ns >= rate_ns ? delay_ns : rate_ns;
    double delay = (double)delay_ns;
    double sum = (double)weighed_ns * (double)wait_fraction;
    double contentions_fixed = sum / delay * WP_REGION_COUNT_ONE + 0.5;

    if (contentions_fixed > WP_SAMPLING_MAX_CONTENTIONS_FIXED)
        contentions_fixed = WP_SAMPLING_MAX_CONTENTIONS_FIXED;
    if (weighed_ns > WP_SAMPLING_MAX_DELAY_NS / wait_fraction)
        weighed_ns = WP_SAMPLING_MAX_DELAY_NS / wait_fraction;
    return (struct wp_sample){
        .contentions_fixed =
            delay_ns >= rate_ns ? wait_fraction * WP_REGION_COUNT_ONE : (uint64_t)contentions_fixed,
        .delay_ns = weighed_ns * wait_fraction,
        .variance = (sum - delay) * sum,
        .squares = sum * sum,
    };
}

/* True: this waiter is selected for the mutex profile. fraction >= 1. */
static inline bool
wp_sampling_mutex_selects(uint64_t random, uint64_t fraction)
{
    return wp_sampling_below(random, fraction) == 0;
}

/*
 * What a charged unlock stands for: `waiters` selected waiters, `arrived` of them charged for the
 * first time, made to wait `delay_ns` in total; charged_ns is what they were charged before, all
 * together. A selected waiter that is charged at one unlock is charged at the next as well, so the
 * charges are not independent: each adds to the variance what the square of its waiters' times
 * grows by. Their shares are taken as equal.
 */
static inline struct wp_sample
wp_sampling_mutex_sample(uint64_t arrived, uint64_t waiters, uint64_t delay_ns, uint64_t charged_ns,
                         uint64_t fraction)
{
    double weight = (double)fraction;
    double delay = (double)delay_ns;
    double growth = waiters == 0 ? 0 : delay * (delay + 2 * (double)charged_ns) / (double)waiters;

    return (struct wp_sample){
        .contentions_fixed = arrived * fraction * WP_REGION_COUNT_ONE,
        .delay_ns = delay_ns < WP_SAMPLING_MAX_DELAY_NS / fraction ? delay_ns * fraction
                                                                   : WP_SAMPLING_MAX_DELAY_NS,
        .waiters = (uint32_t)waiters,
        .variance = weight * (weight - 1) * growth,
        .squares = weight * weight * growth,
    };
}

#endif
