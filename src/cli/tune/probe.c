#include "cli/tune/probe.h"

#include <math.h>

#define STEP 10u

static double
expected(const struct wp_tune_probe *probe, const struct wp_tune_look *look, double counted)
{
    return counted * probe->span_ns / look->span_ns;
}

/* A rate that is off is never enough; one that keeps all there is, always. */
static bool
block_is_enough(const struct wp_tune_probe *probe, uint64_t rate_ns,
                const struct wp_tune_look *look)
{
    return rate_ns != 0 &&
           (rate_ns <= wp_tune_block_rates[0] || look->waits <= look->block_samples ||
            expected(probe, look, look->block_samples) >= probe->samples);
}

static bool
mutex_is_enough(const struct wp_tune_probe *probe, uint64_t fraction,
                const struct wp_tune_look *look)
{
    return fraction == 1 ||
           (fraction != 0 && expected(probe, look, look->mutex_samples) >= probe->samples);
}

static double
cost_of(const struct wp_tune_probe *probe, const struct wp_tune_look *look, double block_samples,
        double mutex_samples)
{
    double cost = look->waits * probe->costs.wait_ns + block_samples * probe->costs.sample_ns +
                  mutex_samples * probe->costs.unlock_ns;

    return cost / look->span_ns * 1e9;
}

bool
wp_tune_probe_step(const struct wp_tune_probe *probe, const struct wp_tune_look *look,
                   struct wp_tune_rates *rates)
{
    /* One more than was seen: nothing seen does not mean that there is nothing. */
    double more_block = fmin((look->block_samples + 1) * STEP, look->waits + 1);
    double more_mutex = (look->mutex_samples + 1) * STEP;
    bool stepped = false;

    if (!block_is_enough(probe, rates->block_rate_ns, look)) {
        if (rates->block_rate_ns == 0) {
            rates->block_rate_ns = WP_TUNE_PROBE_BLOCK_RATE_NS;
            stepped = true;
        } else if (cost_of(probe, look, more_block, look->mutex_samples) <= probe->cost_ns_per_s) {
            rates->block_rate_ns /= STEP;
            stepped = true;
        } else {
            more_block = look->block_samples;
        }
        if (rates->block_rate_ns < wp_tune_block_rates[0])
            rates->block_rate_ns = wp_tune_block_rates[0];
    } else {
        more_block = look->block_samples;
    }
    if (mutex_is_enough(probe, rates->mutex_fraction, look))
        return stepped;
    if (rates->mutex_fraction == 0) {
        rates->mutex_fraction = WP_TUNE_PROBE_FRACTION;
        return true;
    }
    if (cost_of(probe, look, more_block, more_mutex) > probe->cost_ns_per_s)
        return stepped;
    rates->mutex_fraction = rates->mutex_fraction > STEP ? rates->mutex_fraction / STEP : 1;
    return true;
}
