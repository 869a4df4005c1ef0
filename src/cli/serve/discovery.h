/*
 * The list of programs for service discovery, as Prometheus' http_sd_configs and Alloy's
 * discovery.http read it: a JSON array with one element for each program. docs/scraping.md says
 * what the labels are for.
 */
#ifndef WP_CLI_SERVE_DISCOVERY_H
#define WP_CLI_SERVE_DISCOVERY_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/target.h"
#include "profile/error.h"

#define WP_DISCOVERY_CONTENT_TYPE "application/json"

/*
 * `host` is the Host header of the request (NULL: none), `address` where the server listens, as
 * HOST:PORT ("" for a socket in the file system), for requests without a host that can be scraped.
 * On success the caller frees *text with free(). 0 or -ENOMEM. Any thread.
 */
int wp_discovery_write(struct wp_target *const *targets, size_t count, const char *host,
                       const char *address, char **text, size_t *length, struct wp_error *error);

/* True if a scraper can take this text for an address: HOST or HOST:PORT, HOST a name, an IPv4
 * address or an IPv6 address in brackets. */
bool wp_discovery_is_address(const char *text);

#endif
