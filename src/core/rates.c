#include "core/rates.h"

#include <time.h>

#include "core/budget.h"
#include "core/clock.h"
#include "core/region_rates.h"

/* Each repetition means that somebody else changed or settled the rates meanwhile. */
#define WP_RATES_TRIES 16

/*
 * Notes the rates now in force as a change. Two who note at the same time take two rows of the
 * ring; a row is valid once its time is set (release), and a reader that sees 0 there passes
 * over it.
 */
static void
wp_rates_note(struct wp_region_header *region)
{
    uint64_t change = wp_atomic_add_64(&region->rate_change_count, 1);
    struct wp_region_rate_change *row = &region->rate_changes[change % WP_REGION_RATE_CHANGES];
    uint64_t block_rate_ns = wp_region_block_rate_meant(wp_atomic_load_64(&region->block_rate_ns));
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    wp_atomic_store_64(&row->realtime_ns, 0);
    /* Release: nobody sees new rates under the old time. */
    wp_atomic_store_64_release(&row->block_rate_ns, block_rate_ns);
    wp_atomic_store_64_release(&row->mutex_fraction, wp_atomic_load_64(&region->mutex_fraction));
    wp_atomic_store_64_release(&row->realtime_ns,
                               (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec);
}

/* Stores a value and returns the one before. Of several who store the same, one sees a change. */
static uint64_t
wp_rates_swap(uint64_t *word, uint64_t value)
{
    uint64_t before;

    do {
        before = wp_atomic_load_64(word);
    } while (before != value && !wp_atomic_cas_64(word, before, value));
    return before;
}

/* A lease may be torn by the command that is just writing it: that counts up settings_by_command
 * afterwards, and this is done again. */
static struct wp_region_rate_sources
wp_rates_sources(const struct wp_region_header *region)
{
    const struct wp_region_budget *budget = &region->budget;
    struct wp_region_rate_sources sources = {
        .base_block_rate_ns = wp_atomic_load_64(&region->base_block_rate_ns),
        .base_mutex_fraction = wp_atomic_load_64(&region->base_mutex_fraction),
        .budget.cost_ns_per_s = wp_atomic_load_64(&budget->cost_ns_per_s),
        .budget.samples_per_s = wp_atomic_load_64(&budget->samples_per_s),
        .budget.block_rate_ns = wp_atomic_load_64(&budget->block_rate_ns),
        .budget.mutex_fraction = wp_atomic_load_64(&budget->mutex_fraction),
        .budget.wait_fraction = wp_atomic_load_64(&budget->wait_fraction),
        .budget.turn_ns = wp_atomic_load_64(&budget->turn_ns),
    };

    for (unsigned i = 0; i < WP_REGION_LEASES; i++) {
        const struct wp_region_lease *lease = &region->leases[i];

        sources.leases[i].number = wp_atomic_load_64_acquire(&lease->number);
        sources.leases[i].deadline_monotonic_ns = wp_atomic_load_64(&lease->deadline_monotonic_ns);
        sources.leases[i].block_rate_ns = wp_atomic_load_64(&lease->block_rate_ns);
        sources.leases[i].mutex_fraction = wp_atomic_load_64(&lease->mutex_fraction);
    }
    return sources;
}

/* False: another who settles has stored some of the words since. */
static bool
wp_rates_are_in_force(const struct wp_region_header *region, const struct wp_region_rates *rates)
{
    return wp_atomic_load_64(&region->block_rate_ns) == rates->block_rate_ns &&
           wp_atomic_load_64(&region->mutex_fraction) == rates->mutex_fraction &&
           wp_atomic_load_64(&region->wait_fraction) == rates->wait_fraction &&
           wp_atomic_load_64(&region->settle_at_ns) == rates->settle_at_ns;
}

/* Returns whether the rates changed, as people see them. */
static bool
wp_rates_store(struct wp_region_header *region, const struct wp_region_rates *rates)
{
    uint64_t block_before, mutex_before;

    /* The time last: who sees none sees the rates that go with it. */
    block_before = wp_rates_swap(&region->block_rate_ns, rates->block_rate_ns);
    mutex_before = wp_rates_swap(&region->mutex_fraction, rates->mutex_fraction);
    wp_atomic_store_64(&region->wait_fraction, rates->wait_fraction);
    wp_atomic_store_64_release(&region->settle_at_ns, rates->settle_at_ns);
    return wp_region_block_rate_meant(block_before) !=
               wp_region_block_rate_meant(rates->block_rate_ns) ||
           mutex_before != rates->mutex_fraction;
}

void
wp_rates_settle(struct wp_region_header *region, uint64_t now_ns)
{
    for (int tries = 0; tries < WP_RATES_TRIES; tries++) {
        uint64_t by_program = wp_atomic_load_64_acquire(&region->settings_by_program);
        uint64_t by_command = wp_atomic_load_64_acquire(&region->settings_by_command);
        struct wp_region_rate_sources sources = wp_rates_sources(region);
        struct wp_region_rates rates = wp_region_rates_in_force(&sources, now_ns);

        /* What a budget does stands in its own ring: it would push all else out of this one. */
        if (wp_rates_store(region, &rates) && !wp_region_budget_limits(&sources.budget))
            wp_rates_note(region);
        /* After the stores, which are compare-and-swaps or come before one: seen by whoever counts
         * up after this. Of two who settle just before and just after a deadline, the last to store
         * finds what it stored whole, or does it again. */
        if (wp_atomic_add_64(&region->settings_by_program, 0) == by_program &&
            wp_atomic_load_64_acquire(&region->settings_by_command) == by_command &&
            wp_rates_are_in_force(region, &rates))
            return;
        /* So that those two agree on the time. */
        if (now_ns < wp_clock_ns())
            now_ns = wp_clock_ns();
    }
}

void
wp_rates_due(struct wp_region_header *region, uint64_t now_ns)
{
    bool has_budget = (wp_atomic_load_64(&region->budget.cost_ns_per_s) |
                       wp_atomic_load_64(&region->budget.samples_per_s)) != 0;

    /* What was spent under a budget that is no more. */
    if (!has_budget)
        wp_atomic_store_64(&region->budget.spent, 0);
    /* Of all the threads that find a turn due in a storm one takes it; the others go on with rates
     * that are a turn old. A lease then ends with the next turn. */
    if (!has_budget || wp_budget_take_turn(region, now_ns))
        wp_rates_settle(region, now_ns);
}

static uint64_t
wp_rates_set_base(struct wp_region_header *region, uint64_t *base, uint64_t value)
{
    uint64_t before = wp_rates_swap(base, value);

    (void)wp_atomic_add_64(&region->settings_by_program, 1);
    wp_rates_settle(region, wp_clock_ns());
    return before;
}

uint64_t
wp_rates_set_block_rate(struct wp_region_header *region, uint64_t rate_ns)
{
    return wp_rates_set_base(region, &region->base_block_rate_ns, rate_ns);
}

uint64_t
wp_rates_set_mutex_fraction(struct wp_region_header *region, uint64_t fraction)
{
    return wp_rates_set_base(region, &region->base_mutex_fraction, fraction);
}

void
wp_rates_init(struct wp_region_header *region, const struct wp_rates_start *start)
{
    region->base_block_rate_ns = region->block_rate_ns = start->block_rate_ns;
    region->base_mutex_fraction = region->mutex_fraction = start->mutex_fraction;
    region->wait_fraction = 1;
    region->budget.cost_ns_per_s = start->budget_cost_ns_per_s;
    region->budget.samples_per_s = start->budget_samples_per_s;
    wp_rates_note(region);
    wp_rates_settle(region, wp_clock_ns());
}
