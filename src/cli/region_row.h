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
    double own_cost;  /* of recording, since the start: a share of one processor */
    uint32_t pid;     /* as seen from here while it runs, else as the program saw it */
    uint32_t uid;
    const char *state; /* as of struct wp_region_life */
    bool ended;
    bool exported;
    char command[64]; /* printable */
};

/* A region of another format version: nothing but this is known of it. */
struct wp_region_stranger {
    struct wp_region_place place;
    uint32_t version;
    uint64_t age_ns; /* since the file was last written to */
    bool is_unused;  /* the kernel says that nobody has it mapped */
};

struct wp_region_rows {
    struct wp_region_row *rows; /* newest first */
    size_t count;
    struct wp_region_stranger *strangers; /* by version */
    size_t stranger_count;
};

/*
 * Reads every region of this user, or with `all` of every user. Regions that cannot be read are
 * named on standard error and left out. On success the caller ends them with wp_region_rows_free.
 */
int wp_region_rows_read(bool all, struct wp_region_rows *rows, struct wp_error *error);
void wp_region_rows_free(struct wp_region_rows *rows);

/* Warns of the strangers, one line for each version: how many, where, and `remedy`. */
void wp_region_rows_report_strangers(const struct wp_region_rows *rows, const char *remedy);

#endif
