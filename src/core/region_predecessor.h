/*
 * Removing what an earlier image of this process left behind: see region_predecessor.c.
 */
#ifndef WP_CORE_REGION_PREDECESSOR_H
#define WP_CORE_REGION_PREDECESSOR_H

#include <stdbool.h>
#include <stdint.h>

/* Removes empty regions of process `pid`, started at `start_ticks`, from the directory of `path`,
 * the process's own region, which stays. Constructor only; direct system calls, no allocation. */
void wp_region_predecessor_remove(const char *path, uint32_t pid, uint64_t start_ticks);

#endif
