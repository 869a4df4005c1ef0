#include "core/budget.h"

#include <time.h>

#include "core/atomic.h"
#include "core/budget_shares.h"
#include "core/own_cost.h"
#include "core/region.h"
#include "core/region_rates.h"

/* Conditions may cost so many turns' share at once, and as much as so many measurements say: fewer
 * may be chance. Waits for them are split again when that would cost, by what was waited in so long
 * a time, less than a part of the share. */
#define WP_BUDGET_CONDITIONS_TURNS 2
#define WP_BUDGET_CONDITIONS_MEASURED 4
#define WP_BUDGET_UNSPLIT_NS UINT64_C(1000000000)
#define WP_BUDGET_UNSPLIT_EASE 0.5

#define WP_BUDGET_ROW_NS UINT64_C(1000000000)

#define WP_BUDGET_MAX_CHARGES 1e9

/* Charges that were not spent are kept for so many turns: a starved waiter comes seldom, and then
 * needs many. With these shares any five turns on end (100 ms) stay within the budget, or a little
 * above it where all shares are taken in full and charges were left over. */
#define WP_BUDGET_KEPT_TURNS 8u

/* For so long after charges were spent the mutex fraction that was chosen stays. Longer, fewer
 * waiters would be registered, and the total known less well; shorter, more of it would go to
 * nobody. */
#define WP_BUDGET_HOLD_NS UINT64_C(200000000)

/* A turn that was taken early is reckoned as one of at least so long: what came in less may be a
 * moment's. */
#define WP_BUDGET_LEAST_SPAN_NS (WP_BUDGET_TURN_NS / 8)

/* A shard that is counted in is read so often again. */
#define WP_BUDGET_COUNT_TRIES 4

/* What one costs before it was measured. */
static const uint64_t wp_budget_first_costs[WP_OWN_COST_CLASSES] = {400, 400, 600, 250};

/* The measurements that a unit cost rests on: as many as weigh what it is at first, and the latest
 * of so many. */
#define WP_BUDGET_FIRST_MEASURED 16u
#define WP_BUDGET_MOST_MEASURED 64u

/* Measured costs count for so many times what is known at most: a single measurement that was
 * preempted in the middle is a hundred times too large. What did become dearer is learned in some
 * turns. */
#define WP_BUDGET_MAX_RISE 8.0

/* --- spending --------------------------------------------------------------------------------- */

/* How many unlocks may be charged in a turn; at least one. */
static uint64_t
wp_budget_charges_of_turn(const struct wp_region_budget *budget, double unlock_cost_ns)
{
    double seconds = (double)WP_BUDGET_TURN_NS / 1e9;
    double charges = WP_BUDGET_MAX_CHARGES;

    if (budget->cost_ns_per_s != 0)
        charges =
            (double)budget->cost_ns_per_s * seconds * WP_BUDGET_UNLOCKS_SHARE / unlock_cost_ns;
    if (budget->samples_per_s != 0) {
        double samples = (double)budget->samples_per_s * seconds * WP_BUDGET_COUNT_UNLOCKS_SHARE;

        charges = samples < charges ? samples : charges;
    }
    return (uint64_t)wp_budget_larger(charges, 1);
}

/* What the word `charges` is to be for a turn after `span_ns`, where `left` is what it is. */
static uint64_t
wp_budget_refill(uint64_t left, uint64_t of_turn, uint64_t span_ns)
{
    uint64_t turns = span_ns / WP_BUDGET_TURN_NS;
    uint64_t charges = left > 0 ? left - 1 : 0;

    if (turns < 1)
        turns = 1;
    if (turns > WP_BUDGET_KEPT_TURNS)
        turns = WP_BUDGET_KEPT_TURNS;
    charges += turns * of_turn;
    if (charges > WP_BUDGET_KEPT_TURNS * of_turn)
        charges = WP_BUDGET_KEPT_TURNS * of_turn;
    return 1 + charges;
}

bool
wp_budget_has_charge(void)
{
    const struct wp_region_budget *budget = &wp_region()->budget;

    /* A turn that was under way when a command took the budget away leaves charges behind it. */
    return wp_atomic_load_64(&budget->charges) != 1 ||
           (wp_atomic_load_64(&budget->cost_ns_per_s) |
            wp_atomic_load_64(&budget->samples_per_s)) == 0;
}

void
wp_budget_spend_charge(void)
{
    uint64_t *charges = &wp_region()->budget.charges;
    uint64_t left = wp_atomic_load_64(charges);

    /* Should another be quicker, it has spent this one. */
    if (left > 1)
        (void)wp_atomic_cas_64(charges, left, left - 1);
}

/* What may be spent in a turn, of a limit for each second. */
static double
wp_budget_of_turn(uint64_t limit_per_s, double share)
{
    return (double)limit_per_s * (double)WP_BUDGET_TURN_NS / 1e9 * share;
}

/* Adds a part of what a turn may spend. */
static void
wp_budget_spend_part(struct wp_region_budget *budget, double part)
{
    if (part > 1)
        part = 1;
    (void)wp_atomic_add_64(&budget->spent, (uint64_t)(part * (double)WP_REGION_BUDGET_SPENT));
}

void wp_budget_spend(enum wp_own_cost_class class)
{
    struct wp_region_budget *budget = &wp_region()->budget;
    uint64_t cost_ns_per_s, samples_per_s;
    double part = 0;

    if (__builtin_expect(wp_atomic_load_64(&budget->charges) == 0, 1))
        return;
    cost_ns_per_s = wp_atomic_load_64(&budget->cost_ns_per_s);
    samples_per_s = wp_atomic_load_64(&budget->samples_per_s);
    if (cost_ns_per_s != 0)
        part = (double)wp_atomic_load_64(&budget->unit_costs[class]) /
               wp_budget_of_turn(cost_ns_per_s, WP_BUDGET_WAITS_SHARE);
    if (samples_per_s != 0 && class == WP_OWN_COST_sample)
        part = wp_budget_larger(
            part, 1 / wp_budget_of_turn(samples_per_s, WP_BUDGET_COUNT_SAMPLES_SHARE));
    wp_budget_spend_part(budget, part);
}

void
wp_budget_end_condition(wp_clock_mark start)
{
    struct wp_region_budget *budget = &wp_region()->budget;
    uint64_t cost_ns = wp_own_cost_end(start, WP_OWN_COST_condition);
    uint64_t cost_ns_per_s = wp_atomic_load_64(&budget->cost_ns_per_s);

    if (cost_ns != 0 && cost_ns_per_s != 0)
        wp_budget_spend_part(budget,
                             (double)cost_ns / WP_BUDGET_CONDITIONS_TURNS /
                                 wp_budget_of_turn(cost_ns_per_s, WP_BUDGET_CONDITIONS_SHARE));
}

/* --- the account ------------------------------------------------------------------------------ */

static uint64_t
wp_budget_count(const struct wp_region_header *region, enum wp_region_counter counter)
{
    uint64_t sum = 0;

    for (uint32_t shard = 0; shard < WP_REGION_COUNTER_SHARDS; shard++)
        sum += wp_atomic_load_64(&region->counters[shard].value[counter]);
    return sum;
}

/* Waits that were looked at. One that is counted between the two readings would be off by all that
 * it stands for. */
static uint64_t
wp_budget_count_looked_at(const struct wp_region_header *region)
{
    uint64_t sum = 0;

    for (uint32_t shard = 0; shard < WP_REGION_COUNTER_SHARDS; shard++) {
        const uint64_t *counters = region->counters[shard].value;
        uint64_t waits, passed_over;
        int tries = 0;

        do {
            passed_over = wp_atomic_load_64_acquire(&counters[WP_COUNTER_waits_passed_over]);
            waits = wp_atomic_load_64_acquire(&counters[WP_COUNTER_waits]);
        } while (wp_atomic_load_64(&counters[WP_COUNTER_waits_passed_over]) != passed_over &&
                 tries++ < WP_BUDGET_COUNT_TRIES);
        sum += waits - passed_over;
    }
    return sum;
}

/* The difference to what stands in *last, which becomes `now`. Never negative, however two turns
 * that met have mixed their accounts. */
static uint64_t
wp_budget_since(uint64_t *last, uint64_t now)
{
    uint64_t before = wp_atomic_load_64(last);

    wp_atomic_store_64(last, now);
    return now > before ? now - before : 0;
}

/* Takes a measurement into the account of a class: `spent` ns of `count` pieces. Returns the mean
 * of the latest. */
static double
wp_budget_learn_cost(struct wp_region_budget *budget, unsigned class, uint64_t spent,
                     uint64_t count)
{
    uint64_t sum = wp_atomic_load_64(&budget->cost_sums[class]);
    uint64_t of = wp_atomic_load_64(&budget->cost_counts[class]);
    double most;

    if (of == 0) {
        of = WP_BUDGET_FIRST_MEASURED * WP_OWN_COST_EVERY;
        sum = of * wp_budget_first_costs[class];
    }
    most = (double)sum / (double)of * WP_BUDGET_MAX_RISE *
           wp_budget_larger((double)count, WP_OWN_COST_EVERY);
    sum += (double)spent > most ? (uint64_t)most : spent;
    of += count;
    while (of > WP_BUDGET_MOST_MEASURED * WP_OWN_COST_EVERY) {
        of /= 2;
        sum /= 2;
    }
    wp_atomic_store_64(&budget->cost_sums[class], sum);
    wp_atomic_store_64(&budget->cost_counts[class], of);
    return (double)sum / (double)of;
}

/* What was measured of a class since. */
static uint64_t
wp_budget_measured(struct wp_region_header *region, unsigned class)
{
    enum wp_region_counter counter = (enum wp_region_counter)(WP_COUNTER_wait_cost_ns + class);

    return wp_budget_since(&region->budget.last_costs[class], wp_budget_count(region, counter));
}

/*
 * What one of a class costs, after `count` more, for which `spent` ns were measured: of the latest,
 * all that was measured by all that there were. Most turns of a program with little to record have
 * no measurement, and those that have one have up to 61 times too much: only both together tell.
 */
static double
wp_budget_unit_cost(struct wp_region_budget *budget, unsigned class, uint64_t spent, uint64_t count)
{
    double cost;

    count += wp_atomic_load_64(&budget->cost_unmeasured[class]);
    wp_atomic_store_64(&budget->cost_unmeasured[class], spent == 0 ? count : 0);
    cost = wp_budget_learn_cost(budget, class, spent, spent == 0 ? 0 : count);
    /* 0 would mean that it is not known. */
    wp_atomic_store_64(&budget->unit_costs[class], cost < 1 ? 1 : (uint64_t)(cost + 0.5));
    return cost;
}

static struct wp_budget_load
wp_budget_measure(struct wp_region_header *region, uint64_t now_ns)
{
    struct wp_region_budget *budget = &region->budget;
    struct wp_budget_load load = {
        .span_ns = wp_budget_since(&budget->last_turn_ns, now_ns),
        .waits = wp_budget_since(&budget->last_waits, wp_budget_count_looked_at(region)),
        .samples = wp_budget_since(&budget->last_samples,
                                   wp_budget_count(region, WP_COUNTER_block_samples)),
        .unlocks = wp_budget_since(&budget->last_unlocks,
                                   wp_budget_count(region, WP_COUNTER_mutex_samples)),
        .conditions_ns = wp_budget_measured(region, WP_OWN_COST_condition),
    };
    /* How many there were is only known from those that were looked at; what they cost was
     * measured. */
    uint64_t conditions = wp_budget_since(
        &budget->last_conditions, wp_budget_count(region, WP_COUNTER_conditions_passed_over));

    load.wait_cost_ns = wp_budget_unit_cost(
        budget, WP_OWN_COST_wait, wp_budget_measured(region, WP_OWN_COST_wait), load.waits);
    load.sample_cost_ns = wp_budget_unit_cost(
        budget, WP_OWN_COST_sample, wp_budget_measured(region, WP_OWN_COST_sample), load.samples);
    load.unlock_cost_ns = wp_budget_unit_cost(
        budget, WP_OWN_COST_unlock, wp_budget_measured(region, WP_OWN_COST_unlock), load.unlocks);
    (void)wp_budget_unit_cost(budget, WP_OWN_COST_condition, load.conditions_ns, conditions);
    return load;
}

/* --- the ring --------------------------------------------------------------------------------- */

/* A reader passes over a row whose time is 0. One that copies it just then may have a part of the
 * row that was there before: the oldest of the ring. */
static void
wp_budget_write_row(struct wp_region_header *region, uint64_t span_ns, uint64_t waits,
                    uint64_t samples)
{
    struct wp_region_budget *budget = &region->budget;
    uint32_t rows = region->tables[WP_TABLE_BUDGET].capacity;
    struct wp_region_budget_turn *row = wp_region_rows(region, WP_TABLE_BUDGET);
    struct timespec now;

    if (rows == 0)
        return;
    row += wp_atomic_load_64(&budget->turn_count) % rows;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    wp_atomic_store_64(&row->realtime_ns, 0);
    wp_atomic_store_64_release(&row->span_ns, span_ns);
    wp_atomic_store_64_release(
        &row->block_rate_ns, wp_region_block_rate_meant(wp_atomic_load_64(&region->block_rate_ns)));
    wp_atomic_store_64(&row->mutex_fraction, wp_atomic_load_64(&region->mutex_fraction));
    wp_atomic_store_64(&row->wait_fraction, wp_atomic_load_64(&region->wait_fraction));
    wp_atomic_store_64(&row->cost_ns, wp_atomic_load_64(&budget->row_cost_ns));
    wp_atomic_store_64(&row->waits, waits);
    wp_atomic_store_64(&row->samples, samples);
    wp_atomic_store_64(&row->unsplit, wp_atomic_load_64(&budget->unsplit));
    wp_atomic_store_64_release(&row->realtime_ns,
                               (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec);
    (void)wp_atomic_add_64(&budget->turn_count, 1);
}

static void
wp_budget_note(struct wp_region_header *region, const struct wp_budget_load *load, uint64_t now_ns)
{
    struct wp_region_budget *budget = &region->budget;
    double cost_ns = (double)load->waits * load->wait_cost_ns +
                     (double)load->samples * load->sample_cost_ns +
                     (double)load->unlocks * load->unlock_cost_ns + (double)load->conditions_ns;
    uint64_t begin_ns = wp_atomic_load_64(&budget->row_begin_ns);
    uint64_t waits, samples;

    (void)wp_atomic_add_64(&budget->row_cost_ns, (uint64_t)cost_ns);
    /* Also if somebody who was held up in an earlier turn finds the row of a later one begun. */
    if (begin_ns != 0 && now_ns < begin_ns + WP_BUDGET_ROW_NS)
        return;
    waits = wp_budget_since(&budget->row_waits, wp_budget_count(region, WP_COUNTER_waits));
    samples = wp_budget_since(&budget->row_samples,
                              wp_budget_count(region, WP_COUNTER_block_samples) +
                                  wp_budget_count(region, WP_COUNTER_mutex_samples));
    if (begin_ns != 0)
        wp_budget_write_row(region, now_ns - begin_ns, waits, samples);
    wp_atomic_store_64(&budget->row_cost_ns, 0);
    wp_atomic_store_64(&budget->row_begin_ns, now_ns);
}

/* --- turns ------------------------------------------------------------------------------------ */

static uint64_t
wp_budget_at_least(uint64_t value, uint64_t least)
{
    return value > least ? value : least;
}

/* Whether the latest turn, which lasts until turn_ns, has spent what it may, and the caller is the
 * first to say so. */
static bool
wp_budget_is_early(struct wp_region_budget *budget, uint64_t turn_ns, uint64_t now_ns)
{
    uint64_t spent = wp_atomic_load_64(&budget->spent);

    return spent >= WP_REGION_BUDGET_SPENT &&
           now_ns + WP_BUDGET_TURN_NS >= turn_ns + WP_BUDGET_LEAST_TURN_NS &&
           wp_atomic_cas_64(&budget->spent, spent, 0);
}

static void
wp_budget_store(struct wp_region_budget *budget, const struct wp_budget_choice *choice)
{
    wp_atomic_store_64(&budget->block_rate_ns, choice->block_rate_ns);
    wp_atomic_store_64(&budget->mutex_fraction, choice->mutex_fraction);
    wp_atomic_store_64(&budget->wait_fraction, choice->wait_fraction);
}

/* Whether charges were spent a moment ago: until then the fraction that does with them is
 * not known to be too coarse. */
static bool
wp_budget_spends_charges(struct wp_region_budget *budget, bool now, uint64_t now_ns)
{
    uint64_t spent_ns = wp_atomic_load_64(&budget->spent_charges_ns);

    if (now)
        wp_atomic_store_64(&budget->spent_charges_ns, now_ns);
    return now || (spent_ns != 0 && now_ns - spent_ns < WP_BUDGET_HOLD_NS);
}

/* Whether waits for conditions are to be split again: what they would have cost of late. */
static bool
wp_budget_can_split(struct wp_region_header *region, uint64_t cost_ns_per_s, uint64_t span_ns)
{
    struct wp_region_budget *budget = &region->budget;
    uint64_t conditions = wp_budget_since(&budget->unsplit_conditions,
                                          wp_budget_count(region, WP_COUNTER_conditions_unsplit));
    double cost_ns =
        (double)conditions * (double)wp_atomic_load_64(&budget->unit_costs[WP_OWN_COST_condition]);

    return cost_ns < (double)cost_ns_per_s * (double)span_ns / 1e9 * WP_BUDGET_CONDITIONS_SHARE *
                         WP_BUDGET_UNSPLIT_EASE;
}

/* Decides whether waits for conditions are split in the time to come. */
static void
wp_budget_split(struct wp_region_header *region, const struct wp_budget_load *load,
                uint64_t cost_ns_per_s, uint64_t now_ns)
{
    struct wp_region_budget *budget = &region->budget;
    double of_turn = wp_budget_of_turn(cost_ns_per_s, WP_BUDGET_CONDITIONS_SHARE);
    double debt = (double)wp_atomic_load_64(&budget->conditions_debt_ns) +
                  (double)load->conditions_ns -
                  of_turn * (double)load->span_ns / (double)WP_BUDGET_TURN_NS;
    double measured = (double)wp_atomic_load_64(&budget->unit_costs[WP_OWN_COST_condition]) *
                      WP_OWN_COST_EVERY * WP_BUDGET_CONDITIONS_MEASURED;
    uint64_t since_ns = wp_atomic_load_64(&budget->unsplit_ns);
    bool is_unsplit = wp_atomic_load_64(&budget->unsplit) != 0;

    if (is_unsplit && now_ns < since_ns + WP_BUDGET_UNSPLIT_NS)
        return;
    if (is_unsplit)
        is_unsplit = !wp_budget_can_split(region, cost_ns_per_s, now_ns - since_ns);
    else
        is_unsplit = cost_ns_per_s != 0 &&
                     debt > wp_budget_larger(of_turn * WP_BUDGET_CONDITIONS_TURNS, measured);
    wp_atomic_store_64(&budget->conditions_debt_ns, debt > 0 && !is_unsplit ? (uint64_t)debt : 0);
    wp_atomic_store_64(&budget->unsplit_ns, now_ns);
    wp_atomic_store_64(&budget->unsplit, is_unsplit);
}

/* The turn itself, of whoever has taken it. */
static void
wp_budget_have_turn(struct wp_region_header *region, const struct wp_region_budget *limits,
                    bool is_early, uint64_t now_ns)
{
    struct wp_region_budget *budget = &region->budget;
    bool is_first = wp_atomic_load_64(&budget->last_turn_ns) == 0;
    uint64_t charges = wp_atomic_load_64(&budget->charges);
    struct wp_budget_load load = wp_budget_measure(region, now_ns);
    uint64_t span_ns = is_first ? 0 : load.span_ns;
    struct wp_budget_choice least = {wp_atomic_load_64(&region->base_block_rate_ns),
                                     wp_atomic_load_64(&region->base_mutex_fraction), 1};
    struct wp_budget_choice choice = {
        .block_rate_ns =
            wp_budget_at_least(wp_atomic_load_64(&budget->block_rate_ns), least.block_rate_ns),
        .mutex_fraction =
            wp_budget_at_least(wp_atomic_load_64(&budget->mutex_fraction), least.mutex_fraction),
        .wait_fraction = wp_budget_at_least(wp_atomic_load_64(&budget->wait_fraction), 1),
    };

    if (span_ns != 0) {
        wp_budget_note(region, &load, now_ns);
        wp_budget_split(region, &load, limits->cost_ns_per_s, now_ns);
        load.span_ns = wp_budget_at_least(span_ns, WP_BUDGET_LEAST_SPAN_NS);
        load.spent_charges = charges == 1;
        load.spends_charges = wp_budget_spends_charges(budget, load.spent_charges, now_ns);
        choice = wp_budget_choose(limits, &load, &least, &choice);
    }
    if (!is_early) {
        uint64_t of_turn = wp_budget_charges_of_turn(limits, load.unlock_cost_ns);

        wp_atomic_store_64(&budget->charges, wp_budget_refill(charges, of_turn, span_ns));
    }
    wp_budget_store(budget, &choice);
}

bool
wp_budget_take_turn(struct wp_region_header *region, uint64_t now_ns)
{
    struct wp_region_budget *budget = &region->budget;
    struct wp_region_budget limits = {
        .cost_ns_per_s = wp_atomic_load_64(&budget->cost_ns_per_s),
        .samples_per_s = wp_atomic_load_64(&budget->samples_per_s),
    };
    uint64_t turn_ns = wp_atomic_load_64(&budget->turn_ns);
    bool is_early = now_ns < turn_ns;

    if (!wp_region_budget_limits(&limits) ||
        (is_early && !wp_budget_is_early(budget, turn_ns, now_ns)) ||
        !wp_atomic_cas_64(&budget->turn_ns, turn_ns, now_ns + WP_BUDGET_TURN_NS))
        return false;
    wp_atomic_store_64(&budget->spent, 0);
    wp_budget_have_turn(region, &limits, is_early, now_ns);
    return true;
}
