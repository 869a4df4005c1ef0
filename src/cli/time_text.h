/*
 * Times as people write and read them: on their own clock, or in UTC.
 */
#ifndef WP_CLI_TIME_TEXT_H
#define WP_CLI_TIME_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "profile/error.h"

#define WP_TIME_TEXT_BYTES 64u

/* How much of a time to write; the parts that stay the same need not be repeated. */
enum wp_time_parts {
    WP_TIME_DATE,      /* "2026-11-22" */
    WP_TIME_CLOCK,     /* "03:14:05", with milliseconds where they are not 0 */
    WP_TIME_CLOCK_MS,  /* "03:14:05.000" */
    WP_TIME_MINUTE,    /* "03:14" */
    WP_TIME_DAY_CLOCK, /* "11-22 03:14" */
    WP_TIME_FULL,      /* "2026-11-22 03:14:05", with milliseconds likewise */
    WP_TIME_FULL_MS,   /* "2026-11-22 03:14:05.000" */
};

/* Returns `text`. */
char *wp_time_format(uint64_t time_ns, bool utc, enum wp_time_parts parts,
                     char text[WP_TIME_TEXT_BYTES]);

/* What the clock is called at that time: "CET (UTC+01:00)", "UTC". Returns `text`. */
char *wp_time_format_zone(uint64_t time_ns, bool utc, char text[WP_TIME_TEXT_BYTES]);

/* How far the clock is ahead of UTC at that time. */
int64_t wp_time_zone_ns(uint64_t time_ns, bool utc);

/* What a time without a date means. */
enum wp_time_day {
    WP_TIME_BEFORE, /* the last one at or before the reference */
    WP_TIME_AFTER,  /* the first one after it */
};

/*
 * Reads "03:14", "03:14:05.5", "2026-11-22", "2026-11-22 03:14[:05]" (with T instead of the blank,
 * too), each with "Z" or "+01:00" behind it if it is not on the clock that is shown; "-10m": so
 * long before the reference. 0 or -EINVAL with a message.
 */
int wp_time_parse(const char *text, bool utc, uint64_t reference_ns, enum wp_time_day day,
                  uint64_t *time_ns, struct wp_error *error);

#endif
