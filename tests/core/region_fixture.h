/*
 * A region for a test, in a directory of its own, and a look at what is in it.
 */
#ifndef WP_TESTS_CORE_REGION_FIXTURE_H
#define WP_TESTS_CORE_REGION_FIXTURE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/region.h"

/* A request that asks for nothing special: the region goes to `directory`. */
struct wp_region_request region_fixture_request(const char *directory, uint64_t size_bytes);

/* Makes an empty directory under $TMPDIR or the system's, 0700. `path` has PATH_MAX bytes. */
void region_fixture_make_directory(char *path);

/* Removes a directory and the files and directories in it. */
void region_fixture_remove_directory(const char *path);

/*
 * Makes a region in a directory of its own and puts it into force: wp_region(), process 1, random
 * numbers from a fixed seed, records of lost samples. NULL when it could not be made there.
 */
struct wp_region_header *region_fixture_open(uint64_t size_bytes);

/* Unmaps it and removes the directory; wp_region() is a page of zeros again. */
void region_fixture_close(void);

/* Value of a counter, over all shards. */
uint64_t region_fixture_counter(enum wp_region_counter counter);

/* What the records of one profile hold together. */
struct region_fixture_totals {
    uint64_t records;
    uint64_t contentions_fixed;
    uint64_t delay_ns;
    uint64_t samples;
};

/*
 * Adds up the table as a reader would, by its chains. False, and a line on stderr, if a chain does
 * not end, leaves the table, or holds a record that lies in another's bucket.
 */
bool region_fixture_add_up(enum wp_region_profile profile, struct region_fixture_totals *totals);

/* The record at a unit of the stack table. */
const struct wp_region_stack *region_fixture_stack(uint32_t unit);

/* The frame word of a special frame. */
uint64_t region_fixture_special(enum wp_special_frame special);

/* Descriptors that the process has open. */
int region_fixture_open_descriptors(void);

#endif
