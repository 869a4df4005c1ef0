/*
 * The public functions of include/waitprof.h. In a program that stays inert they find a region of
 * no consequence: what they set is returned by the getters and obeyed by nobody.
 */
#include <limits.h>

#include "core/rates.h"
#include "core/region.h"
#include "core/sampling.h"
#include "wrapper.h"

#define WAITPROF_IMPLEMENTATION
#include "waitprof.h"

WP_EXPORT int64_t
waitprof_set_block_profile_rate(int64_t rate_ns)
{
    uint64_t wanted = rate_ns > 0 ? (uint64_t)rate_ns : 0;

    if (wanted > WP_SAMPLING_MAX_BLOCK_RATE_NS)
        wanted = WP_SAMPLING_MAX_BLOCK_RATE_NS;
    return (int64_t)wp_rates_set_block_rate(wp_region(), wanted);
}

WP_EXPORT int64_t
waitprof_block_profile_rate(void)
{
    return (int64_t)wp_atomic_load_64(&wp_region()->base_block_rate_ns);
}

WP_EXPORT int
waitprof_set_mutex_profile_fraction(int fraction)
{
    uint64_t wanted = (uint64_t)fraction;

    if (fraction < 0)
        return waitprof_mutex_profile_fraction();
    if (wanted > WP_SAMPLING_MAX_FRACTION)
        wanted = WP_SAMPLING_MAX_FRACTION;
    return (int)wp_rates_set_mutex_fraction(wp_region(), wanted);
}

WP_EXPORT int
waitprof_mutex_profile_fraction(void)
{
    uint64_t fraction = wp_atomic_load_64(&wp_region()->base_mutex_fraction);

    return fraction > INT_MAX ? INT_MAX : (int)fraction;
}
