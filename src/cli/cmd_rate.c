/*
 * waitprof rate: shows and changes the sampling rates of a running program.
 */
#include <inttypes.h>

#include "cli/command.h"
#include "cli/quantity.h"
#include "cli/rate_options.h"
#include "profile/region_find.h"
#include "profile/region_reader.h"

struct rate_values {
    struct wp_rate_values rates;
};

static const struct wp_option options[] = {
    WP_RATE_OPTIONS(struct rate_values, rates),
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

static int
rate(const void *given, char **arguments)
{
    const struct rate_values *values = given;
    struct wp_reader_rates before, after;
    struct wp_region_place place;
    struct wp_error error = {""};
    int status = wp_region_find(arguments[0], &place, &error);

    if (status == 0)
        status = wp_reader_set_rates(&place, wp_rate_option_pointer(&values->rates.block_rate_ns),
                                     wp_rate_option_pointer(&values->rates.mutex_fraction), &before,
                                     &after, &error);
    if (status != 0)
        return wp_command_fail(status, &error);
    print_rates(&before, &after);
    return WP_EXIT_OK;
}

const struct wp_command wp_command_rate = {
    .name = "rate",
    .arguments = "PID|REGION",
    .summary = "show or change the sampling rates of a running program",
    .description =
        "Prints the rates of a running program, or changes them and prints old and new. Totals\n"
        "stay unbiased: each sample is scaled by the rate in force when it was taken.\n",
    .exit_codes = WP_EXIT_BITS_REGION,
    .options = options,
    .arguments_minimum = 1,
    .arguments_maximum = 1,
    .values_bytes = sizeof(struct rate_values),
    .run = rate,
};
