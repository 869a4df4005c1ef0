/*
 * Internal to encoders: the samples of a profile as the rows of a format that knows no kinds.
 */
#ifndef WP_PROFILE_ENCODE_ROWS_H
#define WP_PROFILE_ENCODE_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "profile/encode.h"
#include "profile/profile.h"
#include "profile/symbolize.h"

struct wp_encode_row {
    const struct wp_profile_sample *sample; /* the first of those that are one row */
    const char *kind;                       /* its label, NULL if there is none */
    uint64_t contentions_fixed;
    uint64_t delay_ns;
    uint64_t samples;
    double variance;
    double squares;
};

struct wp_encode_rows {
    struct wp_encode_row *rows; /* in the order of the profile */
    size_t count;
};

/*
 * Adds up samples of equal stacks and labels: the kinds of one function are one row unless the kind
 * is a label. On success the caller frees the rows. 0 or -ENOMEM.
 */
int wp_encode_rows_make(const struct wp_profile *profile, const struct wp_symbols *symbols,
                        const struct wp_encode_options *options, struct wp_encode_rows *rows);
void wp_encode_rows_free(struct wp_encode_rows *rows);

#endif
