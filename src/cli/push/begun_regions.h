/*
 * The regions of which profiles were handed over before, kept in a file, so that nothing is counted
 * again from the start of a program: neither after a restart of this command, nor when a program
 * that seemed to have ended is seen once more.
 */
#ifndef WP_CLI_PUSH_BEGUN_REGIONS_H
#define WP_CLI_PUSH_BEGUN_REGIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "profile/error.h"

struct wp_begun_regions;

/* Reads the file in the directory `path`, which need not have one yet; the text outlives this. On
 * success the caller closes it. One command at a time: whoever has the lock of the directory. */
int wp_begun_regions_open(const char *path, struct wp_begun_regions **regions,
                          struct wp_error *error);
void wp_begun_regions_close(struct wp_begun_regions *regions); /* NULL is fine */

bool wp_begun_regions_have(const struct wp_begun_regions *regions, uint64_t region_id);

/* Makes file and directory again if somebody has removed them: to be called before profiles of
 * regions that are in it are handed over. */
int wp_begun_regions_mend(struct wp_begun_regions *regions, struct wp_error *error);

/* Adds one, durable before it returns; one that is in there already is no error. */
int wp_begun_regions_add(struct wp_begun_regions *regions, uint64_t region_id,
                         struct wp_error *error);

#endif
