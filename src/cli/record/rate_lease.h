/*
 * Rates that hold while a program is recorded: a lease, which the program ends by itself if this
 * command is killed, and which is renewed as long as it is not.
 */
#ifndef WP_CLI_RECORD_RATE_LEASE_H
#define WP_CLI_RECORD_RATE_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/rate_options.h"
#include "profile/error.h"
#include "profile/region_find.h"

/* All zeros, but for what it is for. */
struct wp_rate_lease {
    const struct wp_rate_values *rates; /* outlives it */
    const struct wp_region_place *place;
    uint64_t for_ns; /* one lease */
    uint64_t number; /* of the one that runs, 0 none */
    uint64_t due_ns; /* CLOCK_MONOTONIC: when to take the next */
    bool told_trouble;
};

/* Takes the first; nothing where no rates are asked for. */
int wp_rate_lease_take(struct wp_rate_lease *lease, struct wp_error *error);

/* Takes a new one in good time; to be called at least twice in for_ns. What is wrong is said. */
void wp_rate_lease_renew(struct wp_rate_lease *lease);

/* Ends it, with a warning if that cannot be done. */
void wp_rate_lease_end(struct wp_rate_lease *lease);

#endif
