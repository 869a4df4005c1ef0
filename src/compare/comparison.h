/*
 * Two sides of captures, lined up: for each stack or function what every capture saw of it.
 */
#ifndef WP_COMPARE_COMPARISON_H
#define WP_COMPARE_COMPARISON_H

#include <stdbool.h>
#include <stddef.h>

#include "compare/change.h"
#include "compare/faults.h"
#include "compare/pprof_file.h"
#include "profile/error.h"

enum wp_comparison_side { WP_SIDE_BASE, WP_SIDE_NEW, WP_SIDE_COUNT };

/* What makes stacks one row. Lines, addresses and suffixes that a compiler gives to the parts and
 * copies of a function (foo.constprop.0) do not: they differ between releases. Kinds do, if all
 * captures name them. */
enum wp_comparison_grouping {
    WP_COMPARE_STACKS,    /* the names of all functions */
    WP_COMPARE_FUNCTIONS, /* the API function and the first that is none. What a language puts
                           * between is API, too: std::mutex::lock of C++, std of Rust; of Go's
                           * files, what belongs to packages runtime, sync, internal/... */
};

/* An API function and what it waits for. One with several kinds has a row for each, the usual one
 * first. */
struct wp_comparison_function {
    const char *name;
    const char *kind;
    const char *family;
};

struct wp_comparison_options {
    enum wp_comparison_grouping grouping;
    const char *function; /* POSIX extended regular expression: only stacks with such a function;
                           * NULL all */
    const char *kinds;    /* as of profile/kind.h; NULL all. Stacks without a kind (a label) have
                           * that of their leaf: the usual one in a block profile, any one of a lock
                           * in a mutex profile; those of unknown leaves are left out */
    const struct wp_comparison_function
        *functions; /* tells kinds of leaves and families of kinds */
    size_t function_count;
    /* What a capture is divided by: 0: its duration in seconds; else so many operations of the
     * program, by side: both or none. */
    double operations[WP_SIDE_COUNT];
};

/* One stack or function. */
struct wp_comparison_row {
    const char *name;                      /* the function; of a stack: the caller of the API */
    const char *file;                      /* of it, "" unknown */
    const char *leaf;                      /* the API function, or the innermost one */
    const char *kind;                      /* "" unless all captures name kinds */
    const struct wp_pprof_stack *stack;    /* that had the most delay, to show */
    struct wp_values delay[WP_SIDE_COUNT]; /* ns per unit, one value a capture */
    struct wp_values contentions[WP_SIDE_COUNT]; /* per unit; the noise is never known */
    double samples[WP_SIDE_COUNT];               /* kept in all captures; NaN unknown */
    struct wp_change change;                     /* of delay */
};

struct wp_comparison {
    enum wp_region_profile type; /* 0 unknown */
    const char *unit;            /* "s" or "operation" */
    size_t captures[WP_SIDE_COUNT];
    struct wp_faults faults[WP_SIDE_COUNT]; /* with copies on a side no change has a basis */
    struct wp_comparison_row *rows;         /* by the size of the difference, largest first */
    size_t row_count;
    struct wp_comparison_row total; /* of all rows that were selected; no stack */
    size_t kindless_stacks;         /* left out by `kinds` because nothing tells their kind */
};

/*
 * Lines up the captures, which must outlive the comparison. -EINVAL: captures of different types
 * (block and mutex), a side without captures, one without a duration where it is asked for (the
 * message names the file and the remedy), an expression that cannot be used, kinds where no stack
 * of a capture has one. -ENOMEM.
 *
 * A stack that a capture has not is a 0 of that capture.
 */
int wp_comparison_make(struct wp_pprof *const *captures[WP_SIDE_COUNT],
                       const size_t counts[WP_SIDE_COUNT],
                       const struct wp_comparison_options *options,
                       struct wp_comparison **comparison, struct wp_error *error);

/* True for a row of delay without a function, "[not attributed: budget]"; false for the total. */
bool wp_comparison_row_is_noted(const struct wp_comparison_row *row);

void wp_comparison_free(struct wp_comparison *comparison); /* NULL is fine */

#endif
