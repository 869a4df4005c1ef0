/*
 * Both profiles of one or more regions, from the regions to files and tables.
 */
#ifndef WP_CLI_CAPTURE_H
#define WP_CLI_CAPTURE_H

#include <stdio.h>

#include "profile/encode.h"
#include "profile/error.h"
#include "profile/profile.h"
#include "profile/region_reader.h"
#include "profile/report.h"
#include "profile/symbolize.h"

#define WP_CAPTURE_TYPES 2u

/* The types of profile, in the order in which they are shown. */
extern const enum wp_region_profile wp_capture_types[WP_CAPTURE_TYPES];

/* Their names, as initializers for the choices of --profile. */
#define WP_CAPTURE_TYPE_NAMES "block", "mutex"

/* profiles[i] is of type wp_capture_types[i]. Start with {0}; end with wp_capture_free. The symbols
 * are made when they are first needed; from then on nothing can be added. */
struct wp_capture {
    struct wp_profile *profiles[WP_CAPTURE_TYPES];
    struct wp_symbols *symbols[WP_CAPTURE_TYPES];
    struct wp_symbolizer *symbolizer;
};

/* Makes the empty profiles. 0 or -ENOMEM. */
int wp_capture_start(struct wp_capture *capture, struct wp_error *error);

/* Adds the data of a snapshot, which is not needed afterwards. */
int wp_capture_add(struct wp_capture *capture, const struct wp_snapshot *snapshot,
                   struct wp_error *error);

/* Leaves what happened since `earlier` was taken. */
int wp_capture_subtract(struct wp_capture *capture, const struct wp_capture *earlier,
                        struct wp_error *error);

/* Leaves the samples of a list of kinds (NULL: all), when all is added and subtracted. */
int wp_capture_select_kinds(struct wp_capture *capture, const char *kinds, struct wp_error *error);

/* Whether wp_capture_write could write its files now. 0 or -EIO. */
int wp_capture_check_prefix(const char *prefix, struct wp_error *error);

/* Writes PREFIX.block.pb.gz and PREFIX.mutex.pb.gz, and says so with the command to open them.
 * 0 or a negative errno; files are whole or not there. */
int wp_capture_write(struct wp_capture *capture, const char *prefix,
                     const struct wp_encode_options *options, struct wp_error *error);

/* Prints the tables of the types for which bit i of `types` is set. The terminal's width and colour
 * are put into *options. */
#define WP_CAPTURE_ALL_TYPES ((1u << WP_CAPTURE_TYPES) - 1)
int wp_capture_print(struct wp_capture *capture, unsigned types, struct wp_report_options *options,
                     FILE *stream, struct wp_error *error);

void wp_capture_free(struct wp_capture *capture);

#endif
