#include "budget_weather.h"

#include <math.h>

#include "core/sampling.h"

const struct weather weather_storm = {1e4, 500, 2e3, 1, 1};
const struct weather weather_calm = {100, 1e3, 1e6, 0.5, 2};

struct wp_budget_load
weather_load_of(uint64_t turns, uint64_t waits, uint64_t samples, uint64_t unlocks)
{
    return (struct wp_budget_load){
        .span_ns = turns * WP_BUDGET_TURN_NS,
        .waits = waits,
        .samples = samples,
        .unlocks = unlocks,
        .wait_cost_ns = 400,
        .sample_cost_ns = 400,
        .unlock_cost_ns = 600,
    };
}

static double
uniform(uint64_t *random)
{
    return ((double)(wp_sampling_next(random) >> 11) + 0.5) / 9007199254740992.0;
}

/* A whole number whose mean is `mean`, as independent events have it (normal for large ones). */
static uint64_t
count_of(uint64_t *random, double mean)
{
    double value = 0, product = uniform(random);

    if (mean > 50) {
        for (int i = 0; i < 12; i++)
            value += uniform(random);
        value = mean + (value - 6) * sqrt(mean);
        return value > 0 ? (uint64_t)value : 0;
    }
    for (double bound = exp(-mean); product > bound; product *= uniform(random))
        value++;
    return (uint64_t)value;
}

static double
delay_of(uint64_t *random, const struct weather *weather)
{
    return weather->least_delay_ns - log(uniform(random)) * weather->mean_delay_ns;
}

/* Waits are drawn one by one up to a number that
 * is enough for their mean. */
struct wp_budget_load
weather_record(const struct weather *weather, const struct wp_budget_choice *rates,
               uint64_t span_ns, uint64_t *random)
{
    double waits = weather->waits_per_s * (double)span_ns / 1e9 / (double)rates->wait_fraction;
    struct wp_budget_load load = weather_load_of(0, count_of(random, waits), 0, 0);
    uint64_t drawn = load.waits < 2000 ? load.waits : 2000;
    double kept = 0;

    load.span_ns = span_ns;
    for (uint64_t i = 0; i < drawn; i++)
        kept += uniform(random) * (double)rates->block_rate_ns < delay_of(random, weather);
    if (drawn != 0)
        load.samples = (uint64_t)(kept * (double)load.waits / (double)drawn);
    load.unlocks = count_of(random, (double)load.waits * weather->lock_share *
                                        weather->unlocks_per_wait / (double)rates->mutex_fraction);
    return load;
}

double
weather_cost_share(const struct wp_budget_load *load)
{
    return ((double)load->waits * load->wait_cost_ns +
            (double)load->samples * load->sample_cost_ns +
            (double)load->unlocks * load->unlock_cost_ns) /
           (double)load->span_ns;
}
