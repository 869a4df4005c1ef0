#include "cli/tune/prediction.h"

#include <math.h>

#include "profile/interval.h"

/* Logarithms of the lengths of waits: normal with this mean and deviation. Deviation 0: all alike.
 */
struct log_normal {
    double mean;
    double deviation;
};

static double
clamp(double value, double low, double high)
{
    return value < low ? low : value > high ? high : value;
}

static double
normal_below(double x)
{
    return 0.5 * erfc(-x / sqrt(2));
}

/* Numbers that contradict each other (count * squares < delay^2, by chance) make waits that are all
 * alike. */
static struct log_normal
fit_log_normal(const struct wp_tune_waits *waits)
{
    double spread = waits->count * waits->squares / (waits->delay_ns * waits->delay_ns);
    double variance = spread > 1 ? log(spread) : 0;

    return (struct log_normal){
        .mean = log(waits->delay_ns / waits->count) - variance / 2,
        .deviation = sqrt(variance),
    };
}

/* E[d^power; d < bound]. */
static double
partial_moment(const struct log_normal *fit, int power, double bound)
{
    double variance = fit->deviation * fit->deviation;
    double moment = exp(power * fit->mean + power * power * variance / 2);
    double distance = log(bound) - fit->mean - power * variance;

    if (fit->deviation < 1e-9)
        return distance > 0 ? moment : 0;
    return moment * normal_below(distance / fit->deviation);
}

static bool
is_empty(const struct wp_tune_waits *waits)
{
    return waits->count <= 0 || waits->delay_ns <= 0;
}

static double
samples_of(const struct wp_tune_waits *waits, double rate_ns)
{
    struct log_normal fit;

    if (is_empty(waits))
        return 0;
    fit = fit_log_normal(waits);
    return waits->count *
           (1 - partial_moment(&fit, 0, rate_ns) + partial_moment(&fit, 1, rate_ns) / rate_ns);
}

static double
variance_of(const struct wp_tune_waits *waits, double rate_ns)
{
    struct log_normal fit;
    double variance;

    if (is_empty(waits))
        return 0;
    fit = fit_log_normal(waits);
    variance = waits->count *
               (rate_ns * partial_moment(&fit, 1, rate_ns) - partial_moment(&fit, 2, rate_ns));
    return variance > 0 ? variance : 0;
}

/*
 * How many of the kept samples were of waits shorter than the rate. They are not counted apart, but
 * what is known leaves little choice. With u = d / rate, and the sums over the kept short ones:
 *   variance / rate^2        = sum (1 - u)
 *   contentions - samples    = sum (1/u - 1)
 * of which Cauchy and Schwarz make a lower bound, and from what the long ones exceed the rate by,
 * its sum and the sum of its squares, they make an upper one. In between it is the number that one
 * log-normal over all waits would have.
 */
static double
count_shorter(const struct wp_tune_kept *kept, const struct wp_tune_waits *all, double rate_ns)
{
    double missing = kept->variance / (rate_ns * rate_ns);
    double hidden = kept->contentions - kept->samples;
    double excess = kept->delay_ns - kept->samples * rate_ns;
    double excess_squares =
        kept->squares - 2 * rate_ns * kept->delay_ns + kept->samples * rate_ns * rate_ns;
    double low = kept->samples, high = kept->samples;
    struct log_normal fit = fit_log_normal(all);
    double short_share = partial_moment(&fit, 1, rate_ns) / rate_ns;
    double long_share = 1 - partial_moment(&fit, 0, rate_ns);

    if (missing < 1e-9 * kept->samples)
        return 0;
    if (hidden > missing)
        low = clamp(missing * hidden / (hidden - missing), 0, kept->samples);
    if (excess > 1e-6 * kept->delay_ns && excess_squares > 0)
        high = kept->samples - clamp(excess * excess / excess_squares, 0, kept->samples);
    if (low > high)
        return (low + high) / 2;
    if (short_share + long_share <= 0)
        return low;
    return clamp(kept->samples * short_share / (short_share + long_share), low, high);
}

struct wp_tune_stack
wp_tune_stack_fit(const struct wp_tune_kept *kept, double rate_ns, uint16_t function)
{
    struct wp_tune_waits all = {
        .count = kept->contentions,
        .delay_ns = kept->delay_ns,
        .squares = kept->squares > kept->variance ? kept->squares - kept->variance : 0,
    };
    struct wp_tune_stack stack = {.function = function, .delay_ns = kept->delay_ns, .shorter = all};
    double shorter, longer;

    if (rate_ns < 1 || is_empty(&all) || kept->samples <= 0)
        return stack;
    shorter = count_shorter(kept, &all, rate_ns);
    longer = kept->samples - shorter;
    stack.longer = (struct wp_tune_waits){
        .count = longer,
        .delay_ns = kept->delay_ns - rate_ns * shorter,
        .squares = kept->squares - rate_ns * rate_ns * shorter,
    };
    if (is_empty(&stack.longer))
        stack.longer = (struct wp_tune_waits){0};
    stack.shorter = (struct wp_tune_waits){
        .count = shorter > 0 ? kept->contentions - stack.longer.count : 0,
        .delay_ns = kept->delay_ns - stack.longer.delay_ns,
        .squares = fmax(rate_ns * rate_ns * shorter - kept->variance, 0),
    };
    return stack;
}

bool
wp_tune_stacks_count(struct wp_tune_stack *stacks, size_t count, uint16_t function, double waits)
{
    double shorter = 0;
    bool found = false;

    for (size_t i = 0; i < count; i++) {
        if (stacks[i].function != function)
            continue;
        found |= stacks[i].delay_ns > 0;
        shorter += stacks[i].shorter.count;
        waits -= stacks[i].longer.count;
    }
    for (size_t i = 0; i < count && shorter > 0; i++) {
        if (stacks[i].function == function)
            stacks[i].shorter.count *= fmax(waits, 0) / shorter;
    }
    return found;
}

double
wp_tune_stack_samples(const struct wp_tune_stack *stack, double rate_ns)
{
    return samples_of(&stack->shorter, rate_ns) + samples_of(&stack->longer, rate_ns);
}

double
wp_tune_stack_variance(const struct wp_tune_stack *stack, double rate_ns)
{
    return variance_of(&stack->shorter, rate_ns) + variance_of(&stack->longer, rate_ns);
}

/* 1 - (1 - 1/fraction)^waiters: that at least one of them is registered. */
static double
charge_probability(double waiters, double fraction)
{
    return fraction <= 1 ? 1 : -expm1(waiters * log1p(-1 / fraction));
}

struct wp_tune_unlocks
wp_tune_unlocks_fit(double charged, double shares, double fraction)
{
    double low = 1, high = 1e6;

    if (charged <= 0)
        return (struct wp_tune_unlocks){.waiters = 1};
    if (shares < charged)
        shares = charged;
    if (fraction <= 1)
        return (struct wp_tune_unlocks){.count = charged, .waiters = shares / charged};

    /* shares / charged = (waiters / fraction) / charge_probability, which grows with waiters. */
    for (int i = 0; i < 100; i++) {
        double waiters = sqrt(low * high);

        if (waiters / fraction / charge_probability(waiters, fraction) < shares / charged)
            low = waiters;
        else
            high = waiters;
    }
    return (struct wp_tune_unlocks){.count = shares * fraction / low, .waiters = low};
}

double
wp_tune_unlocks_charged(const struct wp_tune_unlocks *unlocks, double fraction)
{
    return unlocks->count * charge_probability(unlocks->waiters, fraction);
}

double
wp_tune_mutex_variance(double squares, double fraction)
{
    return fraction > 1 ? (fraction - 1) * squares : 0;
}

double
wp_tune_relative_error(double delay_ns, double variance, double span_ns, double capture_ns)
{
    if (delay_ns <= 0)
        return INFINITY;
    return wp_quantile_normal(0.5 + WP_INTERVAL_CONFIDENCE / 2) * sqrt(variance) / delay_ns *
           sqrt(span_ns / capture_ns);
}
