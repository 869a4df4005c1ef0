/*
 * waitprof rate: shows and changes the sampling rates of a running program, and their budget.
 */
#include <inttypes.h>
#include <json-c/json.h>
#include <string.h>

#include "cli/command.h"
#include "cli/message.h"
#include "cli/quantity.h"
#include "cli/rate_json.h"
#include "cli/rate_note.h"
#include "cli/rate_options.h"
#include "cli/time_text.h"
#include "profile/budget_range.h"
#include "profile/json_add.h"
#include "profile/own_cost.h"
#include "profile/region_find.h"
#include "profile/region_reader.h"

struct rate_values {
    struct wp_rate_values rates;
    struct wp_option_budget budget;
    struct wp_option_number for_ns;
    bool history;
    bool json;
};

static const struct wp_option options[] = {
    WP_RATE_OPTIONS(struct rate_values, rates),
    WP_BUDGET_OPTION(struct rate_values, budget),
    {.name = "for",
     .placeholder = "TIME",
     .help = "for so long (seconds, or with unit: 500ms, 5m), then as\n"
             "before, even if this command is killed; default: for good",
     .parse = wp_option_parse_time,
     .target = offsetof(struct rate_values, for_ns),
     .minimum = 1,
     .unit_ns = UINT64_C(1000000000)},
    {.name = "history",
     .help = "print what the budget chose, second by second, and what\n"
             "recording cost then",
     .parse = wp_option_parse_flag,
     .target = offsetof(struct rate_values, history)},
    {.name = "json",
     .help = "print JSON, the history included",
     .parse = wp_option_parse_flag,
     .target = offsetof(struct rate_values, json)},
    {.name = NULL},
};

static void
print_change(const char *name, const char *before, const char *after)
{
    if (strcmp(before, after) == 0)
        printf("%-15s %s\n", name, before);
    else
        printf("%-15s %s -> %s\n", name, before, after);
}

static bool
has_budget(const struct wp_reader_rates *rates)
{
    return (rates->budget_cost_ns_per_s | rates->budget_samples_per_s) != 0;
}

/* What only a budget has is left out where there is none. */
static void
print_rates(const struct wp_reader_rates *before, const struct wp_reader_rates *after)
{
    char old[WP_OWN_COST_TEXT_BYTES], new[WP_OWN_COST_TEXT_BYTES];

    print_change("block-rate", wp_quantity_format_exact_time(before->block_rate_ns, old),
                 wp_quantity_format_exact_time(after->block_rate_ns, new));
    print_change("mutex-fraction", wp_quantity_format_number(before->mutex_fraction, old),
                 wp_quantity_format_number(after->mutex_fraction, new));
    if (before->wait_fraction != 1 || after->wait_fraction != 1)
        print_change("wait-fraction", wp_quantity_format_number(before->wait_fraction, old),
                     wp_quantity_format_number(after->wait_fraction, new));
    if (has_budget(before) || has_budget(after))
        print_change("budget",
                     wp_own_cost_format_budget(before->budget_cost_ns_per_s,
                                               before->budget_samples_per_s, old, sizeof old),
                     wp_own_cost_format_budget(after->budget_cost_ns_per_s,
                                               after->budget_samples_per_s, new, sizeof new));
}

/* One line for each lease that runs, the one that counts first; then what the rates are without
 * leases and budget, if that is something else. */
static void
print_leases(const struct wp_snapshot *snapshot)
{
    char rate[WP_QUANTITY_TEXT_BYTES];

    for (size_t i = 0; i < snapshot->lease_count; i++) {
        const struct wp_reader_lease *lease = &snapshot->leases[i];
        char left[WP_QUANTITY_TEXT_BYTES];

        printf("lease           for %s more:",
               wp_quantity_format_time(lease->deadline_ns - snapshot->read_monotonic_ns, left));
        if (lease->has_block_rate)
            printf(" block-rate %s", wp_quantity_format_exact_time(lease->block_rate_ns, rate));
        if (lease->has_mutex_fraction)
            printf(" mutex-fraction %" PRIu64, lease->mutex_fraction);
        printf("\n");
    }
    if (snapshot->lease_count > 0 || snapshot->budget_cost_ns_per_s != 0 ||
        snapshot->budget_samples_per_s != 0)
        printf("%-15s block-rate %s mutex-fraction %" PRIu64 "\n",
               snapshot->lease_count > 0 ? "then" : "at least",
               wp_quantity_format_exact_time(snapshot->base_block_rate_ns, rate),
               snapshot->base_mutex_fraction);
}

/* --- What the budget chose */

static void
print_turn(const struct wp_reader_budget_turn *turn)
{
    char span[WP_QUANTITY_TEXT_BYTES], rate[WP_QUANTITY_TEXT_BYTES];
    char share[WP_OWN_COST_TEXT_BYTES], when[WP_TIME_TEXT_BYTES];

    printf("%-23s %7s %10s %8" PRIu64 " %6" PRIu64 " %13s %9.0f %9.0f%s\n",
           wp_time_format(turn->realtime_ns, false, WP_TIME_FULL, when),
           wp_quantity_format_time(turn->span_ns, span),
           wp_quantity_format_time(turn->block_rate_ns, rate), turn->mutex_fraction,
           turn->wait_fraction,
           wp_own_cost_format_share(wp_budget_turn_cpu_share(turn), share, sizeof share),
           wp_budget_turn_rate(turn, turn->waits), wp_budget_turn_rate(turn, turn->samples),
           turn->is_unsplit ? "  conditions unsplit" : "");
}

static const char *
explain_no_turns(const struct wp_snapshot *snapshot)
{
    if ((snapshot->budget_cost_ns_per_s | snapshot->budget_samples_per_s) == 0)
        return "no budget has had a turn yet; `waitprof rate --budget` sets one";
    if (snapshot->block_rate_ns == 0 && snapshot->mutex_fraction == 0)
        return "the budget has had no turn yet: nothing is recorded at rates of 0; set them with "
               "--block-rate and --mutex-fraction";
    return "the budget has had no turn yet: it has one after each whole second in "
           "which something waits";
}

static void
print_history(const struct wp_snapshot *snapshot)
{
    if (snapshot->budget_turns_known == 0) {
        wp_message_note("%s", explain_no_turns(snapshot));
        return;
    }
    printf("\n%-23s %7s %10s %8s %6s %13s %9s %9s\n", "UNTIL", "SPAN", "BLOCK-RATE", "MUTEX-1/",
           "WAIT-1/", "COST OF A CPU", "WAITS/S", "SAMPLES/S");
    for (size_t i = 0; i < snapshot->budget_turns_known; i++)
        print_turn(&snapshot->budget_turns[i]);
}

/* --- All */

static void
print_json(const struct wp_snapshot *snapshot)
{
    struct json_object *object = wp_rate_json(snapshot);

    wp_json_add(object, "history", wp_rate_json_turns(snapshot));
    printf("%s\n", json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
                                                              JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(object);
}

static int
show(const struct rate_values *values, const char *what, const struct wp_region_place *place,
     const struct wp_reader_rate_result *result, struct wp_error *error)
{
    struct wp_snapshot *snapshot = NULL;
    int status;

    if (!values->json)
        print_rates(&result->before, &result->after);
    wp_rate_note_ended_leases(result);
    status = wp_reader_open(place, &snapshot, error);
    if (status != 0)
        return status;
    if (values->json)
        print_json(snapshot);
    else
        print_leases(snapshot);
    if (values->history && !values->json)
        print_history(snapshot);
    if (values->budget.given && has_budget(&result->after) && result->after.block_rate_ns == 0 &&
        result->after.mutex_fraction == 0)
        wp_message_warning("--budget", "set them with --block-rate and --mutex-fraction",
                           "nothing is recorded at rates of 0, with a budget or without");
    if (wp_snapshot_state(snapshot, NULL) == WP_STATE_GONE)
        wp_message_warning(what, NULL, "the program has ended: these rates do nothing");
    wp_snapshot_free(snapshot);
    return 0;
}

static int
rate(const void *given, char **arguments)
{
    const struct rate_values *values = given;
    const struct wp_quantity_budget *budget = &values->budget.value;
    const struct wp_reader_rate_change change = {
        .block_rate_ns = wp_rate_option_pointer(&values->rates.block_rate_ns),
        .mutex_fraction = wp_rate_option_pointer(&values->rates.mutex_fraction),
        .for_ns = values->for_ns.given ? values->for_ns.value : 0,
        .budget_cost_ns_per_s = values->budget.given ? &budget->cost_ns_per_s : NULL,
        .budget_samples_per_s = values->budget.given ? &budget->samples_per_s : NULL,
    };
    struct wp_reader_rate_result result;
    struct wp_region_place place;
    struct wp_error error = {""};
    int status;

    if (values->for_ns.given && change.block_rate_ns == NULL && change.mutex_fraction == NULL) {
        wp_message_error("--for", "give --block-rate or --mutex-fraction as well",
                         "there is no rate to change for that time");
        return WP_EXIT_USAGE;
    }
    status = wp_region_find(arguments[0], &place, &error);
    if (status == 0)
        status = wp_reader_change_rates(&place, &change, &result, &error);
    if (status == 0)
        status = show(values, arguments[0], &place, &result, &error);
    return status != 0 ? wp_command_fail(status, &error) : WP_EXIT_OK;
}

const struct wp_command wp_command_rate = {
    .name = "rate",
    .arguments = "PID|REGION",
    .summary = "show or change the sampling rates of a running program",
    .description =
        "Prints the rates of a running program, or changes them and prints old and new. They hold\n"
        "for its forked children too. Totals stay unbiased: each sample is scaled by the rate in\n"
        "force when it was taken. With --for they are a lease, which the program itself ends: of\n"
        "several leases the latest counts. A change for good ends the leases on that rate. With\n"
        "a budget the program itself coarsens its rates while recording would cost more, and\n"
        "goes back to them when it would not.\n",
    .exit_codes = WP_EXIT_BITS_REGION,
    .options = options,
    .arguments_minimum = 1,
    .arguments_maximum = 1,
    .values_bytes = sizeof(struct rate_values),
    .run = rate,
};
