#include "compare/simulated_run.h"

#include <math.h>

#include "core/sampling.h"

#define LENGTHS 4096u

double
simulated_uniform(uint64_t *seed)
{
    return ((double)(wp_sampling_next(seed) >> 11) + 0.5) / 9007199254740992.0;
}

double
simulated_normal(uint64_t *seed)
{
    double radius = sqrt(-2 * log(simulated_uniform(seed)));

    return radius * cos(2 * M_PI * simulated_uniform(seed));
}

struct simulated_program
simulated_program_of_noise(double noise)
{
    /* Exponential waits, of which those are kept that a rate of their mean lets, have the relative
     * variance (1 + 3 / e) / waits. */
    return (struct simulated_program){
        .waits = (1 + 3 / M_E) / (0.36 * noise * noise),
        .mean_delay_ns = SIMULATED_MEAN_DELAY_NS,
        .block_rate_ns = SIMULATED_MEAN_DELAY_NS,
        .run_noise = 0.8 * noise,
        .correlation = 0.2,
    };
}

double
simulated_run_factor(struct simulated_series *series, const struct simulated_program *program)
{
    double kept = program->correlation;
    double noise = program->run_noise;

    series->state = kept * series->state + sqrt(1 - kept * kept) * simulated_normal(&series->seed);
    return exp(noise * series->state - noise * noise / 2);
}

/* Exponential lengths of mean 1, all equally likely: a logarithm a wait would take most of the
 * time. */
static const double *
simulated_lengths(void)
{
    static double lengths[LENGTHS];

    if (lengths[0] == 0) {
        for (uint32_t i = 0; i < LENGTHS; i++)
            lengths[i] = -log1p(-(i + 0.5) / LENGTHS);
    }
    return lengths;
}

static uint64_t
simulated_count(uint64_t *seed, double mean)
{
    double count = mean + sqrt(mean) * simulated_normal(seed);
    uint64_t small = 0;

    if (mean >= 50)
        return count < 0 ? 0 : (uint64_t)(count + 0.5);
    for (double time = -log(simulated_uniform(seed)); time < mean;
         time -= log(simulated_uniform(seed)))
        small++;
    return small;
}

struct simulated_capture
simulated_capture_make(uint64_t *seed, const struct simulated_program *program, double factor)
{
    const double *lengths = simulated_lengths();
    struct simulated_capture capture = {0};
    uint64_t count = simulated_count(seed, program->waits);
    double scale_ns = program->mean_delay_ns * factor;

    for (uint64_t i = 0; i < count; i++) {
        uint64_t delay_ns =
            (uint64_t)(1 + scale_ns * lengths[wp_sampling_below(wp_sampling_next(seed), LENGTHS)]);
        uint64_t threshold_ns = wp_sampling_below(wp_sampling_next(seed), program->block_rate_ns);
        struct wp_sample sample;

        if (!wp_sampling_block_keeps(delay_ns, threshold_ns))
            continue;
        sample = wp_sampling_block_sample(delay_ns, program->block_rate_ns, 1);
        capture.contentions += (double)sample.contentions_fixed / WP_REGION_COUNT_ONE;
        capture.delay_ns += (double)sample.delay_ns;
        capture.samples++;
        capture.variance += sample.variance;
        capture.squares += sample.squares;
    }
    return capture;
}
