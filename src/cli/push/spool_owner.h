/*
 * Whose profiles wait in a spool: those for one tenant of one server. No other is ever sent them.
 */
#ifndef WP_CLI_PUSH_SPOOL_OWNER_H
#define WP_CLI_PUSH_SPOOL_OWNER_H

#include <limits.h>
#include <stddef.h>

#include "profile/error.h"

/* "http://HOST:4040/ingest", with " tenant NAME" if `tenant` is not NULL. No secret is in it. On
 * success the caller frees *owner. -EINVAL as wp_ingest_url_endpoint. */
int wp_spool_owner_new(const char *url, const char *tenant, char **owner, struct wp_error *error);

/* Its own spool: "~/.local/state/waitprof/spool/HOST_4040-89abcdef", the digits being a checksum of
 * the owner, or that below $XDG_STATE_HOME. -EINVAL when there is no place for it. */
int wp_spool_owner_path(const char *owner, char path[PATH_MAX], struct wp_error *error);

/* Puts the owner down in the directory, in which so many profiles wait. -EINVAL, with a message
 * about `path`: they are another owner's. Profiles of nobody are taken over. */
int wp_spool_owner_claim(const char *owner, int directory, const char *path, size_t waiting,
                         struct wp_error *error);

#endif
