#include "cli/profile_file_name.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "profile/profile.h"

#define NS_PER_S UINT64_C(1000000000)
#define SUFFIX ".pb.gz"

char *
wp_profile_time_format(uint64_t time_ns, char text[WP_PROFILE_TIME_LENGTH + 1])
{
    time_t seconds = (time_t)(time_ns / NS_PER_S);
    struct tm parts;
    char second[sizeof "20261122T101530"];

    /* Twenty digits of a year do not occur: 64 bits of nanoseconds end in 2554. */
    gmtime_r(&seconds, &parts);
    strftime(second, sizeof second, "%Y%m%dT%H%M%S", &parts);
    snprintf(text, WP_PROFILE_TIME_LENGTH + 1, "%s.%06" PRIu64 "Z", second,
             time_ns % NS_PER_S / 1000);
    return text;
}

bool
wp_profile_time_parse(const char *text, uint64_t *time_ns)
{
    char again[WP_PROFILE_TIME_LENGTH + 1];
    struct tm parts = {0};
    unsigned microseconds;
    time_t seconds;

    if (sscanf(text, "%4d%2d%2dT%2d%2d%2d.%6uZ", &parts.tm_year, &parts.tm_mon, &parts.tm_mday,
               &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &microseconds) != 7)
        return false;
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    seconds = timegm(&parts);
    if (seconds < 0)
        return false;
    *time_ns = (uint64_t)seconds * NS_PER_S + microseconds * UINT64_C(1000);
    /* Whatever scanf lets pass, and days that are in no calendar. */
    return strncmp(wp_profile_time_format(*time_ns, again), text, WP_PROFILE_TIME_LENGTH) == 0;
}

char *
wp_profile_file_name_format(uint64_t until_ns, enum wp_region_profile type,
                            char name[WP_PROFILE_FILE_NAME_BYTES])
{
    char time[WP_PROFILE_TIME_LENGTH + 1];

    snprintf(name, WP_PROFILE_FILE_NAME_BYTES, "%s.%s" SUFFIX,
             wp_profile_time_format(until_ns, time), wp_profile_type_name(type));
    return name;
}

bool
wp_profile_file_name_parse(const char *name, uint64_t *until_ns, enum wp_region_profile *type)
{
    static const enum wp_region_profile types[] = {WP_PROFILE_BLOCK, WP_PROFILE_MUTEX};
    char again[WP_PROFILE_FILE_NAME_BYTES];

    if (!wp_profile_time_parse(name, until_ns))
        return false;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        *type = types[i];
        if (strcmp(wp_profile_file_name_format(*until_ns, *type, again), name) == 0)
            return true;
    }
    return false;
}
