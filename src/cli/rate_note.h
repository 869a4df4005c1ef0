/*
 * What people are told of a change of rates, whichever command made it.
 */
#ifndef WP_CLI_RATE_NOTE_H
#define WP_CLI_RATE_NOTE_H

#include "profile/region_reader.h"

/* A note of the leases of others that the change ended; none, no note. */
void wp_rate_note_ended_leases(const struct wp_reader_rate_result *result);

#endif
