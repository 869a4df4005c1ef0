/*
 * What the stacks of a region did in a span, cut into slices: from one snapshot to the next.
 */
#ifndef WP_CLI_TUNE_SLICES_H
#define WP_CLI_TUNE_SLICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/tune/model.h"
#include "profile/error.h"
#include "profile/region_reader.h"

/* What one stack did in one slice. */
struct wp_tune_piece {
    struct wp_tune_kept kept;
    uint32_t stack; /* its number in the span */
    uint16_t function;
};

struct wp_tune_slices {
    struct wp_tune_piece *pieces; /* of the block profile, slice after slice */
    size_t piece_count, piece_room;
    struct wp_tune_holder *holders; /* of the mutex profile, by number of the stack */
    size_t holder_room;
    /* Waiters registered for the mutex profile, and how many lock waits they stand for at the
     * fractions that each slice had. */
    double registered, lock_waits;
    bool rates_varied; /* the block rate or what part of the waits is looked at, as far as known */
    uint64_t start_realtime_ns; /* when the span began */
    uint32_t *numbers;          /* of the stacks of `last` */
    uint32_t number_count;
    struct wp_snapshot *last; /* owned */
};

/* Starts with {0}, ends with wp_tune_slices_free. The first snapshot only begins the span. Takes
 * over the snapshot, also when it fails. 0 or -ENOMEM. */
int wp_tune_slices_add(struct wp_tune_slices *slices, struct wp_snapshot *snapshot,
                       struct wp_error *error);

void wp_tune_slices_free(struct wp_tune_slices *slices);

#endif
