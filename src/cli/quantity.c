#include "cli/quantity.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct time_unit {
    const char *name;
    uint64_t ns;
} time_units[] = {
    {"d", UINT64_C(86400000000000)},
    {"h", UINT64_C(3600000000000)},
    {"m", UINT64_C(60000000000)},
    {"s", UINT64_C(1000000000)},
    {"ms", UINT64_C(1000000)},
    {"us", UINT64_C(1000)},
    {"ns", 1},
};

#define TIME_UNIT_COUNT (sizeof time_units / sizeof time_units[0])

int
wp_quantity_parse_number(const char *text, uint64_t *number)
{
    char *end;

    if (!isdigit((unsigned char)text[0]))
        return -EINVAL;
    errno = 0;
    *number = strtoull(text, &end, 10);
    if (errno == ERANGE)
        return -ERANGE;
    return *end == '\0' ? 0 : -EINVAL;
}

/* The unit in nanoseconds, `unit_ns` for none, 0 for an unknown one. */
static uint64_t
find_unit(const char *name, uint64_t unit_ns)
{
    if (name[0] == '\0')
        return unit_ns;
    for (size_t i = 0; i < TIME_UNIT_COUNT; i++) {
        if (strcmp(name, time_units[i].name) == 0)
            return time_units[i].ns;
    }
    return 0;
}

/* A number with at most six decimals that count, as a whole part and millionths or fewer parts. */
struct decimal {
    uint64_t whole, fraction, scale;
};

/* *rest is what follows. 0, -EINVAL or -ERANGE. */
static int
parse_decimal(const char *text, struct decimal *decimal, const char **rest)
{
    char *end;

    *decimal = (struct decimal){.scale = 1};
    if (!isdigit((unsigned char)text[0]))
        return -EINVAL;
    errno = 0;
    decimal->whole = strtoull(text, &end, 10);
    if (errno == ERANGE)
        return -ERANGE;
    if (*end == '.') {
        if (!isdigit((unsigned char)end[1]))
            return -EINVAL;
        for (end++; isdigit((unsigned char)*end); end++) {
            if (decimal->scale < 1000000) {
                decimal->fraction = decimal->fraction * 10 + (uint64_t)(*end - '0');
                decimal->scale *= 10;
            }
        }
    }
    *rest = end;
    return 0;
}

/* So many units. 0, or -ERANGE. */
static int
multiply(const struct decimal *decimal, uint64_t unit, uint64_t *product)
{
    if (decimal->whole >= (uint64_t)INT64_MAX / unit)
        return -ERANGE;
    /* In two steps, since days times a million parts would overflow. */
    *product = decimal->whole * unit + unit / decimal->scale * decimal->fraction +
               unit % decimal->scale * decimal->fraction / decimal->scale;
    return 0;
}

int
wp_quantity_parse_time(const char *text, uint64_t unit_ns, uint64_t *time_ns)
{
    struct decimal decimal;
    const char *rest = text;
    int status = parse_decimal(text, &decimal, &rest);

    if (status != 0)
        return status;
    unit_ns = find_unit(rest, unit_ns);
    return unit_ns != 0 ? multiply(&decimal, unit_ns, time_ns) : -EINVAL;
}

int
wp_quantity_parse_bytes(const char *text, uint64_t *bytes)
{
    static const char prefixes[] = "KMGTP";
    struct decimal decimal;
    const char *rest = text, *prefix;
    uint64_t unit = 1;
    int status = parse_decimal(text, &decimal, &rest);

    if (status != 0)
        return status;
    rest += rest[0] == ' ';
    prefix = rest[0] != '\0' ? strchr(prefixes, rest[0] == 'k' ? 'K' : rest[0]) : NULL;
    if (prefix != NULL) {
        unit = UINT64_C(1024) << (10 * (prefix - prefixes));
        rest++;
        if (strcmp(rest, "iB") == 0)
            rest += 2;
    } else if (strcmp(rest, "B") == 0) {
        rest++;
    }
    return *rest == '\0' ? multiply(&decimal, unit, bytes) : -EINVAL;
}

#define PERCENT_NS_PER_S UINT64_C(10000000)

/* One limit, `0.5%` or `2000/s`, which must not be there yet. */
static int
parse_limit(const char *text, const char **rest, struct wp_quantity_budget *budget)
{
    struct decimal decimal;
    int status = parse_decimal(text, &decimal, rest);
    bool is_cost = status == 0 && **rest == '%';
    uint64_t most = is_cost ? WP_QUANTITY_BUDGET_MAX_PERCENT * PERCENT_NS_PER_S
                            : WP_QUANTITY_BUDGET_MAX_SAMPLES_PER_S;
    uint64_t *limit = is_cost ? &budget->cost_ns_per_s : &budget->samples_per_s;

    if (status != 0)
        return status;
    if (!is_cost && (strncmp(*rest, "/s", 2) != 0 || decimal.scale > 1))
        return -EINVAL;
    *rest += is_cost ? 1 : 2;
    if (*limit != 0)
        return -EINVAL;
    status = multiply(&decimal, is_cost ? PERCENT_NS_PER_S : 1, limit);
    if (status != 0 || *limit > most)
        return -ERANGE;
    return *limit != 0 ? 0 : -EINVAL;
}

int
wp_quantity_parse_budget(const char *text, struct wp_quantity_budget *budget)
{
    const char *rest = text;
    int status;

    *budget = (struct wp_quantity_budget){0};
    if (strcmp(text, "off") == 0 || strcmp(text, "0") == 0)
        return 0;
    status = parse_limit(text, &rest, budget);
    if (status == 0 && *rest == ',') {
        rest++;
        status = parse_limit(rest + (*rest == ' '), &rest, budget);
    }
    return status == 0 && *rest != '\0' ? -EINVAL : status;
}

/* Three digits that count. */
static void
format_digits(double value, const char *unit, char text[WP_QUANTITY_TEXT_BYTES])
{
    int decimals = value < 10 ? 2 : value < 100 ? 1 : 0;

    snprintf(text, WP_QUANTITY_TEXT_BYTES, "%.*f%s", decimals, value, unit);
}

char *
wp_quantity_format_number(uint64_t number, char text[WP_QUANTITY_TEXT_BYTES])
{
    snprintf(text, WP_QUANTITY_TEXT_BYTES, "%" PRIu64, number);
    return text;
}

char *
wp_quantity_format_time(uint64_t time_ns, char text[WP_QUANTITY_TEXT_BYTES])
{
    uint64_t s = time_ns / 1000000000;

    if (time_ns == 0)
        snprintf(text, WP_QUANTITY_TEXT_BYTES, "0");
    else if (time_ns < 1000)
        snprintf(text, WP_QUANTITY_TEXT_BYTES, "%" PRIu64 "ns", time_ns);
    else if (time_ns < 1000000)
        format_digits((double)time_ns / 1e3, "us", text);
    else if (s < 1)
        format_digits((double)time_ns / 1e6, "ms", text);
    else if (s < 60)
        format_digits((double)time_ns / 1e9, "s", text);
    else if (s < 3600)
        snprintf(text, WP_QUANTITY_TEXT_BYTES, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
    else if (s < 86400)
        snprintf(text, WP_QUANTITY_TEXT_BYTES, "%" PRIu64 "h%02" PRIu64 "m", s / 3600,
                 s % 3600 / 60);
    else
        snprintf(text, WP_QUANTITY_TEXT_BYTES, "%" PRIu64 "d%02" PRIu64 "h", s / 86400,
                 s % 86400 / 3600);
    return text;
}

char *
wp_quantity_format_exact_time(uint64_t time_ns, char text[WP_QUANTITY_TEXT_BYTES])
{
    snprintf(text, WP_QUANTITY_TEXT_BYTES, "%" PRIu64, time_ns);
    for (size_t i = 0; time_ns != 0 && i < TIME_UNIT_COUNT; i++) {
        if (time_ns % time_units[i].ns == 0) {
            snprintf(text, WP_QUANTITY_TEXT_BYTES, "%" PRIu64 "%s", time_ns / time_units[i].ns,
                     time_units[i].name);
            break;
        }
    }
    return text;
}

char *
wp_quantity_format_bytes(uint64_t bytes, char text[WP_QUANTITY_TEXT_BYTES])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    size_t unit = 0;

    while (value >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
        value /= 1024;
        unit++;
    }
    snprintf(text, WP_QUANTITY_TEXT_BYTES, value < 10 && unit > 0 ? "%.1f %s" : "%.0f %s", value,
             units[unit]);
    return text;
}
