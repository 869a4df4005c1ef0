/*
 * A directory that keeps the latest profiles: DIR/COMMAND.PID/20261122T101530.123456Z.block.pb.gz,
 * the time being when the profile's span ended, in UTC. The oldest go when there are too many or
 * when they are too old; files of other names are left alone.
 */
#ifndef WP_CLI_PUSH_PROFILE_DIRECTORY_H
#define WP_CLI_PUSH_PROFILE_DIRECTORY_H

#include <stddef.h>
#include <stdint.h>

#include "cli/push/push_profile.h"
#include "profile/error.h"

struct wp_profile_directory_options {
    const char *path; /* outlives it */
    uint64_t bytes_max;
    uint64_t age_max_ns; /* 0: any */
};

struct wp_profile_directory;

/* Opens or makes it and finds what is there. On success the caller closes it. */
int wp_profile_directory_open(const struct wp_profile_directory_options *options,
                              struct wp_profile_directory **directory, struct wp_error *error);
void wp_profile_directory_close(struct wp_profile_directory *directory); /* NULL is fine */

/* What takes the profiles; lives as long as the directory. */
struct wp_push_sink *wp_profile_directory_sink(struct wp_profile_directory *directory);

/* Removes what is too old by now. */
void wp_profile_directory_tidy(struct wp_profile_directory *directory);

struct wp_profile_directory_counts {
    uint64_t written; /* since it was opened */
    uint64_t removed; /* likewise */
    uint64_t dropped; /* profiles that are larger than all may be together */
    size_t kept;      /* profiles in it */
};
struct wp_profile_directory_counts
wp_profile_directory_count(const struct wp_profile_directory *directory);

#endif
