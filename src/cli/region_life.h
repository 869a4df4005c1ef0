/*
 * Whether anybody still writes to a region: what the region says, and who has it mapped.
 */
#ifndef WP_CLI_REGION_LIFE_H
#define WP_CLI_REGION_LIFE_H

#include <stdbool.h>
#include <sys/types.h>

#include "profile/region_reader.h"

struct wp_region_life {
    const char *state; /* "running", "children", "exited", "replaced" or "dead" */
    bool ended;        /* nobody writes to it any more */
    pid_t pid;         /* who does, as seen from here; 0: nobody, or a process out of sight */
};

/*
 * Knows, beyond wp_snapshot_state, forked children that never had to wait (the region has no row
 * for them), and programs that the same process has replaced by another (exec). Where
 * /proc/PID/maps may not be read, the region's word is taken.
 */
struct wp_region_life wp_region_life_look(const struct wp_snapshot *snapshot);

#endif
