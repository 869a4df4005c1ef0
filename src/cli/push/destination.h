/*
 * Where profiles go: what --to says.
 */
#ifndef WP_CLI_PUSH_DESTINATION_H
#define WP_CLI_PUSH_DESTINATION_H

#include <stdbool.h>

#include "profile/error.h"

/* One of them is not NULL; both point into the text that was parsed. */
struct wp_destination {
    const char *url;       /* http or https; checked no further */
    const char *directory; /* of a path or of file://PATH */
};

/* 0, or -EINVAL when it is neither. */
int wp_destination_parse(const char *text, struct wp_destination *destination,
                         struct wp_error *error);

#endif
