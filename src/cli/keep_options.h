/*
 * The options that bound what a directory of profiles keeps, for every command that fills one.
 */
#ifndef WP_CLI_KEEP_OPTIONS_H
#define WP_CLI_KEEP_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "cli/option_table.h"

struct wp_keep_values {
    struct wp_option_number bytes, age_ns;
};

#define WP_KEEP_DEFAULTS                                                                           \
    {                                                                                              \
        .bytes = {.value = UINT64_C(1) << 30 }                                                     \
    }

/* Rows of an option table; `member` is the struct wp_keep_values in the command's values. */
#define WP_KEEP_OPTIONS(values, member)                                                            \
    {.name = "keep-bytes",                                                                         \
     .placeholder = "SIZE",                                                                        \
     .help = "how much a directory keeps (default: 1GiB)",                                         \
     .parse = wp_option_parse_bytes,                                                               \
     .target = offsetof(values, member.bytes),                                                     \
     .minimum = 1},                                                                                \
    {                                                                                              \
        .name = "keep-age", .placeholder = "TIME",                                                 \
        .help = "how long a directory keeps a profile (default: as long\n"                         \
                "as there is room)",                                                               \
        .parse = wp_option_parse_time, .target = offsetof(values, member.age_ns), .minimum = 1,    \
        .unit_ns = UINT64_C(1000000000)                                                            \
    }

#endif
