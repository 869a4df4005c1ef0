/*
 * The bearer token that clients must show.
 */
#ifndef WP_CLI_SERVE_TOKEN_H
#define WP_CLI_SERVE_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

#include "profile/error.h"

#define WP_TOKEN_MAX_BYTES 1024u

/* length 0: none is asked for. */
struct wp_token {
    char text[WP_TOKEN_MAX_BYTES + 1];
    size_t length;
};

/* Reads the first line of `path`, or, if that is NULL, WAITPROF_TOKEN of the environment (not set:
 * no token). 0, or -EINVAL with what is wrong. */
int wp_token_read(struct wp_token *token, const char *path, struct wp_error *error);

/* Whether an Authorization header (NULL: none) shows it. The time that it takes does not depend on
 * how much of it is right. True if no token is asked for. */
bool wp_token_is_shown(const struct wp_token *token, const char *authorization);

#endif
