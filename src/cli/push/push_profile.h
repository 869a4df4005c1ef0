/*
 * A profile on its way out, and what takes it: the spool of a server or a directory.
 */
#ifndef WP_CLI_PUSH_PUSH_PROFILE_H
#define WP_CLI_PUSH_PUSH_PROFILE_H

#include <stddef.h>
#include <stdint.h>

#include "core/region_format.h"
#include "profile/error.h"

/* All pointers are the owner's. */
struct wp_push_profile {
    enum wp_region_profile type;
    const char *series;  /* NAME{LABEL=VALUE,...}: cli/push/series_name.h */
    const char *command; /* of the program, printable UTF-8 */
    uint32_t pid;
    uint64_t from_ns, until_ns; /* CLOCK_REALTIME */
    const void *bytes;          /* pprof, compressed */
    size_t length;
};

struct wp_push_sink;

/*
 * Takes all of the profiles (one program's, of one span of time) or none. 0: they are safe, and the
 * next ones may count from where these ended. Else a negative errno, and the caller offers that
 * time again later. One thread at a time.
 */
typedef int wp_push_put(struct wp_push_sink *sink, const struct wp_push_profile *profiles,
                        size_t count, struct wp_error *error);

/* First member of what takes profiles. */
struct wp_push_sink {
    wp_push_put *put;
};

#endif
