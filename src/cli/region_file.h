/*
 * What becomes of a region's file once its program has ended.
 */
#ifndef WP_CLI_REGION_FILE_H
#define WP_CLI_REGION_FILE_H

#include "profile/error.h"
#include "profile/region_find.h"

/* Removes the file. 0 or a negative errno. */
int wp_region_file_remove(const struct wp_region_place *place, struct wp_error *error);

/*
 * Notes in the header that its data has been written elsewhere, so that `prune` may remove it. Only
 * for programs that have ended: nobody else writes to the flags then. 0 or a negative errno.
 */
int wp_region_file_mark_exported(const struct wp_region_place *place, struct wp_error *error);

#endif
