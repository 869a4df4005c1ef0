/*
 * Contention over time: rows of equal length, what was recorded in each, and the functions that had
 * the delay.
 */
#ifndef WP_CLI_TIMELINE_MODEL_H
#define WP_CLI_TIMELINE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/timeline/stored_slices.h"
#include "compare/comparison.h"
#include "compare/pprof_file.h"
#include "profile/error.h"
#include "profile/interval.h"

/* What a function has of a row: the first function that is not the API's, as in the report. */
struct wp_timeline_part {
    uint32_t row;
    uint32_t function; /* index of the timeline's functions */
    double delay_ns;
};

struct wp_timeline_row {
    uint64_t from_ns, until_ns;
    double recorded_ns; /* of it */
    double delay_ns;
    double contentions;
    double samples, variance;             /* as of struct wp_pprof_stack */
    bool has_error;                       /* the two are known of all of it */
    const struct wp_timeline_part *parts; /* most delay first */
    size_t part_count;
};

/* Over all rows, most delay first. */
struct wp_timeline_function {
    const char *name;
    double delay_ns;
};

struct wp_timeline_options {
    enum wp_region_profile type;
    uint64_t from_ns, until_ns; /* what to show */
    uint64_t row_ns;            /* 0: as fits */
    size_t rows_max;
    bool utc;
    /* Which stacks: function, kinds and what they need; the rest does not matter. */
    struct wp_comparison_options selection;
};

struct wp_timeline {
    struct wp_timeline_options options; /* row_ns is set */
    struct wp_timeline_row *rows;
    size_t row_count;
    struct wp_timeline_function *functions;
    size_t function_count;
    struct wp_timeline_part *parts; /* of all rows, row after row */
    size_t part_count;
    struct wp_stored_reading reading;
    bool is_noted;       /* a time without a profile is known to have been recorded or not */
    size_t stored_count; /* profiles of the type, in the time to show or not */
    size_t profile_count;
    uint64_t profiles_ns; /* their spans, all together */
    double delay_ns;
    double recorded_ns;
    /* What the profiles are of, for those who do not divide them as rows do: the time to show, with
     * the whole of each slice that has a part in it, and how much of that was recorded. */
    uint64_t whole_from_ns, whole_until_ns, whole_recorded_ns;
    double peak; /* the largest delay per recorded time of a row */
};

/* Called for each capture that has a part in the time to show, besides; NULL: nothing else is
 * wanted. */
typedef int wp_timeline_visit(const struct wp_pprof *capture, void *context,
                              struct wp_error *error);

/* On success the caller frees it. -EINVAL: an expression that cannot be used, more than
 * WP_TIMELINE_ROWS_MAX rows; -ENOMEM. */
#define WP_TIMELINE_ROWS_MAX 1000000u
int wp_timeline_make(const struct wp_stored_slices *slices,
                     const struct wp_timeline_options *options, wp_timeline_visit *visit,
                     void *context, struct wp_timeline **timeline, struct wp_error *error);
void wp_timeline_free(struct wp_timeline *timeline); /* NULL is fine */

/* The row's delay for each second recorded, in seconds; 0 if nothing was. */
double wp_timeline_rate(const struct wp_timeline_row *row);

/* Its 95 % interval; false: unknown. */
bool wp_timeline_interval(const struct wp_timeline_row *row, struct wp_interval *rate);

/* The smallest length of the usual ones (1 s, 2 s, 5 s, ... 1 h, ... 1 d) that makes at most so
 * many rows of a span, and is no shorter than `least_ns`, give or take a tenth. */
uint64_t wp_timeline_row_length(uint64_t span_ns, size_t rows_max, uint64_t least_ns);

#endif
