/*
 * Whether any process has a region mapped: asked of the kernel about the file, not of /proc about
 * processes. So it holds for programs in pid namespaces that are not ours (containers), for those
 * that let nobody look, for forked children that no table lists, and after an exec.
 */
#ifndef WP_PROFILE_REGION_USE_H
#define WP_PROFILE_REGION_USE_H

#include "profile/region_find.h"

enum wp_region_use {
    WP_USE_UNKNOWN, /* the file is another user's, or its file system cannot tell */
    WP_USE_NONE,    /* no process has it mapped */
    WP_USE_MAPPED,  /* a process has it mapped, or open for writing (a change of rates, briefly) */
};

/* `fd` is of a regular file, open for reading alone. Any thread. Leaves errno alone. */
enum wp_region_use wp_region_use(int fd);

/* The same for a place; unknown as well if it cannot be opened. */
enum wp_region_use wp_region_place_use(const struct wp_region_place *place);

#endif
