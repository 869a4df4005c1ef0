/*
 * Numbers and times as people write and read them.
 */
#ifndef WP_CLI_QUANTITY_H
#define WP_CLI_QUANTITY_H

#include <stddef.h>
#include <stdint.h>

/*
 * Reads a whole decimal number without sign or blanks. 0, -EINVAL (not one), -ERANGE (too large).
 */
int wp_quantity_parse_number(const char *text, uint64_t *number);

/*
 * Reads a time as `100us`, `1.5ms`, `30s`, `2h`, `7d`; a number without a unit counts units of
 * `unit_ns` nanoseconds. 0, -EINVAL, or -ERANGE (more than INT64_MAX ns).
 */
int wp_quantity_parse_time(const char *text, uint64_t unit_ns, uint64_t *time_ns);

/*
 * Reads a size as `512`, `64KiB`, `1.5MiB`, `2GiB`, in units of format_bytes below; `64K` and `64k`
 * are KiB, too. 0, -EINVAL, or -ERANGE (more than INT64_MAX bytes).
 */
int wp_quantity_parse_bytes(const char *text, uint64_t *bytes);

/* What the library may cost a program: as regions have it, 0: no limit of that kind. */
struct wp_quantity_budget {
    uint64_t cost_ns_per_s; /* of one processor */
    uint64_t samples_per_s;
};

#define WP_QUANTITY_BUDGET_WORDS                                                                   \
    "0.5% (of a processor), 2000/s (kept samples a second), 0.5%,2000/s or off"

#define WP_QUANTITY_BUDGET_MAX_PERCENT 100
#define WP_QUANTITY_BUDGET_MAX_SAMPLES_PER_S 1000000000

/*
 * Reads a budget: `0.5%` of one processor (to a millionth of a percent, 100 at most), `2000/s` kept
 * samples a second, both with a comma and perhaps a blank between them, or `off`. WAITPROF_BUDGET
 * takes the same words. 0, -EINVAL (also for a budget of nothing: that is no budget, and `off` says
 * so), or -ERANGE. profile/own_cost.h writes them.
 */
int wp_quantity_parse_budget(const char *text, struct wp_quantity_budget *budget);

/* A buffer that every wp_quantity_format_* result fits. */
#define WP_QUANTITY_TEXT_BYTES 32u

/* "4711"; returns `text`. */
char *wp_quantity_format_number(uint64_t number, char text[WP_QUANTITY_TEXT_BYTES]);

/* "0", "250ns", "1.50ms", "12.3s", "2m05s", "3h07m", "5d02h"; returns `text`. */
char *wp_quantity_format_time(uint64_t time_ns, char text[WP_QUANTITY_TEXT_BYTES]);

/* The same value exactly, in the largest unit that needs no fraction: "100us"; options take it. */
char *wp_quantity_format_exact_time(uint64_t time_ns, char text[WP_QUANTITY_TEXT_BYTES]);

/* "512 B", "64 KiB", "1.5 MiB"; returns `text`. */
char *wp_quantity_format_bytes(uint64_t bytes, char text[WP_QUANTITY_TEXT_BYTES]);

#endif
