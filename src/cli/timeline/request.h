/*
 * What a timeline is made of, from the command line: arguments, times, kinds.
 */
#ifndef WP_CLI_TIMELINE_REQUEST_H
#define WP_CLI_TIMELINE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/option_table.h"
#include "cli/timeline/model.h"
#include "profile/error.h"

struct wp_timeline_values {
    const char *from, *to; /* NULL: all */
    bool utc;
    const char *function; /* NULL: all */
    const char *kinds;    /* as of profile/kind.h; NULL: all */
};

/* Rows of an option table; `member` is the struct wp_timeline_values in the command's values. */
#define WP_TIMELINE_OPTIONS(values, member)                                                        \
    {.name = "from",                                                                               \
     .placeholder = "TIME",                                                                        \
     .help = "not what was before: 03:10, 03:10:30, -15m (before the\n"                            \
             "end), \"2026-11-22 03:10\", 2026-11-22T03:10Z",                                      \
     .parse = wp_option_parse_text,                                                                \
     .target = offsetof(values, member.from)},                                                     \
        {.name = "to",                                                                             \
         .placeholder = "TIME",                                                                    \
         .help = "nor what was after",                                                             \
         .parse = wp_option_parse_text,                                                            \
         .target = offsetof(values, member.to)},                                                   \
        {.name = "utc",                                                                            \
         .help = "times are in UTC, not on the local clock",                                       \
         .parse = wp_option_parse_flag,                                                            \
         .target = offsetof(values, member.utc)},                                                  \
        {.name = "function",                                                                       \
         .placeholder = "RE",                                                                      \
         .help = "only stacks with a function whose name matches\n"                                \
                 "the POSIX extended regular expression",                                          \
         .parse = wp_option_parse_text,                                                            \
         .target = offsetof(values, member.function)},                                             \
    {                                                                                              \
        .name = "kind", .letter = 'k', .placeholder = "KIND[,KIND...]",                            \
        .help = "only waits of these kinds: mutex, recv, a family\n"                               \
                "(net), a pattern ('rwlock*'), or lock for all locks",                             \
        .parse = wp_option_parse_text, .target = offsetof(values, member.kinds)                    \
    }

struct wp_timeline_request {
    enum wp_region_profile type;
    uint64_t row_ns; /* 0: as fits in rows_max */
    size_t rows_max;
    bool is_optional;         /* nothing of the type is there: no error, and no timeline */
    wp_timeline_visit *visit; /* NULL: none; called for each capture */
    void *context;
};

/* Finds and reads what the arguments name. On success *timeline is the caller's; `source`, for
 * headings, is cut to fit. -EINVAL: arguments, times or expressions that mean nothing. */
#define WP_TIMELINE_SOURCE_BYTES 256u
int wp_timeline_of_arguments(char *const *arguments, const struct wp_timeline_values *values,
                             const struct wp_timeline_request *request,
                             struct wp_timeline **timeline, char source[WP_TIMELINE_SOURCE_BYTES],
                             struct wp_error *error);

#endif
