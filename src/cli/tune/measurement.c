#include "cli/tune/measurement.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/message.h"
#include "cli/quantity.h"
#include "cli/stop_signals.h"
#include "cli/tune/cpu_time.h"
#include "cli/tune/probe.h"
#include "cli/tune/slices.h"
#include "profile/clock.h"
#include "profile/kind_totals.h"
#include "profile/own_cost.h"

#define POLL_NS UINT64_C(100000000)         /* between looks whether the target lives */
#define LEASE_GRACE_NS UINT64_C(5000000000) /* by which leased rates outlive the span at most */

/* A look of the probe is this part of the span, but neither too short to count nor too long. */
#define LOOKS_PER_SPAN 20
#define SHORTEST_LOOK_NS UINT64_C(50000000)
#define LONGEST_LOOK_NS UINT64_C(500000000)

/* The span is cut into so many slices, but none shorter than this, nor than ten times what reading
 * the region takes. */
#define SLICES 200
#define SHORTEST_SLICE_NS UINT64_C(20000000)
#define SLICE_READINGS 10

/* So many samples make errors of some 5 %. */
#define PROBE_SAMPLES 1000

/* Pieces of work that were timed by others weigh as much as so many of the program's own. */
#define PRIOR_PIECES 30.0

/* One piece of 61 is timed: core/own_cost.h. A wait for a lock has two pieces. */
#define TIMED_OF 61.0

struct measuring {
    const struct wp_target *target;
    const struct wp_tune_plan *plan;
    struct wp_tune_measurement *result;
    sigset_t stops, before;    /* signals that end the span, and the mask before */
    uint64_t lease;            /* 0: none */
    struct wp_snapshot *first; /* of the span; its last is that of the slices */
    struct wp_tune_slices slices;
};

double
wp_tune_cost_believed(double mean_ns, double timed, double prior_ns)
{
    return timed > 0 ? (mean_ns * timed + prior_ns * PRIOR_PIECES) / (timed + PRIOR_PIECES)
                     : prior_ns;
}

/* A signal that ends the span may have ended the program, too. */
static void
note_end(struct measuring *measuring, const struct wp_snapshot *known)
{
    if (wp_target_state(measuring->target, known, NULL) == WP_STATE_GONE)
        measuring->result->ending = WP_TUNE_ENDED_BY_TARGET;
}

/* Waits for so long, or until a signal or the end of the program, which it notes. */
static void
pass_time(struct measuring *measuring, const struct wp_snapshot *known, uint64_t span_ns)
{
    uint64_t start_ns = wp_clock_ns(CLOCK_MONOTONIC), passed_ns = 0;

    while (measuring->result->ending == WP_TUNE_ENDED_IN_TIME && passed_ns < span_ns) {
        uint64_t left_ns = span_ns - passed_ns;
        struct timespec pause = {.tv_nsec = (long)(left_ns < POLL_NS ? left_ns : POLL_NS)};

        if (sigtimedwait(&measuring->stops, NULL, &pause) > 0)
            measuring->result->ending = WP_TUNE_ENDED_BY_SIGNAL;
        else
            note_end(measuring, known);
        passed_ns = wp_clock_ns(CLOCK_MONOTONIC) - start_ns;
    }
}

static double
counted(const struct wp_snapshot *first, const struct wp_snapshot *last,
        enum wp_region_counter counter)
{
    return last->counters[counter] > first->counters[counter]
               ? (double)(last->counters[counter] - first->counters[counter])
               : 0;
}

static struct wp_tune_rates
rates_of(const struct wp_snapshot *snapshot)
{
    return (struct wp_tune_rates){snapshot->block_rate_ns, snapshot->mutex_fraction};
}

static void
end_lease(struct measuring *measuring)
{
    struct wp_reader_rates after;
    struct wp_error error = {""};

    if (measuring->lease != 0 && measuring->result->ending != WP_TUNE_ENDED_BY_TARGET &&
        wp_reader_end_lease(&measuring->target->place, measuring->lease, &after, &error) != 0)
        wp_message_warning(NULL, "they end by themselves some seconds after the span",
                           "the rates were not set back: %s", error.text);
    measuring->lease = 0;
}

/* The new lease counts before the old one ends. */
static int
lease(struct measuring *measuring, const struct wp_tune_rates *rates, struct wp_error *error)
{
    const struct wp_reader_rate_change change = {
        .block_rate_ns = &rates->block_rate_ns,
        .mutex_fraction = &rates->mutex_fraction,
        .for_ns = 2 * measuring->plan->span_ns + LEASE_GRACE_NS,
    };
    struct wp_reader_rate_result result;
    int status = wp_reader_change_rates(&measuring->target->place, &change, &result, error);

    if (status == 0) {
        end_lease(measuring);
        measuring->lease = result.lease;
    }
    return status;
}

static void
announce(const struct measuring *measuring, const struct wp_tune_rates *rates)
{
    char rate[WP_QUANTITY_TEXT_BYTES], before[WP_QUANTITY_TEXT_BYTES];
    const struct wp_tune_rates *found = &measuring->result->before;

    wp_message_note("too few samples to tell: while it measures, block rate %s (was %s), mutex "
                    "fraction %llu (was %llu)",
                    wp_quantity_format_exact_time(rates->block_rate_ns, rate),
                    wp_quantity_format_exact_time(found->block_rate_ns, before),
                    (unsigned long long)rates->mutex_fraction,
                    (unsigned long long)found->mutex_fraction);
}

/* Counts for the time of a look. */
static int
look(struct measuring *measuring, uint64_t span_ns, struct wp_tune_look *seen,
     struct wp_error *error)
{
    struct wp_snapshot *first = NULL, *last = NULL;
    int status = wp_target_read(measuring->target, &first, error);

    if (status == 0) {
        pass_time(measuring, first, span_ns);
        status = wp_target_read(measuring->target, &last, error);
    }
    if (status == 0)
        *seen = (struct wp_tune_look){
            .span_ns = (double)(last->read_monotonic_ns - first->read_monotonic_ns) + 1,
            .waits = counted(first, last, WP_COUNTER_waits),
            .block_samples = counted(first, last, WP_COUNTER_block_samples),
            .waiters = counted(first, last, WP_COUNTER_mutex_waiters),
            .mutex_samples = counted(first, last, WP_COUNTER_mutex_samples),
        };
    wp_snapshot_free(first);
    wp_snapshot_free(last);
    return status;
}

/* Leases finer rates, step by step, if those in force keep too little. */
static int
find_rates(struct measuring *measuring, struct wp_tune_probe *probe, struct wp_error *error)
{
    uint64_t look_ns = measuring->plan->span_ns / LOOKS_PER_SPAN;
    struct wp_tune_rates rates = measuring->result->before;
    struct wp_tune_look seen;
    int status;

    if (look_ns < SHORTEST_LOOK_NS)
        look_ns = SHORTEST_LOOK_NS;
    else if (look_ns > LONGEST_LOOK_NS)
        look_ns = LONGEST_LOOK_NS;
    probe->samples = WP_TUNE_FEW_SAMPLES;
    status = look(measuring, look_ns, &seen, error);
    while (status == 0 && measuring->result->ending == WP_TUNE_ENDED_IN_TIME &&
           wp_tune_probe_step(probe, &seen, &rates)) {
        status = lease(measuring, &rates, error);
        if (status == 0)
            status = look(measuring, look_ns, &seen, error);
        probe->samples = PROBE_SAMPLES;
    }
    measuring->result->leased = measuring->lease != 0;
    if (status == 0 && measuring->result->leased)
        announce(measuring, &rates);
    return status;
}

/* --- From snapshots to the model --- */

static double
waits_of(const struct measuring *measuring, size_t function)
{
    uint64_t last = measuring->slices.last->functions[function].waits;
    uint64_t first = function < measuring->first->function_count
                         ? measuring->first->functions[function].waits
                         : 0;

    return last > first ? (double)(last - first) : 0;
}

/* Functions whose waits were all too short to be kept: that no sample was expected says how long
 * they can have been. */
static struct wp_tune_stack
unseen_waits(double waits, double rate_ns)
{
    double delay_ns = rate_ns / 2;

    return (struct wp_tune_stack){
        .delay_ns = delay_ns,
        .shorter = {.count = waits, .delay_ns = delay_ns, .squares = delay_ns * delay_ns / waits},
    };
}

static int
compare_stacks(const void *left, const void *right)
{
    uint32_t one = ((const struct wp_tune_stack *)left)->stack;
    uint32_t other = ((const struct wp_tune_stack *)right)->stack;

    return one < other ? -1 : one > other;
}

/* Room for the pieces and for one of unseen waits for each function. */
static int
fit_waiters(const struct measuring *measuring, struct wp_tune_model *model, struct wp_error *error)
{
    const struct wp_tune_slices *slices = &measuring->slices;
    /* At which all samples of the span were kept, with every wait looked at; 0: there is none. */
    double rate_ns = slices->rates_varied ? 0 : (double)slices->last->block_rate_ns;

    model->waiters =
        calloc(slices->piece_count + slices->last->function_count + 1, sizeof *model->waiters);
    if (model->waiters == NULL)
        return wp_error_set(error, ENOMEM, "out of memory");
    for (size_t i = 0; i < slices->piece_count; i++) {
        const struct wp_tune_piece *piece = &slices->pieces[i];

        model->waiters[i] = wp_tune_stack_fit(&piece->kept, rate_ns, piece->function);
        model->waiters[i].stack = piece->stack;
    }
    model->waiter_count = slices->piece_count;
    for (size_t i = 1; i < slices->last->function_count && rate_ns > 0; i++) {
        double waits = waits_of(measuring, i);

        if (waits > 0 &&
            !wp_tune_stacks_count(model->waiters, slices->piece_count, (uint16_t)i, waits)) {
            model->waiters[model->waiter_count] = unseen_waits(waits, rate_ns);
            model->waiters[model->waiter_count++].stack = slices->number_count + (uint32_t)i;
        }
    }
    qsort(model->waiters, model->waiter_count, sizeof *model->waiters, compare_stacks);
    return 0;
}

/* A figure of the span, believed as far as its pieces go, then that of the program's whole life,
 * then the calibration's. */
static double
believe(double span_ns, double span_count, double life_ns, double life_count, double prior_ns)
{
    return wp_tune_cost_believed(span_ns, span_count / TIMED_OF,
                                 wp_tune_cost_believed(life_ns, life_count / TIMED_OF, prior_ns));
}

/* What the span says of the costs, and where it says little, the calibration. That machine is this
 * one, but its stacks are not the program's: they are made longer or shorter by what is known. */
static struct wp_tune_costs
fit_costs(const struct wp_own_cost *span, const struct wp_own_cost *life,
          const struct wp_tune_calibration *calibration, double lock_share)
{
    double other_share = 1 - lock_share;
    double wait_ns =
        calibration->lock_wait_ns * lock_share + calibration->other_wait_ns * other_share;
    double sample_ns =
        calibration->lock_sample_ns * lock_share + calibration->other_sample_ns * other_share;
    struct wp_tune_costs costs = {
        .wait_ns = believe(span->wait_ns, (double)span->followed, life->wait_ns,
                           (double)life->followed, wait_ns),
        .register_ns = calibration->register_ns,
    };
    double depth = fmin(fmax(costs.wait_ns / wait_ns, 0.5), 4);

    costs.sample_ns = believe(span->sample_ns, (double)span->block_samples, life->sample_ns,
                              (double)life->block_samples, sample_ns * depth);
    costs.unlock_ns = believe(span->unlock_ns, (double)span->unlocks, life->unlock_ns,
                              (double)life->unlocks, calibration->unlock_ns * depth);
    return costs;
}

static void
fit_counters(const struct measuring *measuring, const struct wp_tune_calibration *calibration)
{
    const struct wp_snapshot *first = measuring->first, *last = measuring->slices.last;
    struct wp_tune_measurement *result = measuring->result;
    struct wp_tune_model *model = &result->model;
    const struct wp_tune_slices *slices = &measuring->slices;
    /* The mean, where a budget has changed it. */
    double fraction = slices->registered > 0 ? slices->lock_waits / slices->registered : 0;
    uint64_t span[WP_COUNTER_COUNT];
    struct wp_own_cost span_cost, life_cost;

    for (unsigned i = 0; i < WP_COUNTER_COUNT; i++)
        span[i] = (uint64_t)counted(first, last, (enum wp_region_counter)i);
    model->waits = (double)span[WP_COUNTER_waits];
    model->registered = slices->registered;
    model->lock_waits = fmin(slices->lock_waits, model->waits);
    if (fraction >= 1)
        model->unlocks = wp_tune_unlocks_fit((double)span[WP_COUNTER_mutex_samples],
                                             (double)span[WP_COUNTER_mutex_shares], fraction);
    span_cost = wp_own_cost_of(span, (uint64_t)model->span_ns);
    life_cost = wp_own_cost_of(last->counters, 0);
    model->costs = fit_costs(&span_cost, &life_cost, calibration,
                             model->waits > 0 ? model->lock_waits / model->waits : 0);
    model->costs.samples_per_s = (double)span_cost.block_samples / model->span_ns * 1e9;
    model->costs.unlocks_per_s = (double)span_cost.unlocks / model->span_ns * 1e9;
    result->cost_share = span_cost.cpu_share;
    result->timed[0] = (double)span_cost.followed / TIMED_OF;
    result->timed[1] = (double)span_cost.block_samples / TIMED_OF;
    result->timed[2] = (double)span_cost.unlocks / TIMED_OF;
    result->samples[0] = (double)span[WP_COUNTER_block_samples];
    result->samples[1] = (double)span[WP_COUNTER_mutex_samples];
    result->wait_fraction = span_cost.followed > 0
                                ? (double)span_cost.waits / (double)span_cost.followed
                                : (double)last->wait_fraction;
}

static double
difference(uint64_t last, uint64_t first)
{
    return last > first ? (double)(last - first) : 0;
}

/* Rows are in the order of the functions table, which is the same in both. */
static int
fit_kinds(const struct measuring *measuring, struct wp_error *error)
{
    struct wp_tune_measurement *result = measuring->result;
    struct wp_kind_total *first = NULL, *last = NULL;
    size_t first_count = 0, last_count = 0;
    int status = wp_kind_totals(measuring->first, &first, &first_count, error);

    if (status == 0)
        status = wp_kind_totals(measuring->slices.last, &last, &last_count, error);
    if (status == 0 && (result->kinds = calloc(last_count + 1, sizeof *result->kinds)) == NULL)
        status = wp_error_set(error, ENOMEM, "out of memory");
    for (size_t i = 0; status == 0 && i < last_count && i < first_count; i++) {
        struct wp_tune_kind *kind = &result->kinds[result->kind_count];

        kind->waits = difference(last[i].waits, first[i].waits);
        for (unsigned type = 0; type < 2; type++) {
            kind->delay_ns[type] =
                difference(last[i].amount[type].delay_ns, first[i].amount[type].delay_ns);
            kind->samples[type] =
                difference(last[i].amount[type].samples, first[i].amount[type].samples);
        }
        if (kind->waits + kind->samples[0] + kind->samples[1] <= 0)
            continue;
        strncpy(kind->kind, last[i].kind, sizeof kind->kind - 1);
        result->kind_count++;
    }
    free(first);
    free(last);
    return status;
}

static int
fit(struct measuring *measuring, const struct wp_tune_calibration *calibration,
    struct wp_error *error)
{
    const struct wp_snapshot *last = measuring->slices.last;
    struct wp_tune_model *model = &measuring->result->model;
    int status;

    model->span_ns = (double)(last->read_monotonic_ns - measuring->first->read_monotonic_ns) + 1;
    model->rates = rates_of(last);
    measuring->result->budget_cost_ns_per_s = last->budget_cost_ns_per_s;
    measuring->result->budget_samples_per_s = last->budget_samples_per_s;
    fit_counters(measuring, calibration);
    status = fit_kinds(measuring, error);
    if (status == 0)
        status = fit_waiters(measuring, model, error);
    if (status == 0) {
        model->holders = measuring->slices.holders;
        model->holder_count = measuring->slices.holder_room;
        measuring->slices.holders = NULL;
    }
    return status;
}

/* --- The span --- */

static int
read_slice(struct measuring *measuring, struct wp_error *error)
{
    struct wp_snapshot *snapshot = NULL;
    int status = wp_target_read(measuring->target, &snapshot, error);

    return status != 0 ? status : wp_tune_slices_add(&measuring->slices, snapshot, error);
}

static uint64_t
larger(uint64_t one, uint64_t other)
{
    return one > other ? one : other;
}

/* From the first snapshot on, a slice after the other. */
static int
measure_slices(struct measuring *measuring, struct wp_error *error)
{
    uint64_t slice_ns = larger(measuring->plan->span_ns / SLICES, SHORTEST_SLICE_NS);
    uint64_t now_ns = wp_clock_ns(CLOCK_MONOTONIC);
    uint64_t end_ns = now_ns + measuring->plan->span_ns;
    double cpu_before_ns = wp_cpu_time_of(measuring->first), cpu_ns;
    int status = read_slice(measuring, error);

    while (status == 0 && measuring->result->ending == WP_TUNE_ENDED_IN_TIME && now_ns < end_ns) {
        uint64_t read_ns = wp_clock_ns(CLOCK_MONOTONIC);

        slice_ns = larger(slice_ns, (read_ns - now_ns) * SLICE_READINGS);
        if (read_ns < end_ns)
            pass_time(measuring, measuring->first,
                      slice_ns < end_ns - read_ns ? slice_ns : end_ns - read_ns);
        now_ns = wp_clock_ns(CLOCK_MONOTONIC);
        status = read_slice(measuring, error);
    }
    cpu_ns = wp_cpu_time_of(measuring->first);
    if (cpu_before_ns >= 0 && cpu_ns >= cpu_before_ns)
        measuring->result->cpu_ns = cpu_ns - cpu_before_ns;
    return status;
}

static int
measure_span(struct measuring *measuring, const struct wp_tune_calibration *calibration,
             struct wp_error *error)
{
    struct wp_tune_probe probe = {
        .span_ns = (double)measuring->plan->span_ns,
        .cost_ns_per_s = (double)measuring->plan->probe_cost_ns_per_s,
        .costs = {.wait_ns = calibration->lock_wait_ns,
                  .sample_ns = calibration->other_sample_ns,
                  .unlock_ns = calibration->unlock_ns,
                  .register_ns = calibration->register_ns},
    };
    int status = wp_target_read(measuring->target, &measuring->first, error);

    if (status == 0) {
        measuring->result->before = rates_of(measuring->first);
        measuring->result->base = (struct wp_tune_rates){measuring->first->base_block_rate_ns,
                                                         measuring->first->base_mutex_fraction};
        if (measuring->plan->may_probe) {
            status = find_rates(measuring, &probe, error);
            wp_snapshot_free(measuring->first);
            measuring->first = NULL;
            if (status == 0)
                status = wp_target_read(measuring->target, &measuring->first, error);
        }
    }
    return status != 0 ? status : measure_slices(measuring, error);
}

int
wp_tune_measure(const struct wp_target *target, const struct wp_tune_plan *plan,
                const struct wp_tune_calibration *calibration,
                struct wp_tune_measurement *measurement, struct wp_error *error)
{
    struct measuring measuring = {.target = target, .plan = plan, .result = measurement};
    int status;

    *measurement = (struct wp_tune_measurement){.cpu_ns = -1};
    wp_stop_signals_block(&measuring.stops, &measuring.before);
    status = measure_span(&measuring, calibration, error);
    if (status == 0)
        note_end(&measuring, measuring.first);
    end_lease(&measuring);
    sigprocmask(SIG_SETMASK, &measuring.before, NULL);
    if (status == 0)
        status = fit(&measuring, calibration, error);
    wp_snapshot_free(measuring.first);
    wp_tune_slices_free(&measuring.slices);
    if (status != 0)
        wp_tune_measurement_free(measurement);
    return status;
}

void
wp_tune_measurement_free(struct wp_tune_measurement *measurement)
{
    free(measurement->model.waiters);
    free(measurement->model.holders);
    free(measurement->kinds);
    *measurement = (struct wp_tune_measurement){0};
}
