#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "cli/tune/show.h"
#include "profile/json_add.h"

static bool
add_rates(struct json_object *object, struct wp_tune_rates rates)
{
    return wp_json_add_number(object, "block_rate_ns", rates.block_rate_ns) &&
           wp_json_add_number(object, "mutex_fraction", rates.mutex_fraction);
}

static bool
add_rates_as(struct json_object *object, const char *name, struct wp_tune_rates rates)
{
    struct json_object *member = json_object_new_object();

    return wp_json_add(object, name, member) && add_rates(member, rates);
}

/* JSON knows no infinity: null is an error that cannot be said. */
static bool
add_errors(struct json_object *object, const struct wp_tune_errors *errors)
{
    if (!wp_json_add_number(object, "top_stacks", errors->stacks))
        return false;
    if (errors->stacks == 0 || !isfinite(errors->worst))
        return json_object_object_add(object, "error_median", NULL) == 0 &&
               json_object_object_add(object, "error_worst", NULL) == 0;
    return wp_json_add_double(object, "error_median", errors->median) &&
           wp_json_add_double(object, "error_worst", errors->worst);
}

static bool
add_costs(struct json_object *object, const struct wp_tune_findings *findings,
          const struct wp_tune_outlook *outlook)
{
    const struct wp_tune_measurement *measurement = findings->measurement;
    double span_ns = measurement->model.span_ns;

    return wp_json_add_double(object, "block_samples_per_s", outlook->block_samples_per_s) &&
           wp_json_add_double(object, "mutex_samples_per_s", outlook->mutex_samples_per_s) &&
           wp_json_add_double(object, "wait_cost_ns_per_s", outlook->wait_cost) &&
           wp_json_add_double(object, "sample_cost_ns_per_s", outlook->sample_cost) &&
           wp_json_add_double(object, "unlock_cost_ns_per_s", outlook->unlock_cost) &&
           wp_json_add_double(object, "share_of_processor", outlook->cost_share) &&
           wp_json_add_double(object, "added_ns_per_wait", outlook->added_ns) &&
           (measurement->cpu_ns <= 0 ||
            wp_json_add_double(object, "share_of_its_cpu",
                               outlook->cost_share * span_ns / measurement->cpu_ns));
}

static struct json_object *
add_row(struct json_object *rows)
{
    struct json_object *row = json_object_new_object();

    if (row != NULL && json_object_array_add(rows, row) == 0)
        return row;
    json_object_put(row);
    return NULL;
}

/* Each row with the other rate as it is recommended. */
static bool
add_block_rates(struct json_object *object, const struct wp_tune_findings *findings)
{
    struct json_object *rows = json_object_new_array();
    bool good = wp_json_add(object, "block_rates", rows);

    for (size_t i = 0; i < WP_TUNE_BLOCK_RATES && good; i++) {
        const struct wp_tune_rates rates = {wp_tune_block_rates[i],
                                            findings->advice.rates.mutex_fraction};
        const struct wp_tune_model *model = &findings->measurement->model;
        struct wp_tune_outlook outlook = wp_tune_model_predict(model, rates);
        struct wp_tune_errors errors = wp_tune_model_block_errors(model, rates.block_rate_ns);
        struct json_object *row = add_row(rows);

        good = row != NULL && add_rates(row, rates) && add_costs(row, findings, &outlook) &&
               add_errors(row, &errors);
    }
    return good;
}

static bool
add_fractions(struct json_object *object, const struct wp_tune_findings *findings)
{
    struct json_object *rows = json_object_new_array();
    bool good = wp_json_add(object, "mutex_fractions", rows);

    for (size_t i = 0; i < WP_TUNE_FRACTIONS && good; i++) {
        const struct wp_tune_rates rates = {findings->advice.rates.block_rate_ns,
                                            wp_tune_fractions[i]};
        const struct wp_tune_model *model = &findings->measurement->model;
        struct wp_tune_outlook outlook = wp_tune_model_predict(model, rates);
        struct wp_tune_errors errors = wp_tune_model_mutex_errors(model, rates.mutex_fraction);
        struct json_object *row = add_row(rows);

        good = row != NULL && add_rates(row, rates) && add_costs(row, findings, &outlook) &&
               add_errors(row, &errors);
    }
    return good;
}

static bool
add_kinds(struct json_object *object, const struct wp_tune_measurement *measurement)
{
    struct json_object *rows = json_object_new_array();
    double per_s = 1e9 / measurement->model.span_ns;
    bool good = wp_json_add(object, "kinds", rows);

    for (size_t i = 0; i < measurement->kind_count && good; i++) {
        const struct wp_tune_kind *kind = &measurement->kinds[i];
        struct json_object *row = add_row(rows);

        good = row != NULL && wp_json_add_text(row, "kind", kind->kind) &&
               wp_json_add_double(row, "waits_per_s", kind->waits * per_s) &&
               wp_json_add_double(row, "block_delay_ns_per_s", kind->delay_ns[0] * per_s) &&
               wp_json_add_double(row, "block_samples", kind->samples[0]) &&
               wp_json_add_double(row, "mutex_delay_ns_per_s", kind->delay_ns[1] * per_s) &&
               wp_json_add_double(row, "mutex_samples", kind->samples[1]);
    }
    return good;
}

static bool
add_measurement(struct json_object *object, const struct wp_tune_findings *findings)
{
    const struct wp_tune_measurement *measurement = findings->measurement;
    const struct wp_tune_model *model = &measurement->model;
    struct json_object *costs = json_object_new_object();

    return wp_json_add_double(object, "span_ns", model->span_ns) &&
           wp_json_add_double(object, "waits_per_s", model->waits * 1e9 / model->span_ns) &&
           wp_json_add_double(object, "block_samples", measurement->samples[0]) &&
           wp_json_add_double(object, "mutex_samples", measurement->samples[1]) &&
           wp_json_add_double(object, "wait_fraction", measurement->wait_fraction) &&
           wp_json_add_double(object, "measured_share_of_processor", measurement->cost_share) &&
           (measurement->cpu_ns < 0 || wp_json_add_double(object, "its_share_of_processor",
                                                          measurement->cpu_ns / model->span_ns)) &&
           wp_json_add(object, "costs", costs) &&
           wp_json_add_double(costs, "wait_ns", model->costs.wait_ns) &&
           wp_json_add_double(costs, "sample_ns", model->costs.sample_ns) &&
           wp_json_add_double(costs, "unlock_ns", model->costs.unlock_ns) &&
           wp_json_add_double(costs, "register_ns", model->costs.register_ns) &&
           wp_json_add_double(costs, "timed_waits", measurement->timed[0]) &&
           wp_json_add_double(costs, "timed_samples", measurement->timed[1]) &&
           wp_json_add_double(costs, "timed_unlocks", measurement->timed[2]) &&
           wp_json_add_flag(costs, "calibrated", findings->calibration->measured) &&
           add_kinds(object, measurement);
}

/* A rate that is no advice is left out. */
static bool
add_advised_rates(struct json_object *object, const struct wp_tune_advice *advice)
{
    return (!advice->knows_block ||
            wp_json_add_number(object, "block_rate_ns", advice->rates.block_rate_ns)) &&
           (!advice->knows_mutex ||
            wp_json_add_number(object, "mutex_fraction", advice->rates.mutex_fraction));
}

static bool
add_advice(struct json_object *object, const struct wp_tune_findings *findings)
{
    const struct wp_tune_advice *advice = &findings->advice;
    const struct wp_tune_model *model = &findings->measurement->model;
    struct wp_tune_outlook outlook = wp_tune_model_predict(model, advice->rates);
    struct json_object *member = json_object_new_object();

    return wp_json_add(object, "recommended", member) && add_advised_rates(member, advice) &&
           wp_json_add_flag(member, "knows_block", advice->knows_block) &&
           wp_json_add_flag(member, "knows_mutex", advice->knows_mutex) &&
           wp_json_add_flag(member, "within_budget", advice->within_budget) &&
           wp_json_add_flag(member, "within_error", advice->within_error) &&
           add_costs(member, findings, &outlook) &&
           wp_json_add_flag(object, "applied", findings->applied);
}

int
wp_tune_show_json(const struct wp_tune_findings *findings, FILE *stream)
{
    struct json_object *object = json_object_new_object();
    bool good = object != NULL && wp_json_add_text(object, "command", findings->command) &&
                wp_json_add_number(object, "pid", (uint64_t)findings->pid) &&
                add_rates_as(object, "before", findings->measurement->before) &&
                add_rates_as(object, "base", findings->measurement->base) &&
                add_rates_as(object, "measured_at", findings->measurement->model.rates) &&
                wp_json_add_flag(object, "leased", findings->measurement->leased) &&
                add_measurement(object, findings) && add_block_rates(object, findings) &&
                add_fractions(object, findings) && add_advice(object, findings);

    if (good)
        fprintf(stream, "%s\n", json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY));
    json_object_put(object);
    return good ? 0 : -ENOMEM;
}
