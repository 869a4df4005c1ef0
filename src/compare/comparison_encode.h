/*
 * A comparison as a profile of what differs: new minus base, as `go tool pprof -diff_base` makes
 * it. Of each row there is a sample of NEW and one of BASE with negative values and the label
 * pprof::base, by which pprof tells shares of BASE.
 */
#ifndef WP_COMPARE_COMPARISON_ENCODE_H
#define WP_COMPARE_COMPARISON_ENCODE_H

#include <stdint.h>
#include <stdio.h>

#include "compare/comparison.h"
#include "profile/error.h"

struct wp_comparison_encoding {
    double units;         /* values are per so many: seconds, operations */
    uint64_t time_ns;     /* of the profile */
    uint64_t duration_ns; /* of the profile */
    const char *program;  /* path of the executable, after which pprof names the profile */
    const char *comment;
    const char *label_name; /* a label of all samples; NULL: none */
    const char *(*label)(const struct wp_change *change);
};

/* Writes the rows of a comparison by stacks, compressed. Addresses are not in it: the sides may be
 * different programs. 0, -ENOMEM, or the errno of writing. */
int wp_comparison_encode(const struct wp_comparison *comparison,
                         const struct wp_comparison_encoding *encoding, FILE *stream,
                         struct wp_error *error);

#endif
