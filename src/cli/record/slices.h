/*
 * A program recorded slice after slice, for hours and days, into a directory of profiles.
 *
 * Each slice begins where the last one that was stored has ended: what a slow or full disk, or a
 * recorder that did not run, has kept from being stored is in the next slice, which is longer and
 * says so.
 */
#ifndef WP_CLI_RECORD_SLICES_H
#define WP_CLI_RECORD_SLICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/target.h"
#include "cli/profile_directory.h"
#include "cli/view_options.h"
#include "profile/error.h"

struct wp_slices;

/* From now on. The target, the directory and the view outlive it. */
int wp_slices_begin(const struct wp_target *target, struct wp_profile_directory *directory,
                    const struct wp_view_values *view, struct wp_slices **slices,
                    struct wp_error *error);
void wp_slices_free(struct wp_slices *slices); /* NULL is fine */

/*
 * Ends the slice that runs: stores it, and begins the next. A slice in which nothing waited leaves
 * no file, only the note that it was recorded. Trouble is said once, and when it is over. After the
 * last one nothing is left to be stored later.
 */
void wp_slices_cut(struct wp_slices *slices, bool is_last);

/* A snapshot, perhaps an old one, for wp_target_state. */
const struct wp_snapshot *wp_slices_snapshot(const struct wp_slices *slices);

/* How many were stored or noted, and whether something is still to be stored, which the next slice
 * would have had. */
size_t wp_slices_count(const struct wp_slices *slices);
bool wp_slices_are_stuck(const struct wp_slices *slices);

#endif
