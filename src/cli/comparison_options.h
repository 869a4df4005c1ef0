/*
 * What commands that compare captures have in common: the options that say what is compared, and
 * the arguments that name the captures, `BASE NEW` or `BASE... -- NEW...`.
 */
#ifndef WP_CLI_COMPARISON_OPTIONS_H
#define WP_CLI_COMPARISON_OPTIONS_H

#include <stddef.h>

#include "cli/option_table.h"
#include "compare/comparison.h"
#include "profile/error.h"

struct wp_comparison_values {
    unsigned type;        /* enum wp_region_profile; 0: what the captures are */
    const char *function; /* NULL: all */
    const char *kinds;    /* as of profile/kind.h; NULL: all */
    struct wp_comparison_unit {
        double operations[WP_SIDE_COUNT]; /* 0: per second */
    } per;
};

/* Rows of an option table; `member` is the struct wp_comparison_values in the command's values. */
#define WP_COMPARISON_OPTIONS(values, member)                                                      \
    {.name = "profile",                                                                            \
     .help = "of captures of both types, these",                                                   \
     .parse = wp_option_parse_comparison_type,                                                     \
     .target = offsetof(values, member.type),                                                      \
     .choices = wp_comparison_types},                                                              \
        {.name = "function",                                                                       \
         .placeholder = "RE",                                                                      \
         .help = "only stacks with a function whose name matches\n"                                \
                 "the POSIX extended regular expression",                                          \
         .parse = wp_option_parse_text,                                                            \
         .target = offsetof(values, member.function)},                                             \
        {.name = "kind",                                                                           \
         .letter = 'k',                                                                            \
         .placeholder = "KIND[,KIND...]",                                                          \
         .help = "only waits of these kinds: mutex, recv, a family\n"                              \
                 "(net), a pattern ('rwlock*'), or lock for all locks",                            \
         .parse = wp_option_parse_text,                                                            \
         .target = offsetof(values, member.kinds)},                                                \
    {                                                                                              \
        .name = "per", .placeholder = "second|operation N[,M]",                                    \
        .help = "what values are divided by: the seconds of the\n"                                 \
                "capture (default), or what the program did in it:\n"                              \
                "N operations in each capture, of NEW: M",                                         \
        .parse = wp_option_parse_comparison_unit, .target = offsetof(values, member.per),          \
        .pair_word = "operation"                                                                   \
    }

extern const char *const wp_comparison_types[];   /* choices of --profile; NULL ends them */
wp_option_parser wp_option_parse_comparison_type; /* target: unsigned */
wp_option_parser wp_option_parse_comparison_unit; /* target: struct wp_comparison_unit */

/* The captures of the two sides, in the order of the arguments. Start with {0}. */
struct wp_comparison_sides {
    struct wp_pprof **captures[WP_SIDE_COUNT];
    size_t counts[WP_SIDE_COUNT];
    size_t capacities[WP_SIDE_COUNT]; /* internal */
};

/*
 * Reads the captures that a command with `has_sides` was given, and compares them. An argument is a
 * pprof file or a directory as of cli/capture_directory.h. Profiles without stacks that do not tell
 * their type are passed over, with a warning, if others of their side tell theirs.
 *
 * The comparison points into *sides: wp_comparison_free first, then wp_comparison_sides_free,
 * whatever is returned.
 *
 * -EINVAL: wrong arguments or options, captures that cannot be compared; or as wp_pprof_read.
 */
int wp_comparison_of_arguments(char **arguments, const struct wp_comparison_values *values,
                               enum wp_comparison_grouping grouping,
                               struct wp_comparison_sides *sides, struct wp_comparison **comparison,
                               struct wp_error *error);

void wp_comparison_sides_free(struct wp_comparison_sides *sides);

#endif
