/*
 * Internal to the reading of regions: the header, checked, and raw copies of the tables.
 */
#ifndef WP_PROFILE_REGION_COPY_H
#define WP_PROFILE_REGION_COPY_H

#include <stddef.h>
#include <stdint.h>

#include "core/region_format.h"
#include "profile/error.h"

/* The unit of the stacks table, of wp_region_stack.next and of header.stack_units_used. */
#define WP_STACK_UNIT_BYTES 16u

/* The header, checked, and one copy of each table, still in the layout of the file. bytes[] is what
 * was copied: a whole number of rows. */
struct wp_region_copy {
    struct wp_region_header header;
    char *tables[WP_TABLE_COUNT];
    size_t bytes[WP_TABLE_COUNT];
};

/*
 * Reads the header and checks all of it that does not change: identification, version, sizes, where
 * the tables lie. -EAGAIN: being made; -EPROTO: no region, or not a sound one. `name` is for
 * messages.
 */
int wp_region_copy_header(int fd, const char *name, struct wp_region_header *header,
                          struct wp_error *error);

/* Copies everything in the order that docs/region-format.md gives for readers of a live region. On
 * success the caller frees the copy. */
int wp_region_copy_all(int fd, const char *name, struct wp_region_copy *copy,
                       struct wp_error *error);
void wp_region_copy_free(struct wp_region_copy *copy);

/* Reads exactly `bytes` at `offset`. 0, -ENODATA (the file ends before) or -errno. */
int wp_region_copy_bytes(int fd, void *to, size_t bytes, uint64_t offset);

/* Sum of a counter over its shards, kept at the maximum instead of wrapping. */
uint64_t wp_region_copy_counter(const struct wp_region_header *header,
                                enum wp_region_counter counter);

#endif
