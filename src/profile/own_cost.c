#include "profile/own_cost.h"

#include <inttypes.h>
#include <stdio.h>

#define PERCENT_NS_PER_S 1e7

/* One piece of work in 61 is timed (core/own_cost.h), and the first ones of a program are the
 * dearest by far: of fewer pieces than these the estimate is mostly chance. */
#define ROUGH_PIECES 5000

static double
mean(uint64_t sum_ns, uint64_t count)
{
    return count != 0 ? (double)sum_ns / (double)count : 0;
}

struct wp_own_cost
wp_own_cost_of(const uint64_t counters[WP_COUNTER_COUNT], uint64_t span_ns)
{
    uint64_t waits = counters[WP_COUNTER_waits];
    uint64_t passed_over = counters[WP_COUNTER_waits_passed_over];
    uint64_t wait_ns = counters[WP_COUNTER_wait_cost_ns];
    uint64_t sample_ns = counters[WP_COUNTER_sample_cost_ns];
    uint64_t unlock_ns = counters[WP_COUNTER_unlock_cost_ns];
    uint64_t condition_ns = counters[WP_COUNTER_condition_cost_ns];
    struct wp_own_cost cost = {
        .total_ns = (double)wait_ns + (double)sample_ns + (double)unlock_ns + (double)condition_ns,
        .waits = waits,
        /* Shards are read one after the other while the program runs. */
        .followed = waits > passed_over ? waits - passed_over : 0,
        .block_samples = counters[WP_COUNTER_block_samples],
        .unlocks = counters[WP_COUNTER_mutex_samples],
    };

    cost.is_rough =
        (double)cost.followed + (double)cost.block_samples + (double)cost.unlocks < ROUGH_PIECES;
    cost.wait_ns = mean(wait_ns, cost.followed);
    cost.sample_ns = mean(sample_ns, cost.block_samples);
    cost.unlock_ns = mean(unlock_ns, cost.unlocks);
    cost.condition_ns = mean(condition_ns, counters[WP_COUNTER_conditions_passed_over]);
    cost.added_ns = waits != 0 ? cost.total_ns / (double)waits : 0;
    cost.cpu_share = span_ns != 0 ? cost.total_ns / (double)span_ns : 0;
    return cost;
}

uint64_t
wp_own_cost_span_ns(const struct wp_snapshot *snapshot, bool has_ended)
{
    uint64_t end_ns = has_ended ? snapshot->start_monotonic_ns : snapshot->read_monotonic_ns;

    for (size_t i = 0; i < snapshot->stack_count && has_ended; i++) {
        if (snapshot->stacks[i].last_monotonic_ns > end_ns)
            end_ns = snapshot->stacks[i].last_monotonic_ns;
    }
    for (size_t i = 0; i < snapshot->thread_count && has_ended; i++) {
        if (snapshot->threads[i].last_monotonic_ns > end_ns)
            end_ns = snapshot->threads[i].last_monotonic_ns;
    }
    return end_ns > snapshot->start_monotonic_ns ? end_ns - snapshot->start_monotonic_ns : 0;
}

const char *
wp_own_cost_format_share(double part, char *text, size_t size)
{
    double percent = 100 * part;

    if (percent > 0 && percent < 0.0005)
        snprintf(text, size, "under 0.001 %%");
    else if (!(percent > 0))
        snprintf(text, size, "0 %%");
    else
        snprintf(text, size, "%.*f %%", percent < 0.09995 ? 3 : percent < 9.995 ? 2 : 1, percent);
    return text;
}

const char *
wp_own_cost_format_budget(uint64_t cost_ns_per_s, uint64_t samples_per_s, char *text, size_t size)
{
    char percent[40] = "", samples[40] = "";
    size_t end;

    if (cost_ns_per_s != 0) {
        end = (size_t)snprintf(percent, sizeof percent, "%.7f",
                               (double)cost_ns_per_s / PERCENT_NS_PER_S);
        while (percent[end - 1] == '0')
            end--;
        end -= percent[end - 1] == '.';
        snprintf(percent + end, sizeof percent - end, "%%");
    }
    if (samples_per_s != 0)
        snprintf(samples, sizeof samples, "%s%" PRIu64 "/s", percent[0] != '\0' ? ", " : "",
                 samples_per_s);
    snprintf(text, size, "%s%s", percent[0] != '\0' || samples[0] != '\0' ? percent : "off",
             samples);
    return text;
}

const char *
wp_own_cost_describe(const struct wp_own_cost *cost, char *text, size_t size)
{
    uint64_t samples = cost->block_samples + cost->unlocks;
    char share[32], of_a_processor[64] = "";

    if (cost->cpu_share > 0)
        snprintf(of_a_processor, sizeof of_a_processor, "%s of a processor, ",
                 wp_own_cost_format_share(cost->cpu_share, share, sizeof share));
    snprintf(text, size, "%s%s%.0f ns a wait (%" PRIu64 " wait%s, %" PRIu64 " sample%s)",
             cost->is_rough ? "roughly " : "", of_a_processor, cost->added_ns, cost->waits,
             cost->waits == 1 ? "" : "s", samples, samples == 1 ? "" : "s");
    return text;
}

const char *
wp_own_cost_describe_units(const struct wp_own_cost *cost, char *text, size_t size)
{
    const struct {
        double ns;
        const char *what;
    } units[] = {
        {cost->wait_ns, "timed wait"},
        {cost->sample_ns, "kept wait"},
        {cost->unlock_ns, "charged unlock"},
        {cost->condition_ns, "condition passed over"},
    };
    size_t used = 0;

    if (size > 0)
        text[0] = '\0';
    for (size_t i = 0; i < sizeof units / sizeof units[0] && used < size; i++) {
        if (units[i].ns > 0)
            used += (size_t)snprintf(text + used, size - used, "%s%.0f ns a %s",
                                     used > 0 ? ", " : "", units[i].ns, units[i].what);
    }
    return text;
}
