/*
 * Names of stored profiles: "20261122T101530.123456Z.block.pb.gz", the time being when the
 * profile's span ended, in UTC. They sort by time.
 */
#ifndef WP_CLI_PROFILE_FILE_NAME_H
#define WP_CLI_PROFILE_FILE_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include "core/region_format.h"

#define WP_PROFILE_FILE_NAME_BYTES 64u
#define WP_PROFILE_TIME_LENGTH (sizeof "20261122T101530.123456Z" - 1)

/* CLOCK_REALTIME, cut to microseconds, and back; both return what they write. */
char *wp_profile_time_format(uint64_t time_ns, char text[WP_PROFILE_TIME_LENGTH + 1]);

/* From the begin of `text`, which may go on after it; false if it is no such time. */
bool wp_profile_time_parse(const char *text, uint64_t *time_ns);

char *wp_profile_file_name_format(uint64_t until_ns, enum wp_region_profile type,
                                  char name[WP_PROFILE_FILE_NAME_BYTES]);

/* False if the name is not exactly one that wp_profile_file_name_format gives. */
bool wp_profile_file_name_parse(const char *name, uint64_t *until_ns, enum wp_region_profile *type);

#endif
