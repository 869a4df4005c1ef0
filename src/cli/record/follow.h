/*
 * `waitprof record --every`: slice after slice, until it is time, a signal asks to stop, or the
 * program has ended.
 */
#ifndef WP_CLI_RECORD_FOLLOW_H
#define WP_CLI_RECORD_FOLLOW_H

#include <signal.h>
#include <stdint.h>

#include "agent/target.h"
#include "cli/keep_options.h"
#include "cli/rate_options.h"
#include "cli/view_options.h"
#include "profile/error.h"

struct wp_follow_options {
    const char *directory;
    const char *what; /* the program as the user named it, for messages */
    uint64_t every_ns;
    uint64_t span_ns; /* 0: no end */
    struct wp_keep_values keep;
    struct wp_rate_values rates;
    struct wp_view_values view;
};

/* `stops` are blocked signals that end it; slices are whole however it ends. 0; or a negative errno
 * when it could not begin, or when the last slice could not be stored. */
int wp_follow(const struct wp_follow_options *options, const struct wp_target *target,
              const sigset_t *stops, struct wp_error *error);

#endif
