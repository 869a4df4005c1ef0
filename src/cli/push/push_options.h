/*
 * The options of `waitprof push`.
 */
#ifndef WP_CLI_PUSH_PUSH_OPTIONS_H
#define WP_CLI_PUSH_PUSH_OPTIONS_H

#include <stdbool.h>

#include "cli/keep_options.h"
#include "cli/option_table.h"
#include "cli/push/destination.h"
#include "cli/push/series_name.h"
#include "cli/view_options.h"
#include "profile/error.h"

struct wp_push_values {
    const char *to;
    struct wp_option_number every_ns;
    bool all;
    bool once;
    bool since_start;

    const char *service;
    struct wp_series_labels series_labels;
    struct wp_view_values view;

    const char *ca_file;
    bool insecure_tls;
    const char *token_file;
    const char *user_file;
    const char *tenant;
    struct wp_option_number timeout_ns;
    struct wp_option_number retry_min_ns, retry_max_ns;
    unsigned unconfirmed; /* index in the choices: 0 send again, 1 drop */
    const char *spool;
    struct wp_option_number spool_bytes;

    struct wp_keep_values keep;
};

extern const struct wp_push_values wp_push_defaults;
extern const struct wp_option wp_push_options[];

/* Whether the options fit each other and the destination that --to names. 0 or -EINVAL. */
int wp_push_check_options(const struct wp_push_values *values, char *const *words,
                          struct wp_destination *destination, struct wp_error *error);

#endif
