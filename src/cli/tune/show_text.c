#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "cli/quantity.h"
#include "cli/tune/show.h"
#include "profile/own_cost.h"

#define NS_PER_S 1e9
#define CELL_BYTES 40u
#define OPTIONS_BYTES 96u

/* A row of the tables: a step that is a power of ten, or in force, or recommended. */
struct row {
    uint64_t rate;
    bool is_now, is_advice;
};

#define ROWS (WP_TUNE_BLOCK_RATES + 2)

/* "--block-rate 100us --mutex-fraction 10", or one of them; returns `text`. */
static const char *
format_options(struct wp_tune_rates rates, bool block, bool mutex, char text[OPTIONS_BYTES])
{
    char rate[WP_QUANTITY_TEXT_BYTES];
    size_t used = 0;

    text[0] = '\0';
    if (block)
        used = (size_t)snprintf(text, OPTIONS_BYTES, "--block-rate %s%s",
                                wp_quantity_format_exact_time(rates.block_rate_ns, rate),
                                mutex ? " " : "");
    if (mutex)
        snprintf(text + used, OPTIONS_BYTES - used, "--mutex-fraction %" PRIu64,
                 rates.mutex_fraction);
    return text;
}

const char *
wp_tune_show_budget_command(const struct wp_tune_findings *findings, char *text, size_t size)
{
    const struct wp_tune_goal *goal = findings->goal;
    const char *quote = goal->cost_ns_per_s != 0 && goal->samples_per_s != 0 ? "'" : "";
    char budget[WP_OWN_COST_TEXT_BYTES];

    snprintf(
        text, size, "waitprof rate --budget %s%s%s %s", quote,
        wp_own_cost_format_budget(goal->cost_ns_per_s, goal->samples_per_s, budget, sizeof budget),
        quote, findings->what);
    return text;
}

static const char *
format_ns(double ns, char text[WP_QUANTITY_TEXT_BYTES])
{
    return wp_quantity_format_time(ns > 0 ? (uint64_t)(ns + 0.5) : 0, text);
}

/* "123", "12.3", "0.12". */
static const char *
format_count(double count, char text[CELL_BYTES])
{
    snprintf(text, CELL_BYTES, "%.*f", count < 1 ? 2 : count < 100 ? 1 : 0, count);
    return text;
}

/* "0.3 %", "> 100 %", "-" without stacks. */
static const char *
format_error(size_t stacks, double error, char text[CELL_BYTES])
{
    if (stacks == 0)
        snprintf(text, CELL_BYTES, "-");
    else if (!(error <= 1))
        snprintf(text, CELL_BYTES, "> 100 %%");
    else
        snprintf(text, CELL_BYTES, "%.1f %%", 100 * error);
    return text;
}

static size_t
collect_rows(const uint64_t *steps, size_t count, uint64_t now, uint64_t advice, struct row *rows)
{
    size_t rows_count = 0;

    for (size_t i = 0; i < count; i += 3) /* 1-2-5 steps */
        rows[rows_count++] = (struct row){.rate = steps[i]};
    for (int extra = 0; extra < 2; extra++) {
        uint64_t rate = extra == 0 ? now : advice;
        size_t place = 0;

        while (place < rows_count && rows[place].rate < rate)
            place++;
        if (rate == 0 || (place < rows_count && rows[place].rate == rate))
            continue;
        memmove(&rows[place + 1], &rows[place], (rows_count - place) * sizeof rows[0]);
        rows[place] = (struct row){.rate = rate};
        rows_count++;
    }
    for (size_t i = 0; i < rows_count; i++) {
        rows[i].is_now = rows[i].rate == now;
        rows[i].is_advice = rows[i].rate == advice;
    }
    return rows_count;
}

static void
show_row(const struct wp_tune_findings *findings, const char *name, double samples_per_s,
         const struct wp_tune_outlook *outlook, const struct wp_tune_errors *errors,
         const struct row *row, FILE *stream)
{
    const struct wp_tune_measurement *measurement = findings->measurement;
    char samples[CELL_BYTES], share[CELL_BYTES], used[CELL_BYTES] = "-";
    char added[WP_QUANTITY_TEXT_BYTES], median[CELL_BYTES], worst[CELL_BYTES];

    wp_own_cost_format_share(outlook->cost_share, share, sizeof share);
    if (measurement->cpu_ns > 0)
        wp_own_cost_format_share(outlook->cost_share * measurement->model.span_ns /
                                     measurement->cpu_ns,
                                 used, sizeof used);
    fprintf(stream, "%-8s %9s %14s %14s %8s %9s %9s%s%s\n", name,
            format_count(samples_per_s, samples), share, used, format_ns(outlook->added_ns, added),
            format_error(errors->stacks, errors->median, median),
            format_error(errors->stacks, errors->worst, worst), row->is_now ? "  now" : "",
            row->is_advice ? "  <--" : "");
}

static void
show_head(const char *first, const char *second, size_t stacks, FILE *stream)
{
    char top[CELL_BYTES];

    if (stacks == 1)
        snprintf(top, sizeof top, "error of the top");
    else
        snprintf(top, sizeof top, "error, top %zu", stacks);
    fprintf(stream, "\n%-8s %9s %14s %14s %8s %19s\n", first, "samples", "of a", "of its", "added",
            top);
    fprintf(stream, "%-8s %9s %14s %14s %8s %9s %9s\n", second, "/s", "processor", "CPU", "a wait",
            "median", "worst");
}

/* With the mutex fraction as it is recommended. */
static void
show_block_rates(const struct wp_tune_findings *findings, FILE *stream)
{
    const struct wp_tune_model *model = &findings->measurement->model;
    struct row rows[ROWS];
    size_t count = collect_rows(wp_tune_block_rates, WP_TUNE_BLOCK_RATES,
                                findings->measurement->before.block_rate_ns,
                                findings->advice.rates.block_rate_ns, rows);

    show_head("block", "rate", wp_tune_model_block_errors(model, 1).stacks, stream);
    for (size_t i = 0; i < count; i++) {
        struct wp_tune_errors errors = wp_tune_model_block_errors(model, rows[i].rate);
        struct wp_tune_outlook outlook = wp_tune_model_predict(
            model, (struct wp_tune_rates){rows[i].rate, findings->advice.rates.mutex_fraction});
        char name[WP_QUANTITY_TEXT_BYTES];

        show_row(findings, wp_quantity_format_exact_time(rows[i].rate, name),
                 outlook.block_samples_per_s, &outlook, &errors, &rows[i], stream);
    }
}

/* With the block rate as it is recommended. */
static void
show_fractions(const struct wp_tune_findings *findings, FILE *stream)
{
    const struct wp_tune_model *model = &findings->measurement->model;
    struct row rows[ROWS];
    size_t count = collect_rows(wp_tune_fractions, WP_TUNE_FRACTIONS,
                                findings->measurement->before.mutex_fraction,
                                findings->advice.rates.mutex_fraction, rows);

    show_head("mutex", "fraction", wp_tune_model_mutex_errors(model, 1).stacks, stream);
    for (size_t i = 0; i < count; i++) {
        struct wp_tune_errors errors = wp_tune_model_mutex_errors(model, rows[i].rate);
        struct wp_tune_outlook outlook = wp_tune_model_predict(
            model, (struct wp_tune_rates){findings->advice.rates.block_rate_ns, rows[i].rate});
        char name[CELL_BYTES];

        snprintf(name, sizeof name, "%" PRIu64, rows[i].rate);
        show_row(findings, name, outlook.mutex_samples_per_s, &outlook, &errors, &rows[i], stream);
    }
}

static void
show_kinds(const struct wp_tune_measurement *measurement, FILE *stream)
{
    double per_s = NS_PER_S / measurement->model.span_ns;

    fprintf(stream, "\n%-16s %10s %14s %10s %14s %10s\n", "kind", "waits/s", "block delay/s",
            "samples", "mutex delay/s", "samples");
    for (size_t i = 0; i < measurement->kind_count; i++) {
        const struct wp_tune_kind *kind = &measurement->kinds[i];
        char waits[CELL_BYTES], block[WP_QUANTITY_TEXT_BYTES], mutex[WP_QUANTITY_TEXT_BYTES];

        fprintf(stream, "%-16s %10s %14s %10.0f %14s %10.0f\n",
                kind->kind[0] != '\0' ? kind->kind : "(lost)",
                format_count(kind->waits * per_s, waits),
                format_ns(kind->delay_ns[0] * per_s, block), kind->samples[0],
                format_ns(kind->delay_ns[1] * per_s, mutex), kind->samples[1]);
    }
}

static const char *
source_of(const struct wp_tune_findings *findings, int piece)
{
    if (findings->measurement->timed[piece] >= 100)
        return "measured";
    return findings->calibration->measured ? "calibrated" : "typical";
}

static void
show_costs(const struct wp_tune_findings *findings, FILE *stream)
{
    const struct wp_tune_measurement *measurement = findings->measurement;
    const struct wp_tune_model *model = &measurement->model;
    struct wp_tune_outlook outlook = wp_tune_model_predict(model, model->rates);
    char share[CELL_BYTES], wait[WP_QUANTITY_TEXT_BYTES], sample[WP_QUANTITY_TEXT_BYTES];
    char unlock[WP_QUANTITY_TEXT_BYTES];

    fprintf(stream, "\ncost of a wait %s (%s), of keeping it %s (%s),\n",
            format_ns(model->costs.wait_ns, wait), source_of(findings, 0),
            format_ns(model->costs.sample_ns, sample), source_of(findings, 1));
    fprintf(stream, "of charging an unlock %s (%s)\n", format_ns(model->costs.unlock_ns, unlock),
            source_of(findings, 2));
    fprintf(stream, "timing all waits takes %s of a processor, whatever the rates\n",
            wp_own_cost_format_share(outlook.wait_cost / NS_PER_S, share, sizeof share));
}

static void
show_span(const struct wp_tune_findings *findings, FILE *stream)
{
    const struct wp_tune_measurement *measurement = findings->measurement;
    const struct wp_tune_model *model = &measurement->model;
    char span[WP_QUANTITY_TEXT_BYTES], options[OPTIONS_BYTES], share[CELL_BYTES];

    fprintf(stream, "%s", findings->command);
    if (findings->pid != 0)
        fprintf(stream, " (pid %d)", (int)findings->pid);
    fprintf(stream, ": %s at %s\n", format_ns(model->span_ns, span),
            format_options(model->rates, true, true, options));
    if (measurement->leased)
        fprintf(stream, "(leased for this; before and now %s)\n",
                format_options(measurement->before, true, true, options));
    if (measurement->wait_fraction > 1.01)
        fprintf(stream, "(its budget lets one wait stand for %.1f)\n", measurement->wait_fraction);
    if (measurement->cpu_ns > 0)
        fprintf(
            stream, "it uses %s of a processor itself\n",
            wp_own_cost_format_share(measurement->cpu_ns / model->span_ns, share, sizeof share));
}

static void
show_doubts(const struct wp_tune_findings *findings, FILE *stream)
{
    const struct wp_tune_measurement *measurement = findings->measurement;
    const struct wp_tune_advice *advice = &findings->advice;
    char command[WP_TUNE_SHOW_COMMAND_BYTES];

    if (!advice->knows_block)
        fprintf(stream,
                "nothing is known of the block profile: no wait was kept; its rate stays\n");
    else if (measurement->samples[0] < WP_TUNE_FEW_SAMPLES)
        fprintf(stream, "only %.0f samples of waits were kept: take the block rates as rough\n",
                measurement->samples[0]);
    if (!advice->knows_mutex)
        fprintf(stream,
                "nothing is known of the mutex profile: no unlock was charged; its fraction "
                "stays\n");
    else if (measurement->samples[1] < WP_TUNE_FEW_SAMPLES)
        fprintf(stream, "only %.0f unlocks were charged: take the mutex fractions as rough\n",
                measurement->samples[1]);
    if (!advice->within_budget && measurement->ending == WP_TUNE_ENDED_BY_TARGET)
        fprintf(stream, "no rates keep the budget\n");
    else if (!advice->within_budget)
        fprintf(stream,
                "no rates keep the budget; the program itself does, by passing over waits, after\n"
                "%s\n",
                wp_tune_show_budget_command(findings, command, sizeof command));
    if (!advice->within_error)
        fprintf(stream, "the error cannot be kept%s\n",
                findings->goal->cost_ns_per_s + findings->goal->samples_per_s != 0
                    ? " within the budget"
                    : " by any of these rates");
    if (measurement->budget_cost_ns_per_s + measurement->budget_samples_per_s != 0)
        fprintf(stream,
                "the program has a budget, which passes over waits and makes rates coarser:\n"
                "the figures are those without it\n");
}

static void
show_goal(const struct wp_tune_goal *goal, FILE *stream)
{
    char budget[CELL_BYTES * 2];

    fprintf(stream, "\nrecommended for ");
    if (goal->error > 0)
        fprintf(stream, "errors of at most %g %%%s", 100 * goal->error,
                goal->cost_ns_per_s + goal->samples_per_s != 0 ? " within " : "");
    if (goal->cost_ns_per_s + goal->samples_per_s != 0)
        fprintf(stream, "a budget of %s",
                wp_own_cost_format_budget(goal->cost_ns_per_s, goal->samples_per_s, budget,
                                          sizeof budget));
    fprintf(stream, ":\n");
}

static void
show_recommended(const struct wp_tune_findings *findings, FILE *stream)
{
    const struct wp_tune_advice *advice = &findings->advice;
    struct wp_tune_outlook outlook =
        wp_tune_model_predict(&findings->measurement->model, advice->rates);
    char options[OPTIONS_BYTES], share[CELL_BYTES], added[WP_QUANTITY_TEXT_BYTES];
    char samples[CELL_BYTES];

    show_goal(findings->goal, stream);
    fprintf(stream, "  %s\n",
            format_options(advice->rates, advice->knows_block, advice->knows_mutex, options));
    fprintf(stream, "  %s of a processor, %s a wait, %s samples/s\n",
            wp_own_cost_format_share(outlook.cost_share, share, sizeof share),
            format_ns(outlook.added_ns, added),
            format_count(outlook.block_samples_per_s + outlook.mutex_samples_per_s, samples));
}

/* With those options alone whose rates are recommended. */
static void
show_advice(const struct wp_tune_findings *findings, FILE *stream)
{
    const struct wp_tune_advice *advice = &findings->advice;
    const bool both = advice->knows_block && advice->knows_mutex;
    char options[OPTIONS_BYTES];

    if (!advice->knows_block && !advice->knows_mutex) {
        fprintf(stream, "\nnothing to recommend:\n");
        show_doubts(findings, stream);
        return;
    }
    show_recommended(findings, stream);
    show_doubts(findings, stream);
    if (findings->measurement->ending == WP_TUNE_ENDED_BY_TARGET)
        return;
    if (findings->applied)
        fprintf(stream, "%s set; to go back: ", both ? "they are" : "it is");
    else
        fprintf(stream, "to set %s: ", both ? "them" : "it");
    fprintf(stream, "waitprof rate %s %s\n",
            format_options(findings->applied ? findings->measurement->base : advice->rates,
                           advice->knows_block, advice->knows_mutex, options),
            findings->what);
}

void
wp_tune_show_text(const struct wp_tune_findings *findings, FILE *stream)
{
    show_span(findings, stream);
    show_kinds(findings->measurement, stream);
    show_costs(findings, stream);
    if (findings->advice.knows_block)
        show_block_rates(findings, stream);
    if (findings->advice.knows_mutex)
        show_fractions(findings, stream);
    show_advice(findings, stream);
}
