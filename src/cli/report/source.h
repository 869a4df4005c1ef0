/*
 * What `waitprof report` is given: regions, pprof files, directories of these or of slices.
 */
#ifndef WP_CLI_REPORT_SOURCE_H
#define WP_CLI_REPORT_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/kind_functions.h"
#include "cli/report/waits.h"
#include "compare/comparison.h"
#include "compare/pprof_file.h"
#include "profile/error.h"
#include "profile/region_reader.h"

#define WP_REPORT_SOURCE_BYTES 256u

struct wp_report_source {
    char *const *arguments;
    struct wp_snapshot **regions;
    size_t region_count;
    struct wp_pprof **files;
    size_t file_count, file_capacity;
    bool has_slices; /* some argument is a directory of slices: captures are not read yet */
    struct wp_comparison_options selection; /* with the functions that tell kinds */
    struct wp_kind_functions functions;
};

/* Looks at the arguments and reads regions and files. Beside slices only files and directories are
 * possible. 0; as wp_region_find and wp_pprof_read; -EINVAL. Close it whatever is returned. */
int wp_report_source_open(char *const *arguments, const struct wp_comparison_options *selection,
                          struct wp_report_source *source, struct wp_error *error);
void wp_report_source_close(struct wp_report_source *source);

/* Adds regions and files of the type of the waits; `name`, for headings, is cut to fit. */
int wp_report_source_read(const struct wp_report_source *source, struct wp_report_waits *waits,
                          char name[WP_REPORT_SOURCE_BYTES], struct wp_error *error);

/* A wp_timeline_visit; the context is the waits. */
int wp_report_source_add(const struct wp_pprof *capture, void *context, struct wp_error *error);

#endif
