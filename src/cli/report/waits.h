/*
 * What captures say together: one row a stack or function, with its delay and how well that is
 * known. Captures are added one after the other and are not needed afterwards.
 */
#ifndef WP_CLI_REPORT_WAITS_H
#define WP_CLI_REPORT_WAITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compare/comparison.h"
#include "compare/pprof_file.h"
#include "profile/error.h"

struct wp_report_figures {
    double delay_ns, contentions;
    double samples, variance; /* as of struct wp_pprof_stack */
    bool has_error;           /* the two are known of all of it */
};

struct wp_report_frame {
    const char *name, *file; /* the file without its directory */
    uint32_t line;
    bool is_inlined;
};

struct wp_report_row {
    const char *caller; /* the first function that is not the API's */
    const char *leaf;   /* the API function, or the innermost one */
    const char *kind;   /* "" unknown */
    struct wp_report_figures figures;
    struct wp_report_frame *frames; /* of a stack that had much of it; innermost first */
    size_t depth;
    size_t caller_frame; /* index of the caller; 0: there is none but the leaf, or beyond them */
    double stack_ns;     /* delay of that stack in the capture that it was taken from */
};

struct wp_report_waits {
    enum wp_region_profile type;
    struct wp_report_row *rows; /* once it is finished: most delay first */
    size_t row_count;
    struct wp_report_figures total;
    size_t capture_count;
    uint64_t duration_ns;       /* of all captures; 0: some do not say */
    uint64_t from_ns, until_ns; /* CLOCK_REALTIME; 0 unknown */
    char **comments;            /* of the latest capture: all that repeat are the same */
    size_t comment_count;
};

/* An empty one; `selection` (grouping, function, kinds) outlives it. The caller frees it. */
int wp_report_waits_new(enum wp_region_profile type, const struct wp_comparison_options *selection,
                        struct wp_report_waits **waits, struct wp_error *error);
void wp_report_waits_free(struct wp_report_waits *waits); /* NULL is fine */

/* 0; -EINVAL: the expression cannot be used; -ENOMEM. */
int wp_report_waits_add(struct wp_report_waits *waits, const struct wp_pprof *capture,
                        struct wp_error *error);

/* Sorts the rows. Nothing can be added afterwards. */
void wp_report_waits_finish(struct wp_report_waits *waits);

#endif
