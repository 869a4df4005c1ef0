#include "cli/time_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/quantity.h"

#define NS_PER_S UINT64_C(1000000000)

static struct tm
split(uint64_t time_ns, bool utc)
{
    time_t seconds = (time_t)(time_ns / NS_PER_S);
    struct tm parts;

    return *(utc ? gmtime_r(&seconds, &parts) : localtime_r(&seconds, &parts));
}

char *
wp_time_format(uint64_t time_ns, bool utc, enum wp_time_parts parts, char text[WP_TIME_TEXT_BYTES])
{
    struct tm at = split(time_ns, utc);
    unsigned milliseconds = (unsigned)(time_ns % NS_PER_S / 1000000);
    bool is_full = parts == WP_TIME_FULL || parts == WP_TIME_FULL_MS;
    bool has_ms = parts == WP_TIME_CLOCK_MS || parts == WP_TIME_FULL_MS;
    size_t length = 0;

    if (parts == WP_TIME_DATE || is_full)
        length += strftime(text, WP_TIME_TEXT_BYTES, "%Y-%m-%d", &at);
    if (parts == WP_TIME_DAY_CLOCK)
        length += strftime(text, WP_TIME_TEXT_BYTES, "%m-%d ", &at);
    if (is_full)
        text[length++] = ' ';
    if (parts == WP_TIME_DAY_CLOCK || parts == WP_TIME_MINUTE)
        strftime(text + length, WP_TIME_TEXT_BYTES - length, "%H:%M", &at);
    if (!is_full && parts != WP_TIME_CLOCK && parts != WP_TIME_CLOCK_MS)
        return text;
    length += strftime(text + length, WP_TIME_TEXT_BYTES - length, "%H:%M:%S", &at);
    if (milliseconds != 0 || has_ms)
        snprintf(text + length, WP_TIME_TEXT_BYTES - length, ".%03u", milliseconds);
    return text;
}

int64_t
wp_time_zone_ns(uint64_t time_ns, bool utc)
{
    return split(time_ns, utc).tm_gmtoff * (int64_t)NS_PER_S;
}

char *
wp_time_format_zone(uint64_t time_ns, bool utc, char text[WP_TIME_TEXT_BYTES])
{
    struct tm parts = split(time_ns, utc);
    long minutes = labs(parts.tm_gmtoff) / 60;

    if (utc || strcmp(parts.tm_zone, "UTC") == 0)
        snprintf(text, WP_TIME_TEXT_BYTES, "UTC");
    else
        snprintf(text, WP_TIME_TEXT_BYTES, "%.20s (UTC%c%02ld:%02ld)", parts.tm_zone,
                 parts.tm_gmtoff < 0 ? '-' : '+', minutes / 60, minutes % 60);
    return text;
}

/* --- Reading
 * ---------------------------------------------------------------------------------- */

/* A time as it was written. */
struct written {
    struct tm parts;
    uint64_t fraction_ns;
    bool has_date, has_zone;
    long zone_s;
};

/* A number of exactly so many digits, between bounds. */
static bool
take_number(const char **text, int digits, int minimum, int maximum, int *number)
{
    *number = 0;
    for (int i = 0; i < digits; i++, ++*text) {
        if (**text < '0' || **text > '9')
            return false;
        *number = *number * 10 + (**text - '0');
    }
    return *number >= minimum && *number <= maximum;
}

static bool
take(const char **text, char character)
{
    if (**text != character)
        return false;
    ++*text;
    return true;
}

/* timegm and mktime take the 30th of February for the 2nd of March. */
static bool
is_day(const struct tm *parts)
{
    struct tm normal = {
        .tm_year = parts->tm_year, .tm_mon = parts->tm_mon, .tm_mday = parts->tm_mday};

    timegm(&normal);
    return normal.tm_mon == parts->tm_mon;
}

static bool
take_date(const char **text, struct written *written)
{
    if (!take_number(text, 4, 1970, 2500, &written->parts.tm_year) || !take(text, '-') ||
        !take_number(text, 2, 1, 12, &written->parts.tm_mon) || !take(text, '-') ||
        !take_number(text, 2, 1, 31, &written->parts.tm_mday))
        return false;
    written->parts.tm_year -= 1900;
    written->parts.tm_mon -= 1;
    written->has_date = true;
    return is_day(&written->parts);
}

static bool
take_clock(const char **text, struct written *written)
{
    uint64_t digit_ns = NS_PER_S / 10;
    int hour;

    /* 24:00 is the end of the day, and nothing is after it. */
    if (!take_number(text, 2, 0, 24, &hour) || !take(text, ':') ||
        !take_number(text, 2, 0, hour == 24 ? 0 : 59, &written->parts.tm_min))
        return false;
    written->parts.tm_hour = hour;
    if (!take(text, ':'))
        return true;
    if (!take_number(text, 2, 0, hour == 24 ? 0 : 60, &written->parts.tm_sec))
        return false;
    if (!take(text, '.'))
        return true;
    if (**text < '0' || **text > '9')
        return false;
    for (; **text >= '0' && **text <= '9'; ++*text, digit_ns /= 10)
        written->fraction_ns += digit_ns * (uint64_t)(**text - '0');
    return true;
}

static bool
take_zone(const char **text, struct written *written)
{
    int sign = **text == '-' ? -1 : 1, hours, minutes;

    written->has_zone = true;
    if (take(text, 'Z'))
        return true;
    if (!(take(text, '+') || take(text, '-')) || !take_number(text, 2, 0, 14, &hours) ||
        !take(text, ':') || !take_number(text, 2, 0, 59, &minutes))
        return false;
    written->zone_s = sign * (hours * 3600L + minutes * 60L);
    return true;
}

static bool
read_written(const char *text, struct written *written)
{
    bool has_clock = strlen(text) >= 3 && text[2] == ':';

    if (!has_clock) {
        if (!take_date(&text, written))
            return false;
        has_clock = take(&text, 'T') || take(&text, ' ');
    }
    if (has_clock && !take_clock(&text, written))
        return false;
    if (has_clock && *text != '\0' && !take_zone(&text, written))
        return false;
    return *text == '\0';
}

static time_t
join_parts(const struct written *written, bool utc)
{
    struct tm parts = written->parts;

    parts.tm_isdst = -1;
    if (written->has_zone)
        return timegm(&parts) - written->zone_s;
    return utc ? timegm(&parts) : mktime(&parts);
}

/* The time on the day of the reference, the day before or after. */
static time_t
choose_day(struct written *written, bool utc, uint64_t reference_ns, enum wp_time_day day)
{
    time_t reference = (time_t)(reference_ns / NS_PER_S), best = -1;
    uint64_t zone_ns = written->has_zone ? (uint64_t)written->zone_s * NS_PER_S : 0;
    struct tm today = split(reference_ns + zone_ns, utc || written->has_zone);

    for (int shift = -1; shift <= 1; shift++) {
        time_t seconds;

        written->parts.tm_year = today.tm_year;
        written->parts.tm_mon = today.tm_mon;
        written->parts.tm_mday = today.tm_mday + shift;
        seconds = join_parts(written, utc);
        if (day == WP_TIME_BEFORE ? seconds <= reference : seconds > reference && best < 0)
            best = seconds;
    }
    return best;
}

int
wp_time_parse(const char *text, bool utc, uint64_t reference_ns, enum wp_time_day day,
              uint64_t *time_ns, struct wp_error *error)
{
    struct written written = {0};
    uint64_t before_ns;
    time_t seconds;

    if (text[0] == '-' && wp_quantity_parse_time(text + 1, NS_PER_S, &before_ns) == 0) {
        *time_ns = reference_ns > before_ns ? reference_ns - before_ns : 0;
        return 0;
    }
    if (read_written(text, &written)) {
        seconds = written.has_date ? join_parts(&written, utc)
                                   : choose_day(&written, utc, reference_ns, day);
        if (seconds >= 0) {
            *time_ns = (uint64_t)seconds * NS_PER_S + written.fraction_ns;
            return 0;
        }
    }
    return wp_error_set(error, EINVAL,
                        "%s: not a time; write 03:14, 03:14:05, \"2026-11-22 03:14\", "
                        "2026-11-22T03:14:05Z, or -10m for ten minutes before the end",
                        text);
}
