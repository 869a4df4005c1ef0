/*
 * Internal to the finding of regions: names of region files, and what a process has mapped.
 */
#ifndef WP_PROFILE_REGION_LIST_H
#define WP_PROFILE_REGION_LIST_H

#include <stdbool.h>
#include <sys/types.h>

#include "profile/region_find.h"

/* Takes command, pid and region_id from a file's name; false if it is not a region's name. Leaves
 * place->path alone. */
bool wp_region_list_parse_name(const char *path, struct wp_region_place *place);

/*
 * The region that a running process has mapped, as /proc/PID/maps shows it; false if there is none
 * or we may not look. *removed: it has one whose file was removed.
 */
bool wp_region_list_mapped(pid_t pid, struct wp_region_place *place, bool *removed);

#endif
