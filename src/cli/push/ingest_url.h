/*
 * Addresses of requests: URL/ingest?name=SERIES&from=TIME&until=TIME.
 */
#ifndef WP_CLI_PUSH_INGEST_URL_H
#define WP_CLI_PUSH_INGEST_URL_H

#include "cli/push/push_profile.h"
#include "profile/error.h"

/* The address without a query, from one with or without a path, with or without /ingest; addresses
 * that differ in the case of the host or in a port that goes without saying are the same. -EINVAL:
 * it is none, or has what it must not: a password, a query. *endpoint is for curl_free. */
int wp_ingest_url_endpoint(const char *url, char **endpoint, struct wp_error *error);

/* The address for one profile, for curl_free; NULL when out of memory. */
char *wp_ingest_url_of(const char *endpoint, const struct wp_push_profile *profile);

#endif
