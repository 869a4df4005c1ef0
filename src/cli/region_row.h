/*
 * The regions as rows for people: what `ls` lists and `prune` decides on.
 */
#ifndef WP_CLI_REGION_ROW_H
#define WP_CLI_REGION_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "profile/error.h"
#include "profile/region_find.h"

struct wp_region_row {
    struct wp_region_place place;
    uint64_t region_id;
    uint64_t start_realtime_ns;
    uint64_t age_ns;     /* since the program started */
    uint64_t size_bytes; /* allocated */
    uint64_t block_rate_ns;
    uint64_t mutex_fraction;
    uint64_t samples; /* kept, of both profiles */
    uint64_t lost;    /* samples and waiters, see cli/region_loss.h */
    uint32_t pid;     /* as seen from here while it runs, else as the program saw it */
    uint32_t uid;
    const char *state; /* as of struct wp_region_life */
    bool ended;
    bool exported;
    char command[64]; /* printable */
};

/*
 * Reads every region of this user, or with `all` of every user, newest first. Regions that cannot
 * be read are named on standard error and left out. On success the caller frees *rows with free().
 */
int wp_region_rows_read(bool all, struct wp_region_row **rows, size_t *count,
                        struct wp_error *error);

#endif
