/*
 * What later profiles of a region are counted from: the totals of its stacks without their frames,
 * for those who follow many programs for long. A snapshot takes ten to a hundred times as much.
 */
#ifndef WP_PROFILE_DELTA_BASE_H
#define WP_PROFILE_DELTA_BASE_H

#include "profile/error.h"
#include "profile/profile.h"

struct wp_delta_base;

/* Of a profile of one snapshot, as wp_profile_add has made it. On success the caller frees it. */
int wp_delta_base_new(const struct wp_profile *profile, struct wp_delta_base **base,
                      struct wp_error *error);
void wp_delta_base_free(struct wp_delta_base *base); /* NULL is fine */

/* As if it had been made at that time, up to which nothing was added to the totals. */
void wp_delta_base_advance(struct wp_delta_base *base, uint64_t read_monotonic_ns);

/*
 * Does what wp_profile_subtract does with the profile that the base was made of. Stacks are told
 * apart by 64 bits of a checksum: among 100 000, the odds that two have the same are one in four
 * billion.
 */
int wp_delta_base_subtract(const struct wp_delta_base *base, struct wp_profile *profile,
                           struct wp_error *error);

#endif
