/*
 * waitprof tune: measures a running program and says which sampling rates suit it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/target.h"
#include "cli/command.h"
#include "cli/message.h"
#include "cli/rate_note.h"
#include "cli/tune/calibration.h"
#include "cli/tune/contention.h"
#include "cli/tune/measurement.h"
#include "cli/tune/show.h"

#define DEFAULT_COST_NS_PER_S UINT64_C(5000000) /* 0.5 % */

enum format { FORMAT_TEXT, FORMAT_JSON };
static const char *const formats[] = {"text", "json", NULL};

struct tune_values {
    struct wp_option_number span_ns;
    struct wp_option_budget budget;
    double error;
    unsigned format;
    bool no_probe;
    bool apply;
};

static const struct tune_values defaults = {.span_ns = {.value = UINT64_C(10000000000)}};

/* "10%" or "10". */
static int
parse_percentage(const struct wp_option *option, const char *text, void *target)
{
    char *end;
    double percent = strtod(text, &end);

    if (end != text && strcmp(end, "%") == 0)
        end++;
    if (end == text || *end != '\0' || !(percent > 0) || !(percent <= 100)) {
        wp_message_error(text, "give a percentage, as 10%", "not an error for --%s", option->name);
        return -EINVAL;
    }
    *(double *)target = percent / 100;
    return 0;
}

static const struct wp_option options[] = {
    {.name = "seconds",
     .letter = 's',
     .placeholder = "N",
     .help = "measure for so long (seconds, or with unit: 500ms, 5m;\ndefault: 10)",
     .parse = wp_option_parse_time,
     .target = offsetof(struct tune_values, span_ns),
     .minimum = 100000000,
     .unit_ns = UINT64_C(1000000000)},
    {.name = "budget",
     .placeholder = "BUDGET",
     .help = "recommend the finest rates within it: 0.5% of a processor,\n"
             "2000/s samples (default, without --error: 0.5%)",
     .parse = wp_option_parse_budget,
     .target = offsetof(struct tune_values, budget)},
    {.name = "error",
     .placeholder = "PERCENT",
     .help = "recommend the coarsest rates that keep the top ten stacks\n"
             "of a 30 s capture within so much (those with less than\n"
             "1 % of all delay left out)",
     .parse = parse_percentage,
     .target = offsetof(struct tune_values, error)},
    {.name = "apply",
     .help = "set the recommended rates, for good; if they do not keep\n"
             "the budget or the error, set nothing and exit with 1",
     .parse = wp_option_parse_flag,
     .target = offsetof(struct tune_values, apply)},
    {.name = "no-probe",
     .help = "lease no finer rates for the measurement, even if those\n"
             "in force keep too few samples",
     .parse = wp_option_parse_flag,
     .target = offsetof(struct tune_values, no_probe)},
    {.name = "format",
     .letter = 'f',
     .help = "text (default) or json",
     .parse = wp_option_parse_choice,
     .target = offsetof(struct tune_values, format),
     .choices = formats},
    {.name = NULL},
};

/* `off` is a budget of `run` and `rate`; here it would ask for nothing. */
static bool
is_goal(const struct tune_values *values)
{
    return !values->budget.given ||
           (values->budget.value.cost_ns_per_s | values->budget.value.samples_per_s) != 0;
}

static struct wp_tune_goal
goal_of(const struct tune_values *values)
{
    struct wp_tune_goal goal = {
        .cost_ns_per_s = values->budget.value.cost_ns_per_s,
        .samples_per_s = values->budget.value.samples_per_s,
        .error = values->error,
    };

    if (!values->budget.given && values->error <= 0)
        goal.cost_ns_per_s = DEFAULT_COST_NS_PER_S;
    return goal;
}

/* Sets what keeps the goals, and nothing else. */
static int
apply(const struct wp_target *target, struct wp_tune_findings *findings, struct wp_error *error)
{
    const struct wp_tune_advice *advice = &findings->advice;
    const struct wp_tune_goal *goal = findings->goal;
    const struct wp_reader_rate_change change = {
        .block_rate_ns = advice->knows_block ? &advice->rates.block_rate_ns : NULL,
        .mutex_fraction = advice->knows_mutex ? &advice->rates.mutex_fraction : NULL,
    };
    struct wp_reader_rate_result result;
    char command[WP_TUNE_SHOW_COMMAND_BYTES];
    int status;

    if (findings->measurement->ending == WP_TUNE_ENDED_BY_TARGET)
        return wp_error_set(error, ECANCELED,
                            "%s: nothing was set, as the program is there no more; measure one "
                            "that runs on",
                            findings->what);
    if (change.block_rate_ns == NULL && change.mutex_fraction == NULL)
        return wp_error_set(error, ERANGE,
                            "%s: nothing was set, as no wait was kept; measure it while it waits",
                            findings->what);
    if (!advice->within_budget)
        return wp_error_set(error, ERANGE,
                            "%s: nothing was set, as no rates keep the budget; the program itself "
                            "keeps it after: %s",
                            findings->what,
                            wp_tune_show_budget_command(findings, command, sizeof command));
    if (!advice->within_error)
        return wp_error_set(error, ERANGE,
                            "%s: nothing was set, as the error cannot be kept; allow a larger "
                            "--error%s",
                            findings->what,
                            goal->cost_ns_per_s + goal->samples_per_s != 0 ? " or --budget" : "");
    status = wp_reader_change_rates(&target->place, &change, &result, error);
    findings->applied = status == 0;
    if (findings->applied)
        wp_rate_note_ended_leases(&result);
    return status;
}

static int
show(const struct wp_tune_findings *findings, unsigned format, struct wp_error *error)
{
    if (format == FORMAT_JSON && wp_tune_show_json(findings, stdout) != 0)
        return wp_error_set(error, ENOMEM, "out of memory");
    if (format == FORMAT_TEXT)
        wp_tune_show_text(findings, stdout);
    return 0;
}

static int
tune_target(const struct tune_values *values, const struct wp_target *target, const char *what,
            struct wp_error *error)
{
    const struct wp_tune_goal goal = goal_of(values);
    const struct wp_tune_plan plan = {
        .span_ns = values->span_ns.value,
        .may_probe = !values->no_probe,
        .probe_cost_ns_per_s = goal.cost_ns_per_s != 0 ? goal.cost_ns_per_s : DEFAULT_COST_NS_PER_S,
    };
    struct wp_tune_calibration calibration;
    struct wp_tune_measurement measurement;
    struct wp_tune_findings findings = {
        .what = what,
        .command = target->command,
        .pid = target->seen_pid,
        .measurement = &measurement,
        .calibration = &calibration,
        .goal = &goal,
    };
    int status, shown;

    if (wp_tune_calibrate(&calibration, error) != 0)
        wp_message_note("no calibration here: %s; typical costs stand in", error->text);
    status = wp_tune_measure(target, &plan, &calibration, &measurement, error);
    if (status != 0)
        return status;
    if (measurement.ending == WP_TUNE_ENDED_BY_TARGET)
        wp_message_warning(what, NULL,
                           "the program ended meanwhile, or became another by exec; this is of "
                           "the time until then");
    findings.advice = wp_tune_model_advise(&measurement.model, measurement.base, &goal);
    if (values->apply)
        status = apply(target, &findings, error);
    shown = show(&findings, values->format, status == 0 ? error : NULL);
    wp_tune_measurement_free(&measurement);
    return status != 0 ? status : shown;
}

static int
tune(const void *given, char **arguments)
{
    const struct tune_values *values = given;
    struct wp_target *target = NULL;
    struct wp_snapshot *snapshot = NULL;
    struct wp_error error = {""};
    int status;

    if (strcmp(arguments[0], WP_CONTENTION_LOCKS) == 0 ||
        strcmp(arguments[0], WP_CONTENTION_SEMAPHORES) == 0)
        return wp_contention_run(arguments[0], WP_CALIBRATION_RUN_NS);
    if (!is_goal(values)) {
        wp_message_error("--budget", "give a share of a processor or samples a second",
                         "off is nothing to recommend rates for");
        return WP_EXIT_USAGE;
    }
    status = wp_target_open(arguments[0], &target, &error);
    if (status == 0)
        status = wp_target_read(target, &snapshot, &error);
    if (status == 0 && wp_target_state(target, snapshot, NULL) == WP_STATE_GONE)
        status = wp_error_set(&error, ESRCH, "%s: the program has ended", arguments[0]);
    wp_snapshot_free(snapshot);
    if (status == 0)
        status = tune_target(values, target, arguments[0], &error);
    wp_target_release(target);
    return status != 0 ? wp_command_fail(status, &error) : WP_EXIT_OK;
}

const struct wp_command wp_command_tune = {
    .name = "tune",
    .arguments = "PID|REGION",
    .summary = "measure a running program and recommend sampling rates",
    .description =
        "Prints what each block rate and mutex fraction would keep, cost and be worth: samples a\n"
        "second, overhead in percent of a processor and of the CPU that the program uses, what is\n"
        "added to a call that has to wait, and the relative error (half of the 95 % interval) of\n"
        "the top ten stacks of a capture of 30 s, without those of less than 1 % of all delay.\n"
        "Recommends rates for a budget, for an error, or for both; --apply sets them.\n",
    .exit_codes = WP_EXIT_BITS_REGION,
    .options = options,
    .arguments_minimum = 1,
    .arguments_maximum = 1,
    .defaults = &defaults,
    .values_bytes = sizeof defaults,
    .run = tune,
};
