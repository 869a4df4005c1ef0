/*
 * waitprof rate: shows and changes the sampling rates of a running program.
 */
#include <inttypes.h>

#include "cli/command.h"
#include "cli/message.h"
#include "cli/quantity.h"
#include "cli/rate_options.h"
#include "profile/region_find.h"
#include "profile/region_reader.h"

struct rate_values {
    struct wp_rate_values rates;
    struct wp_option_number for_ns;
};

static const struct wp_option options[] = {
    WP_RATE_OPTIONS(struct rate_values, rates),
    {.name = "for",
     .placeholder = "TIME",
     .help = "for so long (seconds, or with unit: 500ms, 5m), then as\n"
             "before, even if this command is killed; default: for good",
     .parse = wp_option_parse_time,
     .target = offsetof(struct rate_values, for_ns),
     .minimum = 1,
     .unit_ns = UINT64_C(1000000000)},
    {.name = NULL},
};

static void
print_rates(const struct wp_reader_rates *before, const struct wp_reader_rates *after)
{
    char old[WP_QUANTITY_TEXT_BYTES], new[WP_QUANTITY_TEXT_BYTES];

    printf("block-rate      %s", wp_quantity_format_exact_time(before->block_rate_ns, old));
    if (after->block_rate_ns != before->block_rate_ns)
        printf(" -> %s", wp_quantity_format_exact_time(after->block_rate_ns, new));
    printf("\nmutex-fraction  %" PRIu64, before->mutex_fraction);
    if (after->mutex_fraction != before->mutex_fraction)
        printf(" -> %" PRIu64, after->mutex_fraction);
    printf("\n");
}

/* One line for each lease that runs, the one that counts first. */
static void
print_leases(const struct wp_snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->lease_count; i++) {
        const struct wp_reader_lease *lease = &snapshot->leases[i];
        char left[WP_QUANTITY_TEXT_BYTES], rate[WP_QUANTITY_TEXT_BYTES];

        printf("lease           for %s more:",
               wp_quantity_format_time(lease->deadline_ns - snapshot->read_monotonic_ns, left));
        if (lease->has_block_rate)
            printf(" block-rate %s", wp_quantity_format_exact_time(lease->block_rate_ns, rate));
        if (lease->has_mutex_fraction)
            printf(" mutex-fraction %" PRIu64, lease->mutex_fraction);
        printf("\n");
    }
    if (snapshot->lease_count > 0) {
        char rate[WP_QUANTITY_TEXT_BYTES];

        printf("then            block-rate %s mutex-fraction %" PRIu64 "\n",
               wp_quantity_format_exact_time(snapshot->base_block_rate_ns, rate),
               snapshot->base_mutex_fraction);
    }
}

static int
show_leases(const char *what, const struct wp_region_place *place, struct wp_error *error)
{
    struct wp_snapshot *snapshot = NULL;
    int status = wp_reader_open(place, &snapshot, error);

    if (status == 0) {
        print_leases(snapshot);
        if (wp_snapshot_state(snapshot, NULL) == WP_STATE_GONE)
            wp_message_warning(what, NULL, "the program has ended: these rates do nothing");
    }
    wp_snapshot_free(snapshot);
    return status;
}

static int
rate(const void *given, char **arguments)
{
    const struct rate_values *values = given;
    const struct wp_reader_rate_change change = {
        .block_rate_ns = wp_rate_option_pointer(&values->rates.block_rate_ns),
        .mutex_fraction = wp_rate_option_pointer(&values->rates.mutex_fraction),
        .for_ns = values->for_ns.given ? values->for_ns.value : 0,
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
    if (status == 0) {
        print_rates(&result.before, &result.after);
        if (result.ended_leases > 0)
            wp_message_note("%zu lease%s on these rates ended", result.ended_leases,
                            result.ended_leases == 1 ? "" : "s");
        status = show_leases(arguments[0], &place, &error);
    }
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
        "several leases the latest counts. A change for good ends the leases on that rate.\n",
    .exit_codes = WP_EXIT_BITS_REGION,
    .options = options,
    .arguments_minimum = 1,
    .arguments_maximum = 1,
    .values_bytes = sizeof(struct rate_values),
    .run = rate,
};
