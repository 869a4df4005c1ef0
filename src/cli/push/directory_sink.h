/*
 * A directory (cli/profile_directory.h) as what takes profiles.
 */
#ifndef WP_CLI_PUSH_DIRECTORY_SINK_H
#define WP_CLI_PUSH_DIRECTORY_SINK_H

#include "cli/profile_directory.h"
#include "cli/push/push_profile.h"

struct wp_directory_sink {
    struct wp_push_sink sink;               /* the first member */
    struct wp_profile_directory *directory; /* outlives it */
};

struct wp_directory_sink wp_directory_sink_of(struct wp_profile_directory *directory);

#endif
