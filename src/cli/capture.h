/*
 * Both profiles of one or more regions, from the regions to files and tables.
 */
#ifndef WP_CLI_CAPTURE_H
#define WP_CLI_CAPTURE_H

#include <stdio.h>

#include "profile/error.h"
#include "profile/profile.h"
#include "profile/region_reader.h"
#include "profile/report.h"
#include "profile/symbolize.h"

#define WP_CAPTURE_KINDS 2u

/* The kinds of profile, in the order in which they are shown. */
extern const enum wp_region_profile wp_capture_kinds[WP_CAPTURE_KINDS];

/* Their names, as initializers for the choices of --profile. */
#define WP_CAPTURE_KIND_NAMES "block", "mutex"

/* profiles[i] is of kind wp_capture_kinds[i]. Start with {0}; end with wp_capture_free. The symbols
 * are made when they are first needed; from then on nothing can be added. */
struct wp_capture {
    struct wp_profile *profiles[WP_CAPTURE_KINDS];
    struct wp_symbols *symbols[WP_CAPTURE_KINDS];
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

/* Whether wp_capture_write could write its files now. 0 or -EIO. */
int wp_capture_check_prefix(const char *prefix, struct wp_error *error);

/* Writes PREFIX.block.pb.gz and PREFIX.mutex.pb.gz, and says so with the command to open them.
 * 0 or a negative errno; files are whole or not there. */
int wp_capture_write(struct wp_capture *capture, const char *prefix, struct wp_error *error);

/* Prints the tables of the kinds for which bit i of `kinds` is set. The terminal's width and colour
 * are put into *options. */
#define WP_CAPTURE_ALL_KINDS ((1u << WP_CAPTURE_KINDS) - 1)
int wp_capture_print(struct wp_capture *capture, unsigned kinds, struct wp_report_options *options,
                     FILE *stream, struct wp_error *error);

void wp_capture_free(struct wp_capture *capture);

#endif
