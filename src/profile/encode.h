/*
 * The formats a profile can be written in: one list, for `export`, `record`, `run` and HTTP.
 */
#ifndef WP_PROFILE_ENCODE_H
#define WP_PROFILE_ENCODE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "profile/error.h"
#include "profile/profile.h"
#include "profile/symbolize.h"

/* What a sample can be labelled with: kind is what was waited for, mutex, cond, recv ... */
#define WP_ENCODE_LABELS(X) X(kind)

enum wp_encode_label {
#define WP_ENCODE_LABEL_ENUM(name) WP_LABEL_##name,
    WP_ENCODE_LABELS(WP_ENCODE_LABEL_ENUM)
#undef WP_ENCODE_LABEL_ENUM
        WP_LABEL_COUNT
};

struct wp_encode_options {
    uint32_t labels; /* bit of each enum wp_encode_label to write */
};

/* Writes the whole profile to `stream` (which stays open); the caller flushes and closes it and
 * thereby learns of late write errors. Samples are written in the order of the profile. Without
 * labels, samples that differ in nothing else are one, but in JSON, which has the kind of each. */
typedef int wp_encode(const struct wp_profile *profile, const struct wp_symbols *symbols,
                      const struct wp_encode_options *options, FILE *stream,
                      struct wp_error *error);

struct wp_encoder {
    const char *name;         /* as in --format */
    const char *suffix;       /* of a file's name, as ".pb.gz" */
    const char *content_type; /* for HTTP */
    const char *summary;      /* one line of help */
    wp_encode *encode;
};

extern const struct wp_encoder wp_encoders[]; /* ends with a NULL name; the first is the default */

/* NULL if there is none of that name. */
const struct wp_encoder *wp_encoder_find(const char *name);

#endif
