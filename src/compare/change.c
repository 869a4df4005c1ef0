#include "compare/change.h"

#include <float.h>
#include <math.h>

/* A side of which nothing is random: known to 0.1 %, which no two runs are the same to. */
#define EVENTS_MAX 1e6

/* Fewer do not tell how much events weigh. */
#define EVENTS_FEW 20.0

/* How far ratios are looked for, and how close they are found. */
#define RATIO_MAX 1e12
#define BISECTIONS 60

/* What is assumed of runs of which nothing is known, to say how many are needed. */
#define ASSUMED_RUN_NOISE 0.05
#define POWER 0.8

/* One side: what is known of its mean. */
struct side {
    size_t count;
    double mean;
    double spread;   /* variance of the mean, as captures differ; NaN with less than two */
    double degrees;  /* of freedom of that variance */
    double noise;    /* variance of the mean that chance alone gives it; NaN unknown */
    double sampling; /* of that, what sampling does; NaN unknown */
    bool has_copies; /* and no noise of its own that could stand in for their spread */
    bool is_few;     /* samples: known to be fewer than WP_CHANGE_SAMPLES_MIN */
};

/* A weighted Poisson count that has a certain mean and variance: see events_of. */
struct events {
    double count;
    double weight;
};

double
wp_values_mean(const struct wp_values *values)
{
    double mean = 0;

    for (size_t i = 0; i < values->count; i++)
        mean += values->value[i] / (double)values->count;
    return mean;
}

double
wp_values_samples(const struct wp_values *values)
{
    double samples = 0;

    for (size_t i = 0; i < values->count; i++)
        samples += values->samples != NULL ? values->samples[i] : NAN;
    return samples;
}

static double
variance_of_mean(const double *variance, size_t count)
{
    double sum = 0;

    if (variance == NULL)
        return NAN;
    for (size_t i = 0; i < count; i++)
        sum += variance[i];
    return sum / ((double)count * (double)count);
}

static struct side
side_of(const struct wp_values *values)
{
    struct side side = {.count = values->count, .mean = wp_values_mean(values), .spread = NAN};
    double count = (double)values->count;
    double squares = 0;

    if (values->count == 0) {
        side.noise = side.sampling = NAN;
        return side;
    }
    side.has_copies = values->has_copies;
    side.is_few = wp_values_samples(values) < WP_CHANGE_SAMPLES_MIN;
    if (side.mean > 0) {
        side.noise = variance_of_mean(values->noise, values->count);
        side.sampling = variance_of_mean(values->sampling, values->count);
    }
    /* Something that is there has squares. */
    if (side.mean > 0 && !(side.noise > 0))
        side.noise = NAN;
    if (values->count < 2)
        return side;
    for (size_t i = 0; i < values->count; i++)
        squares += (values->value[i] - side.mean) * (values->value[i] - side.mean);
    side.degrees = count - 1;
    side.spread = squares / side.degrees / count;
    /* Equal up to the rounding of the mean: copies, or one sample of the rate each. */
    if (side.spread < 1e-24 * side.mean * side.mean)
        side.spread = 0;
    if (side.spread == 0 && side.noise > 0) {
        side.spread = side.noise;
        side.degrees = INFINITY;
    }
    side.has_copies = side.has_copies || (side.spread == 0 && side.mean > 0);
    return side;
}

/* --- Captures: Welch and Fieller
 * ---------------------------------------------------------------- */

/* Variance of the mean of a side, times a factor. */
static double
scaled_spread(const struct side *side, double factor)
{
    double square = factor * factor;

    return square * side->spread;
}

/*
 * Degrees of freedom of the difference new - ratio * base: Welch and Satterthwaite. They are those
 * of the side with many captures when the few of the other happen to be close together, which is
 * when their spread is too small: where sides are so unequal it is at most the degrees of the
 * smaller one (Hsu, Statistical Research Memoirs 2, 1938).
 */
static double
welch_degrees(const struct side *base, const struct side *new, double ratio)
{
    double new_part = new->spread;
    double base_part = scaled_spread(base, ratio);
    double sum = new_part + base_part;
    double least = fmin(base->degrees, new->degrees);
    double welch =
        sum * sum / (new_part * new_part / new->degrees + base_part *base_part / base->degrees);

    if (fmax(base->degrees, new->degrees) > 2 * least + 1)
        return fmin(welch, least);
    return welch;
}

/* P of a difference as large as the one seen, if new / base is `ratio`: of new above it. */
static double
welch_tail_above(const struct side *base, const struct side *new, double ratio)
{
    double difference = new->mean - ratio * base->mean;
    double error = sqrt(new->spread + scaled_spread(base, ratio));

    if (error == 0) {
        if (difference == 0)
            return 0.5;
        return difference > 0 ? 0 : 1;
    }
    return wp_tail_student(difference / error, welch_degrees(base, new, ratio));
}

/* The ratio at which the tail above becomes `tail`: it grows with the ratio. 0 or INFINITY where it
 * never does. */
static double
welch_ratio(const struct side *base, const struct side *new, double tail)
{
    double low = 0, high = 1;

    if (welch_tail_above(base, new, 0) >= tail)
        return 0;
    while (welch_tail_above(base, new, high) < tail) {
        low = high;
        high *= 4;
        if (high > RATIO_MAX)
            return INFINITY;
    }
    for (int i = 0; i < BISECTIONS && high - low > 1e-14 * high; i++) {
        double middle = low + (high - low) / 2;

        if (welch_tail_above(base, new, middle) < tail)
            low = middle;
        else
            high = middle;
    }
    return high;
}

static struct wp_interval
welch_of_side(const struct side *side, double tail)
{
    double half =
        side->spread == 0 ? 0 : sqrt(side->spread) * wp_quantile_student(1 - tail, side->degrees);

    return (struct wp_interval){fmax(0, side->mean - half), side->mean + half};
}

static struct wp_interval
welch_difference(const struct side *base, const struct side *new, double tail)
{
    double middle = new->mean - base->mean;
    double error = sqrt(new->spread + base->spread);
    double half =
        error == 0 ? 0 : error * wp_quantile_student(1 - tail, welch_degrees(base, new, 1));

    return (struct wp_interval){middle - half, middle + half};
}

/* --- Samples: two weighted Poisson counts
 * ------------------------------------------------------- */

static struct events
events_of(double mean, double variance)
{
    struct events events = {0};

    if (mean > 0) {
        events.count = variance > 0 ? fmin(mean * mean / variance, EVENTS_MAX) : EVENTS_MAX;
        events.weight = mean / events.count;
    }
    return events;
}

/* Nothing was seen on one side: had it been, it would have weighed what it does on the other. */
static void
events_complete(struct events *base, struct events *new)
{
    if (base->count == 0)
        base->weight = new->weight;
    if (new->count == 0)
        new->weight = base->weight;
}

/* Of few events the rare long ones may all be missing, and the weight is then far too small: it is
 * taken to be that of the other side, if that is larger. */
static void
events_level(struct events *base, struct events *new)
{
    struct events *sides[] = {base, new};
    double weight = fmax(base->weight, new->weight);

    for (size_t i = 0; i < 2; i++) {
        if (sides[i]->count == 0 || sides[i]->count >= EVENTS_FEW)
            continue;
        sides[i]->count *= sides[i]->weight / weight;
        sides[i]->weight = weight;
    }
}

/* As of two counts of Poisson (Przyborowski and Wilenski, Biometrika 31, 1940), where one more
 * might have been seen on the side that ought to be larger. */
static double
events_tail_above(const struct events *base, const struct events *new, double ratio)
{
    if (new->count == 0)
        return 1;
    return wp_tail_gamma_ratio(new->weight / (ratio * base->weight), base->count + 1, new->count);
}

static double
events_tail_below(const struct events *base, const struct events *new, double ratio)
{
    if (base->count == 0)
        return 1;
    return wp_tail_gamma_ratio(ratio * base->weight / new->weight, new->count + 1, base->count);
}

static struct wp_interval
events_ratio(const struct events *base, const struct events *new, double tail)
{
    double scale = new->weight / base->weight;
    struct wp_interval ratio = {0, INFINITY};

    if (new->count > 0)
        ratio.low = scale * wp_quantile_gamma_ratio(1 - tail, new->count, base->count + 1);
    if (base->count > 0)
        ratio.high = scale * wp_quantile_gamma_ratio(tail, new->count + 1, base->count);
    return ratio;
}

static struct wp_interval
events_of_side(const struct events *side, double tail)
{
    return (struct wp_interval){
        side->count > 0 ? side->weight * wp_quantile_gamma(tail, side->count) : 0,
        side->weight * wp_quantile_gamma(1 - tail, side->count + 1)};
}

/* The difference of two numbers with asymmetric intervals: Zou and Donner (Statistics in Medicine
 * 27, 2008). */
static struct wp_interval
events_difference(const struct events *base, const struct events *new, double tail)
{
    struct wp_interval base_is = events_of_side(base, tail);
    struct wp_interval new_is = events_of_side(new, tail);
    double base_mean = base->count * base->weight;
    double new_mean = new->weight *new->count;
    double middle = new_mean - base_mean;

    return (struct wp_interval){middle - hypot(new_mean - new_is.low, base_is.high - base_mean),
                                middle + hypot(new_is.high - new_mean, base_mean - base_is.low)};
}

/* --- Both
 * --------------------------------------------------------------------------------------- */

/* What a comparison rests on: the spread of captures, counts of events, or both. */
struct evidence {
    enum wp_change_basis basis;
    struct side base, new;
    bool by_spread, by_events;
    struct events base_events, new_events;
};

static void
evidence_set_events(struct evidence *evidence, double base_variance, double new_variance)
{
    evidence->base_events = events_of(evidence->base.mean, base_variance);
    evidence->new_events = events_of(evidence->new.mean, new_variance);
    events_complete(&evidence->base_events, &evidence->new_events);
    evidence->by_events = evidence->base_events.weight > 0;
}

/* The variance of a side's mean where the other side is a single capture: what its captures say, as
 * much larger as Student's quantile is than the normal one, or what chance does. */
static double
side_variance(const struct side *side)
{
    double spread = NAN;

    if (side->count >= 2) {
        double stretch = wp_quantile_student(0.975, side->degrees) / wp_quantile_normal(0.975);

        spread = side->spread * stretch * stretch;
    }
    return fmax(spread, side->noise); /* of one that is NaN the other */
}

static struct evidence
evidence_of(const struct wp_values *base, const struct wp_values *new)
{
    struct evidence evidence = {.basis = WP_BASIS_NONE, .base = side_of(base), .new = side_of(new)};
    double base_variance, new_variance;

    if (base->count == 0 || new->count == 0)
        return evidence;
    if (evidence.base.has_copies || evidence.new.has_copies)
        return evidence;
    if (base->count >= 2 && new->count >= 2) {
        evidence.basis = WP_BASIS_CAPTURES;
        evidence.by_spread = true;
        if (evidence.base.sampling > 0 || evidence.new.sampling > 0) {
            if (!isnan(evidence.base.sampling) && !isnan(evidence.new.sampling))
                evidence_set_events(&evidence, evidence.base.sampling, evidence.new.sampling);
        }
        return evidence;
    }
    base_variance = side_variance(&evidence.base);
    new_variance = side_variance(&evidence.new);
    if (isnan(base_variance) || isnan(new_variance))
        return evidence;
    evidence.basis = WP_BASIS_SAMPLES;
    evidence_set_events(&evidence, base_variance, new_variance);
    events_level(&evidence.base_events, &evidence.new_events);
    return evidence;
}

static void
interval_widen(struct wp_interval *interval, struct wp_interval by)
{
    interval->low = fmin(interval->low, by.low);
    interval->high = fmax(interval->high, by.high);
}

static struct wp_interval
evidence_ratio(const struct evidence *evidence, double tail)
{
    struct wp_interval ratio = {INFINITY, 0};

    if (!evidence->by_spread && !evidence->by_events)
        return (struct wp_interval){0, INFINITY};
    if (evidence->by_spread)
        ratio = (struct wp_interval){welch_ratio(&evidence->base, &evidence->new, tail),
                                     welch_ratio(&evidence->base, &evidence->new, 1 - tail)};
    if (evidence->by_events)
        interval_widen(&ratio, events_ratio(&evidence->base_events, &evidence->new_events, tail));
    return ratio;
}

/* Two-sided, of no difference. */
static double
evidence_p(const struct evidence *evidence)
{
    double above = 0, below = 0;

    if (evidence->by_spread) {
        above = welch_tail_above(&evidence->base, &evidence->new, 1);
        below = 1 - above;
        if (above > 0.5)
            below = welch_tail_above(&evidence->new, &evidence->base, 1);
    }
    if (evidence->by_events) {
        above = fmax(above, events_tail_above(&evidence->base_events, &evidence->new_events, 1));
        below = fmax(below, events_tail_below(&evidence->base_events, &evidence->new_events, 1));
    }
    if (!evidence->by_spread && !evidence->by_events)
        return 1;
    return fmin(1, 2 * fmin(above, below));
}

static const struct wp_interval unknown = {NAN, NAN};

static void
change_set_intervals(struct wp_change *change, const struct evidence *evidence, double tail)
{
    const struct wp_interval nothing = {INFINITY, -INFINITY};

    change->base_interval = change->new_interval = change->difference = nothing;
    if (evidence->by_spread) {
        change->base_interval = welch_of_side(&evidence->base, tail);
        change->new_interval = welch_of_side(&evidence->new, tail);
        change->difference = welch_difference(&evidence->base, &evidence->new, tail);
    }
    if (evidence->by_events) {
        interval_widen(&change->base_interval, events_of_side(&evidence->base_events, tail));
        interval_widen(&change->new_interval, events_of_side(&evidence->new_events, tail));
        interval_widen(&change->difference,
                       events_difference(&evidence->base_events, &evidence->new_events, tail));
    }
    if (!evidence->by_spread && !evidence->by_events)
        change->base_interval = change->new_interval = change->difference =
            (struct wp_interval){0, 0};
    change->ratio = evidence_ratio(evidence, tail);
    change->has_base_interval = !evidence->base.is_few;
    change->has_new_interval = !evidence->new.is_few;
    if (!change->has_base_interval)
        change->base_interval = unknown;
    if (!change->has_new_interval)
        change->new_interval = unknown;
}

void
wp_change_measure(const struct wp_values *base, const struct wp_values *new,
                  struct wp_change *change)
{
    struct evidence evidence = evidence_of(base, new);

    *change = (struct wp_change){
        .base = evidence.base.mean,
        .new = evidence.new.mean,
        .basis = evidence.basis,
        .base_interval = unknown,
        .new_interval = unknown,
        .difference = unknown,
        .ratio = unknown,
        .p = 1,
    };
    if (evidence.base.is_few && evidence.new.is_few) {
        change->basis = WP_BASIS_NONE;
        change->has_few_samples = true;
    }
    if (change->basis == WP_BASIS_NONE)
        return;
    change_set_intervals(change, &evidence, (1 - WP_INTERVAL_CONFIDENCE) / 2);
    change->p = evidence_p(&evidence);
}

void
wp_changes_mark(struct wp_change *const *changes, size_t count, double rate)
{
    size_t tests = 0;
    size_t marked;

    for (size_t i = 0; i < count; i++)
        tests += changes[i]->basis != WP_BASIS_NONE;
    /* The largest k of which k tests have p <= k * rate / tests: what is left when the bound
     * follows the number below it. No order is needed. */
    marked = tests;
    while (marked > 0) {
        double bound = rate * (double)marked / (double)tests;
        size_t below = 0;

        for (size_t i = 0; i < count; i++)
            below += changes[i]->basis != WP_BASIS_NONE && changes[i]->p <= bound;
        if (below == marked)
            break;
        marked = below;
    }
    for (size_t i = 0; i < count; i++)
        changes[i]->is_change = marked > 0 && changes[i]->basis != WP_BASIS_NONE &&
                                changes[i]->p <= rate * (double)marked / (double)tests;
}

/* --- Verdicts
 * ----------------------------------------------------------------------------------- */

/* Variance of one capture. */
static double
capture_variance(const struct side *side)
{
    double assumed = ASSUMED_RUN_NOISE * side->mean;

    if (side->count >= 2)
        return (double)side->count * fmax(side->spread, side->sampling);
    return assumed * assumed + fmax(0, side->noise);
}

/* True: with so many more captures a side, what is seen now would be told from `limit`, with the
 * chance POWER. */
static bool
would_decide(const struct evidence *evidence, double limit, double error_rate, size_t more)
{
    struct side base = evidence->base;
    struct side new = evidence->new;
    double gap = fabs(new.mean - (base.mean * limit));
    double factor;

    base.spread = capture_variance(&base) / (double)(base.count + more);
    new.spread = capture_variance(&new) / (double)(new.count + more);
    base.degrees = (double)(base.count + more) - 1;
    new.degrees = (double)(new.count + more) - 1;
    if (base.spread + new.spread == 0)
        return true;
    factor = wp_quantile_student(1 - error_rate, welch_degrees(&base, &new, limit)) +
             wp_quantile_normal(POWER);
    return gap >= factor * sqrt(new.spread + scaled_spread(&base, limit));
}

static size_t
more_captures(const struct evidence *evidence, double limit, double error_rate)
{
    size_t least = evidence->base.count < 2 || evidence->new.count < 2 ? 2 : 1;
    size_t low = least, high = WP_MORE_CAPTURES_MAX;

    if (!would_decide(evidence, limit, error_rate, high))
        return high;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (would_decide(evidence, limit, error_rate, middle))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

void
wp_change_judge(const struct wp_values *base, const struct wp_values *new, double tolerance,
                double error_rate, struct wp_judgement *judgement)
{
    struct evidence evidence = evidence_of(base, new);
    double limit = 1 + tolerance;

    *judgement = (struct wp_judgement){.verdict = WP_VERDICT_TOO_LITTLE, .ratio = {NAN, NAN}};
    if (evidence.basis != WP_BASIS_NONE)
        judgement->ratio = evidence_ratio(&evidence, error_rate);
    if (evidence.basis == WP_BASIS_CAPTURES) {
        if (judgement->ratio.low > limit)
            judgement->verdict = WP_VERDICT_REGRESSION;
        else if (judgement->ratio.high < limit ||
                 (evidence.base.mean == 0 && evidence.new.mean == 0))
            judgement->verdict = WP_VERDICT_PASS;
    }
    if (judgement->verdict == WP_VERDICT_TOO_LITTLE)
        judgement->more_captures = more_captures(&evidence, limit, error_rate);
}
