#include "profile/budget_range.h"

#include <stdbool.h>

double
wp_budget_turn_rate(const struct wp_reader_budget_turn *turn, uint64_t count)
{
    return turn->span_ns != 0 ? (double)count / (double)turn->span_ns * 1e9 : 0;
}

double
wp_budget_turn_cpu_share(const struct wp_reader_budget_turn *turn)
{
    return wp_budget_turn_rate(turn, turn->cost_ns) / 1e9;
}

static void
widen(struct wp_budget_bounds *bounds, uint64_t value, bool is_first)
{
    if (is_first || value < bounds->low)
        bounds->low = value;
    if (is_first || value > bounds->high)
        bounds->high = value;
}

struct wp_budget_range
wp_budget_range_of(const struct wp_reader_budget_turn *turns, size_t count)
{
    struct wp_budget_range range = {.turns = count};
    double cost_ns = 0, samples = 0;

    for (size_t i = 0; i < count; i++) {
        double share = wp_budget_turn_cpu_share(&turns[i]);

        widen(&range.block_rate_ns, turns[i].block_rate_ns, i == 0);
        widen(&range.mutex_fraction, turns[i].mutex_fraction, i == 0);
        widen(&range.wait_fraction, turns[i].wait_fraction, i == 0);
        if (__builtin_add_overflow(range.span_ns, turns[i].span_ns, &range.span_ns))
            range.span_ns = UINT64_MAX;
        cost_ns += (double)turns[i].cost_ns;
        samples += (double)turns[i].samples;
        if (share > range.worst_cpu_share)
            range.worst_cpu_share = share;
    }
    if (range.span_ns != 0) {
        range.cpu_share = cost_ns / (double)range.span_ns;
        range.samples_per_s = samples / (double)range.span_ns * 1e9;
    }
    return range;
}
