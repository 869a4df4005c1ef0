/*
 * The options that name sampling rates, for every command that has them.
 */
#ifndef WP_CLI_RATE_OPTIONS_H
#define WP_CLI_RATE_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "cli/option_table.h"
#include "core/region_format.h"

struct wp_rate_values {
    struct wp_option_number block_rate_ns;
    struct wp_option_number mutex_fraction;
};

/* Rows of an option table; `member` is the struct wp_rate_values in the command's values. */
#define WP_RATE_OPTIONS(values, member)                                                            \
    {.name = "block-rate",                                                                         \
     .placeholder = "TIME",                                                                        \
     .help = "keep one sample per TIME blocked, on average\n"                                      \
             "(ns, or with unit: 100us, 1ms; 1: every wait; 0: off)",                              \
     .parse = wp_option_parse_time,                                                                \
     .target = offsetof(values, member.block_rate_ns),                                             \
     .maximum = WP_REGION_MAX_BLOCK_RATE_NS,                                                       \
     .unit_ns = 1},                                                                                \
    {                                                                                              \
        .name = "mutex-fraction", .placeholder = "N",                                              \
        .help = "keep one of N lock contentions (1: all; 0: off)",                                 \
        .parse = wp_option_parse_number, .target = offsetof(values, member.mutex_fraction),        \
        .maximum = WP_REGION_MAX_MUTEX_FRACTION                                                    \
    }

/* The row of --budget, for commands that set it; `member` is a struct wp_option_budget. */
#define WP_BUDGET_OPTION(values, member)                                                           \
    {                                                                                              \
        .name = "budget", .placeholder = "LIMIT",                                                  \
        .help = "let the program itself coarsen the rates while recording\n"                       \
                "would cost more: 0.5% of a processor, 2000/s samples,\n"                          \
                "0.5%,2000/s, off",                                                                \
        .parse = wp_option_parse_budget, .target = offsetof(values, member)                        \
    }

/* For struct wp_reader_rate_change: NULL where the option was not given. */
static inline const uint64_t *
wp_rate_option_pointer(const struct wp_option_number *number)
{
    return number->given ? &number->value : NULL;
}

#endif
