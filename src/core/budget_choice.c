/*
 * What a turn of the budget chooses (budget.h).
 */
#include "core/budget.h"
#include "core/budget_shares.h"

/* A finer step must leave so much of what it may use: else the next turn would take it back. */
#define WP_BUDGET_EASE 0.8

/* After a long rest all steps are taken at once. */
#define WP_BUDGET_MAX_STEPS 20u

/* By how much unlocks are taken to be too many when a turn has spent its charges. */
#define WP_BUDGET_SPENT_EXCESS 2.0

/* The steps of a rate: `least` doubled. At least `wanted` at once; finer by `steps` at most. */
static uint64_t
wp_budget_step(uint64_t now, double wanted, uint64_t least, uint64_t most, unsigned steps)
{
    uint64_t value = least;

    while (value != 0 && value < now && value <= most / 2)
        value *= 2;
    while (value != 0 && (double)value < wanted && value <= most / 2)
        value *= 2;
    for (; steps > 0 && value > least && (double)value / 2 * WP_BUDGET_EASE >= wanted; steps--)
        value /= 2;
    return value;
}

/* By how much waits and samples are too many; 1: as many as may be. */
struct wp_budget_excess {
    double timing;  /* of waits that are looked at */
    double samples; /* of waits that are kept */
    double unlocks; /* that are charged */
    double waits;   /* timing and samples together */
};

static struct wp_budget_excess
wp_budget_excess_of(const struct wp_region_budget *budget, const struct wp_budget_load *load)
{
    struct wp_budget_excess excess = {0, 0, 0, 0};
    double seconds = (double)load->span_ns / 1e9;
    double samples = (double)load->samples, unlocks = (double)load->unlocks;
    double timing_ns = (double)load->waits * load->wait_cost_ns;
    double samples_ns = samples * load->sample_cost_ns;

    if (budget->cost_ns_per_s != 0) {
        double allowed_ns = (double)budget->cost_ns_per_s * seconds;

        excess.timing = timing_ns / (allowed_ns * WP_BUDGET_TIMING_SHARE);
        excess.samples = samples_ns / (allowed_ns * WP_BUDGET_SAMPLES_SHARE);
        excess.unlocks = unlocks * load->unlock_cost_ns / (allowed_ns * WP_BUDGET_UNLOCKS_SHARE);
        excess.waits = (timing_ns + samples_ns) / (allowed_ns * WP_BUDGET_WAITS_SHARE);
    }
    if (budget->samples_per_s != 0) {
        double allowed = (double)budget->samples_per_s * seconds;
        double of_waits = samples / (allowed * WP_BUDGET_COUNT_SAMPLES_SHARE);
        double of_unlocks = unlocks / (allowed * WP_BUDGET_COUNT_UNLOCKS_SHARE);

        excess.samples = wp_budget_larger(excess.samples, of_waits);
        excess.unlocks = wp_budget_larger(excess.unlocks, of_unlocks);
        excess.waits = wp_budget_larger(excess.waits, of_waits);
    }
    /* How many more, nobody has counted. */
    if (load->spent_charges)
        excess.unlocks = wp_budget_larger(excess.unlocks, WP_BUDGET_SPENT_EXCESS);
    return excess;
}

/*
 * The wait fraction follows from what timing takes; by how much the samples are then too many is
 * left to the rates. Until those have their effect (none, on waits that are longer than the rate),
 * the wait fraction holds the samples as well.
 */
struct wp_budget_choice
wp_budget_choose(const struct wp_region_budget *budget, const struct wp_budget_load *load,
                 const struct wp_budget_choice *least, const struct wp_budget_choice *now)
{
    struct wp_budget_excess excess = wp_budget_excess_of(budget, load);
    uint64_t turns = load->span_ns / WP_BUDGET_TURN_NS;
    unsigned steps = turns < WP_BUDGET_MAX_STEPS ? (unsigned)turns : WP_BUDGET_MAX_STEPS;
    unsigned unlock_steps = load->spends_charges ? 0 : steps;
    double timing = excess.timing * (double)now->wait_fraction;
    double left = (double)now->wait_fraction / wp_budget_larger(timing, 1);
    double block_rate = (double)now->block_rate_ns * excess.samples * left;
    double mutex_fraction = (double)now->mutex_fraction * excess.unlocks * left;
    double wait_fraction = wp_budget_larger(timing, excess.waits * (double)now->wait_fraction);

    return (struct wp_budget_choice){
        .block_rate_ns = wp_budget_step(now->block_rate_ns, block_rate, least->block_rate_ns,
                                        WP_BUDGET_MAX_BLOCK_RATE_NS, steps),
        .mutex_fraction = wp_budget_step(now->mutex_fraction, mutex_fraction, least->mutex_fraction,
                                         WP_BUDGET_MAX_MUTEX_FRACTION, unlock_steps),
        .wait_fraction = wp_budget_step(now->wait_fraction, wait_fraction, 1,
                                        WP_BUDGET_MAX_WAIT_FRACTION, steps),
    };
}
