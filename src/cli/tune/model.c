#include "cli/tune/model.h"

#include <math.h>
#include <stdlib.h>

#define NS_PER_S 1e9

const uint64_t wp_tune_block_rates[WP_TUNE_BLOCK_RATES] = {
    1000,   2000,    5000,    10000,   20000,    50000,    100000,   200000,
    500000, 1000000, 2000000, 5000000, 10000000, 20000000, 50000000, 100000000,
};
const uint64_t wp_tune_fractions[WP_TUNE_FRACTIONS] = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000};

static double
block_samples(const struct wp_tune_model *model, uint64_t block_rate_ns)
{
    double samples = 0;

    for (size_t i = 0; i < model->waiter_count && block_rate_ns != 0; i++)
        samples += wp_tune_stack_samples(&model->waiters[i], (double)block_rate_ns);
    return samples;
}

static double
inverse(uint64_t fraction)
{
    return fraction != 0 ? 1 / (double)fraction : 0;
}

/* Registering is a part of what timing a wait costs, and the only one that depends on a rate. */
static double
wait_cost(const struct wp_tune_model *model, struct wp_tune_rates rates)
{
    double timed = rates.block_rate_ns != 0    ? model->waits
                   : rates.mutex_fraction != 0 ? model->lock_waits
                                               : 0;
    double registered = model->lock_waits * inverse(rates.mutex_fraction) - model->registered;
    double cost = timed * model->costs.wait_ns + registered * model->costs.register_ns;

    return timed > 0 && cost > 0 ? cost : 0;
}

/* What is rarer finds colder caches, and costs more each time: by this power of how much rarer, as
 * measured for three programs (docs/tuning.md), and no more than so many times. */
#define COLDER_POWER 0.3
#define COLDER_MOST 4.0

static double
cost_of_pieces(double per_s, double piece_ns, double measured_per_s)
{
    double colder;

    if (per_s <= 0 || measured_per_s <= 0)
        return per_s * piece_ns;
    colder = pow(measured_per_s / per_s, COLDER_POWER);
    return per_s * piece_ns * fmin(fmax(colder, 1 / COLDER_MOST), COLDER_MOST);
}

struct wp_tune_outlook
wp_tune_model_predict(const struct wp_tune_model *model, struct wp_tune_rates rates)
{
    double per_s = NS_PER_S / model->span_ns;
    double charged = rates.mutex_fraction != 0
                         ? wp_tune_unlocks_charged(&model->unlocks, (double)rates.mutex_fraction)
                         : 0;
    struct wp_tune_outlook outlook = {
        .block_samples_per_s = block_samples(model, rates.block_rate_ns) * per_s,
        .mutex_samples_per_s = charged * per_s,
        .wait_cost = wait_cost(model, rates) * per_s,
    };
    double cost;

    outlook.sample_cost = cost_of_pieces(outlook.block_samples_per_s, model->costs.sample_ns,
                                         model->costs.samples_per_s);
    outlook.unlock_cost = cost_of_pieces(outlook.mutex_samples_per_s, model->costs.unlock_ns,
                                         model->costs.unlocks_per_s);
    cost = outlook.wait_cost + outlook.sample_cost + outlook.unlock_cost;
    outlook.cost_share = cost / NS_PER_S;
    outlook.added_ns = model->waits > 0 ? cost / (model->waits * per_s) : 0;
    return outlook;
}

/* The stacks with the most delay so far, most first. */
struct top {
    size_t count;
    double delay_ns[WP_TUNE_TOP_STACKS];
    double variance[WP_TUNE_TOP_STACKS];
};

static void
top_offer(struct top *top, double delay_ns, double variance)
{
    size_t place = top->count;

    while (place > 0 && top->delay_ns[place - 1] < delay_ns)
        place--;
    if (place == WP_TUNE_TOP_STACKS)
        return;
    if (top->count < WP_TUNE_TOP_STACKS)
        top->count++;
    for (size_t i = top->count - 1; i > place; i--) {
        top->delay_ns[i] = top->delay_ns[i - 1];
        top->variance[i] = top->variance[i - 1];
    }
    top->delay_ns[place] = delay_ns;
    top->variance[place] = variance;
}

static int
compare_numbers(const void *left, const void *right)
{
    double one = *(const double *)left, other = *(const double *)right;

    return one < other ? -1 : one > other;
}

static struct wp_tune_errors
top_errors(const struct top *top, double total_ns, double span_ns)
{
    double errors[WP_TUNE_TOP_STACKS];
    struct wp_tune_errors result = {0};
    size_t count = 0;

    for (size_t i = 0; i < top->count; i++) {
        if (top->delay_ns[i] >= WP_TUNE_TOP_SHARE * total_ns)
            errors[count++] = wp_tune_relative_error(top->delay_ns[i], top->variance[i], span_ns,
                                                     (double)WP_TUNE_CAPTURE_NS);
    }
    if (count == 0)
        return result;
    qsort(errors, count, sizeof errors[0], compare_numbers);
    result.stacks = count;
    result.median = (errors[(count - 1) / 2] + errors[count / 2]) / 2;
    result.worst = errors[count - 1];
    return result;
}

struct wp_tune_errors
wp_tune_model_block_errors(const struct wp_tune_model *model, uint64_t block_rate_ns)
{
    struct top top = {0};
    double total_ns = 0;

    for (size_t i = 0; i < model->waiter_count;) {
        uint32_t stack = model->waiters[i].stack;
        double delay_ns = 0, variance = 0;

        for (; i < model->waiter_count && model->waiters[i].stack == stack; i++) {
            delay_ns += model->waiters[i].delay_ns;
            variance += wp_tune_stack_variance(&model->waiters[i], (double)block_rate_ns);
        }
        total_ns += delay_ns;
        if (delay_ns > 0)
            top_offer(&top, delay_ns, variance);
    }
    return top_errors(&top, total_ns, model->span_ns);
}

struct wp_tune_errors
wp_tune_model_mutex_errors(const struct wp_tune_model *model, uint64_t mutex_fraction)
{
    struct top top = {0};
    double total_ns = 0;

    for (size_t i = 0; i < model->holder_count; i++) {
        const struct wp_tune_holder *holder = &model->holders[i];

        if (holder->delay_ns <= 0)
            continue;
        total_ns += holder->delay_ns;
        top_offer(&top, holder->delay_ns,
                  wp_tune_mutex_variance(holder->squares, (double)mutex_fraction));
    }
    return top_errors(&top, total_ns, model->span_ns);
}

static bool
pays(const struct wp_tune_goal *goal, const struct wp_tune_outlook *outlook, double part)
{
    double samples = outlook->block_samples_per_s + outlook->mutex_samples_per_s;
    double rest = (double)goal->cost_ns_per_s - outlook->wait_cost;

    if (goal->cost_ns_per_s != 0 &&
        (rest < 0 || outlook->sample_cost + outlook->unlock_cost > part * rest))
        return false;
    return goal->samples_per_s == 0 || samples <= part * (double)goal->samples_per_s;
}

/* The finest block rate that a part of the budget pays, beside a fraction; else the coarsest. */
static uint64_t
finest_block_rate(const struct wp_tune_model *model, const struct wp_tune_goal *goal,
                  uint64_t mutex_fraction, double part)
{
    size_t i = 0;

    while (i < WP_TUNE_BLOCK_RATES - 1) {
        struct wp_tune_outlook outlook = wp_tune_model_predict(
            model, (struct wp_tune_rates){wp_tune_block_rates[i], mutex_fraction});

        if (pays(goal, &outlook, part))
            break;
        i++;
    }
    return wp_tune_block_rates[i];
}

static uint64_t
finest_fraction(const struct wp_tune_model *model, const struct wp_tune_goal *goal,
                uint64_t block_rate_ns, double part)
{
    size_t i = 0;

    while (i < WP_TUNE_FRACTIONS - 1) {
        struct wp_tune_outlook outlook = wp_tune_model_predict(
            model, (struct wp_tune_rates){block_rate_ns, wp_tune_fractions[i]});

        if (pays(goal, &outlook, part))
            break;
        i++;
    }
    return wp_tune_fractions[i];
}

/* The block profile has half, the mutex profile what is left, and the block profile what is left
 * then. */
static struct wp_tune_rates
finest_rates(const struct wp_tune_model *model, const struct wp_tune_goal *goal,
             const struct wp_tune_advice *known)
{
    struct wp_tune_rates rates = known->rates;

    if (known->knows_block)
        rates.block_rate_ns = finest_block_rate(model, goal, 0, known->knows_mutex ? 0.5 : 1);
    if (known->knows_mutex)
        rates.mutex_fraction = finest_fraction(model, goal, rates.block_rate_ns, 1);
    if (known->knows_block && known->knows_mutex)
        rates.block_rate_ns = finest_block_rate(model, goal, rates.mutex_fraction, 1);
    return rates;
}

/* Without stacks to judge, any rate keeps the error. */
static struct wp_tune_rates
coarsest_rates(const struct wp_tune_model *model, double error, const struct wp_tune_advice *known)
{
    struct wp_tune_rates rates = known->rates;
    size_t i = WP_TUNE_BLOCK_RATES - 1;

    while (i > 0 && wp_tune_model_block_errors(model, wp_tune_block_rates[i]).worst > error)
        i--;
    if (known->knows_block)
        rates.block_rate_ns = wp_tune_block_rates[i];
    i = WP_TUNE_FRACTIONS - 1;
    while (i > 0 && wp_tune_model_mutex_errors(model, wp_tune_fractions[i]).worst > error)
        i--;
    if (known->knows_mutex)
        rates.mutex_fraction = wp_tune_fractions[i];
    return rates;
}

static bool
keeps_error(const struct wp_tune_model *model, double error, struct wp_tune_rates rates)
{
    if (error <= 0)
        return true;
    return (rates.block_rate_ns == 0 ||
            wp_tune_model_block_errors(model, rates.block_rate_ns).worst <= error) &&
           (rates.mutex_fraction == 0 ||
            wp_tune_model_mutex_errors(model, rates.mutex_fraction).worst <= error);
}

struct wp_tune_advice
wp_tune_model_advise(const struct wp_tune_model *model, struct wp_tune_rates set,
                     const struct wp_tune_goal *goal)
{
    bool has_budget = goal->cost_ns_per_s != 0 || goal->samples_per_s != 0;
    struct wp_tune_advice advice = {
        .rates = set,
        .knows_block = wp_tune_model_block_errors(model, 1).stacks > 0,
        .knows_mutex = wp_tune_model_mutex_errors(model, 1).stacks > 0,
    };
    struct wp_tune_outlook outlook;

    if (goal->error > 0)
        advice.rates = coarsest_rates(model, goal->error, &advice);
    outlook = wp_tune_model_predict(model, advice.rates);
    if (has_budget && (goal->error <= 0 || !pays(goal, &outlook, 1))) {
        advice.rates = finest_rates(model, goal, &advice);
        outlook = wp_tune_model_predict(model, advice.rates);
    }
    advice.within_budget = !has_budget || pays(goal, &outlook, 1);
    advice.within_error = keeps_error(model, goal->error, advice.rates);
    return advice;
}
