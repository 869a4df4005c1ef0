#include "cli/record/rate_lease.h"

#include <time.h>

#include "cli/message.h"
#include "profile/clock.h"
#include "profile/region_reader.h"

int
wp_rate_lease_take(struct wp_rate_lease *lease, struct wp_error *error)
{
    const struct wp_reader_rate_change change = {
        .block_rate_ns = wp_rate_option_pointer(&lease->rates->block_rate_ns),
        .mutex_fraction = wp_rate_option_pointer(&lease->rates->mutex_fraction),
        .for_ns = lease->for_ns,
    };
    struct wp_reader_rate_result result;
    int status;

    if (change.block_rate_ns == NULL && change.mutex_fraction == NULL)
        return 0;
    status = wp_reader_change_rates(lease->place, &change, &result, error);
    if (status != 0)
        return status;
    lease->number = result.lease;
    lease->due_ns = wp_clock_ns(CLOCK_MONOTONIC) + lease->for_ns / 2;
    return 0;
}

void
wp_rate_lease_renew(struct wp_rate_lease *lease)
{
    uint64_t old = lease->number;
    struct wp_error error = {""};

    if (old == 0 || wp_clock_ns(CLOCK_MONOTONIC) < lease->due_ns)
        return;
    /* The new one first: between two leases the program would be at its own rates. */
    if (wp_rate_lease_take(lease, &error) == 0)
        wp_reader_end_lease(lease->place, old, &(struct wp_reader_rates){0}, NULL);
    if (error.text[0] != '\0' && !lease->told_trouble)
        wp_message_warning(NULL, NULL, "the rates could not be renewed: %s", error.text);
    lease->told_trouble = error.text[0] != '\0';
}

void
wp_rate_lease_end(struct wp_rate_lease *lease)
{
    struct wp_reader_rates after;
    struct wp_error error = {""};

    if (lease->number == 0)
        return;
    if (wp_reader_end_lease(lease->place, lease->number, &after, &error) != 0)
        wp_message_warning(NULL, "they end by themselves in some seconds",
                           "the rates were not set back: %s", error.text);
    lease->number = 0;
}
